// A note that arrives out of sight says so, leads there, and is silent again.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { assertAccessible, assertNoSidewaysScroll } from "./support/browser.js";
import { answer, ask, note, openChat, settled, turns } from "./support/classroom.js";
import { ROOT } from "./support/process.js";
import { world } from "./support/world.js";

const made = world();
const RESULTS = `${ROOT}/e2e/results`;
await mkdir(RESULTS, { recursive: true });

const PHONE = { viewport: { width: 390, height: 700 }, isMobile: true, hasTouch: true };
const LONG = Array.from({ length: 30 }, (_, line) => `${line + 1}째 줄이에요.\n\n`).join("");

/** @param {import("playwright-core").Page} page */
const line = (page) => page.getByRole("button", { name: "튜터의 노트가 왔어요" });

/** A student at the end of a long answer whose note is still to come; gates that an earlier student opened are shut again. @param {import("playwright-core").BrowserContextOptions} [options] @param {string} [text] */
async function beforeTheNote(options = PHONE, text = LONG) {
  await made.provider.script({
    reset: true,
    default: { chat: { chunks: [text, "끝이에요."], gate: { at: [1] } }, tutor: { gate: { at: [0] } } },
  });
  const student = await made.student(options);
  const { page } = student;
  await page.clock.install();
  await openChat(page, "과학 탐구");
  await ask(page, "서른 줄로 설명해 주세요.");
  await answer(turns(page).first()).getByText("1째 줄이에요.").first().waitFor();
  return {
    ...student,
    noteComes: () => made.provider.release({ purpose: "tutor" }),
    async finish() {
      await made.provider.release();
      await settled(page);
      student.assertFaultless();
      await student.close();
    },
  };
}

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const [device, options] of Object.entries({
    phone: PHONE,
    tablet: { viewport: { width: 768, height: 700 } },
    desk: { viewport: { width: 1440, height: 700 } },
  })) {
    test(`on a ${device}, ${colorScheme}, a note out of sight is told of above the composer, and one press leads to it`, async () => {
      const { page, noteComes, finish } = await beforeTheNote({ ...options, colorScheme });
      await noteComes();
      await line(page).waitFor();
      assert.equal(await page.locator("#live").getByText("튜터의 노트가 왔어요.").count(), 1, "said aloud once");
      await assertNoSidewaysScroll(page, "note arrived");
      await assertAccessible(page, `note arrived, ${device}, ${colorScheme}`);
      await page.screenshot({ path: `${RESULTS}/note-arrived-${device}-${colorScheme}.png` });
      const [above, field] = [await line(page).boundingBox(), await page.locator(".field").boundingBox()];
      assert.ok(above && field && above.y + above.height <= field.y, "it doesn't cover the composer");
      const end = await answer(turns(page).first()).getByText("30째 줄이에요.").boundingBox();
      assert.ok(end && end.y + end.height <= above.y, "nor the end of the answer");

      await line(page).click();
      await line(page).waitFor({ state: "hidden" });
      await note(turns(page).first()).getByRole("heading", { name: "다음 단계" }).waitFor();
      await page.waitForFunction(() => document.activeElement?.matches(".note > summary, .note > .note-title"));
      await page.waitForFunction(() => document.activeElement?.matches(".note > summary, .note > .note-title"));
      await page.waitForFunction(() => {
        const { top, bottom } = /** @type {Element} */ (document.activeElement).getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      });
      await finish();
    });
  }
}

test("the line goes by itself once the note was seen, or after a while", async () => {
  const { page, noteComes, finish } = await beforeTheNote();
  await noteComes();
  await line(page).waitFor();
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
  await note(turns(page).first()).evaluate((element) =>
    element.scrollIntoView({ block: "center", behavior: "instant" }),
  );
  await line(page).waitFor({ state: "hidden" });
  await finish();

  const other = await beforeTheNote();
  await other.noteComes();
  await line(other.page).waitFor();
  await other.page.clock.fastForward(60_000);
  await line(other.page).waitFor({ state: "hidden" });
  await other.finish();
});

test("of a note that came while the page was hidden the line tells when it is looked at again", async () => {
  const { page, noteComes, finish } = await beforeTheNote();
  /** As when a phone is put away and taken out again. @param {"hidden" | "visible"} state */
  const become = (state) =>
    page.evaluate((now) => {
      Object.defineProperty(document, "visibilityState", { value: now, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await become("hidden");
  await noteComes();
  await line(page).waitFor();
  await page.clock.fastForward(600_000);
  await become("visible");
  await page.clock.runFor(10_000);
  assert.equal(await line(page).isVisible(), true);
  await page.clock.fastForward(60_000);
  await line(page).waitFor({ state: "hidden" });
  await finish();
});

test("a note in sight needs no line, nor does one that was there when the page was opened", async () => {
  const { page, noteComes, finish } = await beforeTheNote(PHONE, "1째 줄이에요. 짧은 답이에요. ");
  await page.evaluate(() => {
    const seen = /** @type {any} */ (window);
    new MutationObserver(() => {
      seen.told ||= !document.getElementById("arrived")?.hidden;
    }).observe(document.body, { subtree: true, attributes: true });
  });
  await noteComes();
  await note(turns(page).first()).waitFor();
  await made.provider.release();
  await settled(page);
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).told), false);
  await page.reload();
  await note(turns(page).first()).waitFor();
  assert.equal(await line(page).isVisible(), false);
  await finish();
});

test("with reduced motion the line appears without moving", async () => {
  const { page, noteComes, finish } = await beforeTheNote({ ...PHONE, reducedMotion: "reduce" });
  await noteComes();
  await line(page).waitFor();
  assert.equal(await line(page).evaluate((element) => element.getAnimations().length), 0);
  await finish();
});
