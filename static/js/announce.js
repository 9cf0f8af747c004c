import { byId } from "./dom.js";

/** Sentences for screen readers. The answer itself changes many times a second: reading it live would be a babble. */
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

/** The answer is shown anew. What was taken back isn't said aloud any more. @param {string} shown the answer's text */
export function dropWithdrawn(shown) {
  if (!shown.includes(plain(rest))) rest = "";
}

/** The answer ended, whole or not. */
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
