/** The only place that parses HTML: all of it is rendered and sanitised by the server. */
const policy = window.trustedTypes?.createPolicy("llm-classroom", { createHTML: (html) => html });

/** @param {string} html @returns {string} */
const trusted = (html) => (policy ? /** @type {string} */ (/** @type {unknown} */ (policy.createHTML(html))) : html);

/** @param {Element} element @param {string} html from the server's renderer, nothing else */
export function setHtml(element, html) {
  element.innerHTML = trusted(html);
}

/** @param {string} html a page of the server, nothing else */
export const parseHtml = (html) => new DOMParser().parseFromString(trusted(html), "text/html");
