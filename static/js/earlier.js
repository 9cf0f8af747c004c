import { call } from "./api.js";
import { byId, make } from "./dom.js";
import { letGo } from "./scroll.js";
import { strings } from "./strings.js";

const turns = byId("turns");

/**
 * Offers the turns before a place, page by page, above those that are shown.
 * @param {string} conversation its id @param {number} before @param {(turns: Turn[]) => void} show
 */
export function offerEarlier(conversation, before, show) {
  const line = make("p", "", "state earlier");
  const text = make("span", "");
  const button = /** @type {HTMLButtonElement} */ (make("button", strings.earlier, "plain"));
  button.type = "button";
  button.onclick = async () => {
    letGo();
    // Not disabled: that would lose the focus.
    if (line.ariaBusy === "true") return;
    line.ariaBusy = "true";
    text.textContent = strings.loading;
    try {
      /** @type {Conversation} */
      const page = await call("GET", `conversations/${conversation}?before=${before}`);
      keepInPlace(line.nextElementSibling ?? line, () => {
        show(page.turns);
        text.textContent = "";
        if (page.next) before = page.next;
        else line.remove();
      });
      if (!page.next) turns.querySelector("article")?.focus({ preventScroll: true });
    } catch {
      text.textContent = strings.unloaded;
    }
    line.ariaBusy = "false";
  };
  line.append(text, button);
  turns.querySelector(".first")?.after(line);
}

/** Changes what stands above an element, which stays where the reader sees it. @param {Element} element @param {() => void} change */
function keepInPlace(element, change) {
  const { style } = document.body;
  const anchor = style.getPropertyValue("overflow-anchor");
  // Else browsers that keep the place themselves would move the page a second time.
  style.setProperty("overflow-anchor", "none");
  const { top } = element.getBoundingClientRect();
  change();
  scrollBy({ top: element.getBoundingClientRect().top - top, behavior: "instant" });
  requestAnimationFrame(() => style.setProperty("overflow-anchor", anchor));
}
