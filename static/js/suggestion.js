import { BLANK } from "./composer.js";
import { clone, query, strings } from "./dom.js";

/** A question that a click sends. @param {string} question */
export function suggestion(question) {
  const item = clone("t-suggestion");
  query(item, "span", HTMLElement).textContent = question;
  // Only for a page without its scripts: a line says that it takes a moment.
  query(item, "button", HTMLElement).removeAttribute("popovertarget");
  return item;
}

/** The question of a suggestion's button. @param {Element} button */
export const questionOf = (button) => normal(button.querySelector("span")?.textContent ?? "");

/** The server normalises what it stores. @param {string} text */
const normal = (text) => text.normalize("NFC").replace(/\s+/g, " ").trim();

const BLANKS = new RegExp(BLANK, "g");
/** What may change after a blank with the word that fills it: `은`, `이(가)`, `(으)로`, `예`. */
const PARTICLE = /^(?:\([이으]\))?(?:으로|이라|이에|[은는이가을를과와로라예])?(?:\([은는이가을를과와로라]\))?/;

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
    query(button, "svg", SVGElement).replaceWith(mark);
  }
}

/** @param {string} question @param {Map<string, string>} asked turns by their messages */
function turnOf(question, asked) {
  const [first, ...rest] = question.split(BLANKS);
  if (rest.length === 0) return asked.get(question);
  // The student filled the blanks in, and chose the particles that fit; what stands around them is left as it was.
  const parts = [first, ...rest.map((part) => part.replace(PARTICLE, ""))];
  // Too little is left to know the question by.
  if ((parts.join("").match(/\p{L}/gu) ?? []).length < 2) return undefined;
  for (const [message, turn] of asked) if (hasInOrder(message, parts)) return turn;
  return undefined;
}

/** Whether a text begins with the first part, ends with the last one, and has the others between them in order. @param {string} text @param {string[]} parts */
function hasInOrder(text, parts) {
  const first = parts[0];
  const last = parts[parts.length - 1];
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at + last.length <= text.length;
}
