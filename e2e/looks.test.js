// How the pages look and read on every screen, and pictures of it in e2e/results/.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { answer, ask, note, openChat, settled, turns } from "./support/classroom.js";
import { assertAccessible, assertNoSidewaysScroll } from "./support/browser.js";
import { ROOT } from "./support/process.js";
import { world } from "./support/world.js";

const made = world();
const { student } = made;
const RESULTS = `${ROOT}/e2e/results`;
await mkdir(RESULTS, { recursive: true });

const PAGES = {
  topics: "/topic-selection.html",
  chat: `/chat.html?${new URLSearchParams({ topic: "과학 탐구" })}`,
  conversations: "/conversations.html",
  help: "/help.html",
  missing: "/nowhere.html",
};

const ANSWER = [
  "좋은 질문이에요! 햇빛에는 여러 가지 색이 섞여 있어요. ",
  "공기 알갱이에 부딪히면 색마다 다르게 흩어져요.\n\n| 색 | 흩어지는 정도 |\n| --- | --- |\n| **파랑** | 많이 흩어져요 |\n| **빨강** | 조금 흩어져요 |\n\n",
  "그럼 하나 생각해 볼까요? 저녁에는 햇빛이 공기를 **더 길게** 지나와요.\n\n",
  "1. 길게 지나오는 동안 파란빛은 어떻게 될까요?\n2. 우리 눈에 끝까지 오는 색은 무엇일까요?",
];

const NOTE = {
  dims: [
    { id: "relevance", evidence: "하늘이 파란", why: "과학 탐구 주제에 잘 맞아요.", level: 3 },
    { id: "clarity", evidence: "비교해서", why: "무엇을 묻는지 또렷해요.", level: 3 },
    { id: "context", evidence: "햇빛이 흩어져서 그렇다고 배웠는데", why: "이미 아는 것을 알려 줬어요.", level: 3 },
    { id: "goal", evidence: "비교해서 설명해 주세요", why: "어떤 답이 필요한지 말했어요.", level: 2 },
    { id: "structure", evidence: "낮과 저녁을 비교", why: "둘을 견주는 질문이에요.", level: 3 },
    { id: "followup", evidence: "", why: "", level: null },
  ],
  topic: "on",
  strengths: "“햇빛이 흩어져서 그렇다고 배웠는데”처럼 이미 아는 것을 먼저 알려 준 점이 아주 좋아요.",
  improvements: "어디에 쓸 설명인지 한마디 덧붙이면 AI가 길이와 깊이를 맞출 수 있어요.",
  next_steps: "답을 읽고 나서 “정말 그런지 어떻게 확인할 수 있나요?” 하고 한 번 더 물어보세요.",
  suggested_questions: [
    "노을이 붉은 까닭을 1분 발표에 쓰려고 해요. 세 문장으로 설명해 줄래요?",
    "우주에서는 하늘이 왜 검게 보이는지 지구와 비교해 주세요.",
    "물컵에 우유를 섞어 실험하면 ___이(가) 보일 것 같아요. 맞나요?",
  ],
};

const QUESTION =
  "하늘이 파란 건 햇빛이 흩어져서 그렇다고 배웠는데, 왜 저녁에는 붉어지는지 낮과 저녁을 비교해서 설명해 주세요.";

/** @param {import("playwright-core").Page} page */
async function finishedConversation(page) {
  await made.provider.script({
    reset: true,
    default: { chat: { chunks: ANSWER }, tutor: { chunks: [JSON.stringify(NOTE)] } },
  });
  await openChat(page, "과학 탐구");
  await ask(page, QUESTION);
  await settled(page);
  await note(turns(page).first()).waitFor();
}

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const width of [320, 390, 768, 1440]) {
    test(`every page at ${width} px, ${colorScheme}`, async () => {
      const height = width < 800 ? 844 : 900;
      const { page, assertFaultless, close } = await student({ viewport: { width, height }, colorScheme });
      for (const [name, address] of Object.entries(PAGES)) {
        await page.goto(address);
        await assertNoSidewaysScroll(page, name);
        await assertAccessible(page, `${name}, ${width} px, ${colorScheme}`);
        await page.screenshot({ path: `${RESULTS}/${name}-${width}-${colorScheme}.png`, fullPage: name !== "chat" });
      }
      await finishedConversation(page);
      await assertNoSidewaysScroll(page, "conversation");
      await assertAccessible(page, `conversation, ${width} px, ${colorScheme}`);
      await page.screenshot({ path: `${RESULTS}/conversation-${width}-${colorScheme}.png` });
      if (width <= 800) {
        // The note folds under its question, its strength in sight.
        await page.getByText(NOTE.strengths).first().waitFor();
        await note(turns(page).first()).locator("summary").first().click();
        await note(turns(page).first()).getByRole("heading", { name: "다음 단계" }).waitFor();
        await assertAccessible(page, `conversation, note open, ${width} px, ${colorScheme}`);
        await page.screenshot({ path: `${RESULTS}/conversation-note-${width}-${colorScheme}.png`, fullPage: true });
      }
      assertFaultless(/status of 404/);
      await close();
    });
  }
}

test("streaming, failed and long conversations have their pictures", async () => {
  for (const width of [390, 1440]) {
    const { page, assertFaultless, close } = await student({ viewport: { width, height: 860 } });
    await made.provider.script({
      reset: true,
      default: { chat: { chunks: ANSWER, gate: { at: [2] } }, tutor: { gate: { at: [0] } } },
    });
    await openChat(page, "과학 탐구");
    await ask(page, QUESTION);
    await answer(turns(page).first()).getByText("공기 알갱이에").waitFor();
    await page.screenshot({ path: `${RESULTS}/streaming-${width}-light.png` });
    await made.provider.release();
    await settled(page);

    const down = { status: 429, body: "{}", headers: { "retry-after": "60" } };
    await made.provider.script({ reset: true, default: { chat: down, tutor: down } });
    await ask(page, "그럼 아침에는요?");
    await turns(page).nth(1).getByRole("button", { name: "다시 답하기" }).waitFor();
    await page.screenshot({ path: `${RESULTS}/failed-${width}-light.png` });

    await made.provider.script({ reset: true });
    for (const question of ["구름은 왜 하얘요?", "비는 왜 와요?", "눈은 왜 하얘요?"]) {
      await ask(page, question);
      await settled(page);
    }
    await page.screenshot({ path: `${RESULTS}/long-${width}-light.png`, fullPage: true });
    assertFaultless();
    await close();
  }
});

test("at 200 % zoom everything stays readable", async () => {
  const { page, assertFaultless, close } = await student({
    viewport: { width: 640, height: 400 },
    deviceScaleFactor: 2,
  });
  await finishedConversation(page);
  await assertNoSidewaysScroll(page, "conversation, zoomed");
  await page.screenshot({ path: `${RESULTS}/conversation-zoom.png` });
  assertFaultless();
  await close();
});

test("a printed conversation has no buttons and opens its notes", async () => {
  const { page, assertFaultless, close } = await student();
  await finishedConversation(page);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("#composer").isVisible(), false);
  assert.equal(await page.getByRole("button", { name: "답 복사하기" }).isVisible(), false);
  assert.ok(await page.getByText(NOTE.improvements).isVisible());
  await page.screenshot({ path: `${RESULTS}/print.png`, fullPage: true });
  assertFaultless();
  await close();
});

test("with reduced motion nothing moves", async () => {
  const { page, assertFaultless, close } = await student({ reducedMotion: "reduce" });
  await made.provider.script({ reset: true, default: { chat: { gate: { at: [0] } } } });
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const moving = await page.evaluate(
    () => document.getAnimations().filter((animation) => animation.playState === "running").length,
  );
  assert.equal(moving, 0);
  await made.provider.release();
  await settled(page);
  assertFaultless();
  await close();
});

test("language and brightness are chosen once and stay", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto("/topic-selection.html");
  await page.getByRole("link", { name: "English" }).click();
  await page.getByRole("heading", { level: 1, name: /wonder|curious|learn/i }).waitFor();
  await page.goto("/help.html");
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  await assertAccessible(page, "help, English");
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await paper();
  await page.locator("#theme").click();
  assert.notEqual(await paper(), before);
  const after = await paper();
  await page.goto("/topic-selection.html");
  assert.equal(await paper(), after);
  await page.screenshot({ path: `${RESULTS}/topics-1440-en.png` });
  await openChat(page, "과학 탐구");
  await assertAccessible(page, "chat, English, other brightness");
  await page.screenshot({ path: `${RESULTS}/chat-1440-en.png` });
  assertFaultless();
  await close();
});

test("the picture of the README is what the page looks like", async () => {
  const path = `${ROOT}/docs/images/chat.png`;
  const { page, assertFaultless, close } = await student({
    viewport: { width: 1280, height: 840 },
    colorScheme: "light",
  });
  await finishedConversation(page);
  const picture = process.env.UPDATE_SCREENSHOT || !existsSync(path) ? path : `${RESULTS}/readme.png`;
  await page.screenshot({ path: picture });
  assertFaultless();
  await close();
});
