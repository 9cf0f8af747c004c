import "./theme.js";
import { reportUnreachable, whenReachable } from "./connection.js";
import { composer, hasBlank } from "./composer.js";
import { acceptsCookies, strings } from "./dom.js";
import { draftOf, readCarried } from "./draft.js";

const { topic = "", address, practice } = document.body.dataset;
// A student's own topic stands in no address that is sent again, neither by a reload nor as a referrer.
if (address && !address.includes("?topic=")) history.replaceState(null, "", address);
const draft = draftOf(topic);
/** Modules that the first view does not need are loaded later. */
const asking = () => import("./asking.js");
const conversation = () => import("./conversation.js");
const guide = () => import("./guide.js");

/**
 * Loads a module; if the connection fails meanwhile, again when the server can be reached.
 * @template T @param {() => Promise<T>} load @returns {Promise<T | null>} `null` after several failures
 */
async function loadWhenReachable(load) {
  for (let tries = 0; tries < 5; tries += 1) {
    const script = await load().catch(() => null);
    if (script) return script;
    reportUnreachable();
    await whenReachable();
  }
  return null;
}

/** Without one the server can't know whose a conversation is. */
async function explainCookies() {
  const script = await loadWhenReachable(() => import("./cookies.js"));
  script?.explainCookies();
}

/** @param {string} message */
async function send(message) {
  if (!acceptsCookies()) return explainCookies();
  const script = await loadWhenReachable(asking);
  if (script) await script.ask(message, draft);
  else composer.hint(strings.unsent);
}

/** Takes over the conversation that the server rendered. */
async function takeOver() {
  // The guide comes first: its questions are marked, too.
  (await loadWhenReachable(guide))?.restoreGuide();
  const script = await loadWhenReachable(conversation);
  if (script) script.open();
  else composer.hint(strings.unloaded);
}

composer.listen({ send, stop: async () => (await conversation()).stop() }, draft);

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest(".suggestions button");
  if (!(button instanceof HTMLElement)) return;
  const text = (button.querySelector("span")?.textContent ?? "").trim();
  const { turn } = button.dataset;
  // At once: inserted later, it would break into what the student types next.
  if (!turn && hasBlank(text)) return composer.insertSuggestion(text);
  const script = await conversation().catch(() => null);
  if (turn) script?.reveal(turn);
  else if (script?.isRunning()) composer.hint(strings.busy);
  else await send(text);
});

if (!acceptsCookies()) void explainCookies();
addEventListener("load", () => asking().catch(() => {}));
if (new URLSearchParams(location.search).has("c")) {
  void takeOver();
} else if (practice === undefined && !document.querySelector("#soon-pick:popover-open")) {
  // The question that was pressed before the scripts came stays there.
  guide().then(
    ({ improveGuide }) => improveGuide(),
    () => {},
  );
}
// Read in any case: it must not come up again on another page.
const carried = readCarried();
composer.begin(draft.text() ?? carried);
