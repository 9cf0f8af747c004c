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
  /** @type {{ link: HTMLAnchorElement, end: number }[]} */
  const links = [];
  let at = 0;
  for (const { dim, start, end } of spans) {
    const around = links.find((earlier) => start < earlier.end);
    if (around && end <= at) {
      // Inside an earlier one: its link describes both.
      const ids = around.link.getAttribute("aria-describedby");
      around.link.setAttribute("aria-describedby", `${ids} ${idOf(dim)}`);
      continue;
    }
    const from = Math.max(start, at);
    fresh.append(message.slice(at, from));
    const link = /** @type {HTMLAnchorElement} */ (make("a", message.slice(from, end)));
    link.href = `#${idOf(dim)}`;
    link.title = dim.why;
    link.setAttribute("aria-describedby", idOf(dim));
    fresh.append(link);
    links.push({ link, end });
    at = end;
  }
  fresh.append(message.slice(at));
  // Words that are selected stay so.
  morph(words, fresh);
}
