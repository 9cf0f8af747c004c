import "./theme.js";
import { reportUnreachable, whenReachable } from "./connection.js";
import { composer, hasBlank } from "./composer.js";
import { acceptsCookies } from "./dom.js";
import { draftOf, readCarried } from "./draft.js";
import { strings } from "./strings.js";

const { topic = "", address, practice } = document.body.dataset;
// A student's own topic stands in no address that is sent again, neither by a reload nor as a referrer.
if (address && !address.includes("?topic=")) history.replaceState(null, "", address);
const draft = draftOf(topic);
/** Modules that the first view does not need are loaded later. */
const asking = () => import("./asking.js");
const conversation = () => import("./conversation.js");

/** Without one the server can't know whose a conversation is. */
const cookiesNeeded = () =>
  import("./cookies.js").then(
    ({ explainCookies }) => explainCookies(),
    () => reportUnreachable(),
  );

/** @param {string} message */
async function send(message) {
  if (!acceptsCookies()) return cookiesNeeded();
  for (let tries = 0; tries < 3; tries += 1) {
    const script = await asking().catch(() => null);
    if (script) return script.ask(message, draft);
    // The connection failed before the script was loaded.
    reportUnreachable();
    await whenReachable();
  }
  composer.hint(strings.unsent);
}

composer.listen({
  send,
  stop: async () => (await conversation()).stop(),
  change: (text) => draft.save(text),
});

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest(".suggestions button");
  if (!(button instanceof HTMLElement)) return;
  const text = (button.querySelector("span")?.textContent ?? "").trim();
  const script = await conversation().catch(() => null);
  const busy = script?.isRunning();
  if (button.dataset.turn) script?.reveal(button.dataset.turn);
  else if (hasBlank(text)) composer.insertSuggestion(text);
  else if (busy) composer.hint(strings.busy);
  else await send(text);
});

if (!acceptsCookies()) cookiesNeeded();
addEventListener("load", () => asking().catch(() => {}));
if (new URLSearchParams(location.search).has("c")) {
  // The guide comes first: its questions are marked, too.
  import("./guide.js")
    .then(
      ({ restoreGuide }) => restoreGuide(),
      () => {},
    )
    .then(conversation)
    .then(
      ({ open }) => open(),
      () => reportUnreachable(),
    );
} else {
  if (practice === undefined)
    import("./guide.js").then(
      ({ improveGuide }) => improveGuide(),
      () => {},
    );
}
const carried = readCarried();
composer.begin(draft.text() || carried);
