import { Problem } from "./api.js";
import { reportUnreachable } from "./connection.js";
import { composer } from "./composer.js";
import { showMissing, send, showNewest } from "./conversation.js";
import { CookiesNeeded } from "./cookies.js";
import { byId, strings } from "./dom.js";
import { Retry } from "./retry.js";
import { progress } from "./progress.js";

/** @typedef {ReturnType<typeof import('./draft.js').draftOf>} Draft */

/** The question on its way. @type {{message: string, retry: Retry, over: Promise<void>} | null} */
let current = null;
/** A question that could not be sent, with its key. @type {{message: string, key: string} | null} */
let unsent = null;
/** Whether the question that waits is what stands in the field. */
let inField = false;

/** Asks a question, again and again if need be. @param {string} message @param {Draft} draft */
export async function ask(message, draft) {
  if (current) {
    // A double click asks before the first click's turn is there to be seen. A click while it waits retries at once.
    if (current.message === message) return current.retry.retryNow();
    if (!current.retry.isWaiting && !current.retry.isCancelled) return;
    current.retry.cancel();
    await current.over;
    if (current) return;
  }
  const retry = new Retry();
  current = { message, retry, over: deliver(message, draft, retry) };
  await current.over;
}

/** @param {string} message @param {Draft} draft @param {Retry} retry */
async function deliver(message, draft, retry) {
  const key = unsent?.message === message ? unsent.key : draft.key(message);
  unsent = null;
  inField = false;
  progress.onRetryNow(() => void ask(message, draft));
  composer.sending(true);
  /** Puts the question back into the field with its key, so that the same text is never sent with two keys. */
  const restoreText = () => {
    composer.sending(false);
    if (!composer.text()) {
      draft.saveWithKey(message, key);
      composer.set(message);
    }
    inField = composer.text() === message;
  };
  try {
    const act = () => {
      progress.clearCountdown();
      return send(message, key);
    };
    await retry.attempt(act, (problem, seconds) => {
      restoreText();
      if (problem.status) progress.show(`${problem.title || strings.crowded}. ${strings.kept}`, seconds);
      else progress.hide();
    });
    progress.hide();
    composer.sending(false);
    if (composer.text() === message) composer.set("");
    composer.focus();
  } catch (problem) {
    progress.hide();
    if (retry.isCancelled) return composer.sending(false);
    restoreText();
    if (problem instanceof Problem && problem.isTransient) unsent = { message, key };
    await explain(problem);
  } finally {
    current = null;
  }
}

/** @param {unknown} problem */
async function explain(problem) {
  if (problem instanceof CookiesNeeded) return;
  if (!(problem instanceof Problem)) {
    reportUnreachable();
    composer.hint(strings.unsent);
  } else if (problem.isTransient) {
    progress.show(strings.unsentYet);
  } else {
    composer.hint(problem.message || strings.unsent);
    if (problem.turn) await showNewest();
    else if (problem.status === 404) showMissing();
  }
}

// A changed text is another question, which the student sends separately.
byId("message").addEventListener("input", () => {
  if (!current) progress.hide();
  else if (inField) current.retry.cancel();
});
