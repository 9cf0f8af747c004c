// Every state a conversation can be in, on a phone and on a desk, light and dark: readable, and pictured in e2e/results/.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { assertAccessible, assertNoSidewaysScroll } from "./support/browser.js";
import { answer, ask, openChat, settled, turns } from "./support/classroom.js";
import { ROOT } from "./support/process.js";
import { world } from "./support/world.js";

const made = world({ settings: { MODEL_RETRIES: "0" } });
const RESULTS = `${ROOT}/e2e/results`;
await mkdir(RESULTS, { recursive: true });

const HALF = { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } };
const DOWN = { status: 503, body: "{}" };
/** What Chromium itself writes into the console about failed requests. */
const NETWORK = /^console: (Failed to load resource|.*net::ERR)/;

const DEVICES = {
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  desk: { viewport: { width: 1440, height: 900 } },
};

for (const [device, options] of Object.entries(DEVICES)) {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    test(`every state of a conversation is readable on a ${device}, ${colorScheme}`, async () => {
      const { page, context, assertFaultless, close } = await made.student({ ...options, colorScheme });
      /** @param {string} state */
      const look = async (state) => {
        await assertNoSidewaysScroll(page, state);
        await assertAccessible(page, `${state}, ${device}, ${colorScheme}`);
        await page.screenshot({ path: `${RESULTS}/state-${state}-${device}-${colorScheme}.png` });
      };
      const last = () => turns(page).last();

      await openChat(page, "과학 탐구");
      await made.provider.script({
        default: { chat: { ...HALF, gate: { at: [0, 1] } }, tutor: { gate: { at: [0] } } },
      });
      await ask(page, "하늘은 왜 파래요?");
      await last().getByText("튜터가 질문을 읽고 있어요").waitFor();
      await look("thinking");
      await made.provider.release({ purpose: "chat", count: 1 });
      await answer(last()).getByText("앞부분이에요.").waitFor();
      await look("streaming");
      await page.getByRole("button", { name: "멈추기" }).click();
      await last().getByText("여기서 멈췄어요.").waitFor();
      await look("stopped");

      await made.provider.script({ reset: true, default: { chat: DOWN, tutor: DOWN } });
      await ask(page, "노을은 왜 붉어요?");
      await last().getByRole("button", { name: "다시 답하기" }).waitFor();
      await look("failed");

      await made.provider.script({ reset: true, default: { chat: HALF } });
      await ask(page, "구름은 왜 하얘요?");
      await answer(last()).getByText("앞부분이에요.").waitFor();
      await made.program.stop("SIGKILL");
      await page.getByText("연결이 끊겼어요.").waitFor();
      await look("unreachable");
      await made.program.startAgain();
      await last().getByText("답이 나오다가 끊겼어요.").waitFor();
      await page.getByText("연결이 끊겼어요.").waitFor({ state: "hidden" });
      await look("interrupted");

      await made.provider.script({ reset: true });
      await last().getByRole("button", { name: "다시 답하기" }).click();
      await answer(last()).getByText("어느 것부터 해 보고 싶나요?").waitFor();
      await settled(page);
      await look("done");

      await context.setOffline(true);
      await page.getByText("연결이 끊겼어요.").waitFor();
      await look("offline");
      await context.setOffline(false);
      await page.getByText("연결이 끊겼어요.").waitFor({ state: "hidden" });

      await page.goto("/conversations.html");
      await page
        .getByRole("button", { name: /지우기: / })
        .first()
        .click();
      await page.getByRole("dialog").waitFor();
      await look("deleting");
      assertFaultless(NETWORK);
      await close();
    });
  }
}

test("in forced colours and with wide text spacing nothing disappears", async () => {
  const { page, assertFaultless, close } = await made.student({
    forcedColors: "active",
    viewport: { width: 390, height: 844 },
  });
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  // WCAG 2.2, 1.4.12: a reader may set these, and no content may be lost.
  await page.evaluate(() => {
    for (const [name, value] of [
      ["line-height", "1.5"],
      ["letter-spacing", ".12em"],
      ["word-spacing", ".16em"],
    ]) {
      document.body.style.setProperty(name, value, "important");
    }
  });
  await assertNoSidewaysScroll(page, "wide text");
  assert.ok(await page.getByRole("button", { name: "보내기", exact: true }).isVisible());
  await page.screenshot({ path: `${RESULTS}/state-forced-colours.png` });
  assertFaultless();
  await close();
});
