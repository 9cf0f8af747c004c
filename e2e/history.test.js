// Earlier conversations: going on with them, taking them along, deleting them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { answer, ask, openChat, settled, turns } from "./support/classroom.js";
import { assertAccessible } from "./support/browser.js";
import { world } from "./support/world.js";

const made = world();
const { student } = made;

test("a conversation is found again, goes on, is exported and deleted", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto("/conversations.html");
  await page.getByRole("heading", { name: "아직 나눈 대화가 없어요" }).waitFor();
  await assertAccessible(page, "conversations, none");

  for (const topic of ["과학 탐구", "우리 동네 길고양이"]) {
    await openChat(page, topic);
    await ask(page, `${topic}에서 무엇부터 볼까요?`);
    await settled(page);
  }
  await page.getByRole("link", { name: "지난 대화" }).click();
  const items = page.getByRole("listitem").filter({ has: page.getByRole("heading", { level: 2 }) });
  await items.nth(1).waitFor();
  assert.match(await items.first().innerText(), /우리 동네 길고양이/, "the newest stands first");
  await assertAccessible(page, "conversations, two");

  const downloading = page.waitForEvent("download");
  await items
    .nth(1)
    .getByRole("link", { name: /파일로 받기/ })
    .click();
  const download = await downloading;
  const text = await readFile(await download.path(), "utf8");
  assert.match(download.suggestedFilename(), /\.md$/);
  for (const part of ["# 과학 탐구", "> 과학 탐구에서 무엇부터 볼까요?", "어느 것부터 해 보고 싶나요?", "잘한 점"]) {
    assert.ok(text.includes(part), `${part} in:\n${text}`);
  }

  await items
    .nth(1)
    .getByRole("link", { name: /이어서 묻기/ })
    .click();
  await answer(turns(page).first()).getByText("어느 것부터").waitFor();
  await ask(page, "그럼 두 번째는요?");
  await settled(page);
  assert.equal(await turns(page).count(), 2);

  await page.goto("/conversations.html");
  await items.nth(1).waitFor();
  assert.match(await items.first().innerText(), /과학 탐구/, "going on moves it to the top");
  await items
    .first()
    .getByRole("button", { name: /지우기/ })
    .click();
  const dialog = page.getByRole("dialog", { name: "이 대화를 지울까요?" });
  await assertAccessible(page, "conversations, about to delete");
  await dialog.getByRole("button", { name: "그대로 두기" }).click();
  assert.equal(await items.count(), 2);
  await items
    .first()
    .getByRole("button", { name: /지우기/ })
    .click();
  await dialog.getByRole("button", { name: "지우기", exact: true }).click();
  await page.getByText("지웠어요.").waitFor();
  assert.equal(await items.count(), 1);
  await page.reload();
  await items.first().waitFor();
  assert.equal(await items.count(), 1);
  assertFaultless();
  await close();
});

test("a conversation that another tab deleted can be deleted from the list, too", async () => {
  const { page, context, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  await page.goto("/conversations.html");
  const other = await context.newPage();
  await other.goto("/conversations.html");
  for (const tab of [other, page]) {
    await tab.getByRole("button", { name: /지우기/ }).click();
    await tab.getByRole("dialog").getByRole("button", { name: "지우기", exact: true }).click();
    await tab.getByText("지웠어요.").waitFor();
    assert.equal(await tab.locator("#list > li").count(), 0);
  }
  await close();
});

test("nobody sees another student's conversation", async () => {
  const mine = await student();
  await openChat(mine.page, "과학 탐구");
  await ask(mine.page, "하늘은 왜 파래요?");
  await settled(mine.page);
  const address = mine.page.url();

  const other = await student();
  await other.page.goto(address);
  await other.page.getByText("이 대화를 찾을 수 없어요.").waitFor();
  assert.equal(await turns(other.page).count(), 0);
  await assertAccessible(other.page, "chat, not mine");
  other.assertFaultless(/status of 404/);
  await mine.close();
  await other.close();
});

test("a tab that was closed in the middle of an answer has missed nothing", async () => {
  await made.provider.script({ default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } } });
  const { page, context, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await answer(turns(page).first()).getByText("앞부분이에요.").waitFor();
  await page.close();
  await made.provider.release();

  const again = await context.newPage();
  await again.goto("/conversations.html");
  await again.getByRole("link", { name: /이어서 묻기/ }).click();
  await answer(turns(again).first()).getByText("뒷부분이에요.").waitFor();
  await settled(again);
  assert.equal((await made.provider.stats()).by_purpose.chat, 1);
  assertFaultless();
  await close();
});

test("a long conversation opens with its newest questions, and earlier ones are read on demand", async () => {
  const { page, assertFaultless, close } = await student();
  await page.goto("/help.html");
  const id = await page.evaluate(async () => {
    /** @param {string} path @param {object} body */
    const post = async (path, body) =>
      (
        await fetch(`/api/v1/${path}`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(body),
        })
      ).json();
    const conversation = await post("conversations", { topic: "과학 탐구" });
    for (let n = 1; n <= 60; n += 1) {
      const { turn_id } = await post(`conversations/${conversation.id}/turns`, { message: `${n}번째 질문이에요` });
      await (await fetch(`/api/v1/turns/${turn_id}/events`)).text();
    }
    return conversation.id;
  });
  await page.goto(`/chat.html?${new URLSearchParams({ topic: "과학 탐구", c: id })}`);
  await turns(page).filter({ hasText: "60번째 질문이에요" }).waitFor();
  assert.equal(await turns(page).count(), 50);
  await ask(page, "하나 더 물어요");
  await settled(page);

  const earlier = page.getByRole("button", { name: "앞의 대화 더 보기" });
  await earlier.scrollIntoViewIfNeeded();
  await assertAccessible(page, "chat, earlier questions");
  const first = turns(page).first();
  assert.match(await first.innerText(), /11번째 질문이에요/);
  const before = await first.boundingBox();
  await earlier.focus();
  await page.keyboard.press("Enter");
  await turns(page).nth(60).waitFor();
  const after = await turns(page).nth(10).boundingBox();
  assert.ok(before && after && Math.abs(before.y - after.y) < 3, `the page moved from ${before?.y} to ${after?.y}`);
  await earlier.waitFor({ state: "detached" });
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /1번째 질문이에요/);
  const words = await turns(page).locator(".words").allInnerTexts();
  assert.deepEqual(words, [...Array.from({ length: 60 }, (_, n) => `${n + 1}번째 질문이에요`), "하나 더 물어요"]);
  assertFaultless();
  await close();
});
