// What impatient people do to a page: press twice, go back, scroll away, keep two tabs open.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible } from "./support/browser.js";
import { answer, ask, field, openChat, settled, turns } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world();
const { student } = made;

test("pressing Enter again and again sends one question", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await field(page).fill("하늘은 왜 파래요?");
  for (let press = 0; press < 5; press += 1) await page.keyboard.press("Enter");
  await turns(page).first().waitFor();
  await settled(page);
  assert.equal(await turns(page).count(), 1);
  assert.equal((await made.provider.stats()).by_purpose.chat, 1);
  assertFaultless();
  await close();
});

test("a double click on a suggested question sends it once", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  const starters = page.getByRole("region", { name: "튜터의 안내" }).getByRole("list").last();
  await starters.getByRole("button").first().dblclick();
  await turns(page).first().waitFor();
  await settled(page);
  assert.equal(await turns(page).count(), 1);
  assert.equal((await made.provider.stats()).by_purpose.chat, 1);
  assertFaultless();
  await close();
});

test("after sending, the field is empty and ready for the next question", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await page.waitForFunction(
    () => document.activeElement instanceof HTMLTextAreaElement && document.activeElement.value === "",
  );
  await settled(page);
  await page.keyboard.type("그럼 노을은요?");
  assert.equal(await field(page).inputValue(), "그럼 노을은요?");
  assertFaultless();
  await close();
});

test("on a touch screen no keyboard covers the answer after sending", async () => {
  const { page, assertFaultless, close } = await student({
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  await openChat(page, "과학 탐구");
  await field(page).fill("하늘은 왜 파래요?");
  await page.getByRole("button", { name: "보내기", exact: true }).tap();
  await turns(page).first().waitFor();
  await page.waitForFunction(() => document.activeElement?.matches("article"));
  assert.equal(
    await turns(page)
      .first()
      .evaluate((turn) => getComputedStyle(turn).outlineStyle),
    "none",
    "and nothing frames it",
  );
  await settled(page);
  assertFaultless();
  await close();
});

test("leaving for the topics and going back brings the conversation back", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  await page.getByRole("link", { name: "주제 고르기" }).click();
  await page.getByRole("heading", { level: 1, name: "오늘은 무엇이 궁금한가요?" }).waitFor();
  await page.goBack();
  await answer(turns(page).first()).getByText("어느 것부터 해 보고 싶나요?").waitFor();
  assert.equal(await turns(page).count(), 1);
  assertFaultless();
  await close();
});

test("who scrolls up while the answer comes is left in peace, and one click leads back down", async () => {
  const lines = Array.from({ length: 40 }, (_, line) => `${line + 1}째 줄이에요.\n\n`);
  await made.provider.script({ default: { chat: { chunks: [...lines, "끝이에요."], gate: { at: [40] } } } });
  const { page, assertFaultless, close } = await student({ viewport: { width: 1000, height: 600 } });
  await openChat(page, "과학 탐구");
  await ask(page, "마흔 줄로 설명해 주세요.");
  await answer(turns(page).first()).getByText("40째 줄이에요.").waitFor();
  await page.mouse.move(300, 300);
  await page.mouse.wheel(0, -900);
  const down = page.getByRole("button", { name: "아래로" });
  await down.waitFor();
  const before = await page.evaluate(() => scrollY);
  await made.provider.release();
  await settled(page);
  assert.equal(await page.evaluate(() => scrollY), before, "the page stayed where the student put it");
  await down.click();
  await page.waitForFunction(() => innerHeight + scrollY >= document.documentElement.scrollHeight - 2);
  assertFaultless();
  await close();
});

test("a conversation deleted in another tab says so, and a new one starts with one click", async () => {
  const { page, context, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  const id = new URL(page.url()).searchParams.get("c");
  const deleted = await context.request.delete(`/api/v1/conversations/${id}`, {
    headers: { origin: new URL(page.url()).origin },
  });
  assert.equal(deleted.status(), 204);

  await field(page).fill("그럼 노을은요?");
  await page.keyboard.press("Enter");
  await page.getByText("이 대화를 찾을 수 없어요.", { exact: false }).last().waitFor();
  await assertAccessible(page, "chat, deleted elsewhere");
  await page.getByRole("button", { name: "새 대화 시작하기" }).click();
  await page.waitForURL((url) => !url.searchParams.has("c"));
  await ask(page, "그럼 노을은요?");
  await settled(page);
  assertFaultless(/status of 404/);
  await close();
});

test("what a student or a tutor writes is shown as text, whatever it is", async () => {
  const trap = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>";
  const note = {
    dims: [{ id: "clarity", evidence: "<img", why: trap, level: 2 }],
    topic: "on",
    strengths: trap,
    improvements: trap,
    next_steps: trap,
    suggested_questions: [`${trap} 무엇인가요?`, "비는 왜 와요?", "눈은 왜 하얘요?"],
  };
  const guide = {
    guide_title: trap,
    guide_content: trap,
    starter_questions: [`${trap} 무엇인가요?`, "둘은요?", "셋은요?"],
  };
  await made.provider.script({
    default: { tutor: { chunks: [JSON.stringify(note)] }, guide: { chunks: [JSON.stringify(guide)] } },
  });
  const { page, assertFaultless, close } = await student();
  await openChat(page, trap);
  await page.getByRole("heading", { level: 1 }).getByText("<img src=x", { exact: false }).waitFor();
  await ask(page, `${trap} 하늘은 왜 파래요?`);
  await settled(page);
  await page.goto("/conversations.html");
  await page.getByRole("heading", { level: 2 }).getByText("<img src=x", { exact: false }).waitFor();
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
  assertFaultless();
  await close();
});

/** A student whose list of conversations has two pages, and the list's items. */
async function twoPages() {
  const one = await student();
  const { page, context } = one;
  await page.goto("/conversations.html");
  const origin = new URL(page.url()).origin;
  for (let n = 1; n <= 21; n += 1) {
    const created = await context.request.post("/api/v1/conversations", {
      data: { topic: `주제 ${n}` },
      headers: { origin },
    });
    const { id } = await created.json();
    const asked = await context.request.post(`/api/v1/conversations/${id}/turns`, {
      data: { message: `${n}번은 왜 그런가요?` },
      headers: { origin, "Idempotency-Key": `list-${n}` },
    });
    assert.equal(asked.status(), 202);
  }
  await page.reload();
  await page.waitForLoadState("networkidle");
  const items = page.getByRole("listitem").filter({ has: page.getByRole("heading", { level: 2 }) });
  assert.equal(await items.count(), 20);
  return { ...one, items, more: page.getByRole("button", { name: "더 보기" }) };
}

test("more than one page of earlier conversations is listed bit by bit, also after a double click", async () => {
  const { page, items, more, assertFaultless, close } = await twoPages();
  await more.dblclick();
  await items.nth(20).waitFor();
  assert.match(await items.nth(20).innerText(), /주제 1\n/);
  await page.waitForLoadState("networkidle");
  assert.equal(await items.count(), 21);
  await assertAccessible(page, "conversations, twenty-one");
  assertFaultless();
  await close();
});

test("a page of conversations that is asked for again and again while offline comes once", async () => {
  const { page, context, items, more, assertFaultless, close } = await twoPages();
  await context.setOffline(true);
  for (let press = 0; press < 3; press += 1) await more.click();
  await page.getByText("지난 대화를 불러오지 못했어요.").waitFor();
  await context.setOffline(false);
  await items.nth(20).waitFor();
  await page.waitForLoadState("networkidle");
  assert.equal(await items.count(), 21);
  assertFaultless(/net::ERR|Failed to load resource/);
  await close();
});

test("one question too many in a minute is kept, with a word about waiting", async () => {
  // The student's limit is switched on only here: other journeys ask quickly.
  const hasty = await made.another({ RATE_LIMIT: "on", RATE_LIMIT_LEARNER_PER_MINUTE: "1" });
  const { page, assertFaultless, close } = await made.student({}, hasty.url);
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  await field(page).fill("그럼 노을은요?");
  await page.keyboard.press("Enter");
  await page
    .getByRole("status")
    .getByText(/뒤에|잠시|초/)
    .waitFor();
  assert.equal(await field(page).inputValue(), "그럼 노을은요?");
  assert.equal(await turns(page).count(), 1);
  await assertAccessible(page, "chat, too fast");
  assertFaultless(/status of 429/);
  await close();
  await hasty.end();
});
