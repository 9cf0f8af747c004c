import { make, strings } from "./dom.js";

/** Gives each code block of an answer its copy button. @param {Element} block */
export function addCopyButtons(block) {
  for (const bar of block.querySelectorAll(".code-bar")) {
    const button = /** @type {HTMLButtonElement} */ (make("button", strings.copy, "copy"));
    button.type = "button";
    bar.append(button);
  }
}

/** The usual labels of the buttons. @type {WeakMap<Element, string>} */
const usual = new WeakMap();
/** @type {WeakMap<Element, number>} */
const timers = new WeakMap();

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest(".copy");
  if (!(button instanceof HTMLElement)) return;
  const source = button.closest(".code")?.querySelector("pre") ?? button.closest(".answer")?.querySelector(".prose");
  const label = button.querySelector("span") ?? button;
  // Pressed again, it still says what came of the press before.
  if (!usual.has(label)) usual.set(label, label.textContent ?? "");
  label.textContent = (await copy(source)) ? strings.copied : strings.uncopied;
  clearTimeout(timers.get(label));
  timers.set(
    label,
    setTimeout(() => {
      label.textContent = usual.get(label) ?? "";
    }, 2000),
  );
});

/** @param {Element | null | undefined} source */
async function copy(source) {
  if (!(source instanceof HTMLElement)) return false;
  try {
    await navigator.clipboard.writeText(textOf(source));
    return true;
  } catch {
    // Plain HTTP has no clipboard API; selecting and copying works there.
    const text = textOf(source);
    const selection = /** @type {Selection} */ (getSelection());
    const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
    selection.selectAllChildren(source);
    /** @param {ClipboardEvent} event */
    const fill = (event) => {
      event.preventDefault();
      event.clipboardData?.setData("text/plain", text);
    };
    document.addEventListener("copy", fill, { once: true });
    const done = document.execCommand("copy");
    document.removeEventListener("copy", fill);
    if (anchorNode && focusNode) selection.setBaseAndExtent(anchorNode, anchorOffset, focusNode, focusOffset);
    else selection.removeAllRanges();
    return done;
  }
}

/** What a student reads there, without the bars above code blocks. @param {HTMLElement} source */
function textOf(source) {
  source.classList.add("copied");
  const text = source.innerText;
  source.classList.remove("copied");
  return text;
}
