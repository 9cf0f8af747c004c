import { Problem, call } from "./api.js";
import { announce, dropWithdrawn, flush, readAloud } from "./announce.js";
import { noteArrived } from "./arrival.js";
import { composer } from "./composer.js";
import { onReachable } from "./connection.js";
import { CookiesNeeded, explainCookies } from "./cookies.js";
import { byId, acceptsCookies, make, query } from "./dom.js";
import { beginningKey, clearBeginningKey, saveForNew } from "./draft.js";
import { listenForEarlier, offerEarlier, offersEarlier } from "./earlier.js";
import { follow } from "./events.js";
import { Retry } from "./retry.js";
import { followGrowth, stopFollowing, scrollToEnd } from "./scroll.js";
import { strings } from "./strings.js";
import { markSent } from "./suggestion.js";
import { notifyTabs, onNotified } from "./tabs.js";
import { TurnView } from "./turn-view.js";

const turns = byId("turns");
const { topic = "", fresh = "" } = document.body.dataset;
/** @type {Map<string, TurnView>} */
const shown = new Map();
/** The turn whose answer is awaited: until it's whole, no other question is taken. @type {TurnView | null} */
let running = null;
/** The turns whose events are followed, and how to stop that. @type {Map<TurnView, () => void>} */
const followed = new Map();
let id = new URLSearchParams(location.search).get("c");

/** Sends a question and shows it once it's taken. @param {string} message @param {string} key */
export async function send(message, key) {
  const { turn_id, seq } = id ? await ask(message, key) : await begin(message, key);
  clearBeginningKey(topic);
  const isNew = !shown.has(turn_id);
  const view = show(turn_id, seq, message);
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

/** @param {string} message @param {string} key @returns {Promise<{turn_id: string, seq: number}>} */
const ask = (message, key) => call("POST", `conversations/${id}/turns`, { message }, { "Idempotency-Key": key });

/** Asks the first question of a conversation. @param {string} message @param {string} key */
async function begin(message, key) {
  const link = query(document, "#translated", HTMLAnchorElement);
  const before = { address: location.href, translated: link.href };
  const { id: made } = await call("POST", "conversations", { topic }, { "Idempotency-Key": beginningKey(topic) });
  remember(made);
  try {
    return await ask(message, key);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 404) throw problem;
    // What was made a moment ago isn't ours: the browser didn't bring the cookie back. Another try is the same conversation.
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

/** What is being fetched for {@link catchUp}. @type {Promise<void> | null} */
let catching = null;

/** Brings in what was asked, answered or tried again elsewhere. @returns {Promise<void>} */
function catchUp() {
  catching ??= fetchTurns().finally(() => {
    catching = null;
  });
  return catching;
}

async function fetchTurns() {
  // Places rise from 1 without holes: this is the last one before what is missing.
  let known = Math.min(...[...shown.values()].map(({ seq }) => seq));
  while ([...shown.values()].some(({ seq }) => seq === known + 1)) known += 1;
  /** @type {Conversation} */
  let page = await call("GET", `conversations/${id}`);
  showPage(page.turns);
  while (page.next && page.next > known + 1) {
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
  if (running) call("POST", `turns/${running.id}/cancel`).catch(() => composer.stopFailed());
}

export const isRunning = () => running !== null;

/** Shows a turn as it's stored. One that is followed, or ended here, is shown already. @param {Turn} turn */
function update(turn) {
  const known = shown.get(turn.id);
  const view = known ?? show(turn.id, turn.seq, turn.message);
  if (followed.has(view)) return;
  if ((view.state !== turn.state || view.attempt !== turn.attempt) && view.state !== "done") {
    view.attempt = turn.attempt;
    view.setBlocks(turn.answer ? [turn.answer.html] : []);
    if (turn.feedback) view.setFeedback(turn.feedback);
    view.setState(turn);
    if (turn.state === "accepted" || turn.state === "answering") watch(view);
    if (known) followGrowth();
  } else if (turn.feedback && !view.feedback) {
    view.setFeedback(turn.feedback);
  }
}

/** A turn in its place, which tabs that know different turns agree upon. @param {string} turn @param {number} seq @param {string} message */
function show(turn, seq, message) {
  const known = shown.get(turn);
  if (known) return known;
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
  if (running) return composer.hint(strings.busy);
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
function watch(view) {
  running = view;
  // An answer that failed was tried again while its note was still awaited.
  followed.get(view)?.();
  composer.answering(true);
  /** The next question may be asked. */
  const free = () => {
    // It may have been asked already, here or in another tab.
    if (running !== view) return;
    running = null;
    composer.answering(false);
  };
  const over = () => {
    followed.delete(view);
    free();
  };
  let isNew = true;
  /** The state that was announced last: a snapshot after a broken connection says it again. */
  let announced = "";
  /** @param {Ending} ending */
  const ended = (ending) => {
    if (announced === ending.state) return;
    announced = ending.state;
    announceEnd(ending);
  };
  /** The answer is whole, and only the note is awaited. */
  const answered = () => {
    ended({ state: "done", reason: null, reason_text: null });
    free();
  };
  followed.set(
    view,
    follow(view.id, {
      snapshot(data) {
        view.setBlocks(data.blocks);
        const shown = view.prose.textContent ?? "";
        // A later snapshot follows a broken connection, or takes back what was shown.
        if (!isNew) dropWithdrawn(shown);
        // What came before the first event; after a broken connection it has been heard already.
        const isFirst = isNew;
        if (isFirst) readAloud(shown.trimEnd());
        isNew = false;
        if (data.answered) answered();
        else if (isOver(data)) ended(data);
        // Only the note may still be awaited.
        if (isOver(data)) free();
        if (data.feedback) setNote(view, data.feedback, isFirst);
        view.setState(data);
        if (data.thinking) showThinking(view);
        followGrowth();
      },
      block({ index, html }) {
        view.setBlock(index, html);
        followGrowth();
      },
      delta: ({ text }) => readAloud(text),
      thinking({ thinking }) {
        if (thinking) showThinking(view);
      },
      feedback(data) {
        setNote(view, data);
        followGrowth();
      },
      state(data) {
        view.setState(data);
        if (data.answered) answered();
        else ended(data);
        if (isOver(data)) free();
        followGrowth();
      },
      end: over,
      interrupted: () => view.wait(strings.rejoining),
      lost() {
        over();
        view.offer(strings.lost, strings.reload, () => location.reload());
      },
    }),
  );
}

/** @param {{state: string | null}} standing */
const isOver = ({ state }) => state !== "accepted" && state !== "answering";

/** Says that the model thinks, which may take long; text that follows says that it writes. @param {TurnView} view */
function showThinking(view) {
  view.wait(strings.thinking);
  announce(strings.thinking);
}

/** @param {TurnView} view @param {Feedback} feedback @param {boolean} [wasThere] when the page was opened */
function setNote(view, feedback, wasThere = false) {
  const isNew = view.setFeedback(feedback);
  markSent(shown.values());
  if (!isNew || wasThere) return;
  announce(strings.noteReady);
  noteArrived(query(view.margin, ".note", HTMLElement));
}

/** Says aloud how a turn stands. @param {Ending} ending */
function announceEnd({ state, reason_text }) {
  flush();
  if (state === "done") announce(strings.answered);
  else if (reason_text) announce(reason_text);
}

/** @param {string} made */
function remember(made) {
  id = made;
  const address = new URL(fresh, location.origin);
  address.hash = "";
  address.searchParams.set("c", made);
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
  const said = byId(decodeURIComponent(link.hash.slice(1)));
  for (let box = said.closest("details"); box; box = box.parentElement?.closest("details") ?? null) box.open = true;
  said.focus();
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
