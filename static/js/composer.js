import { byId, fill, query, strings } from "./dom.js";

const form = query(document, "#composer", HTMLFormElement);
const field = query(form, "textarea", HTMLTextAreaElement);
const send = query(form, "#send", HTMLButtonElement);
const stop = query(form, "#stop", HTMLButtonElement);
const hint = byId("hint");
const max = Number(document.body.dataset.max);
/** A blank in a suggested question, for the student to fill in. */
export const BLANK = /_{2,}|…|\.{3}/;

/** @type {(text: string) => void} */
let saveDraft = () => {};

function update() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  checkLength();
  saveDraft(field.value);
}

/** Says how much may still be written, and enables the button for a text that can be sent. */
function checkLength() {
  const left = max - [...field.value.trim()].length;
  send.disabled = field.readOnly || left === max || left < 0;
  hint.textContent = left > max / 10 ? "" : fill(left < 0 ? strings.over : strings.left, { n: Math.abs(left) });
}

/** Closes a line that a button opened before the scripts came. @param {string} id @returns {boolean} whether it was open */
function closeLine(id) {
  const line = byId(id);
  const isOpen = line.matches(":popover-open");
  if (isOpen) line.hidePopover();
  return isOpen;
}

/** Both texts, one after the other, unless one contains the other. @param {string} kept @param {string} typed */
function joinTexts(kept, typed) {
  if (typed.includes(kept.trim())) return typed;
  return kept.includes(typed.trim()) ? kept : `${kept}\n${typed}`;
}

/** Whether the browser went back or forward to this page, and brought back what stood in its field. */
const isRevisited = performance
  .getEntriesByType("navigation")
  .some((entry) => entry instanceof PerformanceNavigationTiming && entry.type === "back_forward");

/** Where the student writes. */
export const composer = {
  /**
   * @param {{send(text: string): void, stop(): void}} on
   * @param {{text(): string | null, save(text: string): void}} draft
   */
  listen(on, draft) {
    form.onsubmit = (event) => {
      event.preventDefault();
      if (!stop.hidden) this.hint(strings.busy);
      else if (!send.disabled && !field.readOnly) on.send(field.value.trim());
    };
    field.onkeydown = (event) => {
      // 229: Safari ends a composition before it reports the Enter that ended it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      form.requestSubmit();
    };
    field.oninput = update;
    send.type = "submit";
    for (const button of document.querySelectorAll("[popovertarget^=soon]")) button.removeAttribute("popovertarget");
    stop.onclick = () => {
      stop.disabled = true;
      this.focus();
      on.stop();
    };
    saveDraft = draft.save;
    // When the back button leads here, some browsers bring back what stood in the field after the scripts ran. It may be
    // older than what was kept since, or sent already.
    addEventListener("pageshow", () => this.set(draft.text() ?? field.value));
  },
  /**
   * Call once, after `listen`: takes up what the student did before the scripts came. Until then Enter could only break the
   * line, and a pressed button could only open a line that says that it takes a moment.
   * @param {string | null} kept the draft, if one was kept
   */
  begin(kept) {
    const typed = field.value;
    const hasPickedSuggestion = closeLine("soon-pick");
    const hasPressedSend = closeLine("soon");
    const focused = document.activeElement;
    const isRestored = isRevisited && !hasPressedSend && focused !== field;
    // Typed or brought back by the browser: the latter does not send.
    const hasEntered = !isRestored && typed !== kept && /\n\s*$/.test(typed);
    this.set(kept !== null && isRestored ? kept : joinTexts(kept ?? "", typed));
    // Safari gives a pressed button no focus, so there the student presses the suggestion once more.
    if (hasPickedSuggestion && focused instanceof HTMLElement && focused.matches(".suggestions button"))
      focused.click();
    // Only a text that the student saw is sent. Touch screens may leave the focus in the field when the send button is
    // pressed; elsewhere, who is in the field again isn't ready.
    else if (
      field.value === typed &&
      (hasEntered || (hasPressedSend && (focused !== field || matchMedia("(pointer: coarse)").matches)))
    )
      form.requestSubmit();
  },
  text: () => field.value.trim(),
  /** @param {string} text */
  set(text) {
    // Setting the same text would break off a syllable that is being composed.
    if (field.value !== text) field.value = text;
    update();
  },
  /** Takes a suggestion that has a blank, below what is written already, and selects the blank. @param {string} text */
  insertSuggestion(text) {
    // The text on its way must not change.
    if (field.readOnly) return this.hint(strings.busy);
    if (!field.value.includes(text)) {
      field.value = [field.value.trimEnd(), text].filter(Boolean).join("\n");
      // As if it were typed: what is changed is another question.
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    field.focus();
    const blank = BLANK.exec(text);
    if (!blank) return;
    const start = field.value.lastIndexOf(text) + blank.index;
    field.setSelectionRange(start, start + blank[0].length);
    if (!send.disabled) hint.textContent = strings.blank;
  },
  /** @param {string} text */
  hint(text) {
    hint.textContent = text;
  },
  /** While the question is on its way its text stays here, so that nothing can lose it. @param {boolean} on */
  sending(on) {
    field.readOnly = on;
    checkLength();
    if (on) hint.textContent = "";
  },
  /** @param {boolean} on */
  answering(on) {
    const focused = document.activeElement === stop;
    stop.hidden = !on;
    stop.disabled = false;
    send.hidden = on;
    if (!on && hint.textContent === strings.busy) hint.textContent = "";
    if (focused && !on) this.focus();
  },
  stopFailed() {
    stop.disabled = false;
  },
  /** Not on touch screens: the keyboard would cover the answer. */
  focus() {
    if (!matchMedia("(pointer: coarse)").matches) field.focus({ preventScroll: true });
  },
};

/** @param {string} text */
export const hasBlank = (text) => BLANK.test(text);
