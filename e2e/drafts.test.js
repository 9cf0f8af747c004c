// What a student has written and not sent yet: the newest text stays, and what was sent doesn't come back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, field, note, openChat, settled, turns, until } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world();
const { student } = made;

/** @typedef {import("playwright-core").Page} Page */

/** Opens an address and waits until its scripts have done what they do at the beginning. @param {Page} page @param {string} address */
async function open(page, address) {
  await page.goto(address);
  await page.waitForLoadState("networkidle");
}

/** @param {Page} page @param {number} steps */
async function goBack(page, steps) {
  for (let step = 0; step < steps; step += 1) await page.goBack();
  await page.waitForLoadState("networkidle");
}

/** @param {Page} page */
const keptDrafts = (page) =>
  page.evaluate(() =>
    Object.entries(sessionStorage)
      .filter(([name]) => name.startsWith("draft:"))
      .map(([, kept]) => JSON.parse(kept).text)
      .filter(Boolean),
  );

/** A student whose conversation has one question. */
async function oneQuestion() {
  const one = await student();
  await openChat(one.page, "과학 탐구");
  await ask(one.page, "첫 질문이에요");
  await settled(one.page);
  return { ...one, address: one.page.url() };
}

test("the back button leaves the newest draft, in the field and in the tab", async () => {
  const { page, address, assertFaultless, close } = await oneQuestion();
  await field(page).fill("옛 글");
  await open(page, "/conversations.html");
  await open(page, address);
  await field(page).fill("새로 쓴 긴 글이에요.");
  await open(page, "/conversations.html");
  await goBack(page, 3);
  assert.equal(page.url(), address);
  assert.equal(await field(page).inputValue(), "새로 쓴 긴 글이에요.");
  assert.deepEqual(await keptDrafts(page), ["새로 쓴 긴 글이에요."]);
  assertFaultless();
  await close();
});

for (const [how, dispose] of /** @type {[string, (page: Page) => Promise<void>][]} */ ([
  [
    "sent",
    async (page) => {
      await field(page).press("Enter");
      await turns(page).nth(1).waitFor();
      await settled(page);
    },
  ],
  ["deleted", (page) => field(page).fill("")],
])) {
  test(`the back button doesn't bring back a draft that was ${how}`, async () => {
    const { page, address, assertFaultless, close } = await oneQuestion();
    await field(page).fill("둘째 질문이에요");
    await open(page, "/conversations.html");
    await open(page, address);
    await until("the draft is back", async () => (await field(page).inputValue()) === "둘째 질문이에요");
    await dispose(page);
    await goBack(page, 2);
    assert.equal(page.url(), address);
    assert.equal(await field(page).inputValue(), "");
    assert.deepEqual(await keptDrafts(page), []);
    assertFaultless();
    await close();
  });
}

test("the back button doesn't bring back the first question, which gave the conversation its address", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await field(page).fill("첫 질문이에요");
  await open(page, "/help.html");
  await openChat(page, "과학 탐구");
  await until("the draft is back", async () => (await field(page).inputValue()) === "첫 질문이에요");
  await field(page).press("Enter");
  await turns(page).first().waitFor();
  await settled(page);
  await goBack(page, 2);
  assert.equal(new URL(page.url()).searchParams.has("c"), false);
  assert.equal(await field(page).inputValue(), "");
  assert.deepEqual(await keptDrafts(page), []);
  assertFaultless();
  await close();
});

/** As the browser shows a page again that it kept as it was. @param {Page} page */
const showAgain = (page) =>
  page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));

test("a page that the browser kept as it was shows what was written since, but never less", async () => {
  const { page, assertFaultless, close } = await oneQuestion();
  await field(page).fill("옛 글");
  await page.evaluate(() => {
    for (const [name, kept] of Object.entries(sessionStorage))
      if (name.startsWith("draft:")) sessionStorage.setItem(name, kept.replace("옛 글", "새 글"));
  });
  await showAgain(page);
  assert.equal(await field(page).inputValue(), "새 글");
  // No more room: nothing that is kept is as new as the field.
  await page.evaluate(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  });
  await field(page).fill("새 글에 더 쓴 글");
  await showAgain(page);
  assert.equal(await field(page).inputValue(), "새 글에 더 쓴 글");
  assertFaultless();
  await close();
});

const STEM = "나는 ___이(가) 가장 궁금해요. 왜 그런지 알려 주세요.";

test("a suggestion with a blank is added below what is written already, once", async () => {
  const feedback = {
    dims: [],
    topic: "on",
    strengths: "궁금한 것을 또렷하게 물었어요.",
    improvements: "왜 궁금한지 덧붙여 보세요.",
    next_steps: "아는 것을 먼저 적어 보세요.",
    suggested_questions: [STEM, "비는 왜 내리나요?", "눈은 왜 하얀가요?"],
  };
  await made.provider.script({ default: { tutor: { chunks: [JSON.stringify(feedback)] } } });
  const { page, assertFaultless, close } = await oneQuestion();
  const suggestion = note(turns(page).first()).getByRole("button", { name: STEM });
  await field(page).fill("다섯 줄이나 쓴 글");
  for (let press = 0; press < 2; press += 1) {
    await suggestion.click();
    await page.getByText("빈칸을 내 말로 채워서 보내세요.").waitFor();
  }
  // Not later either: what is typed next must not find it half done.
  await field(page).fill("다섯 줄이나 쓴 글");
  const atOnce = await suggestion.evaluate((/** @type {HTMLElement} */ button) => {
    button.click();
    return document.querySelector("textarea")?.value;
  });
  assert.equal(atOnce, `다섯 줄이나 쓴 글\n${STEM}`);
  assert.equal(await field(page).inputValue(), `다섯 줄이나 쓴 글\n${STEM}`);
  await page.keyboard.type("무지개");
  const text = `다섯 줄이나 쓴 글\n${STEM.replace("___", "무지개")}`;
  assert.equal(await field(page).inputValue(), text);
  assert.deepEqual(await keptDrafts(page), [text]);

  // With too long a text the hint says so, and nothing hides that.
  await field(page).fill("가".repeat(1_990));
  await suggestion.click();
  await page.getByText("자를 줄여 주세요").waitFor();
  assert.ok(await page.getByRole("button", { name: "보내기", exact: true }).isDisabled());
  assertFaultless();
  await close();
});

test("a text that is too long still can't be sent after a suggestion was", async () => {
  const { page, assertFaultless, close } = await student();
  await open(page, `/chat.html?${new URLSearchParams({ topic: "과학 탐구" })}`);
  await field(page).fill("가".repeat(2_050));
  await page.locator("#starters button").nth(1).click();
  await turns(page).first().waitFor();
  await settled(page);
  assert.ok(await page.getByRole("button", { name: "보내기", exact: true }).isDisabled());
  await page.getByText("50자를 줄여 주세요").waitFor();
  assertFaultless();
  await close();
});
