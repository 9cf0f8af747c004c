// Without scripts, or before they come: earlier conversations are listed and can be read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible, assertNoSidewaysScroll } from "./support/browser.js";
import { answer, note, turns } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world({ settings: { MODEL_RETRIES: "0" } });
const TOPIC = "과학 탐구";
const QUESTION = "하늘은 왜 파래요?";
const NOTE = {
  dims: [{ id: "clarity", evidence: "왜 파래요", why: "까닭을 물었어요.", level: 2 }],
  topic: "on",
  strengths: "까닭을 물었어요.",
  improvements: "언제 그런지도 물어봐요.",
  next_steps: "저녁 하늘도 봐요.",
  suggested_questions: ["노을은 왜 붉어요?", "비는 왜 와요?", "눈은 왜 하얘요?"],
};

/** A student whose browser runs no scripts, and what they asked through the API. @param {import("playwright-core").BrowserContextOptions} [options] */
async function scriptlessStudent(options = {}) {
  const student = await made.student({ javaScriptEnabled: false, ...options });
  const api = student.context.request;
  const headers = { origin: made.program.url };
  return {
    ...student,
    /** @param {string} topic @returns {Promise<string>} its id */
    async begin(topic) {
      const begun = await api.post("/api/v1/conversations", { data: { topic }, headers });
      return (await begun.json()).id;
    },
    /** Asks, and waits for the turn's end. @param {string} conversation @param {string} message */
    async ask(conversation, message) {
      const asked = await api.post(`/api/v1/conversations/${conversation}/turns`, { data: { message }, headers });
      assert.equal(asked.status(), 202);
      const { turn_id } = await asked.json();
      await (await api.get(`/api/v1/turns/${turn_id}/events`)).text();
    },
  };
}

/** @param {import("playwright-core").Page} page */
const items = (page) => page.getByRole("listitem").filter({ has: page.getByRole("heading", { level: 2 }) });

for (const width of [390, 768, 1440]) {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    test(`a conversation is found and read without scripts, ${width} pixels, ${colorScheme}`, async () => {
      const { page, begin, ask, assertFaultless, close } = await scriptlessStudent({
        viewport: { width, height: 900 },
        colorScheme,
      });
      const picture = (/** @type {string} */ name) =>
        page.screenshot({ path: `e2e/results/scriptless-${name}-${width}-${colorScheme}.png`, fullPage: true });
      await page.goto("/conversations.html");
      await page.getByRole("heading", { name: "아직 나눈 대화가 없어요" }).waitFor();

      await made.provider.script({
        default: {
          chat: { chunks: ["**빛**이 `흩어져요`.\n\n```js\nconst a = 1;\n```"] },
          tutor: { chunks: [JSON.stringify(NOTE)] },
        },
      });
      const id = await begin(TOPIC);
      await ask(id, QUESTION);
      const down = { status: 503, body: "{}" };
      await made.provider.script({ reset: true, default: { chat: down, tutor: down } });
      await ask(id, "<b>노을</b>은요?");

      const listed = await page.goto("/conversations.html");
      assert.equal(listed?.headers()["cache-control"], "no-store");
      assert.match(
        await items(page).innerText(),
        /과학 탐구\s+하늘은 왜 파래요\?\s+\d{4}-\d\d-\d\d \d\d:\d\d · 질문 2개/,
      );
      assert.equal(await page.getByRole("button", { name: /지우기/ }).count(), 0, "only a script deletes");
      await assertNoSidewaysScroll(page, "conversations");
      await picture("conversations");
      await page.getByRole("link", { name: /이어서 묻기/ }).click();

      await answer(turns(page).first()).locator("strong").getByText("빛").waitFor();
      const shown = await page.reload();
      assert.equal(shown?.headers()["cache-control"], "no-store");
      const [first, second] = [turns(page).first(), turns(page).last()];
      assert.equal(await first.locator(".words").innerText(), QUESTION);
      assert.equal(await first.locator(".words a").innerText(), "왜 파래요");
      for (const text of [NOTE.strengths, NOTE.improvements, NOTE.next_steps, ...NOTE.suggested_questions]) {
        assert.ok((await note(first).innerText()).includes(text), text);
      }
      assert.equal(await second.locator(".words").innerText(), "<b>노을</b>은요?");
      await second.locator(".state.wrong").waitFor();
      await assertNoSidewaysScroll(page, "chat");
      await picture("chat");
      assertFaultless();
      await close();
    });
  }
}

test("long lists and conversations are read page by page without scripts", async () => {
  const { page, begin, ask, assertFaultless, close } = await scriptlessStudent();
  const long = await begin(TOPIC);
  for (let n = 1; n <= 51; n += 1) await ask(long, `${n}번째 질문이에요`);
  for (let n = 1; n <= 20; n += 1) await ask(await begin(`주제 ${n}`), QUESTION);

  await page.goto("/conversations.html");
  assert.equal(await items(page).count(), 20);
  await page.getByRole("button", { name: "더 보기" }).click();
  await items(page).getByText(TOPIC).waitFor();
  assert.equal(await items(page).count(), 1);
  assert.equal(await page.getByRole("button", { name: "더 보기" }).count(), 0);

  await page.getByRole("link", { name: /이어서 묻기/ }).click();
  await turns(page).last().getByText("51번째 질문이에요").waitFor();
  assert.equal(await turns(page).count(), 50);
  await page.getByRole("button", { name: "앞의 대화 더 보기" }).click();
  await turns(page).getByText("1번째 질문이에요", { exact: true }).waitFor();
  assert.equal(await turns(page).count(), 1);
  assertFaultless();
  await close();
});

test("a conversation that isn't there says so without scripts", async () => {
  const { page, close } = await scriptlessStudent();
  await page.goto("/chat.html?c=0190a000-0000-7000-8000-000000000000");
  await page.getByText("이 대화를 찾을 수 없어요.").waitFor();
  await page.getByRole("link", { name: "새 대화 시작하기" }).waitFor();
  await close();
});

test("scripts take over the turns that are there without rendering them again", async () => {
  const { context, begin, ask, close } = await scriptlessStudent({ javaScriptEnabled: true });
  const id = await begin(TOPIC);
  await ask(id, QUESTION);
  const page = await context.newPage();
  /** @type {string[]} */
  const calls = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/")) calls.push(request.url());
  });
  /** @type {(value?: unknown) => void} */
  let scriptsCome = () => {};
  const coming = new Promise((resolve) => {
    scriptsCome = resolve;
  });
  await page.route("**/js/*.js", async (route) => {
    await coming;
    await route.continue();
  });
  await page.goto(`/chat.html?c=${id}`, { waitUntil: "commit" });
  await answer(turns(page)).getByText("어느 것부터").waitFor();
  const element = await turns(page).elementHandle();
  assert.ok(element);
  scriptsCome();
  await page.waitForFunction(() => !document.querySelector("[popovertarget=soon]"));
  await page.waitForLoadState("networkidle");
  assert.ok(await element.evaluate((turn) => turn.isConnected), "the same element");
  assert.equal(await turns(page).count(), 1);
  assert.deepEqual(calls, [], "nothing is fetched again");
  await assertAccessible(page, "chat, taken over");
  await close();
});
