// Without a model: the practice partner asks back, the coach writes the notes, and every page says so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, ask, note, openChat, settled, turns } from "./support/classroom.js";
import { assertAccessible } from "./support/browser.js";
import { world } from "./support/world.js";

const { student } = world({ practice: true });

test("the program is worth trying without a model", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto("/");
  await page.getByText("연습 모드").first().waitFor();
  await openChat(page, "과학 탐구");
  await page.getByText("연습 모드").first().waitFor();
  // What the page says while the partner writes may be gone in a moment.
  await page.evaluate(() => {
    const seen = /** @type {any} */ (window);
    seen.lines = new Set();
    new MutationObserver(() => {
      for (const line of document.querySelectorAll("article .state, #live > p")) seen.lines.add(line.textContent);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  const lines = await page.evaluate(() => [.../** @type {any} */ (window).lines]);
  assert.ok(lines.includes("연습 짝꿍이 생각하고 있어요"), lines.join(" / "));
  assert.ok(!lines.some((line) => line.startsWith("AI가")), lines.join(" / "));
  const first = turns(page).first();
  assert.match(await answer(first).innerText(), /\?/, "it asks back");
  await note(first).getByText("규칙으로 읽은 노트").waitFor();
  assert.equal(await note(first).locator(".suggestions button").count(), 3);
  await ask(page, "더 알려줘");
  await settled(page);
  assert.notEqual(await answer(turns(page).nth(1)).innerText(), await answer(first).innerText());
  await assertAccessible(page, "chat, practice");
  assertFaultless();
  await close();
});
