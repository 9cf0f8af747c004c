/** The page's texts, in the language of the page. @type {Record<string, string>} */
export const strings = JSON.parse(document.body.dataset.strings ?? "{}");

/** @param {string} text with `{name}` in it @param {Record<string, string | number>} values */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
