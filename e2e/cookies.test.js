// A browser that keeps no cookies: the page says what is needed instead of losing every conversation.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { assertAccessible, assertNoSidewaysScroll, startBlockingBrowser } from "./support/browser.js";
import { field, openChat, settled, turns, until } from "./support/classroom.js";
import { startPortal } from "./support/portal.js";
import { ROOT } from "./support/process.js";
import { world } from "./support/world.js";

const made = world();
const RESULTS = `${ROOT}/e2e/results`;
await mkdir(RESULTS, { recursive: true });

const QUESTION = "하늘은 왜 파래요?";
const SAYS = "이 브라우저가 쿠키를 막고 있어서";

for (const [device, options] of Object.entries({
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  tablet: { viewport: { width: 768, height: 1024 } },
  desk: { viewport: { width: 1440, height: 900 } },
})) {
  test(`a browser that blocks cookies is told so on a ${device}, and nothing that was written is lost`, async () => {
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      const { page, posts, close } = await startBlockingBrowser(made.program.url, { ...options, colorScheme });
      await openChat(page, "과학 탐구");
      await page.getByText(SAYS).waitFor();
      await assertAccessible(page, `cookies blocked, ${device}, ${colorScheme}`);
      await assertNoSidewaysScroll(page, "cookies blocked");
      await field(page).fill(QUESTION);
      await page.getByRole("button", { name: "보내기", exact: true }).click();
      await page.getByText(SAYS).waitFor();
      assert.equal(await field(page).inputValue(), QUESTION);
      assert.equal(await page.getByText("이 대화를 찾을 수 없어요.").count(), 0);
      assert.deepEqual(
        posts.filter((path) => path.startsWith("/api/v1/conversations")),
        [],
        "nothing is made for nobody",
      );
      await page.screenshot({ path: `${RESULTS}/cookies-${device}-${colorScheme}.png` });
      await page.getByRole("button", { name: "새로 고침" }).click();
      await page.waitForFunction(() =>
        performance.getEntriesByType("navigation").some((entry) => "type" in entry && entry.type === "reload"),
      );
      await page.getByText(SAYS).waitFor();
      assert.equal(await field(page).inputValue(), QUESTION, "also over the reload");
      await page.goto("/conversations.html");
      await page.getByText(SAYS).waitFor();
      await close();
    }
  });
}

test("where cookies are blocked, a question about a topic of one's own stays over the reload", async () => {
  const { page, close } = await startBlockingBrowser(made.program.url);
  await page.goto("/topic-selection.html");
  const own = page.getByRole("textbox", { name: "내가 정한 주제" });
  await own.fill("우리 동네 길고양이");
  await own.press("Enter");
  await page.getByText(SAYS).waitFor();
  await field(page).fill(QUESTION);
  const reloaded = page.waitForResponse((response) => response.url().endsWith("/own-topic.html"));
  await page.getByRole("button", { name: "새로 고침" }).click();
  await reloaded;
  await page.getByText(SAYS).waitFor();
  await until("the text is back", async () => (await field(page).inputValue()) === QUESTION);
  await page.goto("/chat.html?topic=과학 탐구");
  await page.getByText(SAYS).waitFor();
  assert.equal(await field(page).inputValue(), "", "it comes back once");
  await close();
});

test("a cookie that gets lost on the way is told of as well, without a new conversation at each try", async () => {
  const portal = await startPortal(made.program.url);
  portal.dropCookies(true);
  const { page, assertFaultless, close } = await made.student({}, portal.url);
  await openChat(page, "과학 탐구");
  /** @type {(string | undefined)[]} */
  const keys = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/conversations"))
      keys.push(request.headers()["idempotency-key"]);
  });
  await field(page).fill(QUESTION);
  await field(page).press("Enter");
  await page.getByText(SAYS).waitFor();
  assert.equal(await field(page).inputValue(), QUESTION);
  assert.equal(new URL(page.url()).searchParams.get("c"), null);
  const tried = page.waitForResponse((response) => response.status() === 404);
  await field(page).press("Enter");
  await tried;
  assert.equal(keys.length, 2);
  assert.ok(keys[0] && keys[0] === keys[1], "one key, so one conversation");

  portal.dropCookies(false);
  await field(page).press("Enter");
  await turns(page).first().waitFor();
  await settled(page);
  assertFaultless(/status of 404/);
  await close();
  await portal.end();
});

test("a browser that refuses messages between its tabs along with cookies says so of a conversation's address", async () => {
  const { page, close } = await startBlockingBrowser(made.program.url);
  await page.addInitScript(
    "window.BroadcastChannel = class { constructor() { throw new DOMException('denied', 'SecurityError'); } };",
  );
  await page.goto(`/chat.html?c=${crypto.randomUUID()}`);
  await page.getByText(SAYS).waitFor();
  await close();
});
