import { BLANK } from "./composer.js";
import { clone, one } from "./dom.js";
import { strings } from "./strings.js";

/** A question that a click sends. @param {string} question */
export function suggestion(question) {
  const item = clone("t-suggestion");
  one(item, "span", HTMLElement).textContent = question;
  return item;
}

/** The question of a suggestion's button. @param {Element} button */
export const questionOf = (button) => normal(button.querySelector("span")?.textContent ?? "");

/** The server normalises what it stores. @param {string} text */
const normal = (text) => text.normalize("NFC").replace(/\s+/g, " ").trim();

/** Marks the suggestions that were asked in these turns. @param {Iterable<{id: string, message: string}>} turns */
export function markSent(turns) {
  /** @type {Map<string, string>} */
  const asked = new Map();
  for (const { id, message } of turns) asked.set(normal(message), id);
  for (const button of document.querySelectorAll(".suggestions button:not([data-turn])")) {
    const turn = turnOf(questionOf(button), asked);
    if (!turn || !(button instanceof HTMLElement)) continue;
    button.dataset.turn = turn;
    const mark = document.createElement("small");
    mark.textContent = strings.sent;
    one(button, "svg", SVGElement).replaceWith(mark);
  }
}

/** @param {string} question @param {Map<string, string>} asked turns by their messages */
function turnOf(question, asked) {
  const blank = BLANK.exec(question);
  if (!blank) return asked.get(question);
  // The student filled the blank in; what stands around it is left as it was.
  const before = question.slice(0, blank.index);
  const after = question.slice(blank.index + blank[0].length);
  for (const [message, turn] of asked) {
    if (message.length >= before.length + after.length && message.startsWith(before) && message.endsWith(after))
      return turn;
  }
  return undefined;
}
