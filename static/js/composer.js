import { byId, query } from "./dom.js";
import { fill, strings } from "./strings.js";

const form = query(document, "#composer", HTMLFormElement);
const field = query(form, "textarea", HTMLTextAreaElement);
const send = query(form, "#send", HTMLButtonElement);
const stop = query(form, "#stop", HTMLButtonElement);
const hint = byId("hint");
const max = Number(document.body.dataset.max);
/** A blank in a suggested question, for the student to fill in. */
export const BLANK = /_{2,}|…|\.{3}/;

/** @type {(text: string) => void} */
let changed = () => {};

function update() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  const left = max - [...field.value.trim()].length;
  send.disabled = left === max || left < 0;
  hint.textContent = left > max / 10 ? "" : fill(left < 0 ? strings.over : strings.left, { n: Math.abs(left) });
  changed(field.value);
}

/** Where the student writes. */
export const composer = {
  /** @param {{send(text: string): void, stop(): void, change(text: string): void}} on */
  listen(on) {
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
    for (const button of document.querySelectorAll("[popovertarget=soon]")) button.removeAttribute("popovertarget");
    stop.onclick = () => {
      stop.disabled = true;
      this.focus();
      on.stop();
    };
    changed = on.change;
    // When the back button leads here, the browser brings back what stood in the field after the scripts ran.
    addEventListener("pageshow", update);
  },
  /**
   * Call once, after `listen`: takes up what the student did before the scripts came. Until then Enter could only break the
   * line, and a pressed button could only open a line that says that it takes a moment.
   * @param {string} draft what was kept of the text
   */
  begin(draft) {
    const typed = field.value;
    // Typed or kept by the browser over a reload: the latter does not send.
    const entered = typed !== draft && /\n\s*$/.test(typed);
    const soon = byId("soon");
    const pressed = soon.matches(":popover-open");
    if (pressed) soon.hidePopover();
    this.set(typed || draft);
    const focused = document.activeElement;
    if (pressed && focused instanceof HTMLElement && focused.matches(".suggestions button")) focused.click();
    // Who pressed a suggestion and now writes something else isn't ready to send it. Touch screens may leave the focus in
    // the field when the send button is pressed.
    else if (entered || (pressed && (focused !== field || matchMedia("(pointer: coarse)").matches)))
      form.requestSubmit();
  },
  text: () => field.value.trim(),
  /** @param {string} text */
  set(text) {
    // Setting the same text would break off a syllable that is being composed.
    if (field.value !== text) field.value = text;
    update();
  },
  /** Takes a suggestion that has a blank, and selects the blank. @param {string} text */
  insertSuggestion(text) {
    this.set(text);
    field.focus();
    const blank = BLANK.exec(text);
    if (blank) {
      field.setSelectionRange(blank.index, blank.index + blank[0].length);
      hint.textContent = strings.blank;
    }
  },
  /** @param {string} text */
  hint(text) {
    hint.textContent = text;
  },
  /** While the question is on its way its text stays here, so that nothing can lose it. @param {boolean} on */
  sending(on) {
    field.readOnly = on;
    send.disabled = on || !this.text();
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
