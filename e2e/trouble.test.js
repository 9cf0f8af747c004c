// When things go wrong: stop, retry, a provider that is down, a server that dies, no network.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible } from "./support/browser.js";
import { answer, ask, field, note, openChat, settled, turns, until } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world({ settings: { MODEL_RETRIES: "0" } });
const { student } = made;

/** What Chromium itself writes into the console about failed requests. */
const NETWORK = /^console: (Failed to load resource|WebSocket|.*net::ERR)/;

test("an answer can be stopped, and asked for again", async () => {
  await made.provider.script({ default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await answer(turn).getByText("앞부분이에요.").waitFor();
  await page.getByRole("button", { name: "멈추기" }).click();
  await turn.getByText("여기서 멈췄어요.").waitFor();
  assert.ok((await answer(turn).innerText()).includes("앞부분이에요."), "what came stays");
  assert.equal(await turn.locator(".state.wrong").count(), 0, "to stop is no failure");
  await assertAccessible(page, "chat, stopped");
  // Stopped as well is the tutor, if it still wrote.
  await until("the model was told to stop, too", async () => (await made.provider.stats()).disconnects >= 1);

  await made.provider.release();
  await turn.getByRole("button", { name: "다시 답하기" }).click();
  await answer(turn).getByText("뒷부분이에요.").waitFor();
  await settled(page);
  assert.equal((await answer(turn).innerText()).trim(), "앞부분이에요. 뒷부분이에요.");
  assertFaultless();
  await close();
});

test("while a stopped answer is tried again, the margin says that the tutor reads the question", async () => {
  const held = { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } };
  await made.provider.script({ default: { chat: held, tutor: { gate: { at: [0] } } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await answer(turn).getByText("앞부분이에요.").waitFor();
  await page.getByRole("button", { name: "멈추기" }).click();
  await turn.getByText("튜터도 질문을 읽고 노트를 써요.").waitFor();
  await turn.getByRole("button", { name: "다시 답하기" }).click();
  await answer(turn).getByText("앞부분이에요.").waitFor();
  await turn.locator(".margin").getByText("튜터가 질문을 읽고 있어요", { exact: true }).waitFor();
  await made.provider.release();
  await note(turn).waitFor();
  await settled(page);
  assertFaultless();
  await close();
});

test("a page whose scripts are cut off is taken over once the network is back", async () => {
  await made.provider.script({ default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await answer(turn).getByText("앞부분이에요.").waitFor();
  let failures = 0;
  for (const script of ["guide", "conversation"])
    await page.route(`**/js/${script}.js`, async (route) => {
      failures += 1;
      if (failures > 3) return route.continue();
      await route.abort();
    });
  await page.reload();
  await page.getByText("연결이 끊겼어요.").waitFor();
  await made.provider.release();
  await answer(turn).getByText("뒷부분이에요.").waitFor();
  await settled(page);
  assertFaultless(NETWORK);
  await close();
});

test("while the model is down the page says what to do, and one click later it works", async () => {
  const down = { status: 500, body: "{}" };
  await made.provider.script({ default: { chat: down, tutor: down } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  const retry = turn.getByRole("button", { name: "다시 답하기" });
  await retry.waitFor();
  assert.equal(await turn.locator(".state button").count(), 1, "one thing to do");
  await turn.getByText("지금 AI 서버에 문제가 있어요.").waitFor();
  await turn.getByText("규칙으로 읽은 노트").waitFor();
  await assertAccessible(page, "chat, failed");

  await made.provider.script({ reset: true });
  await retry.click();
  await answer(turn).getByText("어느 것부터 해 보고 싶나요?").waitFor();
  await settled(page);
  assertFaultless();
  await close();
});

test("a model server that refuses connections is met like one that fails", async () => {
  const vain = await made.another({ OPENAI_BASE_URL: "http://127.0.0.1:1/v1", MODEL_RETRIES: "0" });
  const { page, assertFaultless, close } = await student({}, vain.url);
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await turn.getByRole("button", { name: "다시 답하기" }).waitFor();
  assert.ok(!(await page.content()).includes("127.0.0.1:1/"), "nothing internal is told");
  await turn.getByText("규칙으로 읽은 노트").waitFor();
  await page.reload();
  await turn.getByRole("button", { name: "다시 답하기" }).waitFor();
  assertFaultless();
  await close();
  await vain.end();
});

test("an answer that breaks off keeps its beginning and can be asked for again", async () => {
  await made.provider.script({ queue: { chat: [{ chunks: ["여기까지 왔어요. ", "그다음"], cut_after: 1 }] } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await turn.getByText("답이 오다가 끊겼어요.").waitFor();
  assert.ok((await answer(turn).innerText()).includes("여기까지 왔어요."));
  await turn.getByRole("button", { name: "다시 답하기" }).click();
  await answer(turn).getByText("어느 것부터 해 보고 싶나요?").waitFor();
  await settled(page);
  assertFaultless();
  await close();
});

test("when the server dies in the middle of an answer, the open page recovers by itself", async () => {
  await made.provider.script({ default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await answer(turn).getByText("앞부분이에요.").waitFor();

  await made.program.stop("SIGKILL");
  await made.program.startAgain();
  await turn.getByText("답이 나오다가 끊겼어요.").waitFor();
  await assertAccessible(page, "chat, interrupted");
  await made.provider.release();
  await turn.getByRole("button", { name: "다시 답하기" }).click();
  await answer(turn).getByText("뒷부분이에요.").waitFor();
  await settled(page);
  assertFaultless(NETWORK);
  await close();
});

test("when the server is told to stop, the page learns it at once", async () => {
  await made.provider.script({ default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await answer(turn).getByText("앞부분이에요.").waitFor();
  const { code } = await made.program.stop("SIGTERM");
  assert.equal(code, 0);
  await turn.getByText("답이 나오다가 끊겼어요.").waitFor();
  await made.program.startAgain();
  await made.provider.release();
  await turn.getByRole("button", { name: "다시 답하기" }).click();
  await answer(turn).getByText("뒷부분이에요.").waitFor();
  await settled(page);
  assertFaultless(NETWORK);
  await close();
});

test("without a network the page says so, keeps the text, and goes on by itself", async () => {
  const { page, context, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await field(page).focus();
  await context.setOffline(true);
  await page.getByText("연결이 끊겼어요.").waitFor();
  await field(page).fill("하늘은 왜 파래요?");
  await field(page).press("Enter");
  await assertAccessible(page, "chat, offline");
  assert.equal(await field(page).inputValue(), "하늘은 왜 파래요?");
  await context.setOffline(false);
  await page.getByText("연결이 끊겼어요.").waitFor({ state: "hidden" });
  await turns(page).first().waitFor();
  await settled(page);
  assert.equal(await turns(page).count(), 1);
  assert.equal((await made.provider.stats()).by_purpose.chat, 1, "sent once");
  assertFaultless(NETWORK);
  await close();
});

test("a network that goes in the middle of an answer loses nothing of it", async () => {
  await made.provider.script({ default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } } });
  const { page, context, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await answer(turn).getByText("앞부분이에요.").waitFor();
  await context.setOffline(true);
  await made.provider.release();
  await context.setOffline(false);
  await answer(turn).getByText("뒷부분이에요.").waitFor();
  await settled(page);
  await note(turn).waitFor();
  assertFaultless(NETWORK);
  await close();
});

test("what an operator has to mend is told as such", async () => {
  const refused = { status: 401, body: '{"error":{"message":"Incorrect API key provided"}}' };
  await made.provider.script({ default: { chat: refused, tutor: refused } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await turns(page).first().getByText("선생님께 알려 주세요.").waitFor();
  assert.ok(!(await page.content()).includes("Incorrect API key"));
  assertFaultless();
  await close();
});
