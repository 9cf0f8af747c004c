/** The page's texts, in the language of the page. @type {Record<string, string>} */
export const strings = JSON.parse(document.body.dataset.strings ?? "{}");

/** @param {string} text with `{name}` in it @param {Record<string, string | number>} values */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));

/** @template {Element} T @param {ParentNode} within @param {string} selector @param {new () => T} type @returns {T} */
export function query(within, selector, type) {
  const found = within.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`The page has no ${selector}`);
  return found;
}

/** @param {string} id @returns {HTMLElement} */
export const byId = (id) => query(document, `#${id}`, HTMLElement);

/** A copy of a template's only element. @param {string} id @returns {HTMLElement} */
export function clone(id) {
  const copy = query(document, `#${id}`, HTMLTemplateElement).content.firstElementChild?.cloneNode(true);
  if (!(copy instanceof HTMLElement)) throw new Error(`The template ${id} is empty`);
  return copy;
}

/** @param {string} tag @param {string} text @param {string} [kind] class names */
export function make(tag, text, kind = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = kind;
  return element;
}

/** Whether this browser keeps cookies. One that is told to block them may still say that they're enabled. */
export function acceptsCookies() {
  document.cookie = "kept=1; Path=/; SameSite=Lax";
  const kept = document.cookie.includes("kept=1");
  document.cookie = "kept=; Path=/; SameSite=Lax; Max-Age=0";
  return kept;
}
