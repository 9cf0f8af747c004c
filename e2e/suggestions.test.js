// Suggested questions: the ones that were asked are marked, also after a reload; the others wait.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible } from "./support/browser.js";
import { ask, field, note, openChat, settled, turns, until } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world();

const GUIDE = {
  guide_title: "하늘 공부",
  guide_content: "이 주제에서는 **왜 그런지** 묻는 질문이 힘이 세요.\n\n- 본 것을 적어요.\n- 까닭을 짐작해요.",
  starter_questions: ["하늘은 왜 파래요?", "노을은 왜 붉어요?", "구름은 왜 하얘요?"],
};
const STEM = "나는 ___이(가) 가장 궁금해요. 왜 그런지 알려 주세요.";
const NOTE = {
  dims: [],
  topic: "on",
  strengths: "궁금한 것을 또렷하게 물었어요.",
  improvements: "왜 궁금한지 덧붙여 보세요.",
  next_steps: "아는 것을 먼저 적어 보세요.",
  suggested_questions: ["비는 왜  내리나요?", STEM, "눈은 왜 하얀가요?"],
};

/** @param {import("playwright-core").Locator} within */
const marks = (within) =>
  within
    .locator(".suggestions button")
    .evaluateAll((buttons) => buttons.map((button) => button.textContent?.includes("보냈어요")));

test("a suggestion that was sent is marked as sent, and the others stay", async () => {
  await made.provider.script({
    default: { guide: { chunks: [JSON.stringify(GUIDE)] }, tutor: { chunks: [JSON.stringify(NOTE)] } },
  });
  const { page, assertFaultless, close } = await made.student();
  await openChat(page, "과학 탐구");
  const guide = page.getByRole("region", { name: "튜터의 안내" });
  await guide.getByRole("button", { name: "노을은 왜 붉어요?" }).click();
  await turns(page).first().waitFor();
  await settled(page);
  assert.deepEqual(await marks(guide), [false, true, false]);
  assert.deepEqual(await marks(note(turns(page).first())), [false, false, false]);

  await note(turns(page).first())
    .getByRole("button", { name: /비는 왜/ })
    .click();
  await turns(page).nth(1).waitFor();
  await settled(page);
  // A blank is filled in by the student.
  await note(turns(page).first()).getByRole("button", { name: STEM }).click();
  await until("the stem stands in the field", async () => (await field(page).inputValue()) === STEM);
  await page.keyboard.type("무지개");
  await page.keyboard.press("Enter");
  await turns(page).nth(2).waitFor();
  await settled(page);
  assert.deepEqual(await marks(note(turns(page).first())), [true, true, false]);
  await assertAccessible(page, "chat, suggestions sent");

  await page.reload();
  await note(turns(page).nth(2)).locator("button[data-turn]").nth(1).waitFor();
  assert.deepEqual(await marks(guide), [false, true, false], "also after a reload");
  assert.deepEqual(await marks(note(turns(page).first())), [true, true, false]);
  assert.deepEqual(await marks(note(turns(page).nth(2))), [true, true, false], "wherever it's suggested");

  // A sent one leads to where it was asked; another is still sent with one click.
  await note(turns(page).nth(2))
    .getByRole("button", { name: /비는 왜/ })
    .click();
  await page.waitForFunction(() => document.activeElement?.matches("article:nth-of-type(2)"));
  assert.equal(await turns(page).count(), 3);
  await note(turns(page).nth(2)).getByRole("button", { name: "눈은 왜 하얀가요?" }).click();
  await turns(page).nth(3).waitFor();
  await settled(page);
  assert.equal((await made.provider.stats()).by_purpose.chat, 4);
  assertFaultless();
  await close();
});

test("a suggestion whose blanks were filled in is marked whatever particles fit the words", async () => {
  const filled = {
    "제가 고른 답은 ___이고 까닭은 ___예요. 놓친 점이 있을까요?":
      "제가 고른 답은 3번이고 까닭은 빛이 휘는 성질이에요. 놓친 점이 있을까요?",
    "___과(와) ___은(는) 무엇이 다른가요?": "고래와 상어는 무엇이 다른가요?",
    "나는 ___(으)로 실험하고 싶어요.": "나는 얼음으로 실험하고 싶어요.",
  };
  const suggested = Object.keys(filled);
  await made.provider.script({
    default: { tutor: { chunks: [JSON.stringify({ ...NOTE, suggested_questions: suggested })] } },
  });
  const { page, assertFaultless, close } = await made.student();
  await openChat(page, "과학 탐구");
  await ask(page, "이것은 무엇이 다른가요?");
  await settled(page);
  const first = note(turns(page).first());
  assert.deepEqual(await marks(first), [false, false, false], "another question with the same end isn't one of them");
  const expected = [false, false, false];
  for (const [place, text] of Object.values(filled).entries()) {
    await ask(page, text);
    await settled(page);
    expected[place] = true;
    assert.deepEqual(await marks(first), expected, text);
  }
  await page.reload();
  // The note stands there before the scripts that mark its questions.
  await first.locator("button[data-turn]").nth(2).waitFor();
  assert.deepEqual(await marks(first), expected, "also after a reload");
  assertFaultless();
  await close();
});
