// One journey in Firefox and in WebKit, and pictures of it in e2e/results/: schools have iPads and old laptops.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { until } from "./support/classroom.js";
import { startFirefox, startWebKit } from "./support/engines.js";
import { ROOT } from "./support/process.js";
import { startProgram } from "./support/program.js";
import { startProvider } from "./support/provider.js";

const RESULTS = `${ROOT}/e2e/results`;
const QUESTION = "하늘은 왜 파래요?";
const SUGGESTION = "비는 왜 내리나요?";
const PIECES = ["하늘빛은 ", "**빛이 흩어져서** ", "생겨요.\n\n", "왜 저녁에는 다를까요?"];
const NOTE = {
  dims: [{ id: "clarity", evidence: "하늘은", why: "무엇을 묻는지 또렷해요.", level: 3 }],
  topic: "on",
  strengths: "궁금한 것을 또렷하게 물었어요.",
  improvements: "왜 궁금한지 덧붙여 보세요.",
  next_steps: "아는 것을 먼저 적어 보세요.",
  suggested_questions: [SUGGESTION, "눈은 왜 하얀가요?", "바람은 왜 부나요?"],
};

/** @type {Awaited<ReturnType<typeof startProvider>>} */
let provider;
/** @type {Awaited<ReturnType<typeof startProgram>>} */
let program;
before(async () => {
  await mkdir(RESULTS, { recursive: true });
  provider = await startProvider();
  program = await startProgram({ OPENAI_BASE_URL: provider.url });
});
beforeEach(() => provider.script({ reset: true }));
after(async () => {
  await program?.end();
  await provider?.end();
});

/** @typedef {import("./support/engines.js").EnginePage} EnginePage */

/** How often a selector matches. @param {EnginePage} page @param {string} selector */
const count = (page, selector) => page.evaluate((wanted) => document.querySelectorAll(wanted).length, selector);

/** The text that is shown. @param {EnginePage} page @param {string} selector @returns {Promise<string>} */
const text = (page, selector) =>
  page.evaluate(
    (wanted) => /** @type {HTMLElement | null} */ (document.querySelector(wanted))?.innerText ?? "",
    selector,
  );

/** @param {EnginePage} page @param {string} selector @param {string} part */
const shows = (page, selector, part) =>
  until(`${selector} shows ${part}`, async () => (await text(page, selector)).includes(part));

/** @param {EnginePage} page @param {string} selector */
const appears = (page, selector) => until(`${selector} appears`, async () => (await count(page, selector)) > 0);

/** Waits until no answer and no note is on its way. @param {EnginePage} page */
const settled = (page) =>
  until("everything has arrived", () =>
    page.evaluate(
      () => document.querySelector("#stop")?.checkVisibility() === false && !document.querySelector(".margin > .wait"),
    ),
  );

for (const [engine, start] of /** @type {const} */ ([
  ["firefox", startFirefox],
  ["webkit", startWebKit],
])) {
  for (const dark of [false, true]) {
    test(`${engine} takes a student from the topic to the next question, ${dark ? "dark" : "light"}`, async () => {
      const page = await start({ dark });
      try {
        await journey(page, `${RESULTS}/${engine}-${dark ? "dark" : "light"}`);
      } finally {
        await page.close();
      }
    });
  }
}

/** @param {EnginePage} page @param {string} picture */
async function journey(page, picture) {
  await provider.script({
    default: {
      chat: { chunks: PIECES, gate: { at: [1, 2] } },
      tutor: { chunks: [JSON.stringify(NOTE)], gate: { at: [0] } },
    },
  });
  await page.resize(1440, 900);
  await page.open(`${program.url}/topic-selection.html`);
  await appears(page, "#examples:not([hidden])");
  await page.screenshot(`${picture}-topics.png`);
  await page.type("#own", "과학 탐구\n");
  const field = "textarea";
  await appears(page, field);
  await page.screenshot(`${picture}-empty.png`);

  await page.type(field, `${QUESTION}\n`);
  const [first, second] = ["article:nth-of-type(1)", "article:nth-of-type(2)"];
  await shows(page, `${first} .prose`, "하늘빛은");
  assert.equal(await text(page, `${first} .words`), QUESTION);
  await page.screenshot(`${picture}-streaming.png`);
  await provider.release({ purpose: "chat", count: 1 });
  await shows(page, `${first} .prose`, "흩어져서");
  assert.ok(!(await text(page, `${first} .prose`)).includes("생겨요"), "the third piece is still held back");

  await page.reload();
  await shows(page, `${first} .prose`, "흩어져서");
  await provider.release({ purpose: "chat" });
  await shows(page, `${first} .prose`, "왜 저녁에는 다를까요?");
  assert.equal(await text(page, `${first} .prose strong`), "빛이 흩어져서");
  assert.equal(await count(page, `${first} details.note`), 0, "the note is still held back");

  await provider.release({ purpose: "tutor" });
  await appears(page, `${first} details.note`);
  await settled(page);
  await shows(page, `${first} details.note`, NOTE.improvements);
  const underline = await page.evaluate((quoted) => {
    const style = getComputedStyle(/** @type {Element} */ (document.querySelector(quoted)));
    return [style.textDecorationLine, style.textDecorationThickness];
  }, `${first} .words a`);
  assert.deepEqual(underline, ["underline", "2px"], "the words that the note quotes are underlined");
  await page.screenshot(`${picture}-note.png`);
  await page.resize(390, 844);
  await page.screenshot(`${picture}-note-narrow.png`);
  const [scroll, client] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(scroll <= client, `${scroll} > ${client}`);
  await page.resize(1440, 900);

  await provider.script({ reset: true });
  const suggestion = `${first} .suggestions li:first-child button`;
  assert.ok((await text(page, suggestion)).includes(SUGGESTION));
  await page.click(suggestion);
  await shows(page, `${second} .words`, SUGGESTION);
  await settled(page);
  await shows(page, suggestion, "보냈어요");
  assert.equal((await provider.stats()).by_purpose.chat, 1, "asked once since the note");
  assert.deepEqual(page.faults, []);
}
