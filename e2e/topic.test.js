// Choosing what to study.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible } from "./support/browser.js";
import { ask, settled, turns } from "./support/classroom.js";
import { world } from "./support/world.js";

const { student } = world();

test("the start button is dead until a topic is chosen, and then names it", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto("/");
  assert.equal(new URL(page.url()).pathname, "/topic-selection.html");
  await assertAccessible(page, "topics, nothing chosen");
  assert.ok(await page.getByRole("button", { name: "주제를 골라 주세요" }).isDisabled());

  await page.getByRole("radio", { name: /역사 연구/ }).check({ force: true });
  await assertAccessible(page, "topics, one chosen");
  await page.getByRole("button", { name: "역사 연구 시작하기" }).click();
  await page.getByRole("heading", { level: 1, name: "역사 연구" }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("topic"), "역사 연구");
  assertFaultless();
  await close();
});

test("a topic of one's own starts with Enter, also one of a hundred characters", async () => {
  const { page, assertFaultless, close } = await student();
  const topic = "우리 동네 하천".padEnd(100, "가");
  await page.goto("/topic-selection.html");
  await page.getByRole("textbox", { name: "내가 정한 주제" }).fill(`${topic}나`);
  assert.ok(await page.locator("#start").isDisabled(), "101 characters are too many");
  await page.getByRole("textbox", { name: "내가 정한 주제" }).fill(topic);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: topic }).waitFor();
  assertFaultless();
  await close();
});

test("an example topic is taken with one click", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto("/topic-selection.html");
  await page.getByRole("button", { name: "블랙홀", exact: true }).click();
  await page.getByRole("button", { name: "블랙홀 시작하기" }).click();
  await page.getByRole("heading", { level: 1, name: "블랙홀" }).waitFor();
  assertFaultless();
  await close();
});

test("without scripts a topic can still be chosen", async () => {
  const { page, assertFaultless, close } = await student({ javaScriptEnabled: false });
  await page.goto("/topic-selection.html");
  await page.getByRole("radio", { name: /과학 탐구/ }).check({ force: true });
  await page.locator("#start").click();
  assert.equal(new URL(page.url()).pathname, "/chat.html");
  await page.getByRole("heading", { level: 1, name: "과학 탐구" }).waitFor();
  assertFaultless();
  await close();
});

test("old addresses lead where they led", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto("/mode-selection.html");
  assert.equal(new URL(page.url()).pathname, "/topic-selection.html");
  await page.goto(`/index.html?${new URLSearchParams({ topic: "과학 탐구" })}`);
  await page.getByRole("heading", { level: 1, name: "과학 탐구" }).waitFor();
  assertFaultless();
  await close();
});

test("on a phone the start button covers no topic before one is chosen, and is at hand after", async () => {
  const { page, assertFaultless, close } = await student({
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  await page.goto("/topic-selection.html");
  const start = page.locator("#start");
  const inSight = async () => {
    const box = await start.boundingBox();
    return box !== null && box.y < 844;
  };
  assert.equal(await inSight(), false);
  await page.getByRole("radio").first().check();
  await page.getByRole("button", { name: /시작하기/ }).waitFor();
  assert.equal(await inSight(), true);
  assertFaultless();
  await close();
});

test("a topic of one's own stands in no request line and in no referrer, also after a reload", async () => {
  const topic = "우리 집 강아지 초코";
  const { page, assertFaultless, close } = await student();
  /** @type {string[]} */
  const sent = [];
  page.on("request", (request) => sent.push(request.url(), request.headers()["referer"] ?? ""));
  await page.goto("/topic-selection.html");
  await page.getByRole("textbox", { name: "내가 정한 주제" }).fill(topic);
  await page.keyboard.press("Enter");
  const heading = page.getByRole("heading", { level: 1, name: topic });
  await heading.waitFor();
  await page.waitForURL((url) => url.pathname === "/chat.html" && url.hash.length > 1);
  await page.reload();
  await heading.waitFor();
  await page.waitForURL((url) => url.pathname === "/chat.html");
  await page.getByRole("link", { name: "English" }).click();
  await page.locator("html[lang=en]").waitFor();
  await heading.waitFor();
  await page.getByRole("link", { name: "한국어" }).click();
  await page.locator("html[lang=ko]").waitFor();
  await heading.waitFor();

  await ask(page, "강아지는 왜 꼬리를 흔들어요?");
  await settled(page);
  const id = new URL(page.url()).searchParams.get("c");
  assert.equal(page.url().split("/chat.html")[1], `?c=${id}`);
  await page.reload();
  await heading.waitFor();
  await turns(page).first().waitFor();
  await page.getByRole("link", { name: "지난 대화" }).click();
  await page.getByRole("link", { name: topic, exact: true }).click();
  await heading.waitFor();
  const words = sent.filter((text) => /초코/.test(decodeURIComponent(text.replaceAll("+", " ").split("#")[0])));
  assert.deepEqual(words, []);
  assertFaultless();
  await close();
});

test("an old address with a topic of one's own works, and its words are sent no second time", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto(`/chat.html?${new URLSearchParams({ topic: "우리 집 강아지 초코" })}`);
  await page.getByRole("heading", { level: 1, name: "우리 집 강아지 초코" }).waitFor();
  await page.waitForURL((url) => url.search === "" && url.hash.length > 1);
  assertFaultless();
  await close();
});

test("a topic of invisible characters alone starts nothing", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto("/topic-selection.html");
  for (const topic of ["\u3164", "\u2800 \u200e", "\u{e0041}\ufe0f"]) {
    await page.getByRole("textbox", { name: "내가 정한 주제" }).fill(topic);
    assert.ok(await page.locator("#start").isDisabled(), JSON.stringify(topic));
  }
  assertFaultless();
  await close();
});
