import { addCopyButtons } from "./copy.js";
import { clone, make, query, strings } from "./dom.js";
import { setHtml } from "./html.js";
import { morph } from "./morph.js";
import { fitNote, noteView } from "./note-view.js";
import { underline } from "./quotes.js";

const HEADINGS = "h1, h2, h3, h4, h5, h6";
/** Stands for the JSON of a note that the server rendered. */
const RENDERED = "rendered";
const WIDE = ".table-wrap, math[display=block]";

/** One question, its answer, and the note beside it. */
export class TurnView {
  /** @param {HTMLElement} element @param {(view: TurnView) => void} retry */
  constructor(element, retry) {
    const { id = "", seq, attempt } = element.dataset;
    this.id = id;
    /** Its place in the conversation. */
    this.seq = Number(seq);
    /** The state that is shown. @type {TurnState | null} */
    this.state = null;
    /** Which try is shown, from 1. */
    this.attempt = Number(attempt);
    this.retry = retry;
    /** The note that is shown, as JSON. */
    this.feedback = "";
    this.element = element;
    this.words = query(element, ".words", HTMLElement);
    this.margin = query(element, ".margin", HTMLElement);
    this.prose = query(element, ".prose", HTMLElement);
    this.line = query(element, ".state", HTMLElement);
    this.message = this.words.textContent ?? "";
  }

  /** @param {string} id @param {number} seq @param {string} message @param {(view: TurnView) => void} retry */
  static create(id, seq, message, retry) {
    const element = clone("t-turn");
    Object.assign(element.dataset, { id, seq, attempt: 1 });
    query(element, ".words", HTMLElement).textContent = message;
    return new TurnView(element, retry);
  }

  /** Takes over a turn that the server rendered. @param {HTMLElement} element @param {(view: TurnView) => void} retry */
  static adopt(element, retry) {
    const view = new TurnView(element, retry);
    for (const block of view.prose.children) {
      addCopyButtons(block);
      view.#prepare(block);
    }
    const note = view.margin.querySelector(".note");
    if (note) {
      fitNote(note);
      view.feedback = RENDERED;
    }
    const { state, reason = null } = element.dataset;
    view.setState({ state: /** @type {TurnState} */ (state), reason, reason_text: view.line.textContent || null });
    return view;
  }

  /** @param {string[]} blocks */
  setBlocks(blocks) {
    blocks.forEach((html, index) => this.setBlock(index, html));
    while (this.prose.children.length > blocks.length) this.prose.lastElementChild?.remove();
  }

  /** A block that grows changes in place: what is pressed, selected or scrolled in it stays so. @param {number} index @param {string} html */
  setBlock(index, html) {
    while (this.prose.children.length <= index) this.prose.append(document.createElement("div"));
    const block = this.prose.children[index];
    const fresh = document.createElement("div");
    setHtml(fresh, html);
    addCopyButtons(fresh);
    morph(block, fresh);
    this.#prepare(block);
    if (this.line.classList.contains("wait")) this.wait(strings.writing);
  }

  /** Adds what the server's HTML lacks. @param {Element} block */
  #prepare(block) {
    block.querySelectorAll(WIDE).forEach(makeFocusable);
    // A box to tick in a task list has its text beside it, not as a label.
    for (const box of block.querySelectorAll("input"))
      box.setAttribute("aria-label", box.parentElement?.textContent?.trim() || "…");
    if (block.querySelector("code, math, .task")) loadStyles();
    if (block.querySelector(HEADINGS)) this.#levelHeadings();
  }

  /** A model begins at any level; a screen reader's list of headings must not skip one. */
  #levelHeadings() {
    let level = 2;
    for (const heading of this.prose.querySelectorAll(HEADINGS)) {
      level = Math.min(Number(heading.tagName[1]), level + 1);
      heading.setAttribute("aria-level", String(level));
    }
  }

  /** @param {Feedback} feedback @returns {boolean} whether it wasn't shown before */
  setFeedback(feedback) {
    // A stream that is taken up again brings the same note: the one that is there may be open, or be read just now.
    const text = JSON.stringify(feedback);
    if (text === this.feedback) return false;
    this.feedback = text;
    /** @param {Dim} dim */
    const idOf = (dim) => `${dim.id}-${this.id}`;
    this.margin.replaceChildren(noteView(feedback, idOf));
    underline(this.words, this.message, feedback.dims, idOf);
    return true;
  }

  /** @param {TurnStatus} status */
  setState({ state, reason, reason_text, answered = false }) {
    this.state = state;
    const hasText = this.prose.querySelector(":scope > :not(:empty)") !== null;
    this.element.classList.toggle("done", hasText && (answered || (state !== "accepted" && state !== "answering")));
    switch (state) {
      case "accepted":
      case "answering":
        if (answered) this.say("");
        else this.wait(hasText ? strings.writing : strings.thinking);
        // A turn that is tried again has none, but a line that says how to get one.
        if (!this.margin.querySelector(".note")) this.margin.replaceChildren(make("p", strings.reading, "wait"));
        return;
      case "done":
        this.say(reason === "length" ? (reason_text ?? strings.length) : "");
        break;
      default:
        this.offer(reason_text ?? strings[state], strings.retry, () => this.retry(this));
        // A turn that the student stopped is not shown as a failure.
        this.line.classList.toggle("wrong", state !== "cancelled");
    }
    if (this.margin.querySelector(".note")) return;
    this.margin.replaceChildren(make("p", state === "done" ? strings.noNote : strings.noNoteYet));
  }

  /** @param {string} text */
  wait(text) {
    this.say(text);
    this.line.classList.add("wait");
  }

  /** @param {string} text */
  say(text) {
    this.line.className = "state";
    if (this.line.textContent !== text) this.line.textContent = text;
  }

  /** Says what went wrong and offers the one thing to do. @param {string} text @param {string} label @param {() => void} act */
  offer(text, label, act) {
    const button = /** @type {HTMLButtonElement} */ (make("button", label, "plain"));
    button.type = "button";
    button.onclick = act;
    this.line.className = "state wrong";
    this.line.replaceChildren(make("span", text), button);
  }
}

/** What is wider than the column scrolls by itself; so it must with the keyboard too. @param {Element} box */
function makeFocusable(box) {
  if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
}

/** Styles that only code and formulas need come with the first of them. */
function loadStyles() {
  for (const name of ["rich", "code"]) {
    if (document.getElementById(name)) continue;
    const link = document.createElement("link");
    link.id = name;
    link.rel = "stylesheet";
    link.href = new URL(`../css/${name}.css`, import.meta.url).href;
    // The next block asks again.
    link.onerror = () => link.remove();
    document.head.append(link);
  }
}
