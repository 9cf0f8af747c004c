// On a slow network the page stands there before its scripts do: what a student does meanwhile isn't lost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible } from "./support/browser.js";
import { ask, field, openChat, settled, turns, until } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world();

const QUESTION = "하늘은 왜 파래요?";
const SOON = "준비되면 바로 보낼게요.";

/** @typedef {import("playwright-core").Page} Page */

/** A student whose page's scripts are on the way until the test lets them come. @param {import("playwright-core").BrowserContextOptions} [options] @param {string} [which] */
async function slowStudent(options, which = "**/js/*.js") {
  const student = await made.student(options);
  const { page } = student;
  /** @type {(() => void)[]} */
  const held = [];
  let holds = true;
  await page.route(which, async (route) => {
    if (holds) await new Promise((resolve) => held.push(() => resolve(null)));
    // The page may have been left meanwhile.
    await route.continue().catch(() => {});
  });
  return {
    ...student,
    /** @param {string} address */
    open: (address) => page.goto(address, { waitUntil: "commit" }),
    hold: () => {
      holds = true;
    },
    scriptsCome() {
      holds = false;
      for (const go of held.splice(0)) go();
    },
  };
}

const CHAT = `/chat.html?${new URLSearchParams({ topic: "과학 탐구" })}`;

/** The line that a button opens before the scripts are there. @param {Page} page */
const soon = (page) => page.locator(".soon:popover-open").getByText(SOON);

/** @param {Page} page */
const questions = (page) => turns(page).locator(".words").allInnerTexts();

for (const [device, options] of Object.entries({
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  desk: {},
})) {
  test(`on a ${device} Enter before the scripts sends the question once they are there`, async () => {
    const { page, open, scriptsCome, assertFaultless, close } = await slowStudent(options);
    await open(CHAT);
    await field(page).fill(QUESTION);
    for (let press = 0; press < 3; press += 1) await field(page).press("Enter");
    scriptsCome();
    await turns(page).first().waitFor();
    await settled(page);
    assert.deepEqual(await questions(page), [QUESTION]);
    assert.equal(await field(page).inputValue(), "");
    assert.equal((await made.provider.stats()).by_purpose.chat, 1);
    assertFaultless();
    await close();
  });

  test(`on a ${device} the send button says that it takes a moment, and sends once the scripts are there`, async () => {
    const { page, open, scriptsCome, assertFaultless, close } = await slowStudent(options);
    await open(CHAT);
    await field(page).fill(QUESTION);
    const send = page.getByRole("button", { name: "보내기", exact: true });
    await send.click();
    await soon(page).waitFor();
    await send.click();
    await soon(page).waitFor();
    await assertAccessible(page, `chat, no scripts yet, ${device}`);
    await page.screenshot({ path: `e2e/results/early-${device}.png` });
    scriptsCome();
    await turns(page).first().waitFor();
    await settled(page);
    await soon(page).waitFor({ state: "hidden" });
    assert.deepEqual(await questions(page), [QUESTION]);
    assert.equal((await made.provider.stats()).by_purpose.chat, 1);
    assertFaultless();
    await close();
  });
}

test("a suggested question that is pressed before the scripts is sent by them", async () => {
  const { page, open, scriptsCome, assertFaultless, close } = await slowStudent();
  await open(CHAT);
  const starter = page.locator("#starters button").nth(1);
  const text = (await starter.innerText()).trim();
  await starter.click();
  await soon(page).waitFor();
  scriptsCome();
  await turns(page).first().waitFor();
  await settled(page);
  assert.deepEqual(await questions(page), [text]);
  assertFaultless();
  await close();
});

test("who pressed a suggestion before the scripts and then writes something else sends nothing unfinished", async () => {
  const { page, open, scriptsCome, assertFaultless, close } = await slowStudent();
  await open(CHAT);
  await page.locator("#starters button").first().click();
  await soon(page).waitFor();
  await field(page).fill("아직 쓰고 있는 질");
  scriptsCome();
  await soon(page).waitFor({ state: "hidden" });
  await page.waitForLoadState("networkidle");
  assert.equal(await field(page).inputValue(), "아직 쓰고 있는 질");
  assert.equal(await turns(page).count(), 0);
  assertFaultless();
  await close();
});

test("where a pressed button gets no focus, a suggestion before the scripts sends nothing else", async () => {
  const { page, open, hold, scriptsCome, assertFaultless, close } = await slowStudent();
  scriptsCome();
  await openChat(page, "과학 탐구");
  await page.waitForFunction(() => document.querySelector("#send[type=submit]"));
  await field(page).fill("아직 다 쓰지 못한 글");
  hold();
  await open(CHAT);
  const starter = page.locator("#starters button").nth(1);
  const text = (await starter.innerText()).trim();
  // As in Safari.
  await starter.evaluate((button) => button.addEventListener("mousedown", (event) => event.preventDefault()));
  await starter.click();
  await soon(page).getByText("한 번 더 눌러 주세요").waitFor();
  scriptsCome();
  await soon(page).waitFor({ state: "hidden" });
  await page.waitForLoadState("networkidle");
  assert.equal(await turns(page).count(), 0);
  await starter.click();
  await turns(page).first().waitFor();
  await settled(page);
  assert.deepEqual(await questions(page), [text]);
  assert.equal(await field(page).inputValue(), "아직 다 쓰지 못한 글");
  assertFaultless();
  await close();
});

for (const [what, act] of /** @type {[string, (page: Page) => Promise<void>][]} */ ([
  ["a letter", (page) => field(page).pressSequentially("a")],
  ["a line and Enter", (page) => field(page).pressSequentially("a\n")],
  [
    "a letter and the send button",
    async (page) => {
      await field(page).pressSequentially("a");
      await page.locator("#send").click();
    },
  ],
  ["the send button alone", (page) => page.locator("#send").click()],
])) {
  test(`before the scripts, ${what} neither replaces a draft that isn't shown yet nor sends it`, async () => {
    const { page, open, hold, scriptsCome, assertFaultless, close } = await slowStudent();
    scriptsCome();
    await openChat(page, "과학 탐구");
    await page.waitForFunction(() => document.querySelector("#send[type=submit]"));
    await field(page).fill("긴 글을 오래 썼어요.");
    hold();
    await open(CHAT);
    await field(page).waitFor();
    await act(page);
    scriptsCome();
    await page.waitForFunction(() => document.querySelector("#send[type=submit]"));
    await page.waitForLoadState("networkidle");
    assert.equal(await turns(page).count(), 0);
    const text = (await field(page).inputValue()).trimEnd();
    assert.equal(text, what.startsWith("a ") ? "긴 글을 오래 썼어요.\na" : "긴 글을 오래 썼어요.");
    assertFaultless();
    await close();
  });
}

test("text that the back button brings back can be sent", async () => {
  const { page, open, hold, scriptsCome, assertFaultless, close } = await slowStudent();
  await open(CHAT);
  await field(page).fill(QUESTION);
  await page.goto("/help.html", { waitUntil: "commit" });
  scriptsCome();
  // A page that is still being exchanged for another has no history to go back in.
  await page.waitForLoadState();
  hold();
  await page.goBack({ waitUntil: "commit" });
  await field(page).waitFor();
  scriptsCome();
  await until("the text is back", async () => (await field(page).inputValue()) === QUESTION);
  await page.getByRole("button", { name: "보내기", exact: true }).click();
  await turns(page).first().waitFor();
  await settled(page);
  assert.deepEqual(await questions(page), [QUESTION]);
  assertFaultless();
  await close();
});

test("text that is typed before the scripts stays, and only an Enter at its end sends it", async () => {
  const { page, open, hold, scriptsCome, assertFaultless, close } = await slowStudent();
  for (const text of ["아직 쓰고 있는 질", "첫째 줄\n둘째 줄을 쓰고 있"]) {
    hold();
    await open(CHAT);
    await field(page).fill(text);
    scriptsCome();
    await page.waitForFunction(() => document.querySelector("#send[type=submit]"));
    await page.waitForLoadState("networkidle");
    assert.equal(await field(page).inputValue(), text);
    assert.equal(await turns(page).count(), 0);
    await field(page).fill("");
  }
  // A line that was broken on purpose, and a reload.
  await field(page).fill("첫째 줄");
  await field(page).press("Shift+Enter");
  await page.reload();
  await page.waitForLoadState("networkidle");
  assert.equal(await field(page).inputValue(), "첫째 줄\n");
  assert.equal(await turns(page).count(), 0);
  assertFaultless();
  await close();
});

test("in a conversation that is carried on, an early Enter asks the next question", async () => {
  const { page, open, hold, scriptsCome, assertFaultless, close } = await slowStudent();
  scriptsCome();
  await openChat(page, "과학 탐구");
  await ask(page, QUESTION);
  await settled(page);
  hold();
  await open(page.url());
  await field(page).fill("노을은 왜 붉어요?");
  await field(page).press("Enter");
  scriptsCome();
  await turns(page).nth(1).waitFor();
  await settled(page);
  assert.deepEqual(await questions(page), [QUESTION, "노을은 왜 붉어요?"]);
  assertFaultless();
  await close();
});

test("the scripts that only asking needs may come later still", async () => {
  const { page, open, scriptsCome, assertFaultless, close } = await slowStudent(
    {},
    "**/js/{asking,conversation,events}.js",
  );
  await open(CHAT);
  await page.waitForFunction(() => document.querySelector("#send[type=submit]"));
  await field(page).fill(QUESTION);
  await field(page).press("Enter");
  await field(page).press("Enter");
  scriptsCome();
  await turns(page).first().waitFor();
  await settled(page);
  assert.deepEqual(await questions(page), [QUESTION]);
  assert.equal((await made.provider.stats()).by_purpose.chat, 1);
  assertFaultless();
  await close();
});

test("a topic is chosen before the scripts by its card and by Enter, and one that is too long stays", async () => {
  const { page, open, assertFaultless, close } = await slowStudent();
  await open("/topic-selection.html");
  const own = page.getByRole("textbox", { name: "내가 정한 주제" });
  await own.fill("가".repeat(101));
  await own.press("Enter");
  assert.equal(new URL(page.url()).pathname, "/topic-selection.html");
  assert.equal((await own.inputValue()).length, 101, "nothing of it is lost");
  await own.fill("우리 동네 길고양이");
  await own.press("Enter");
  await page.getByRole("heading", { level: 1, name: "우리 동네 길고양이" }).waitFor();

  await open("/topic-selection.html");
  const card = page.getByRole("radio", { name: /역사 연구/ });
  await page.locator("label", { has: card }).click();
  await until("the card is chosen", () => card.isChecked());
  await page.locator("#start").click();
  await until("the chat is open", async () => new URL(page.url()).pathname === "/chat.html");
  await page.getByRole("heading", { level: 1, name: "역사 연구" }).waitFor();
  assertFaultless();
  await close();
});
