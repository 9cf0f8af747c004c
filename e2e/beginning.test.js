// The first question of a conversation, when the answers to it get lost on the way.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ask, field, openChat, settled, turns, until } from "./support/classroom.js";
import { startProxy } from "./support/proxy.js";
import { world } from "./support/world.js";

const made = world();
/** @type {Awaited<ReturnType<typeof startProxy>>} */
let proxy;
after(() => proxy?.end());

/** What Chromium itself writes into the console about refused and failed requests. */
const REFUSED = /^console: (Failed to load resource|.*net::ERR)/;
const QUESTION = "하늘은 왜 파래요?";

/** The keys under which conversations are begun, and their number. @param {import("playwright-core").Page} page */
function countBeginnings(page) {
  /** @type {(string | undefined)[]} */
  const keys = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/conversations"))
      keys.push(request.headers()["idempotency-key"]);
  });
  return keys;
}

async function student() {
  proxy ??= await startProxy(made.program.url);
  proxy.loseReplies(false);
  return made.student({}, proxy.url);
}

test("a beginning whose answers get lost is repeated under one key, also after a reload", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  const keys = countBeginnings(page);
  // The scripts that only asking needs come later.
  await page.waitForLoadState("networkidle");
  proxy.loseReplies(true);
  await field(page).fill(QUESTION);
  await field(page).press("Enter");
  await until("the conversation was to begin", async () => keys.length > 0);
  await page.getByText("연결이 끊겼어요.").waitFor();
  proxy.loseReplies(false);
  await turns(page).first().waitFor();
  await settled(page);
  assert.ok(keys.length > 1, "it was tried again");
  assert.deepEqual(new Set(keys).size, 1);
  assert.match(keys[0] ?? "", /^[0-9a-f]{32}$/);

  // Another conversation on the topic is another one.
  await openChat(page, "과학 탐구");
  await ask(page, QUESTION);
  await settled(page);
  assert.equal(new Set(keys).size, 2);

  await openChat(page, "과학 탐구");
  // The scripts that only asking needs come later.
  await page.waitForLoadState("networkidle");
  proxy.loseReplies(true);
  const before = keys.length;
  await field(page).fill("노을은 왜 붉어요?");
  await field(page).press("Enter");
  await until("the conversation was to begin", async () => keys.length > before);
  await page.getByText("연결이 끊겼어요.").waitFor();
  proxy.loseReplies(false);
  await page.reload();
  await field(page).press("Enter");
  await turns(page).first().waitFor();
  await settled(page);
  assert.equal(new Set(keys).size, 3, "the key survived the reload");
  await page.goto("/conversations.html");
  const items = page.getByRole("listitem").filter({ has: page.getByRole("heading", { level: 2 }) });
  await items.first().waitFor();
  assert.equal(await items.count(), 3, "no empty conversation is left behind");
  assertFaultless(REFUSED);
  await close();
});

test("a first question that has to wait doesn't lead the next conversation into the same one", async () => {
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  const keys = countBeginnings(page);
  await page.route(
    "**/turns",
    (route) =>
      route.fulfill({
        status: 503,
        contentType: "application/problem+json",
        headers: { "retry-after": "1" },
        body: "{}",
      }),
    { times: 1 },
  );
  await field(page).fill(QUESTION);
  await field(page).press("Enter");
  await turns(page).first().waitFor();
  await settled(page);
  await openChat(page, "과학 탐구");
  await ask(page, QUESTION);
  await settled(page);
  assert.equal(keys.length, 2);
  assert.notEqual(keys[0], keys[1]);
  assertFaultless(REFUSED);
  await close();
});
