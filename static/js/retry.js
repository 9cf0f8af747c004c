import { Problem } from "./api.js";
import { reached } from "./connection.js";

/** Tries that follow the first by themselves. With the server's usual 5 s they end about a minute and a half after it. */
const TRIES = 5;
const GROWTH = 1.5;

/**
 * Does again what failed for a passing reason, a bounded number of times. Only for what may be done twice: the server
 * knows the second by its key, or refuses it.
 */
export class Retry {
  waits = false;
  dropped = false;
  #go = () => {};

  /** Tries at once. */
  retryNow() {
    this.#go();
  }

  /** Tries no more: the student thought of something else. */
  drop() {
    this.dropped = true;
    this.#go();
  }

  /**
   * @template T
   * @param {() => Promise<T>} act
   * @param {(problem: Problem, seconds: number) => void} beforePause before each pause; of a lost connection the banner tells
   * @returns {Promise<T>}
   */
  async attempt(act, beforePause) {
    for (let tries = 0; ;) {
      try {
        return await act();
      } catch (problem) {
        if (!(problem instanceof Problem && problem.passes) || this.dropped || tries === TRIES) throw problem;
        const least = problem.wait ?? (problem.status ? 5 : 0.5);
        // Never sooner than the server asked for, and not at one moment for a whole class.
        const seconds = least * GROWTH ** tries * (1 + Math.random() / 2);
        beforePause(problem, Math.ceil(seconds));
        if (await this.#pause(seconds)) tries += 1;
        if (this.dropped) throw problem;
      }
    }
  }

  /** @param {number} seconds from when the server can be reached @returns {Promise<boolean>} whether nobody hurried it */
  async #pause(seconds) {
    this.waits = true;
    let timer = 0;
    const alone = await new Promise((resolve) => {
      this.#go = () => resolve(false);
      reached().then(() => {
        timer = setTimeout(resolve, seconds * 1000, true);
      });
    });
    clearTimeout(timer);
    this.#go = () => {};
    this.waits = false;
    return alone;
  }
}
