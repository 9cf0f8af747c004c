import './theme.js';
import { lost } from './connection.js';
import { composer, hasBlank } from './composer.js';
import { draftOf } from './draft.js';
import { strings } from './strings.js';

const { topic = '', practice } = document.body.dataset;
const draft = draftOf(topic);
/** What only asking needs comes when the student is about to ask. */
const conversation = () => import('./conversation.js');

let underWay = false;

/** @param {string} message @param {boolean} written by the student, not suggested */
async function send(message, written) {
  // A double click on a suggestion asks before the first click's turn is there to be seen.
  if (underWay) return;
  underWay = true;
  composer.sending(true);
  try {
    const { send } = await conversation();
    const sent = await send(message, draft.key(message));
    composer.sending(false);
    if (!sent) {
      if (!composer.text()) composer.set(message);
    } else if (written) {
      composer.set('');
    }
    if (sent) composer.focus();
  } catch {
    lost();
    composer.sending(false);
    composer.hint(strings.unsent);
  } finally {
    underWay = false;
  }
}

composer.listen({
  send: (text) => send(text, true),
  stop: async () => (await conversation()).stop(),
  change: (text) => draft.keep(text),
});
composer.set(draft.text());

document.addEventListener('click', async (event) => {
  const button = event.target instanceof Element && event.target.closest('.suggestions button');
  if (!button) return;
  const text = (button.textContent ?? '').trim();
  const busy = (await conversation().catch(() => null))?.isRunning();
  if (hasBlank(text)) composer.take(text);
  else if (busy) composer.hint(strings.busy);
  else await send(text, false);
});

if (new URLSearchParams(location.search).has('c')) {
  conversation().then(({ open }) => open(), lost);
} else {
  document.addEventListener('focusin', () => conversation().catch(lost), { once: true });
  if (practice === undefined) import('./guide.js').then(({ improveGuide }) => improveGuide(), () => {});
}
