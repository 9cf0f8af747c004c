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
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
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
