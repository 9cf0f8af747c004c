// What a student does and sees, in the words of the page.
import { setTimeout as wait } from "node:timers/promises";

/** @typedef {import("playwright-core").Page} Page */

/** @param {Page} page @param {string} topic */
export async function openChat(page, topic) {
  await page.goto(`/chat.html?${new URLSearchParams({ topic })}`);
}

/** The field for questions. @param {Page} page */
export const field = (page) => page.getByRole("textbox", { name: "질문 쓰기" });

/** Sends a question with Enter, and waits until it stands in the conversation. @param {Page} page @param {string} text */
export async function ask(page, text) {
  const before = await turns(page).count();
  await field(page).fill(text);
  await field(page).press("Enter");
  await turns(page).nth(before).waitFor();
}

/** The turns on the page, oldest first; the greeting is none. @param {Page} page */
export const turns = (page) => page.getByRole("article");

/** The answer of a turn. @param {import("playwright-core").Locator} turn */
export const answer = (turn) => turn.locator(".prose");

/** The tutor's note of a turn. @param {import("playwright-core").Locator} turn */
export const note = (turn) => turn.locator("details.note");

/** Waits until no answer and no note is on its way; the last question stands in the conversation. @param {Page} page */
export async function settled(page) {
  await page.getByRole("button", { name: "보내기", exact: true }).waitFor();
  await page.locator(".margin > .wait").first().waitFor({ state: "hidden" });
}

/**
 * Waits for something outside the page, which gives no event of its own.
 *
 * @param {string} what for the message
 * @param {() => Promise<boolean>} holds
 */
export async function until(what, holds) {
  const deadline = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await wait(20);
  }
}
