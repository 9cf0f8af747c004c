import { call } from "./api.js";
import { byId, query, strings } from "./dom.js";
import { stopFollowing } from "./scroll.js";

const turns = byId("turns");
const form = query(turns, "#earlier", HTMLFormElement);
const before = query(form, "[name=before]", HTMLInputElement);
const status = query(form, "span", HTMLElement);

/** Whether the turns before those that are shown are offered. */
export const offersEarlier = () => !form.hidden;

/** Offers the turns before a place, above those that are shown. @param {number} place */
export function offerEarlier(place) {
  before.value = String(place);
  form.hidden = false;
}

/**
 * Reads earlier turns page by page, without loading the page anew.
 * @param {() => string | null} conversation its id @param {(turns: Turn[]) => void} show
 */
export function listenForEarlier(conversation, show) {
  form.onsubmit = async (event) => {
    event.preventDefault();
    stopFollowing();
    // Not disabled: that would lose the focus.
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    status.textContent = strings.loading;
    try {
      /** @type {Conversation} */
      const page = await call("GET", `conversations/${conversation()}?before=${before.value}`);
      keepInPlace(form.nextElementSibling ?? form, () => {
        show(page.turns);
        status.textContent = "";
        if (page.next) offerEarlier(page.next);
        else form.hidden = true;
      });
      if (!page.next) turns.querySelector("article")?.focus({ preventScroll: true });
    } catch {
      status.textContent = strings.unloaded;
    }
    form.ariaBusy = "false";
  };
}

/**
 * Changes what stands above an element, which stays where the reader sees it.
 * @param {Element} element @param {() => void} change
 */
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
