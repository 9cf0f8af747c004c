// Where the page stands while an answer comes: at its end, until the student moves up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { newStudent, startBrowser } from "./support/browser.js";
import { answer, ask, openChat, settled, turns, until } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world();

/** @typedef {import("playwright-core").Page} Page */

const DEVICES = {
  phone: { viewport: { width: 390, height: 700 }, isMobile: true, hasTouch: true },
  desk: { viewport: { width: 1440, height: 700 } },
};
/** The answer stands at a gate after every piece, so that the test says when it grows. */
const LINES = Array.from({ length: 60 }, (_, line) => `${line + 1}째 줄이에요.\n\n`);
const HEAD = 30;

/**
 * A student in the middle of an answer that is longer than the page.
 *
 * @param {import("playwright-core").BrowserContextOptions} options
 * @param {import("playwright-core").Browser} [browser] another one than the usual
 */
async function reading(options, browser) {
  const gates = Array.from({ length: LINES.length - HEAD }, (_, n) => n + 1);
  const chunks = [LINES.slice(0, HEAD).join(""), ...LINES.slice(HEAD)];
  await made.provider.script({ default: { chat: { chunks, gate: { at: gates } } } });
  const student = await (browser ? newStudent(browser, made.program.url, options) : made.student(options));
  const { page } = student;
  await openChat(page, "과학 탐구");
  await ask(page, "예순 줄로 설명해 주세요.");
  let lines = HEAD;
  const shows = (/** @type {number} */ line) =>
    answer(turns(page).first()).getByText(`${line}째 줄이에요.`, { exact: true }).waitFor();
  await shows(lines);
  await turns(page).first().locator("details.note").waitFor();
  const position = () => page.evaluate(() => scrollY);
  return {
    ...student,
    position,
    /** Lets another few lines come. @param {number} [count] */
    async grow(count = 3) {
      await made.provider.release({ purpose: "chat", count });
      lines += count;
      await shows(lines);
    },
    isAtEnd: () => page.evaluate(() => innerHeight + scrollY >= document.documentElement.scrollHeight - 2),
    /** Asserts that the page stays where it is while the answer grows, and that a button leads back to its end. */
    async isFree() {
      const before = await position();
      await this.grow();
      assert.equal(await position(), before, "the page stays where the student put it");
      const down = page.getByRole("button", { name: "아래로" });
      await down.click();
      assert.ok(await this.isAtEnd());
      await down.waitFor({ state: "hidden" });
      await this.grow();
      assert.ok(await this.isAtEnd(), "and it follows again");
    },
    async finish() {
      await made.provider.release();
      await settled(page);
      student.assertFaultless();
      await student.close();
    },
  };
}

/** Waits until a page that moves smoothly stands still: a browser moves it with every frame. @param {Page} page */
const arrived = (page) =>
  page.evaluate(async () => {
    for (let still = 0, at = scrollY; still < 10; still = at === scrollY ? still + 1 : 0, at = scrollY) {
      await new Promise(requestAnimationFrame);
    }
  });

for (const [device, options] of Object.entries(DEVICES)) {
  test(`on a ${device} the page follows the answer, and a small move up of any kind frees it`, async () => {
    const student = await reading(options);
    const { page, position, grow, isAtEnd } = student;
    assert.ok(await isAtEnd());
    await grow();
    assert.ok(await isAtEnd(), "it follows");

    for (const step of [2, 8, 40]) {
      // As a scrollbar, a search in the page or a screen reader moves it.
      await page.evaluate((up) => scrollBy({ top: -up, behavior: "instant" }), step);
      await student.isFree();
    }

    const before = await position();
    await page.evaluate(() => scrollBy({ top: -300, behavior: "instant" }));
    await until("the move arrived", async () => (await position()) < before);
    await grow();
    await page.evaluate(() => scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" }));
    await page.getByRole("button", { name: "아래로" }).waitFor({ state: "hidden" });
    await grow();
    assert.ok(await isAtEnd(), "a move to the end by hand follows again");
    await student.finish();
  });
}

test("the first notch of the wheel and every key that leads up free the page", async () => {
  const student = await reading(DEVICES.desk);
  const { page, position } = student;
  await page.mouse.move(400, 300);
  /** @type {Record<string, () => Promise<void>>} */
  const moves = {
    wheel: () => page.mouse.wheel(0, -12),
    ArrowUp: () => page.keyboard.press("ArrowUp"),
    PageUp: () => page.keyboard.press("PageUp"),
    "Shift+Space": () => page.keyboard.press("Shift+Space"),
    Home: () => page.keyboard.press("Home"),
  };
  for (const [name, move] of Object.entries(moves)) {
    await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
    const before = await position();
    await move();
    await until(`${name} moves up`, async () => (await position()) < before);
    await arrived(page);
    await student.isFree();
  }
  await student.finish();
});

test("a slow finger frees the page before the answer can pull it back", async () => {
  const student = await reading(DEVICES.phone);
  const { page, context, position } = student;
  const devtools = await context.newCDPSession(page);
  const before = await position();
  /** @param {"touchStart" | "touchMove" | "touchEnd"} type @param {number} [y] */
  const touch = (type, y) =>
    devtools.send("Input.dispatchTouchEvent", { type, touchPoints: y === undefined ? [] : [{ x: 200, y }] });
  await touch("touchStart", 300);
  await student.grow(1);
  assert.equal(await position(), before, "nothing moves under a resting finger");
  for (let y = 302; y <= 400; y += 7) await touch("touchMove", y);
  await until("the finger moves the page", async () => (await position()) < before);
  await student.grow(2);
  assert.ok((await position()) < before);
  await touch("touchEnd");
  await student.isFree();
  await student.finish();
});

test("on a dense screen a finger that moves the page by thirds of a pixel frees it", async (t) => {
  // An emulated screen moves a page by whole pixels only.
  const browser = await startBrowser(["--force-device-scale-factor=3", "--window-size=400,700"]);
  t.after(() => browser.close());
  const student = await reading({ viewport: null }, browser);
  const { page, position } = student;
  const before = await position();
  // The page's height and the window's are told in whole pixels, so that up to two pixels from the end may count as its end.
  for (let frame = 0; frame < 9; frame += 1) {
    await page.evaluate(async () => {
      scrollBy({ top: -1 / 3, behavior: "instant" });
      for (let n = 0; n < 2; n += 1) await new Promise(requestAnimationFrame);
    });
  }
  assert.ok((await position()) < before - 2, "the screen is a dense one");
  await student.isFree();
  await student.finish();
});

test("an older answer that is asked for again is shown where it stands", async () => {
  const { page, assertFaultless, close } = await made.student(DEVICES.phone);
  await openChat(page, "과학 탐구");
  await made.provider.script({ default: { chat: { status: 500 } } });
  await ask(page, "하늘은 왜 파래요?");
  const again = page.getByRole("button", { name: "다시 답하기" });
  await again.waitFor();
  await made.provider.script({ reset: true, default: { chat: { chunks: LINES } } });
  await ask(page, "노을은 왜 붉어요?");
  await settled(page);
  await again.click();
  await answer(turns(page).first()).getByText("60째 줄이에요.").waitFor();
  await settled(page);
  const top = await turns(page)
    .first()
    .evaluate((turn) => turn.getBoundingClientRect().top);
  assert.ok(top > -100 && top < DEVICES.phone.viewport.height, `the answer begins on the screen: ${top}`);
  assertFaultless(/^console: Failed to load resource/);
  await close();
});

test("the keyboard's focus, a selection and an opened note stay where they are", async () => {
  const student = await reading(DEVICES.phone);
  const { page } = student;
  const line = answer(turns(page).first()).getByText("28째 줄이에요.", { exact: true });
  await line.evaluate(
    (element) =>
      new Promise((resolve) => {
        document.addEventListener("selectionchange", resolve, { once: true });
        getSelection()?.selectAllChildren(element);
      }),
  );
  await student.isFree();
  await page.evaluate(() => getSelection()?.removeAllRanges());

  await page.keyboard.press("Shift+Tab");
  await page.waitForFunction(() => document.activeElement?.closest("#turns"));
  await arrived(page);
  await student.isFree();

  await turns(page).first().locator("details.note summary").first().click();
  await arrived(page);
  await student.isFree();
  await student.finish();
});
