// One conversation in several tabs: each shows all of it, in order and once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, ask, field, note, openChat, settled, turns, until } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world({ settings: { MODEL_RETRIES: "0" } });

/** What Chromium itself writes into the console about refused and failed requests. */
const REFUSED = /^console: (Failed to load resource|.*net::ERR)/;

/** @typedef {import("playwright-core").Page} Page */

/** @param {Page} page */
const questions = (page) => turns(page).locator(".words").allInnerTexts();

/** As a browser tells a page that it's looked at again. @param {Page} page @param {"visibilitychange" | "focus" | "pageshow"} [name] */
const lookAt = (page, name = "visibilitychange") =>
  page.evaluate((event) => {
    if (event === "visibilitychange") document.dispatchEvent(new Event(event));
    else if (event === "focus") dispatchEvent(new Event(event));
    else dispatchEvent(new PageTransitionEvent(event, { persisted: true }));
  }, name);

/** A student with one conversation in two tabs, of which neither hears the other. */
async function twoTabs() {
  const student = await made.student();
  // The tabs of a browser tell each other; those of a browser that doesn't learn it when they're looked at.
  await student.context.addInitScript(() => {
    BroadcastChannel.prototype.postMessage = () => {};
  });
  await student.page.close();
  const first = await student.context.newPage();
  await openChat(first, "과학 탐구");
  await ask(first, "하늘은 왜 파래요?");
  await settled(first);
  const second = await student.context.newPage();
  await second.goto(first.url());
  await answer(turns(second).first()).getByText("어느 것부터").waitFor();
  return { ...student, first, second };
}

for (const event of /** @type {const} */ (["visibilitychange", "focus", "pageshow"])) {
  test(`a tab catches up when it's looked at again (${event})`, async () => {
    const { first, second, assertFaultless, close } = await twoTabs();
    for (const question of ["노을은 왜 붉어요?", "구름은 왜 하얘요?"]) {
      await ask(first, question);
      await settled(first);
    }
    await lookAt(second, event);
    await turns(second).nth(2).waitFor();
    assert.deepEqual(await questions(second), ["하늘은 왜 파래요?", "노을은 왜 붉어요?", "구름은 왜 하얘요?"]);
    await note(turns(second).nth(2)).waitFor();
    await lookAt(second, event);
    await ask(second, "비는 왜 와요?");
    await settled(second);
    await lookAt(first, event);
    await turns(first).nth(3).waitFor();
    assert.deepEqual(await questions(first), await questions(second));
    assertFaultless();
    await close();
  });
}

test("a question asked in a tab that is behind brings in what is missing, in order", async () => {
  const { first, second, assertFaultless, close } = await twoTabs();
  await ask(first, "노을은 왜 붉어요?");
  await settled(first);
  await field(second).fill("구름은 왜 하얘요?");
  await field(second).press("Enter");
  await turns(second).nth(2).waitFor();
  await settled(second);
  assert.deepEqual(await questions(second), ["하늘은 왜 파래요?", "노을은 왜 붉어요?", "구름은 왜 하얘요?"]);
  assertFaultless();
  await close();
});

test("a tab that is more than one page of turns behind misses none of them", async () => {
  const { first, second, assertFaultless, close } = await twoTabs();
  const asked = ["하늘은 왜 파래요?"];
  for (let n = 2; n <= 6; n += 1) {
    asked.push(`${n}째 질문은 왜 그런가요?`);
    await ask(first, asked[n - 1]);
    await settled(first);
  }
  // As if a page had two turns, not fifty.
  await second.route(/\/api\/v1\/conversations\/[^/]+(\?before=\d+)?$/, (route) => {
    const address = new URL(route.request().url());
    address.searchParams.set("limit", "2");
    return route.continue({ url: address.href });
  });
  await lookAt(second);
  await turns(second).nth(5).waitFor();
  assert.deepEqual(await questions(second), asked);
  assertFaultless();
  await close();
});

test("an answer that comes in another tab is followed here, and can be stopped here", async () => {
  const { first, second, assertFaultless, close } = await twoTabs();
  await made.provider.script({
    default: { chat: { chunks: ["앞부분이에요. ", "중간이에요. ", "뒷부분이에요."], gate: { at: [1, 2] } } },
  });
  await ask(first, "노을은 왜 붉어요?");
  await answer(turns(first).nth(1)).getByText("앞부분이에요.").waitFor();
  await lookAt(second);
  await answer(turns(second).nth(1)).getByText("앞부분이에요.").waitFor();
  await lookAt(second, "focus");
  await made.provider.release({ purpose: "chat", count: 1 });
  await answer(turns(second).nth(1)).getByText("중간이에요.").waitFor();
  await second.getByRole("button", { name: "멈추기" }).click();
  await turns(second).nth(1).getByText("여기서 멈췄어요.").waitFor();
  await turns(first).nth(1).getByText("여기서 멈췄어요.").waitFor();
  await made.provider.release();

  // Tried again over there, it's followed here once more.
  await made.provider.script({ reset: true, default: { chat: { chunks: ["다시 왔어요."] } } });
  await turns(first).nth(1).getByRole("button", { name: "다시 답하기" }).click();
  await answer(turns(first).nth(1)).getByText("다시 왔어요.").waitFor();
  await settled(first);
  await lookAt(second);
  await answer(turns(second).nth(1)).getByText("다시 왔어요.").waitFor();
  await settled(second);
  assert.equal(await turns(second).nth(1).locator(".state.wrong, .state button").count(), 0);
  assert.equal(await turns(second).count(), 2);
  assertFaultless();
  await close();
});

test("a question that another tab's answer keeps waiting shows that answer", async () => {
  const { first, second, assertFaultless, close } = await twoTabs();
  await made.provider.script({ default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } } });
  await ask(first, "노을은 왜 붉어요?");
  await answer(turns(first).nth(1)).getByText("앞부분이에요.").waitFor();
  await field(second).fill("구름은 왜 하얘요?");
  await field(second).press("Enter");
  await answer(turns(second).nth(1)).getByText("앞부분이에요.").waitFor();
  assert.equal(await field(second).inputValue(), "구름은 왜 하얘요?", "nothing of it is lost");
  await made.provider.release();
  await settled(second);
  await field(second).press("Enter");
  await turns(second).nth(2).waitFor();
  await settled(second);
  assert.deepEqual(await questions(second), ["하늘은 왜 파래요?", "노을은 왜 붉어요?", "구름은 왜 하얘요?"]);
  assertFaultless(REFUSED);
  await close();
});

test("two windows side by side show the same without being touched", async () => {
  const { page, context, assertFaultless, close } = await made.student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  const beside = await context.newPage();
  await beside.goto(page.url());
  await turns(beside).first().waitFor();
  await ask(page, "노을은 왜 붉어요?");
  await note(turns(beside).nth(1)).waitFor();
  await settled(beside);
  assert.deepEqual(await questions(beside), await questions(page));
  assertFaultless();
  await close();
});

test("a conversation that is deleted in another tab is said to be gone, once", async () => {
  const { first, second, context, assertFaultless, close } = await twoTabs();
  const id = new URL(first.url()).searchParams.get("c");
  await context.request.delete(`/api/v1/conversations/${id}`, { headers: { origin: new URL(first.url()).origin } });
  const gone = second.getByText("이 대화를 찾을 수 없어요.");
  await lookAt(second);
  await gone.waitFor();
  // The answer to the second look says the same again.
  const answered = second.waitForResponse((response) => response.url().endsWith(`/conversations/${id}`));
  await lookAt(second, "focus");
  await (await answered).finished();
  await second.waitForLoadState("networkidle");
  assert.equal(await gone.count(), 1);

  // So do questions, each of which is refused.
  await field(second).fill("노을은 왜 붉어요?");
  for (let press = 0; press < 3; press += 1) {
    const refused = second.waitForResponse((response) => response.request().method() === "POST");
    await field(second).press("Enter");
    await (await refused).finished();
    await second.locator("#send:enabled").waitFor();
  }
  await second.waitForLoadState("networkidle");
  assert.equal(await gone.count(), 1);
  assertFaultless(REFUSED);
  await close();
});

test("a question that can't be asked in a deleted conversation begins the next one", async () => {
  const { first, second, context, assertFaultless, close } = await twoTabs();
  const id = new URL(first.url()).searchParams.get("c");
  await context.request.delete(`/api/v1/conversations/${id}`, { headers: { origin: new URL(first.url()).origin } });
  await field(second).fill("노을은 왜 붉어요?");
  await field(second).press("Enter");
  await second.getByRole("button", { name: "새 대화 시작하기" }).click();
  await second.waitForURL((address) => !address.searchParams.has("c"));
  await until("the text is back", async () => (await field(second).inputValue()) === "노을은 왜 붉어요?");
  await field(second).press("Enter");
  await turns(second).first().waitFor();
  await settled(second);
  assert.deepEqual(await questions(second), ["노을은 왜 붉어요?"]);
  assertFaultless(REFUSED);
  await close();
});

test("an answer that is tried again elsewhere and stopped again is shown as it is now", async () => {
  const { first, second, assertFaultless, close } = await twoTabs();
  const stopAt = async (/** @type {string} */ text) => {
    await answer(turns(first).nth(1)).getByText(text).waitFor();
    await first.getByRole("button", { name: "멈추기" }).click();
    await turns(first).nth(1).getByText("여기서 멈췄어요.").waitFor();
    await settled(first);
    await made.provider.release();
  };
  await made.provider.script({ default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } } });
  await ask(first, "노을은 왜 붉어요?");
  await stopAt("앞부분이에요.");
  await lookAt(second);
  await answer(turns(second).nth(1)).getByText("앞부분이에요.").waitFor();

  await made.provider.script({
    reset: true,
    default: { chat: { chunks: ["둘째 답이에요. ", "뒷부분이에요."], gate: { at: [1] } } },
  });
  await turns(first).nth(1).getByRole("button", { name: "다시 답하기" }).click();
  await stopAt("둘째 답이에요.");
  await lookAt(second);
  await answer(turns(second).nth(1)).getByText("둘째 답이에요.").waitFor();
  assert.equal(await answer(turns(second).nth(1)).getByText("앞부분이에요.").count(), 0);
  await settled(second);
  assertFaultless();
  await close();
});

for (const [what, script] of /** @type {const} */ ([
  [
    "refuses",
    "window.BroadcastChannel = class { constructor() { throw new DOMException('denied', 'SecurityError'); } };",
  ],
  ["doesn't know", "delete window.BroadcastChannel;"],
])) {
  test(`a browser that ${what} messages between its tabs shows conversations all the same`, async () => {
    const { page, context, assertFaultless, close } = await made.student();
    await context.addInitScript(script);
    await openChat(page, "과학 탐구");
    await ask(page, "하늘은 왜 파래요?");
    await settled(page);
    await page.reload();
    await answer(turns(page).first()).getByText("어느 것부터").waitFor();
    assertFaultless();
    await close();
  });
}

test("of three tabs the one that was offline catches up by itself once it is online again", async () => {
  const { first, second, context, assertFaultless, close } = await twoTabs();
  const third = await context.newPage();
  await third.goto(first.url());
  await answer(turns(third).first()).getByText("어느 것부터").waitFor();
  const gone = /\/(api|health)/;
  await third.route(gone, (route) => route.abort("internetdisconnected"));
  // The server's page shows the answer before the scripts listen.
  await until("the page notices", async () => {
    await lookAt(third);
    return third.getByText("연결이 끊겼어요.").isVisible();
  });
  await ask(first, "노을은 왜 붉어요?");
  await settled(first);
  await lookAt(second);
  await turns(second).nth(1).waitFor();
  assert.equal(await turns(third).count(), 1);
  await third.unroute(gone);
  await note(turns(third).nth(1)).waitFor();
  assert.deepEqual(await questions(third), await questions(first));
  assert.deepEqual(await questions(second), await questions(first));
  assertFaultless(REFUSED);
  await close();
});
