// Too many at once: what a student sees whose question has to wait for a place, and how it's sent by itself.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { afterEach, test } from "node:test";
import { assertAccessible, assertNoSidewaysScroll } from "./support/browser.js";
import { answer, ask, field, openChat, settled, turns, until } from "./support/classroom.js";
import { ROOT } from "./support/process.js";
import { startProxy } from "./support/proxy.js";
import { world } from "./support/world.js";

const made = world({ settings: { MAX_TURNS: "1" } });
/** Who is in the room goes when a test is over, also when it failed. */
const present = /** @type {Set<() => Promise<unknown>>} */ (new Set());
afterEach(async () => {
  for (const leave of present) await leave();
  present.clear();
  await made.provider.release();
});

/** @param {Parameters<typeof made.student>} options */
async function student(...options) {
  const entered = await made.student(...options);
  present.add(entered.close);
  return entered;
}

const RESULTS = `${ROOT}/e2e/results`;
await mkdir(RESULTS, { recursive: true });

/** What Chromium itself writes into the console about refused and failed requests. */
const REFUSED = /^console: (Failed to load resource|.*net::ERR)/;
const QUESTION = "하늘은 왜 파래요?";
const CROWDED = "지금 많은 친구들이 질문하고 있어요.";
/** Longer than any pause, in milliseconds. */
const PAUSE = 60_000;

/** @typedef {import("playwright-core").Page} Page */

/** @param {Page} page */
const panel = (page) => page.locator("#progress");

/** @param {Page} page */
const resend = (page) => page.getByRole("button", { name: "지금 다시 보내기" });

/** Another student's turn takes the only place until the provider is released. */
async function fullHouse() {
  await made.provider.script({ queue: { chat: [{ gate: { at: [0] } }] } });
  const other = await student();
  await openChat(other.page, "역사 연구");
  await ask(other.page, "훈민정음은 왜 만들었나요?");
  return {
    ...other,
    async leaves() {
      await made.provider.release();
      await settled(other.page);
      await other.close();
    },
  };
}

/** A student whose page's clock the test moves. @param {import("playwright-core").BrowserContextOptions} [options] @param {string} [url] */
async function patientStudent(options, url) {
  const entered = await student(options, url);
  await entered.page.clock.install();
  await openChat(entered.page, "과학 탐구");
  return entered;
}

/** Sends a question that has to wait. @param {Page} page */
async function askInVain(page) {
  await field(page).fill(QUESTION);
  await field(page).press("Enter");
  await panel(page).getByText(CROWDED).waitFor();
}

/** How many questions were sent, over all. @param {Page} page */
function countSends(page) {
  /** @type {(string | null)[]} */
  const keys = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/turns"))
      keys.push(request.headers()["idempotency-key"]);
  });
  return keys;
}

test("while many are asking the question waits and is sent by itself", async () => {
  const other = await fullHouse();
  const { page, assertFaultless, close } = await patientStudent();
  const keys = countSends(page);
  await askInVain(page);
  assert.equal(await field(page).inputValue(), QUESTION);
  await panel(page)
    .getByText(/\d초 뒤에 다시 보내요/)
    .waitFor();
  await assertAccessible(page, "chat, crowded");
  await page.clock.fastForward(PAUSE);
  await until("a second try in vain", async () => keys.length === 2);
  await panel(page)
    .getByText(/\d초 뒤에 다시 보내요/)
    .waitFor();
  assert.equal(await page.locator("#live").getByText(CROWDED).count(), 1, "said aloud once");

  await other.leaves();
  await page.clock.fastForward(PAUSE);
  await turns(page).first().waitFor();
  await settled(page);
  assert.equal(await panel(page).isVisible(), false);
  assert.equal(await field(page).inputValue(), "");
  assert.equal(await turns(page).count(), 1);
  assert.equal(new Set(keys).size, 1, "one key for every try");
  assertFaultless(REFUSED);
  await close();
});

test("who doesn't want to wait sends again with one click, or with Enter", async () => {
  const other = await fullHouse();
  const { page, assertFaultless, close } = await patientStudent();
  const keys = countSends(page);
  await askInVain(page);
  await field(page).press("Enter");
  await until("a try by Enter", async () => keys.length === 2);
  await panel(page)
    .getByText(/\d초 뒤에 다시 보내요/)
    .waitFor();
  await other.leaves();
  await resend(page).click();
  await turns(page).first().waitFor();
  await settled(page);
  assert.equal(new Set(keys).size, 1);
  assertFaultless(REFUSED);
  await close();
});

test("after a few tries the page rests, keeps the text, and leaves the button", async () => {
  const other = await fullHouse();
  const { page, assertFaultless, close } = await patientStudent();
  const keys = countSends(page);
  await askInVain(page);
  for (let tries = 1; tries <= 5; tries += 1) {
    await panel(page)
      .getByText(/\d초 뒤에 다시 보내요/)
      .waitFor();
    await page.clock.fastForward(PAUSE);
    await until("the next try", async () => keys.length === tries + 1);
  }
  await panel(page).getByText("아직 보내지 못했어요.").waitFor();
  await page.clock.fastForward(PAUSE);
  assert.equal(keys.length, 6, "no more by itself");
  await assertAccessible(page, "chat, given up");
  assert.equal(await field(page).inputValue(), QUESTION);
  await other.leaves();
  await resend(page).click();
  await settled(page);
  await turns(page).first().waitFor();
  assert.equal(new Set(keys).size, 1);
  assertFaultless(REFUSED);
  await close();
});

test("who changes the question takes it back", async () => {
  const other = await fullHouse();
  const { page, assertFaultless, close } = await patientStudent();
  const keys = countSends(page);
  await askInVain(page);
  await field(page).press("End");
  await page.keyboard.type(" 노을은요?");
  await panel(page).waitFor({ state: "hidden" });
  await page.clock.fastForward(PAUSE);
  await other.leaves();
  assert.equal(keys.length, 1, "what is being rewritten isn't sent");
  await field(page).press("Enter");
  await turns(page).first().getByText(`${QUESTION} 노을은요?`).waitFor();
  await settled(page);
  assert.equal(new Set(keys).size, 2);
  assertFaultless(REFUSED);
  await close();
});

test("a suggested question waits in the field, and leaving the page keeps it", async () => {
  const other = await fullHouse();
  const { page, assertFaultless, close } = await patientStudent();
  const keys = countSends(page);
  const first = page.getByRole("region", { name: "튜터의 안내" }).getByRole("list").last().getByRole("button").first();
  await first.click();
  await panel(page).getByText(CROWDED).waitFor();
  const question = await field(page).inputValue();
  assert.notEqual(question, "");
  await page.goto("/topic-selection.html");
  await page.goBack();
  await until("the text is there again", async () => (await field(page).inputValue()) === question);
  await other.leaves();
  await field(page).press("Enter");
  await turns(page).first().getByText(question).waitFor();
  await settled(page);
  assert.equal(new Set(keys).size, 1, "the key came back with the text");

  await openChat(page, "과학 탐구");
  assert.equal(await field(page).inputValue(), "", "a new conversation begins with an empty field");
  assertFaultless(REFUSED);
  await close();
});

test("answering again waits for its place too", async () => {
  await made.provider.script({ queue: { chat: [{ status: 400, body: "{}" }] } });
  const { page, assertFaultless, close } = await patientStudent();
  await ask(page, QUESTION);
  const retry = turns(page).first().getByRole("button", { name: "다시 답하기" });
  await retry.waitFor();
  const other = await fullHouse();
  await retry.click();
  await turns(page).first().getByText("지금 많은 친구들이 질문하고 있어요").waitFor();
  await other.leaves();
  await page.clock.fastForward(PAUSE);
  await answer(turns(page).first()).getByText("어느 것부터 해 보고 싶나요?").waitFor();
  await settled(page);
  assertFaultless(REFUSED);
  await close();
});

for (const [name, refusal] of Object.entries({
  "a server that restarts": { status: 503, type: "draining", title: "서버가 다시 시작하고 있어요" },
  "a database that is away": { status: 503, type: "store-unavailable", title: "잠시 저장할 수 없어요" },
  "a load balancer that finds no server": { status: 502, type: "", title: "" },
})) {
  test(`${name} is waited for with the same key`, async () => {
    const { page, assertFaultless, close } = await patientStudent();
    const keys = countSends(page);
    const { type, ...problem } = refusal;
    await page.route(
      "**/turns",
      (route) =>
        route.fulfill({
          status: refusal.status,
          headers: type
            ? { "retry-after": "5", "content-type": "application/problem+json" }
            : { "content-type": "text/html" },
          body: type ? JSON.stringify({ type: `/problems/${type}`, detail: "…", ...problem }) : "<h1>Bad Gateway</h1>",
        }),
      { times: 1 },
    );
    await field(page).fill(QUESTION);
    await field(page).press("Enter");
    await panel(page).getByText("저절로 다시 보낼게요.").waitFor();
    await panel(page)
      .getByText(refusal.title || "지금 서버에 손님이 많아요")
      .waitFor();
    await page.clock.fastForward(PAUSE);
    await turns(page).first().waitFor();
    await settled(page);
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys).size, 1);
    assertFaultless(REFUSED);
    await close();
  });
}

test("a question that arrived although the page couldn't hear so is sent once", async () => {
  const proxy = await startProxy(made.program.url);
  const { page, assertFaultless, close } = await student({}, proxy.url);
  await openChat(page, "과학 탐구");
  await ask(page, "노을은 왜 붉어요?");
  await settled(page);
  const keys = countSends(page);
  const before = (await made.provider.stats()).by_purpose.chat;
  proxy.loseReplies(true);
  await field(page).fill(QUESTION);
  await field(page).press("Enter");
  await until("the model was asked", async () => (await made.provider.stats()).by_purpose.chat === before + 1);
  await page.getByText("연결이 끊겼어요.").waitFor();
  proxy.loseReplies(false);
  await turns(page).nth(1).waitFor();
  // The page catches up as soon as the server can be reached, and sends the question again a moment later.
  await until("the question was sent again", async () => keys.length > 1);
  await settled(page);
  await page.getByText("연결이 끊겼어요.").waitFor({ state: "hidden" });
  assert.equal(await turns(page).count(), 2);
  assert.equal(new Set(keys).size, 1);
  assert.equal((await made.provider.stats()).by_purpose.chat, before + 1, "and answered once");
  assertFaultless(REFUSED);
  await close();
  await proxy.end();
});

for (const [device, options] of Object.entries({
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  tablet: { viewport: { width: 768, height: 1024 } },
  desk: { viewport: { width: 1440, height: 900 } },
})) {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    test(`a waiting question is readable on a ${device}, ${colorScheme}`, async () => {
      const other = await fullHouse();
      for (const locale of ["ko-KR", "en-GB"]) {
        const { page, assertFaultless, close } = await student({ ...options, colorScheme, locale });
        await openChat(page, "과학 탐구");
        await page.getByRole("textbox").fill(QUESTION);
        await page.getByRole("textbox").press("Enter");
        await panel(page).getByText(/\d/).waitFor();
        await assertNoSidewaysScroll(page, "crowded");
        await assertAccessible(page, `crowded, ${device}, ${colorScheme}, ${locale}`);
        await page.screenshot({ path: `${RESULTS}/crowded-${device}-${colorScheme}-${locale.slice(0, 2)}.png` });
        assertFaultless(REFUSED);
        await close();
      }
      await other.leaves();
    });
  }
}
