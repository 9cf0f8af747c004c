import { Problem, call } from "./api.js";
import { composer } from "./composer.js";
import { onReachable } from "./connection.js";
import { CookiesNeeded, explainCookies } from "./cookies.js";
import { acceptsCookies, byId, make, query, strings } from "./dom.js";
import { beginningKey, clearBeginningKey, saveForNew } from "./draft.js";
import { listenForEarlier, offerEarlier, offersEarlier } from "./earlier.js";
import { Retry } from "./retry.js";
import { followGrowth, stopFollowing, scrollToEnd } from "./scroll.js";
import { markSent } from "./suggestion.js";
import { notifyTabs, onNotified } from "./tabs.js";
import { followTurn, isFollowed, isOver, runningTurn } from "./turn-follower.js";
import { TurnView } from "./turn-view.js";

const turns = byId("turns");
const { topic = "", fresh = "" } = document.body.dataset;
/** @type {Map<string, TurnView>} */
const shown = new Map();
let id = new URLSearchParams(location.search).get("c");

/** Sends a question and shows it once it's taken. @param {string} message @param {string} key */
export async function send(message, key) {
  const { turn_id, seq, message: stored } = id ? await ask(message, key) : await begin(message, key);
  clearBeginningKey(topic);
  const isNew = !shown.has(turn_id);
  const view = show(turn_id, seq, stored);
  if (isNew) {
    view.setState({ state: "accepted", reason: null, reason_text: null });
    watch(view);
    notifyTabs(id);
  }
  markSent(shown.values());
  scrollToEnd();
  if (matchMedia("(pointer: coarse)").matches) view.element.focus({ preventScroll: true });
  // Something was asked in another tab.
  const before = [...shown.values()].some((view) => view.seq === seq - 1);
  if (seq > 1 && !before) catchUp().catch(() => {});
}

/** @param {string} message @param {string} key @returns {Promise<{turn_id: string, seq: number, message: string}>} */
const ask = (message, key) => call("POST", `conversations/${id}/turns`, { message }, { "Idempotency-Key": key });

/** Asks the first question of a conversation. @param {string} message @param {string} key */
async function begin(message, key) {
  const link = query(document, "#translated", HTMLAnchorElement);
  const before = { address: location.href, translated: link.href };
  const created = await call("POST", "conversations", { topic }, { "Idempotency-Key": beginningKey(topic) });
  setConversation(created.id);
  try {
    return await ask(message, key);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 404) throw problem;
    // The new conversation isn't this learner's: the browser didn't send the cookie back. Another try is the same conversation.
    id = null;
    history.replaceState(null, "", before.address);
    link.href = before.translated;
    explainCookies();
    throw new CookiesNeeded();
  }
}

/** Shows the end of the conversation that the server rendered, or says why there is none. */
export function open() {
  const missing = turns.querySelector(".notice");
  if (missing) {
    missing.remove();
    if (acceptsCookies()) showMissing();
    else explainCookies();
    return;
  }
  markSent(shown.values());
  scrollToEnd();
  // Without scripts a page of earlier turns stands alone.
  if (turns.dataset.page === "earlier") catchUp().catch(() => {});
}

/** Fetches what was asked elsewhere and shows the end of the conversation. */
export async function showNewest() {
  const note = notice(strings.loading);
  try {
    await catchUp();
    note.remove();
    scrollToEnd();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    note.remove();
    if (problem.status === 404 && !acceptsCookies()) explainCookies();
    else if (problem.status === 404) showMissing();
    else notice(problem.message || strings.unloaded, strings.reload, () => location.reload());
  }
}

/** The fetch that {@link catchUp} waits for. @type {Promise<void> | null} */
let pendingFetch = null;

/** Brings in what was asked, answered or tried again elsewhere. @returns {Promise<void>} */
function catchUp() {
  pendingFetch ??= fetchTurns().finally(() => {
    pendingFetch = null;
  });
  return pendingFetch;
}

async function fetchTurns() {
  const places = new Set([...shown.values()].map(({ seq }) => seq));
  // Places rise from 1 without holes: this is the last one before what is missing.
  let last = Math.min(...places);
  while (places.has(last + 1)) last += 1;
  /** @type {Conversation} */
  let page = await call("GET", `conversations/${id}`);
  showPage(page.turns);
  while (page.next && page.next > last + 1) {
    page = await call("GET", `conversations/${id}?before=${page.next}`);
    showPage(page.turns);
  }
  const { next } = page;
  if (next && !offersEarlier() && !shownBefore(next)) offerEarlier(next);
}

/** Whether turns are shown that come before this one. @param {number} place */
const shownBefore = (place) => [...shown.values()].some(({ seq }) => seq < place);

/** @param {Turn[]} page */
function showPage(page) {
  for (const turn of page) update(turn);
  markSent(shown.values());
}

listenForEarlier(() => id, showPage);

/** A tab that is looked at again catches up: others may have gone on. */
async function refreshShown() {
  if (!id || document.visibilityState !== "visible" || shown.size === 0) return;
  try {
    await catchUp();
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 404) showMissing();
  }
}
// Two windows side by side are both looked at all the time, so neither is looked at again.
onNotified((conversation) => {
  if (conversation === id) refreshShown();
});
document.addEventListener("visibilitychange", refreshShown);
addEventListener("focus", refreshShown);
onReachable(refreshShown);
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) refreshShown();
});

export function stop() {
  const running = runningTurn();
  if (running) call("POST", `turns/${running.id}/cancel`).catch(() => composer.stopFailed());
}

export const isRunning = () => runningTurn() !== null;

/** Shows a turn as it's stored. One that is followed, or ended here, is shown already. @param {Turn} turn */
function update(turn) {
  const wasShown = shown.has(turn.id);
  const view = show(turn.id, turn.seq, turn.message);
  if (isFollowed(view)) return;
  if ((view.state !== turn.state || view.attempt !== turn.attempt) && view.state !== "done") {
    view.attempt = turn.attempt;
    view.setBlocks(turn.answer ? [turn.answer.html] : []);
    if (turn.feedback) view.setFeedback(turn.feedback);
    view.setState(turn);
    if (!isOver(turn)) watch(view);
    if (wasShown) followGrowth();
  } else if (turn.feedback && !view.feedback) {
    view.setFeedback(turn.feedback);
  }
}

/** A turn in its place, which tabs that know different turns agree upon. @param {string} turn @param {number} seq @param {string} message */
function show(turn, seq, message) {
  const existing = shown.get(turn);
  if (existing) return existing;
  const view = TurnView.create(turn, seq, message, retry);
  const next = [...shown.values()].filter((other) => other.seq > seq).sort((a, b) => a.seq - b.seq)[0];
  shown.set(turn, view);
  turns.insertBefore(view.element, next?.element ?? turns.querySelector(".notice"));
  return view;
}

/** Leads to the turn in which a question was asked. @param {string} turn */
export function reveal(turn) {
  const element = shown.get(turn)?.element;
  if (!element) return;
  stopFollowing();
  element.scrollIntoView();
  element.focus({ preventScroll: true });
}

/** @param {TurnView} view */
async function retry(view) {
  if (isRunning()) return composer.hint(strings.busy);
  // An older turn is answered where it stands.
  if (view.element.matches("article:last-of-type")) scrollToEnd();
  else stopFollowing();
  view.wait(strings.sending);
  try {
    await new Retry().attempt(
      () => call("POST", `turns/${view.id}/retry`),
      ({ title }) => {
        if (title) view.wait(title);
      },
    );
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    // Taken before, by a request whose answer was lost: it's under way.
    if (problem.turn !== view.id)
      return view.offer(problem.message || strings.failed, strings.retry, () => retry(view));
  }
  view.attempt += 1;
  view.setBlocks([]);
  view.setState({ state: "accepted", reason: null, reason_text: null });
  watch(view);
  notifyTabs(id);
  composer.focus();
}

/** @param {TurnView} view */
const watch = (view) => followTurn(view, () => markSent(shown.values()));

/** Gives the page the conversation's address. @param {string} created its id */
function setConversation(created) {
  id = created;
  const address = new URL(fresh, location.origin);
  address.hash = "";
  address.searchParams.set("c", created);
  history.replaceState(null, "", address);
  const link = query(document, "#translated", HTMLAnchorElement);
  address.searchParams.set("lang", link.hreflang);
  link.href = address.href;
}

/** Says that the conversation isn't there, and offers a new one, which begins with what stands in the field. */
export function showMissing() {
  notice(strings.gone, strings.fresh, () => {
    const text = composer.text();
    if (text) saveForNew(topic, text);
    location.assign(fresh);
  });
}

/** The one line below the turns: a new text replaces it, the same text leaves it as it is. @param {string} text @param {string} [label] @param {() => void} [act] */
function notice(text, label, act) {
  const shownNotice = turns.querySelector(".notice");
  if (shownNotice instanceof HTMLElement && shownNotice.firstElementChild?.textContent === text) return shownNotice;
  shownNotice?.remove();
  const line = make("p", "", label ? "state wrong notice" : "state wait notice");
  line.append(make("span", text));
  if (label && act) {
    const button = make("button", label, "plain");
    button.onclick = act;
    line.append(button);
  }
  turns.append(line);
  scrollToEnd();
  return line;
}

// A quoted word leads to what the tutor says of it, however deep it's folded.
turns.addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest(".words a");
  if (!(link instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  const row = byId(decodeURIComponent(link.hash.slice(1)));
  for (let box = row.closest("details"); box; box = box.parentElement?.closest("details") ?? null) box.open = true;
  row.focus();
});

addEventListener("beforeprint", () => {
  for (const note of document.querySelectorAll("details.note")) note.toggleAttribute("open", true);
});

// Takes over what the server rendered before anything is added, and follows a turn that's still running.
for (const element of turns.querySelectorAll("article")) {
  const view = TurnView.adopt(element, retry);
  shown.set(view.id, view);
  if (!isOver(view)) watch(view);
}
