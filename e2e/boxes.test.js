// Whatever an answer holds, it stays in its box.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, ask, openChat, settled, turns } from "./support/classroom.js";
import { assertNoSidewaysScroll } from "./support/browser.js";
import { world } from "./support/world.js";

const made = world();
const { student } = made;

const LIST = Array.from({ length: 25 }, (_, depth) => `${"  ".repeat(depth)}- 깊이 ${depth}`).join("\n");
const ANSWER = [
  "식은 $6CO_2 + 6H_2O \\rightarrow C_6H_{12}O_6 + 6O_2$예요.",
  `긴 식 $${"x+".repeat(700)}y$도 있어요.`,
  "빈칸 $\\hspace{30em}\\text{오른쪽}$과 $\\hspace{-9em}\\text{왼쪽}$",
  `$$${"y+".repeat(400)}z$$`,
  `가${"\u3000".repeat(200)}나`,
  "a".repeat(600),
  `https://example.com/${"b".repeat(400)}`,
  LIST,
  Array.from({ length: 30 }, (_, depth) => `${"> ".repeat(depth + 1)}인용 ${depth}`).join("\n"),
  `$${"\\sqrt{".repeat(40)}x${"}".repeat(40)}$ 와 $$${"\\frac{1}{".repeat(40)}x${"}".repeat(40)}$$`,
  "사이 $a\\kern 90em b$ $a\\kern-90em b$ $a\\hskip 90em b$ $\\rule{90em}{1em}$ $\\rule{1em}{90em}$",
  `|${" 긴 열 제목 |".repeat(30)}\n|${"---|".repeat(30)}\n|${" 값 |".repeat(30)}`,
  `# ${"제목".repeat(150)}\n\n${"_".repeat(400)}\n\n\`${"코드".repeat(150)}\``,
  "1919. 3·1 운동\n1945. 광복",
  `| 식 | 값 |\n|---|---|\n| $${"a+".repeat(100)}b$ | ${"ㅋ".repeat(100)} |`,
].join("\n\n");

for (const width of [320, 390, 768, 1440]) {
  test(`long formulas, wide spaces and deep lists stay in the answer at ${width} px`, async () => {
    const { page, assertFaultless, close } = await student({ viewport: { width, height: 844 } });
    await made.provider.script({ reset: true, default: { chat: { chunks: [ANSWER] }, tutor: { chunks: ["{}"] } } });
    await openChat(page, "과학 탐구");
    await ask(page, "광합성 식을 알려 주세요.");
    await settled(page);
    await page.locator("math").first().waitFor();
    await page.waitForFunction(() => [...document.styleSheets].some((sheet) => sheet.href?.endsWith("code.css")));
    await assertNoSidewaysScroll(page, `answer, ${width} px`);
    const beyond = await answer(turns(page).first()).evaluate((prose) => {
      const box = prose.getBoundingClientRect();
      const inside = (/** @type {Element} */ element) =>
        element.closest(".formula, .formula-inline, .table-wrap") !== null;
      const wide = [...prose.querySelectorAll("p, li, .formula, .formula-inline, .table-wrap, a")].filter((element) => {
        const { left, right } = element.getBoundingClientRect();
        return (
          !(element.parentElement && inside(element.parentElement)) && (right > box.right + 1 || left < box.left - 1)
        );
      });
      return wide.map((element) => element.outerHTML.slice(0, 120));
    });
    assert.deepEqual(beyond, []);
    assertFaultless();
    await close();
  });
}

/** Letters that carry a tower of marks. @param {string} text */
const towers = (text) => [...text].map((letter) => letter + "\u0300\u0310\u0338\u0361".repeat(12)).join("");

/** @typedef {import("playwright-core").Page} Page */

/**
 * Asserts that a box paints nothing beside itself: what is around looks the same when the box isn't visible.
 *
 * @param {Page} page @param {import("playwright-core").Locator} box
 */
async function assertPaintsInside(page, box) {
  await box.scrollIntoViewIfNeeded();
  const place = await box.boundingBox();
  if (!place) throw new Error("the box is nowhere");
  const room = 12;
  const { width } = page.viewportSize() ?? { width: 0 };
  const above = { x: 0, y: Math.max(0, place.y - 160), width, height: Math.min(160, place.y) - room };
  const look = () => page.screenshot({ clip: above, animations: "disabled", caret: "hide" });
  const shown = await look();
  await box.evaluate((/** @type {HTMLElement} */ element) => {
    element.style.visibility = "hidden";
  });
  const hidden = await look();
  await box.evaluate((/** @type {HTMLElement} */ element) => {
    element.style.visibility = "";
  });
  assert.ok(shown.equals(hidden), "it paints over what stands above it");
}

test("letters with towers of marks paint over nothing above them", async () => {
  const { page, assertFaultless, close } = await student();
  const note = {
    topic: "on",
    strengths: towers("strengths"),
    improvements: towers("improvements"),
    next_steps: "다음",
    suggested_questions: ["하나?", "둘?", "셋?"],
    dims: [],
  };
  await made.provider.script({
    reset: true,
    default: {
      chat: { chunks: [`${towers("tower of marks")}\n\n- ${towers("list")}`] },
      tutor: { chunks: [JSON.stringify(note)] },
    },
  });
  await openChat(page, towers("ab"));
  await ask(page, towers("question of marks"));
  await settled(page);
  const turn = turns(page).first();
  for (const box of [answer(turn).locator("> div").first(), turn.locator(".words")])
    await assertPaintsInside(page, box);
  await page.goto("/conversations.html");
  await assertPaintsInside(page, page.getByRole("listitem").first().locator("h2"));
  assertFaultless();
  await close();
});
