import { make } from "./dom.js";
import { morph } from "./morph.js";

/**
 * Underlines the words that the tutor noticed. Each is a link to what the tutor says of it.
 * @param {Element} words @param {string} message @param {Dim[]} dims @param {(dim: Dim) => string} idOf
 */
export function underline(words, message, dims, idOf) {
  const spans = dims
    .filter((dim) => dim.quote && message.includes(dim.quote))
    .map((dim) => ({ dim, start: message.indexOf(dim.quote), end: message.indexOf(dim.quote) + dim.quote.length }))
    .sort((a, b) => a.start - b.start || b.end - a.end);
  const fresh = document.createElement("p");
  let at = 0;
  /** @type {HTMLAnchorElement | null} */
  let last = null;
  for (const { dim, start, end } of spans) {
    if (last && end <= at) {
      // Inside the last one: its link describes both.
      last.setAttribute("aria-describedby", `${last.getAttribute("aria-describedby")} ${idOf(dim)}`);
      continue;
    }
    const from = Math.max(start, at);
    fresh.append(message.slice(at, from));
    last = /** @type {HTMLAnchorElement} */ (make("a", message.slice(from, end)));
    last.href = `#${idOf(dim)}`;
    last.title = dim.why;
    last.setAttribute("aria-describedby", idOf(dim));
    fresh.append(last);
    at = end;
  }
  fresh.append(message.slice(at));
  // Words that are selected stay so.
  morph(words, fresh);
}
