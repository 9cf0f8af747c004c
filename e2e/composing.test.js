// Writing a question: Hangul, limits, drafts, the keyboard alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, ask, field, note, openChat, settled, turns } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world();
const { student } = made;

test("Enter that ends a Hangul syllable sends nothing, the next one sends it whole and once", async () => {
  const { page, context, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await field(page).focus();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Input.imeSetComposition", { text: "하늘은 왜 파라", selectionStart: 8, selectionEnd: 8 });
  // What browsers send for Enter while a syllable is open: a key 229 in a composition, or 229 just after it (Safari).
  await devtools.send("Input.dispatchKeyEvent", {
    type: "rawKeyDown",
    key: "Enter",
    code: "Enter",
    windowsVirtualKeyCode: 229,
  });
  await field(page).evaluate((input) => {
    for (const init of [
      { isComposing: true, keyCode: 13 },
      { isComposing: false, keyCode: 229 },
    ]) {
      input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...init }));
    }
  });
  assert.equal(await turns(page).count(), 0);
  await devtools.send("Input.insertText", { text: "하늘은 왜 파랄까" });
  assert.equal(await field(page).inputValue(), "하늘은 왜 파랄까");
  assert.equal(await turns(page).count(), 0);

  await field(page).press("Enter");
  await turns(page).first().waitFor();
  await settled(page);
  assert.deepEqual(await turns(page).locator(".words").allInnerTexts(), ["하늘은 왜 파랄까"]);
  assert.equal((await made.provider.stats()).by_purpose.chat, 1);
  assertFaultless();
  await close();
});

test("Shift+Enter breaks the line and the field grows to five lines at most", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  const height = async () => (await field(page).boundingBox())?.height ?? 0;
  const one = await height();
  await field(page).focus();
  for (const line of ["하나", "둘", "셋"]) {
    await page.keyboard.type(line);
    await page.keyboard.press("Shift+Enter");
  }
  assert.equal(await field(page).inputValue(), "하나\n둘\n셋\n");
  assert.equal(await turns(page).count(), 0);
  const four = await height();
  assert.ok(four > one * 1.8, `${one} → ${four}`);
  await field(page).fill(Array(40).fill("줄").join("\n"));
  assert.ok((await height()) < one * 6, "it stops growing and scrolls");
  assertFaultless();
  await close();
});

test("near the limit a counter appears, and beyond it nothing can be sent", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  const send = page.getByRole("button", { name: "보내기", exact: true });
  await field(page).fill("가".repeat(1_990));
  await page.getByText("10자 더 쓸 수 있어요").waitFor();
  await field(page).fill("가".repeat(2_003));
  await page.getByText("3자를 줄여 주세요").waitFor();
  assert.ok(await send.isDisabled());
  await field(page).press("Enter");
  assert.equal(await turns(page).count(), 0);
  await field(page).fill("😀".repeat(2_000));
  assert.ok(await send.isEnabled(), "characters are counted, not code units");
  assertFaultless();
  await close();
});

test("a draft survives a reload", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await field(page).fill("아직 쓰고 있는 질문");
  await page.reload();
  await page.waitForFunction(() => document.querySelector("textarea")?.value === "아직 쓰고 있는 질문");
  assertFaultless();
  await close();
});

test("everything works with the keyboard alone", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto("/topic-selection.html");
  await tabTo(page, "사회 문제해결");
  await page.keyboard.press("ArrowDown");
  await page.getByRole("button", { name: "과학 탐구 시작하기" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "과학 탐구" }).waitFor();

  await tabTo(page, "질문 쓰기");
  await page.keyboard.type("하늘은 왜 파래요?");
  await page.keyboard.press("Enter");
  await turns(page).first().waitFor();
  await settled(page);
  const suggestion = note(turns(page).first()).locator(".suggestions button").first();
  const text = await suggestion.innerText();
  await tabTo(page, text);
  await made.provider.script({ default: { chat: { chunks: ["하나 ", "둘"], gate: { at: [1] } } } });
  await page.keyboard.press("Enter");
  await answer(turns(page).nth(1)).getByText("하나").waitFor();
  await tabTo(page, "멈추기");
  await page.keyboard.press("Enter");
  await turns(page).nth(1).getByText("여기서 멈췄어요.").waitFor();
  assertFaultless();
  await close();
});

/** Presses Tab until the focused element has this name, once around the page at most. @param {import("playwright-core").Page} page @param {string} name */
async function tabTo(page, name) {
  for (let step = 0; step < 80; step += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement) || element === document.body) return "";
      const label =
        element instanceof HTMLTextAreaElement || element instanceof HTMLInputElement
          ? element.labels?.[0]?.textContent
          : "";
      return `${element.getAttribute("aria-label") ?? ""} ${element.innerText} ${label ?? ""}`;
    });
    if (focused.includes(name)) return;
  }
  throw new Error(`the keyboard never reaches “${name}”`);
}

test("a second question waits for the first", async () => {
  await made.provider.script({ default: { chat: { chunks: ["하나 ", "둘"], gate: { at: [1] } } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await answer(turns(page).first()).getByText("하나").waitFor();
  await field(page).fill("노을은요?");
  await field(page).press("Enter");
  await page.getByText("답이 끝나면 보낼 수 있어요.").waitFor();
  assert.equal(await field(page).inputValue(), "노을은요?");
  await made.provider.release();
  await settled(page);
  await field(page).press("Enter");
  await turns(page).nth(1).waitFor();
  await settled(page);
  assertFaultless();
  await close();
});
