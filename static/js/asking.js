import { Problem } from './api.js';
import { lost } from './connection.js';
import { composer } from './composer.js';
import { gone, open, send } from './conversation.js';
import { CookiesNeeded } from './cookies.js';
import { byId } from './dom.js';
import { Patience } from './patience.js';
import { strings } from './strings.js';
import { waiting } from './waiting.js';

/** @typedef {ReturnType<typeof import('./draft.js').draftOf>} Draft */

/** The question on its way. @type {{message: string, patience: Patience, over: Promise<void>} | null} */
let current = null;
/** One that was given up, with its key. @type {{message: string, key: string} | null} */
let unsent = null;
/** Whether the question that waits is what stands in the field. */
let inField = false;

/** Asks a question, with patience. @param {string} message @param {Draft} draft */
export async function ask(message, draft) {
  if (current) {
    // A double click asks before the first click's turn is there to be seen. One that waits is in a hurry.
    if (current.message === message) return current.patience.hurry();
    if (!current.patience.waits && !current.patience.dropped) return;
    current.patience.drop();
    await current.over;
    if (current) return;
  }
  const patience = new Patience();
  current = { message, patience, over: deliver(message, draft, patience) };
  await current.over;
}

/** @param {string} message @param {Draft} draft @param {Patience} patience */
async function deliver(message, draft, patience) {
  const key = unsent?.message === message ? unsent.key : draft.key(message);
  unsent = null;
  inField = false;
  waiting.onHurry(() => void ask(message, draft));
  composer.sending(true);
  /** Nothing the student wrote may be lost, and the same text is never sent with two keys. */
  const keep = () => {
    composer.sending(false);
    if (!composer.text()) {
      draft.hold(message, key);
      composer.set(message);
    }
    inField = composer.text() === message;
  };
  try {
    const act = () => {
      waiting.goes();
      return send(message, key);
    };
    await patience.attempt(act, (problem, seconds) => {
      keep();
      if (problem.status) waiting.show(`${problem.title || strings.crowded}. ${strings.kept}`, seconds);
      else waiting.hide();
    });
    waiting.hide();
    composer.sending(false);
    if (composer.text() === message) composer.set('');
    composer.focus();
  } catch (problem) {
    waiting.hide();
    if (patience.dropped) return composer.sending(false);
    keep();
    if (problem instanceof Problem && problem.passes) unsent = { message, key };
    await told(problem);
  } finally {
    current = null;
  }
}

/** @param {unknown} problem */
async function told(problem) {
  if (problem instanceof CookiesNeeded) return;
  if (!(problem instanceof Problem)) {
    lost();
    composer.hint(strings.unsent);
  } else if (problem.passes) {
    waiting.show(strings.unsentYet);
  } else {
    composer.hint(problem.message || strings.unsent);
    if (problem.turn) await open();
    else if (problem.status === 404) gone();
  }
}

// Other words are another question, which the student sends when it's ready.
byId('message').addEventListener('input', () => {
  if (!current) waiting.hide();
  else if (inField) current.patience.drop();
});
