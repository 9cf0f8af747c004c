import { byId } from './dom.js';

/** Sentences for screen readers. The answer itself changes many times a second: reading it live would be a babble. */
const live = byId('live');
let rest = '';

/** @param {string} text */
export function announce(text) {
  const line = document.createElement('p');
  line.textContent = text;
  live.append(line);
  if (live.childElementCount > 20) live.firstElementChild?.remove();
}

/** @param {string} text a piece of the answer's Markdown */
export function heard(text) {
  rest += text;
  for (;;) {
    const end = /[.!?。…]["')\]]*\s|\n+/.exec(rest);
    if (!end) return;
    say(rest.slice(0, end.index + end[0].length));
    rest = rest.slice(end.index + end[0].length);
  }
}

/** What wasn't said aloud yet was taken back. */
export function forget() {
  rest = '';
}

/** The answer ended, whole or not. */
export function flush() {
  say(rest);
  rest = '';
}

/** @param {string} markdown */
function say(markdown) {
  const text = markdown.replace(/^[\s>#|*+-]+|[*_`$|]+/g, ' ').trim();
  if (text) announce(text);
}
