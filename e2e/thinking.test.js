// A model that thinks before it writes: the page says so, and no thought is shown.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { assertAccessible, assertNoSidewaysScroll } from "./support/browser.js";
import { answer, ask, openChat, settled, turns } from "./support/classroom.js";
import { ROOT } from "./support/process.js";
import { world } from "./support/world.js";

const made = world();
const RESULTS = `${ROOT}/e2e/results`;
await mkdir(RESULTS, { recursive: true });

const THINKS = "AI가 생각하고 있어요";
const THOUGHT = "학생이 하늘을 물었으니 산란부터 말하자.";
/** A thought in the answer's text, which ends before the last piece. */
const IN_TEXT = {
  chunks: [`<think>${THOUGHT}`, " 파란빛은 짧다.", "</think>\n\n하늘은 ", "파래요."],
  gate: { at: [1, 2, 3] },
};

/** @param {import("playwright-core").Page} page */
const state = (page) => turns(page).last().locator(".state");

test("while a model thinks the page says so, until its first word comes", async () => {
  await made.provider.script({ default: { chat: IN_TEXT } });
  const { page, assertFaultless, close } = await made.student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await state(page).getByText(THINKS).waitFor();
  await made.provider.release({ purpose: "chat", count: 1 });
  await state(page).getByText(THINKS).waitFor();
  await made.provider.release({ purpose: "chat", count: 1 });
  await answer(turns(page).first()).getByText("하늘은").waitFor();
  await state(page).getByText("AI가 답을 쓰고 있어요").waitFor();
  await made.provider.release();
  await settled(page);
  assert.equal((await answer(turns(page).first()).innerText()).trim(), "하늘은 파래요.");
  assert.ok(!(await page.content()).includes(THOUGHT), "no thought is in the page");
  assertFaultless();
  await close();
});

test("a page that is reloaded while the model thinks says so, too", async () => {
  await made.provider.script({ default: { chat: IN_TEXT } });
  const { page, assertFaultless, close } = await made.student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await state(page).getByText(THINKS).waitFor();
  await page.reload();
  await state(page).getByText(THINKS).waitFor();
  await made.provider.release();
  await settled(page);
  assert.equal((await answer(turns(page).first()).innerText()).trim(), "하늘은 파래요.");
  assertFaultless();
  await close();
});

for (const [device, viewport] of Object.entries({
  phone: { width: 390, height: 844 },
  tablet: { width: 768, height: 1024 },
  desk: { width: 1440, height: 900 },
})) {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    test(`what the page says of a thinking model is readable on a ${device}, ${colorScheme}`, async () => {
      await made.provider.script({ default: { chat: IN_TEXT } });
      const { page, assertFaultless, close } = await made.student({ viewport, colorScheme });
      await openChat(page, "과학 탐구");
      await ask(page, "하늘은 왜 파래요?");
      await state(page).getByText(THINKS).waitFor();
      await assertNoSidewaysScroll(page, "thinking");
      await assertAccessible(page, `thinking, ${device}, ${colorScheme}`);
      await page.screenshot({ path: `${RESULTS}/thinking-${device}-${colorScheme}.png` });
      await made.provider.release();
      await settled(page);
      assertFaultless();
      await close();
    });
  }
}
