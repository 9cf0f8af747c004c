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
      const inside = (/** @type {Element} */ element) => element.closest(".formula, .formula-inline, .table-wrap") !== null;
      const wide = [...prose.querySelectorAll("p, li, .formula, .formula-inline, .table-wrap, a")].filter((element) => {
        const { left, right } = element.getBoundingClientRect();
        return !(element.parentElement && inside(element.parentElement)) && (right > box.right + 1 || left < box.left - 1);
      });
      return wide.map((element) => element.outerHTML.slice(0, 120));
    });
    assert.deepEqual(beyond, []);
    assertFaultless();
    await close();
  });
}
