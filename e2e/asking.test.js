// The main job: ask, watch the answer come, read the note, go on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, ask, field, note, openChat, settled, turns, until } from "./support/classroom.js";
import { assertAccessible } from "./support/browser.js";
import { world } from "./support/world.js";

const { student, provider } = (() => {
  const made = world();
  return { student: made.student, provider: () => made.provider };
})();

const PIECES = ["하늘빛은 ", "**빛이 흩어져서** ", "생겨요.\n\n", "왜 저녁에는 다를까요?"];

test("the answer streams, and the note arrives without waiting for it", async () => {
  await provider().script({ default: { chat: { chunks: PIECES, gate: { at: [1, 2] } } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await assertAccessible(page, "chat, empty");
  await ask(page, "하늘은 왜 파래요?");

  const turn = turns(page).first();
  await answer(turn).getByText("하늘빛은").waitFor();
  await note(turn).waitFor();
  assert.ok(!(await answer(turn).innerText()).includes("흩어져서"), "the second piece is still held back");
  await assertAccessible(page, "chat, streaming");

  await provider().release({ purpose: "chat", count: 1 });
  await answer(turn).getByText("흩어져서").waitFor();
  await provider().release();
  await settled(page);
  assert.equal(await answer(turn).locator("strong").innerText(), "빛이 흩어져서");
  assert.equal(await answer(turn).locator("p").count(), 2);
  await assertAccessible(page, "chat, answered");

  for (const part of ["잘한 점", "개선할 점", "다음 단계", "추천 질문"]) {
    await note(turn).getByRole("heading", { name: part }).waitFor();
  }
  assert.equal(await note(turn).locator(".suggestions button").count(), 3);
  // The note rests on the student's words, which are marked where they stand.
  assert.equal(await turn.locator(".words a").first().innerText(), "하늘은");
  await turn.getByText("AI가 쓴 글이에요. 틀릴 수 있어요.").waitFor();
  assertFaultless();
  await close();
});

test("the answer does not wait for a slow note", async () => {
  await provider().script({ default: { tutor: { gate: { at: [0] } } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await answer(turn).getByText("어느 것부터 해 보고 싶나요?").waitFor();
  await turn.getByText("튜터가 질문을 읽고 있어요").waitFor();
  await provider().release();
  await note(turn).waitFor();
  await settled(page);
  assertFaultless();
  await close();
});

test("the next question is asked while the tutor still reads the one before", async () => {
  await provider().script({ queue: { tutor: [{ gate: { at: [0] } }] } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const [first, second] = [turns(page).first(), turns(page).nth(1)];
  const stop = page.locator("#stop");
  await answer(first).getByText("어느 것부터 해 보고 싶나요?").waitFor();
  await stop.waitFor({ state: "hidden" });
  await first.getByText("튜터가 질문을 읽고 있어요").waitFor();
  await first.getByText("AI가 쓴 글이에요. 틀릴 수 있어요.").waitFor();
  assert.equal(await first.locator(".state").innerText(), "", "the answer is complete");
  assert.equal(await page.locator("#live").getByText("답이 끝났어요.").count(), 1, "said aloud once");
  await assertAccessible(page, "chat, answered, the note to come");

  // Whoever opens the page now finds it so, too.
  await page.reload();
  await first.getByText("튜터가 질문을 읽고 있어요").waitFor();
  // The server's page doesn't say yet that the answer is complete; the first event does.
  await first.getByText("AI가 쓴 글이에요. 틀릴 수 있어요.").waitFor();
  await stop.waitFor({ state: "hidden" });

  await ask(page, "노을은 왜 붉어요?");
  await answer(second).getByText("어느 것부터 해 보고 싶나요?").waitFor();
  await note(first).waitFor();
  await note(second).waitFor();
  await settled(page);
  assert.equal(await turns(page).count(), 2);
  assertFaultless();
  await close();
});

test("a suggested question is sent with one click, and one with a blank is filled in first", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await page.locator("#starters button").first().click();
  await turns(page).first().waitFor();
  await settled(page);
  const suggestion = note(turns(page).first()).locator(".suggestions button").first();
  const text = await suggestion.innerText();
  await suggestion.click();
  await turns(page).nth(1).getByText(text).waitFor();
  await settled(page);

  const stem = "나는 ___이(가) 가장 궁금해요. 왜 그런지 알려 주세요.";
  await provider().script({ default: { tutor: { chunks: [JSON.stringify(tutorWith(stem))] } } });
  await ask(page, "구름은 왜 하얘요?");
  await settled(page);
  await note(turns(page).nth(2)).getByText(stem).click();
  await until("the stem stands in the field", async () => (await field(page).inputValue()) === stem);
  await page.keyboard.type("무지개");
  assert.equal(await field(page).inputValue(), stem.replace("___", "무지개"));
  assert.equal(await turns(page).count(), 3, "nothing was sent yet");
  assertFaultless();
  await close();
});

test("three questions, a reload in the middle of an answer, and nothing is lost", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  for (const [n, question] of ["하늘은 왜 파래요?", "노을은 왜 붉어요?"].entries()) {
    await ask(page, question);
    await settled(page);
    assert.equal(await turns(page).count(), n + 1);
  }
  await provider().script({ default: { chat: { chunks: PIECES, gate: { at: [2] } } } });
  await ask(page, "구름은 왜 하얘요?");
  await answer(turns(page).nth(2)).getByText("흩어져서").waitFor();

  await page.reload();
  await answer(turns(page).nth(2)).getByText("흩어져서").waitFor();
  assert.equal(await turns(page).count(), 3);
  await provider().release();
  await answer(turns(page).nth(2)).getByText("왜 저녁에는 다를까요?").waitFor();
  await settled(page);
  assert.equal((await provider().stats()).by_purpose.chat, 3, "one call a question");

  await page.reload();
  await note(turns(page).nth(2)).waitFor();
  assert.deepEqual(await turns(page).locator(".words").allInnerTexts(), [
    "하늘은 왜 파래요?",
    "노을은 왜 붉어요?",
    "구름은 왜 하얘요?",
  ]);
  await assertAccessible(page, "chat, restored");
  assertFaultless();
  await close();
});

test("the answer is announced in sentences", async () => {
  await provider().script({ default: { chat: { chunks: [..."첫째 문장이에요. 둘째 문장이에요."], gap_ms: 1 } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  const said = await page.getByRole("log").locator("p").allInnerTexts();
  assert.ok(said.includes("첫째 문장이에요."), said.join(" / "));
  assert.ok(said.includes("둘째 문장이에요."), said.join(" / "));
  assertFaultless();
  await close();
});

/** @param {string} question */
function tutorWith(question) {
  return {
    dims: [],
    topic: "on",
    strengths: "궁금한 것을 또렷하게 물었어요.",
    improvements: "왜 궁금한지 덧붙여 보세요.",
    next_steps: "아는 것을 먼저 적어 보세요.",
    suggested_questions: [question, "비는 왜 내리나요?", "눈은 왜 하얀가요?"],
  };
}
