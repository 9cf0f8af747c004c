import { make } from "./dom.js";
import { strings } from "./strings.js";

/** Gives each code block of an answer its copy button. @param {Element} block */
export function addCopyButtons(block) {
  for (const bar of block.querySelectorAll(".code-bar")) {
    const button = /** @type {HTMLButtonElement} */ (make("button", strings.copy, "copy"));
    button.type = "button";
    bar.append(button);
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest(".copy");
  if (!(button instanceof HTMLElement)) return;
  const source = button.closest(".code")?.querySelector("pre") ?? button.closest(".answer")?.querySelector(".prose");
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  label.textContent = (await copy(source)) ? strings.copied : strings.uncopied;
  setTimeout(() => {
    label.textContent = before;
  }, 2000);
});

/** @param {Element | null | undefined} source */
async function copy(source) {
  if (!(source instanceof HTMLElement)) return false;
  try {
    await navigator.clipboard.writeText(source.innerText);
    return true;
  } catch {
    // Plain HTTP has no clipboard API; selecting and copying works there.
    getSelection()?.selectAllChildren(source);
    const done = document.execCommand("copy");
    getSelection()?.removeAllRanges();
    return done;
  }
}
