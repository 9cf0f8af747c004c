import { announce, dropWithdrawn, flush, readAloud } from "./announce.js";
import { noteArrived } from "./arrival.js";
import { composer } from "./composer.js";
import { query, strings } from "./dom.js";
import { follow } from "./events.js";
import { followGrowth } from "./scroll.js";

/** @typedef {import("./turn-view.js").TurnView} TurnView */

/** The turn whose answer is awaited: until it's complete, no other question is taken. @type {TurnView | null} */
let running = null;
/** The turns whose events are followed, and how to stop that. @type {Map<TurnView, () => void>} */
const followed = new Map();

export const runningTurn = () => running;

/** @param {TurnView} view */
export const isFollowed = (view) => followed.has(view);

/** @param {{state: string | null}} turn */
export const isOver = ({ state }) => state !== "accepted" && state !== "answering";

/** Shows the events of a turn until it's over. @param {TurnView} view @param {() => void} onNote called after a note was shown */
export function followTurn(view, onNote) {
  running = view;
  // An answer that failed was tried again while its note was still awaited.
  followed.get(view)?.();
  composer.answering(true);
  followed.set(view, follow(view.id, new TurnFollower(view, onNote)));
}

/** Shows the events of one turn and reads them aloud. */
class TurnFollower {
  #isFirstSnapshot = true;
  /** The state that was announced last: a snapshot after a broken connection repeats it. */
  #announcedState = "";

  /** @param {TurnView} view @param {() => void} onNote */
  constructor(view, onNote) {
    this.view = view;
    this.onNote = onNote;
  }

  /** @param {Snapshot} data */
  snapshot(data) {
    const isFirst = this.#isFirstSnapshot;
    this.#isFirstSnapshot = false;
    this.view.setBlocks(data.blocks);
    const text = this.view.prose.textContent ?? "";
    // A later snapshot follows a broken connection, or takes back what was shown: most of it has been heard already.
    if (isFirst) readAloud(text.trimEnd());
    else dropWithdrawn(text);
    if (data.answered || isOver(data)) this.#announceStatus(data);
    this.#unlockComposer(data);
    if (data.feedback) this.#setNote(data.feedback, isFirst);
    this.view.setState(data);
    if (data.thinking) this.#showThinking();
    followGrowth();
  }

  /** @param {{index: number, html: string}} data */
  block({ index, html }) {
    this.view.setBlock(index, html);
    followGrowth();
  }

  /** @param {{text: string}} data */
  delta({ text }) {
    readAloud(text);
  }

  /** @param {{thinking: boolean}} data */
  thinking({ thinking }) {
    if (thinking) this.#showThinking();
  }

  /** @param {Feedback} data */
  feedback(data) {
    this.#setNote(data, false);
    followGrowth();
  }

  /** @param {TurnStatus} data */
  state(data) {
    this.view.setState(data);
    this.#announceStatus(data);
    this.#unlockComposer(data);
    followGrowth();
  }

  end() {
    followed.delete(this.view);
    this.#stopRunning();
  }

  interrupted() {
    this.view.wait(strings.rejoining);
  }

  lost() {
    this.end();
    this.view.offer(strings.lost, strings.reload, () => location.reload());
  }

  /** Lets the next question be asked once the answer is complete: only the note may still be awaited. @param {TurnStatus} status */
  #unlockComposer(status) {
    if (status.answered || isOver(status)) this.#stopRunning();
  }

  #stopRunning() {
    // The next question may have been asked already, here or in another tab.
    if (running !== this.view) return;
    running = null;
    composer.answering(false);
  }

  /** Says once how the turn stands. @param {TurnStatus} status */
  #announceStatus({ state, answered, reason_text }) {
    const announced = answered ? "done" : state;
    if (announced === this.#announcedState) return;
    this.#announcedState = announced;
    flush();
    if (announced === "done") announce(strings.answered);
    else if (reason_text) announce(reason_text);
  }

  /** Says that the model thinks, which may take long; text that follows says that it writes. */
  #showThinking() {
    this.view.wait(strings.thinking);
    announce(strings.thinking);
  }

  /** @param {Feedback} feedback @param {boolean} isStored whether it was there when the page was opened */
  #setNote(feedback, isStored) {
    const isNew = this.view.setFeedback(feedback);
    this.onNote();
    if (!isNew || isStored) return;
    announce(strings.noteReady);
    noteArrived(query(this.view.margin, ".note", HTMLElement));
  }
}
