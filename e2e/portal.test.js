// A network that answers in the program's place: the page says so, keeps what was written, and goes on after the login.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, test } from "node:test";
import { assertAccessible, assertNoSidewaysScroll } from "./support/browser.js";
import { answer, ask, field, openChat, settled, turns } from "./support/classroom.js";
import { ANSWERS, startPortal } from "./support/portal.js";
import { ROOT } from "./support/process.js";
import { world } from "./support/world.js";

const made = world();
const RESULTS = `${ROOT}/e2e/results`;
await mkdir(RESULTS, { recursive: true });

/** @type {Awaited<ReturnType<typeof startPortal>>} */
let portal;
after(() => portal?.end());

/** What Chromium itself writes into the console about refused, failed and redirected requests, and where the portal sends it. */
const REFUSED =
  /^(console: (Failed to load|Refused to|Connecting to|EventSource|Access to|.*net::ERR|.*Content Security Policy)|foreign request: http:\/\/login\.invalid)/;
const QUESTION = "하늘은 왜 파래요?";
const SAYS = "네트워크가 이 프로그램 대신 답하고 있어요.";

/** @typedef {import("playwright-core").Page} Page */

/** A student behind a portal that lets them through until the test says otherwise. @param {import("playwright-core").BrowserContextOptions} [options] */
async function student(options) {
  portal ??= await startPortal(made.program.url);
  portal.letThrough();
  return made.student(options, portal.url);
}

/** @param {Page} page */
const again = (page) => page.getByRole("button", { name: "다시 해 보기" });

for (const [name, reply] of Object.entries(ANSWERS)) {
  test(`a portal that answers with ${name} is told of, and the question is sent once after the login`, async () => {
    const { page, assertFaultless, close } = await student();
    await openChat(page, "과학 탐구");
    await page.waitForLoadState("networkidle");
    portal.capture(reply);
    await field(page).fill(QUESTION);
    await field(page).press("Enter");
    await page.getByText(SAYS).waitFor();
    assert.equal(await field(page).inputValue(), QUESTION);
    await again(page).click();
    await page.getByText(SAYS).waitFor();
    assert.equal(await turns(page).count(), 0);

    portal.letThrough();
    await again(page).click();
    await turns(page).first().waitFor();
    await settled(page);
    await page.getByText(SAYS).waitFor({ state: "hidden" });
    assert.equal(await turns(page).count(), 1);
    assert.equal((await made.provider.stats()).by_purpose.chat, 1);
    assertFaultless(REFUSED);
    await close();
  });
}

for (const [name, reply] of Object.entries(ANSWERS)) {
  test(`in the middle of an answer a portal that answers with ${name} loses nothing of it`, async () => {
    await made.provider.script({
      default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } },
    });
    const { page, assertFaultless, close } = await student();
    await openChat(page, "과학 탐구");
    await ask(page, QUESTION);
    await answer(turns(page).first()).getByText("앞부분이에요.").waitFor();
    portal.capture(reply);
    await made.provider.release();
    await page.getByText(SAYS).waitFor();
    portal.letThrough();
    await again(page).click();
    await answer(turns(page).first()).getByText("뒷부분이에요.").waitFor();
    await settled(page);
    assertFaultless(REFUSED);
    await close();
  });
}

test("a portal that answers in place of a script is waited for like any other", async () => {
  const { page, assertFaultless, close } = await student();
  let asked = 0;
  await page.route("**/js/conversation.js", (route) => {
    asked += 1;
    return asked === 1 ? route.fulfill({ contentType: "text/html", body: "<h1>Wi-Fi</h1>" }) : route.continue();
  });
  await openChat(page, "과학 탐구");
  await page.waitForLoadState("networkidle");
  await field(page).fill(QUESTION);
  await field(page).press("Enter");
  await turns(page).first().waitFor();
  await settled(page);
  assert.equal(await turns(page).count(), 1);
  assertFaultless(/^console: (Failed to load|.*net::ERR)/);
  await close();
});

test("the list of conversations says so, too, and its rest comes by itself after the login", async () => {
  const { page, context, assertFaultless, close } = await student();
  const headers = { origin: portal.url };
  for (let n = 1; n <= 21; n += 1) {
    const begun = await context.request.post("/api/v1/conversations", { data: { topic: `주제 ${n}` }, headers });
    const { id } = await begun.json();
    const data = { message: n === 1 ? QUESTION : "다른 질문이에요" };
    const asked = await context.request.post(`/api/v1/conversations/${id}/turns`, { data, headers });
    assert.equal(asked.status(), 202);
  }
  await page.goto("/conversations.html");
  const login = { contentType: "text/html", body: "<h1>Wi-Fi</h1>" };
  await page.route("**/conversations.html?*", (route) => route.fulfill(login));
  await page.route("**/health", (route) => route.fulfill(login));
  await page.getByRole("button", { name: "더 보기" }).click();
  await page.getByText(SAYS).waitFor();
  await assertAccessible(page, "conversations, portal");
  await page.unrouteAll();
  await page.getByRole("listitem").getByText(QUESTION).waitFor();
  await page.getByText(SAYS).waitFor({ state: "hidden" });
  assertFaultless(REFUSED);
  await close();
});

for (const [device, options] of Object.entries({
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  tablet: { viewport: { width: 768, height: 1024 } },
  desk: { viewport: { width: 1440, height: 900 } },
})) {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    test(`what the page says of a portal is readable on a ${device}, ${colorScheme}`, async () => {
      const { page, assertFaultless, close } = await student({ ...options, colorScheme });
      await openChat(page, "과학 탐구");
      await page.waitForLoadState("networkidle");
      portal.capture(ANSWERS["its login page"]);
      await field(page).fill(QUESTION);
      await field(page).press("Enter");
      await page.getByText(SAYS).waitFor();
      await assertNoSidewaysScroll(page, "portal");
      await assertAccessible(page, `portal, ${device}, ${colorScheme}`);
      await page.screenshot({ path: `${RESULTS}/portal-${device}-${colorScheme}.png` });
      assertFaultless(REFUSED);
      await close();
    });
  }
}
