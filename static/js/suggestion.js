import { clone, one } from './dom.js';

/** A question that a click sends. @param {string} question */
export function suggestion(question) {
  const item = clone('t-suggestion');
  one(item, 'span', HTMLElement).textContent = question;
  return item;
}
