// Leaving a shared computer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, openChat, settled, turns, field } from "./support/classroom.js";
import { assertAccessible, assertNoSidewaysScroll } from "./support/browser.js";
import { world } from "./support/world.js";

const { student } = world();

test("who leaves forgets the cookie and the drafts, and the next student sees nothing", async () => {
  const { page, context, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  await field(page).fill("쓰다 만 글");
  const address = page.url();
  // A second tab that shows the same conversation.
  const other = await context.newPage();
  await other.goto(address);
  await turns(other).first().waitFor();

  await page.getByRole("link", { name: "나가기" }).click();
  await page.getByRole("heading", { level: 1, name: "이 컴퓨터에서 나가기" }).waitFor();
  await assertAccessible(page, "about to leave");
  await page.getByRole("link", { name: "계속 있기" }).click();
  await page.goto(address);
  await turns(page).first().waitFor();
  assert.equal(await field(page).inputValue(), "쓰다 만 글", "nothing is gone before it is confirmed");

  await page.getByRole("link", { name: "나가기" }).click();
  await page.getByRole("button", { name: "나가기" }).click();
  await page.getByRole("heading", { level: 1, name: "나왔어요" }).waitFor();
  await assertAccessible(page, "left");
  assert.deepEqual(await page.evaluate(() => [sessionStorage.length, localStorage.length]), [0, 0]);
  const names = (await context.cookies()).map(({ name }) => name);
  assert.ok(!names.some((name) => name.includes("learner")), names.join());

  await other.waitForURL((url) => url.pathname === "/topic-selection.html");
  await page.goBack();
  await page.getByText("하늘은 왜 파래요?").waitFor({ state: "detached" });
  await page.goto(address);
  await page.getByText("이 대화를 찾을 수 없어요.").waitFor();
  assert.equal(await turns(page).count(), 0);
  assert.equal(await field(page).inputValue(), "");
  assertFaultless(/status of 404/);
  await close();
});

test("leaving works without scripts", async () => {
  const { page, context, assertFaultless, close } = await student({ javaScriptEnabled: false });
  await page.goto("/leave.html");
  await page.getByRole("heading", { level: 1, name: "나왔어요" }).waitFor();
  const made = await context.request.post("/api/v1/conversations", { data: { topic: "과학 탐구" } });
  assert.equal(made.status(), 201);
  await page.goto("/leave.html");
  await page.getByRole("button", { name: "나가기" }).click();
  await page.getByRole("heading", { level: 1, name: "나왔어요" }).waitFor();
  assert.deepEqual(
    (await context.cookies()).map(({ name }) => name),
    [],
  );
  assertFaultless();
  await close();
});

for (const [width, height] of [
  [390, 844],
  [768, 1024],
  [1440, 900],
]) {
  test(`the page to leave fits ${width} pixels, light and dark`, async () => {
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      const { page, context, close } = await student({ viewport: { width, height }, colorScheme });
      await context.request.post("/api/v1/conversations", { data: { topic: "과학 탐구" } });
      await page.goto("/leave.html");
      await page.getByRole("button", { name: "나가기", exact: true }).waitFor();
      await assertNoSidewaysScroll(page, `leave at ${width}`);
      await page.screenshot({ path: `e2e/results/leave-${width}-${colorScheme}.png`, fullPage: true });
      await close();
    }
  });
}
