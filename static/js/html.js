/** The only place where HTML becomes page: blocks that the server rendered and cleaned. */
const policy = window.trustedTypes?.createPolicy("llm-classroom", { createHTML: (html) => html });

/** @param {Element} element @param {string} html from the server's renderer, nothing else */
export function setHtml(element, html) {
  element.innerHTML = policy ? /** @type {string} */ (/** @type {unknown} */ (policy.createHTML(html))) : html;
}
