import { composer } from "./composer.js";
import { byId, query } from "./dom.js";
import { carry } from "./draft.js";

/** A question that can't be sent because the browser doesn't bring the cookie back. */
export class CookiesNeeded extends Error {}

/** Says that cookies are needed, and how to go on. */
export function explainCookies() {
  const panel = byId("cookies");
  query(panel, "button", HTMLButtonElement).onclick = () => {
    // Where cookies are blocked, so is the storage that keeps drafts. A topic of one's own comes back by way of another page.
    carry(composer.text());
    location.reload();
  };
  panel.hidden = false;
}
