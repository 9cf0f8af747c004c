import { call } from './api.js';
import { byId } from './dom.js';
import { setHtml } from './html.js';
import { suggestion } from './suggestion.js';

/** Asks once for the guide that the model makes; the preset one stays if the student began with it already. */
export async function improveGuide() {
  const guide = byId('guide');
  let touched = false;
  for (const sign of ['pointerdown', 'focusin']) guide.addEventListener(sign, () => { touched = true; }, { once: true });
  /** @type {Guide | null} */
  const made = await call('POST', 'chat/initial-guide', { topic: document.body.dataset.topic }, { Prefer: 'wait=20' }).catch(() => null);
  if (made?.source !== 'model' || touched || document.querySelector('article.turn')) return;
  byId('guide-title').textContent = made.guide_title;
  setHtml(byId('guide-text'), made.guide_html);
  byId('starters').replaceChildren(...made.starter_questions.map(suggestion));
}
