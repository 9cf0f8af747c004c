import { byId } from "./dom.js";

/** Sentences for screen readers. The answer itself changes many times a second: a live region would read every change. */
const live = byId("live");
let rest = "";

/** @param {string} text */
export function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  live.append(line);
  if (live.childElementCount > 20) live.firstElementChild?.remove();
}

/** @param {string} text a piece of the answer's Markdown */
export function readAloud(text) {
  rest += text;
  for (;;) {
    const end = /[.!?。…]["')\]]*\s|\n+/.exec(rest);
    if (!end) return;
    say(rest.slice(0, end.index + end[0].length));
    rest = rest.slice(end.index + end[0].length);
  }
}

/** Discards the unread rest when a new snapshot no longer contains it. @param {string} shown the answer's text */
export function dropWithdrawn(shown) {
  if (!shown.includes(plain(rest))) rest = "";
}

/** Reads the rest of an answer that ended, complete or not. */
export function flush() {
  say(rest);
  rest = "";
}

/** @param {string} markdown */
function say(markdown) {
  const text = plain(markdown);
  if (text) announce(text);
}

/** @param {string} markdown */
const plain = (markdown) => markdown.replace(/^[\s>#|*+-]+|[*_`$|]+/g, " ").trim();
