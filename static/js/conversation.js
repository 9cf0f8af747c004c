import { Problem, call } from './api.js';
import { announce, flush, heard } from './announce.js';
import { composer } from './composer.js';
import { byId, make, one } from './dom.js';
import { follow } from './events.js';
import { Patience } from './patience.js';
import { grew, toEnd } from './scroll.js';
import { strings } from './strings.js';
import { TurnView } from './turn-view.js';

const turns = byId('turns');
const topic = document.body.dataset.topic ?? '';
/** @type {Map<string, TurnView>} */
const shown = new Map();
/** @type {TurnView | null} */
let running = null;
let id = new URLSearchParams(location.search).get('c');

/** Sends a question and shows it once it's taken. @param {string} message @param {string} key */
export async function send(message, key) {
  if (!id) remember((await call('POST', 'conversations', { topic })).id);
  const { turn_id } = await call('POST', `conversations/${id}/turns`, { message }, { 'Idempotency-Key': key });
  const view = show(turn_id, message);
  view.setState({ state: 'accepted', reason: null, reason_text: null });
  watch(view);
  toEnd();
  if (matchMedia('(pointer: coarse)').matches) view.element.focus({ preventScroll: true });
}

/** Shows the conversation that the address names, and follows a turn that's still running. */
export async function open() {
  const note = notice(strings.loading);
  try {
    /** @type {Conversation} */
    const conversation = await call('GET', `conversations/${id}`);
    note.remove();
    if (conversation.topic !== topic) {
      location.replace(address(conversation.topic));
      return;
    }
    for (const turn of conversation.turns) if (!shown.has(turn.id)) restore(turn);
    toEnd();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    note.remove();
    if (problem.status === 404) gone();
    else notice(problem.message || strings.unloaded, strings.reload, () => location.reload());
  }
}

export function stop() {
  if (running) call('POST', `turns/${running.id}/cancel`).catch(() => composer.stopFailed());
}

export const isRunning = () => running !== null;

/** @param {Turn} turn */
function restore(turn) {
  const view = show(turn.id, turn.message);
  if (turn.answer) view.setBlocks([turn.answer.html]);
  if (turn.feedback) view.setFeedback(turn.feedback);
  view.setState(turn);
  if (turn.state === 'accepted' || turn.state === 'answering') watch(view);
}

/** @param {string} turn @param {string} message */
function show(turn, message) {
  const view = shown.get(turn) ?? new TurnView(turn, message, retry);
  shown.set(turn, view);
  turns.append(view.element);
  return view;
}

/** @param {TurnView} view */
async function retry(view) {
  if (running) return composer.hint(strings.busy);
  toEnd();
  view.wait(strings.sending);
  try {
    await new Patience().attempt(() => call('POST', `turns/${view.id}/retry`), ({ title }) => {
      if (title) view.wait(title);
    });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    // Taken before, by a request whose answer was lost: it's under way.
    if (problem.turn !== view.id) return view.offer(problem.message || strings.failed, strings.retry, () => retry(view));
  }
  view.setBlocks([]);
  view.setState({ state: 'accepted', reason: null, reason_text: null });
  watch(view);
  composer.focus();
}

/** @param {TurnView} view */
function watch(view) {
  running = view;
  composer.answering(true);
  const over = () => {
    running = null;
    composer.answering(false);
  };
  let isNew = true;
  follow(view.id, {
    snapshot(data) {
      view.setBlocks(data.blocks);
      // What came before the first event; after a broken connection it has been heard already.
      if (isNew) heard((view.prose.textContent ?? '').trimEnd());
      isNew = false;
      if (data.state !== 'accepted' && data.state !== 'answering') tell(data);
      if (data.feedback) view.setFeedback(data.feedback);
      view.setState(data);
      grew();
    },
    block({ index, html }) {
      view.setBlock(index, html);
      grew();
    },
    delta: ({ text }) => heard(text),
    feedback(data) {
      view.setFeedback(data);
      announce(strings.noteReady);
      grew();
    },
    state(data) {
      view.setState(data);
      tell(data);
      grew();
    },
    end: over,
    waiting: () => view.wait(strings.rejoining),
    lost() {
      over();
      view.offer(strings.lost, strings.reload, () => location.reload());
    },
  });
}

/** Says aloud how a turn stands. @param {Ending} ending */
function tell({ state, reason_text }) {
  flush();
  if (state === 'done') announce(strings.answered);
  else if (reason_text) announce(reason_text);
}

/** @param {string} made */
function remember(made) {
  id = made;
  history.replaceState(null, '', address(topic));
  const link = one(document, '#translated', HTMLAnchorElement);
  link.href = `${address(topic)}&lang=${link.hreflang}`;
}

/** @param {string} of a topic */
const address = (of) => `/chat.html?${new URLSearchParams({ topic: of, ...(id && { c: id }) })}`;

/** Says that the conversation isn't there, and offers a new one. */
export function gone() {
  notice(strings.gone, strings.fresh, () => location.assign(`/chat.html?${new URLSearchParams({ topic })}`));
}

/** A line below the turns. @param {string} text @param {string} [label] @param {() => void} [act] */
function notice(text, label, act) {
  const line = make('p', '', label ? 'state wrong notice' : 'state wait notice');
  line.append(make('span', text));
  if (label && act) {
    const button = make('button', label, 'plain');
    button.onclick = act;
    line.append(button);
  }
  turns.append(line);
  toEnd();
  return line;
}

// A quoted word leads to what the tutor says of it, however deep it's folded.
turns.addEventListener('click', (event) => {
  const link = event.target instanceof Element && event.target.closest('.words a');
  if (!(link instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  const said = byId(decodeURIComponent(link.hash.slice(1)));
  for (let box = said.closest('details'); box; box = box.parentElement?.closest('details') ?? null) box.open = true;
  said.focus();
});

addEventListener('beforeprint', () => {
  for (const note of document.querySelectorAll('details.note')) note.toggleAttribute('open', true);
});
