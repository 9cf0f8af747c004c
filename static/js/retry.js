import { Problem } from "./api.js";
import { whenReachable } from "./connection.js";

/** Automatic tries after the first. With the server's usual 5 s they end about a minute and a half after it. */
const TRIES = 5;
const GROWTH = 1.5;

/**
 * Repeats a request that failed for a transient reason, a bounded number of times. Only for idempotent requests: the
 * server recognises the second by its key, or refuses it.
 */
export class Retry {
  isWaiting = false;
  isCancelled = false;
  #resume = () => {};

  /** Tries at once. */
  retryNow() {
    this.#resume();
  }

  /** Stops trying. */
  cancel() {
    this.isCancelled = true;
    this.#resume();
  }

  /**
   * @template T
   * @param {() => Promise<T>} act
   * @param {(problem: Problem, seconds: number) => void} beforePause called before each pause; the banner shows a lost connection
   * @returns {Promise<T>}
   */
  async attempt(act, beforePause) {
    for (let tries = 0; ;) {
      try {
        return await act();
      } catch (problem) {
        if (!(problem instanceof Problem && problem.isTransient) || this.isCancelled || tries === TRIES) throw problem;
        const least = problem.wait ?? (problem.status ? 5 : 0.5);
        // Never sooner than the server asked for, and not at one moment for a whole class.
        const seconds = least * GROWTH ** tries * (1 + Math.random() / 2);
        beforePause(problem, Math.ceil(seconds));
        if (await this.#pause(seconds)) tries += 1;
        if (this.isCancelled) throw problem;
      }
    }
  }

  /** @param {number} seconds from when the server can be reached @returns {Promise<boolean>} whether the pause was not cut short */
  async #pause(seconds) {
    this.isWaiting = true;
    let timer = 0;
    const alone = await new Promise((resolve) => {
      this.#resume = () => resolve(false);
      whenReachable().then(() => {
        timer = setTimeout(resolve, seconds * 1000, true);
      });
    });
    clearTimeout(timer);
    this.#resume = () => {};
    this.isWaiting = false;
    return alone;
  }
}
