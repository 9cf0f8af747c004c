// Streams that break in the middle of an answer: taken up again without a word, as long as it doesn't last.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { assertAccessible } from "./support/browser.js";
import { answer, ask, openChat, settled, turns, until } from "./support/classroom.js";
import { startProxy } from "./support/proxy.js";
import { world } from "./support/world.js";

const made = world({ settings: { SHUTDOWN_GRACE_SECONDS: "20" } });
/** @type {Awaited<ReturnType<typeof startProxy>>} */
let proxy;
after(() => proxy.end());

/** What Chromium itself writes into the console about refused and failed requests. */
const REFUSED = /^console: (Failed to load resource|.*net::ERR)/;
const PIECES = ["하나예요. ", "둘이에요. ", "셋이에요. ", "넷이에요."];
const REJOINING = "답을 다시 이어 받고 있어요";

/** A student in the middle of an answer whose pieces the test lets out. */
async function listening() {
  await made.provider.script({ default: { chat: { chunks: PIECES, gate: { at: [1, 2, 3] } } } });
  proxy ??= await startProxy(made.program.url);
  const student = await made.student({}, proxy.url);
  const { page } = student;
  let streams = 0;
  page.on("request", (request) => {
    if (request.url().endsWith("/events")) streams += 1;
  });
  await openChat(page, "과학 탐구");
  // Whatever is shown only for a moment counts as well.
  await page.evaluate(() => {
    const seen = /** @type {any} */ (window);
    new MutationObserver(() => {
      if (document.querySelector("#offline:not([hidden]), .state.wrong")) seen.troubled = true;
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await ask(page, "하늘은 왜 파래요?");
  const turn = turns(page).first();
  await answer(turn).getByText("하나예요.").waitFor();
  return {
    ...student,
    turn,
    /** The next piece is let out, and comes. @param {number} index */
    async next(index) {
      await made.provider.release({ purpose: "chat", count: 1 });
      await answer(turn).getByText(PIECES[index].trim()).waitFor();
    },
    /** Waits until the page asked for another stream. */
    async rejoined(seen = streams) {
      await until("the stream is asked for again", async () => streams > seen);
    },
    streams: () => streams,
    wasTroubled: () => page.evaluate(() => Boolean(/** @type {any} */ (window).troubled)),
    async whole() {
      await settled(page);
      assert.equal((await answer(turn).innerText()).trim(), PIECES.join("").trim());
      assert.equal((await made.provider.stats()).by_purpose.chat, 1);
    },
  };
}

test("a stream that is cut again and again goes on without a word about it", async () => {
  const { page, next, rejoined, streams, wasTroubled, whole, assertFaultless, close } = await listening();
  for (const piece of [1, 2, 3]) {
    const before = streams();
    proxy.cut();
    await rejoined(before);
    await next(piece);
  }
  await whole();
  assert.equal(await wasTroubled(), false);
  assert.equal(await page.locator("#live").getByText("하나예요.").count(), 1, "nothing is read aloud twice");
  assertFaultless(REFUSED);
  await close();
});

test("the end of an answer is said aloud once, also when the note ends the turn while the stream is broken", async () => {
  await made.provider.script({ default: { tutor: { gate: { at: [0] } } } });
  proxy ??= await startProxy(made.program.url);
  const { page, context, assertFaultless, close } = await made.student({}, proxy.url);
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const end = page.locator("#live").getByText("답이 끝났어요.");
  await end.waitFor({ state: "attached" });
  const id = new URL(page.url()).searchParams.get("c");
  proxy.die(true);
  await made.provider.release();
  await until("the turn ends", async () => {
    const reply = await context.request.get(`${made.program.url}/api/v1/conversations/${id}`);
    return (await reply.json()).turns[0].state === "done";
  });
  proxy.die(false);
  await settled(page);
  await page.locator("details.note").waitFor();
  assert.equal(await end.count(), 1);
  assertFaultless(REFUSED);
  await close();
});

test("a server that is away for a moment isn't noticed", async () => {
  const { next, rejoined, streams, wasTroubled, whole, assertFaultless, close } = await listening();
  const before = streams();
  proxy.die(true);
  // The first call comes at once and in vain, as does the second.
  await rejoined(before + 1);
  proxy.die(false);
  await next(1);
  assert.equal(await wasTroubled(), false);
  await made.provider.release();
  await whole();
  assertFaultless(REFUSED);
  await close();
});

test("a server that stays away is told of, waited for, and found again", async () => {
  const { page, next, wasTroubled, whole, assertFaultless, close } = await listening();
  proxy.die(true);
  await page.getByText("연결이 끊겼어요.").waitFor();
  proxy.die(false);
  await page.getByText("연결이 끊겼어요.").waitFor({ state: "hidden" });
  await next(1);
  assert.equal(await wasTroubled(), true);
  await made.provider.release();
  await whole();
  assertFaultless(REFUSED);
  await close();
});

test("refusals for a while are waited out, and the answer goes on", async () => {
  const { page, turn, next, wasTroubled, whole, assertFaultless, close } = await listening();
  await page.route("**/events", (route) =>
    route.fulfill({
      status: 503,
      headers: { "retry-after": "5", "content-type": "application/problem+json" },
      body: "{}",
    }),
  );
  proxy.cut();
  await turn.getByText(REJOINING).waitFor();
  await assertAccessible(page, "chat, rejoining");
  await page.unroute("**/events");
  await next(1);
  assert.equal(await turn.getByText(REJOINING).count(), 0);
  assert.equal(await wasTroubled(), false, "that is no failure");
  await made.provider.release();
  await whole();
  assertFaultless(REFUSED);
  await close();
});

test("a turn that isn't there any more is not asked for for ever", async () => {
  const { page, turn, assertFaultless, close } = await listening();
  await page.route("**/events", (route) =>
    route.fulfill({ status: 404, contentType: "application/problem+json", body: "{}" }),
  );
  proxy.cut();
  await turn.getByText("답을 이어 받지 못하고 있어요.").waitFor();
  await turn.getByRole("button", { name: "새로 고침" }).waitFor();
  await made.provider.release();
  assertFaultless(REFUSED);
  await close();
});

test("a server that is restarted lets the page go on by itself", async () => {
  const { page, turn, whole, assertFaultless, close } = await listening();
  // It finishes what runs before it goes.
  const stopped = made.program.stop("SIGTERM");
  proxy.cut();
  await made.provider.release();
  assert.equal((await stopped).code, 0);
  await made.program.startAgain();
  await answer(turn).getByText(PIECES[3]).waitFor();
  await whole();
  assert.equal(await page.locator(".state.wrong").count(), 0);
  assertFaultless(REFUSED);
  await close();
});
