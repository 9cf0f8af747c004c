import { noRedirects, isForeign, isUnreachable, reportUnreachable, whenReachable } from "./connection.js";

const TERMINAL = ["done", "failed", "cancelled", "interrupted"];

/**
 * @typedef {object} Listener
 * @property {(snapshot: Snapshot) => void} snapshot
 * @property {(block: {index: number, html: string}) => void} block
 * @property {(delta: {text: string}) => void} delta
 * @property {(news: {thinking: boolean}) => void} thinking whether the model thinks and writes nothing yet
 * @property {(feedback: Feedback) => void} feedback
 * @property {(status: TurnStatus) => void} state
 * @property {() => void} end the turn is over
 * @property {() => void} interrupted the stream is broken for longer than a hiccup, and taken up again by itself
 * @property {() => void} lost the turn isn't there any more, or the server is but doesn't let it be followed
 */

/** Milliseconds within which a broken stream is not shown: an instance stops, and another one answers. */
const HICCUP = 4000;
/** Milliseconds after which a connection counts as good. */
const GOOD = 5000;
/** With pauses of up to 5 s about two minutes. */
const MOST_FAILURES = 28;

/**
 * Follows a turn to its end, over any number of broken connections: each new one begins with a snapshot.
 * @param {string} turn @param {Listener} to @returns {() => void} stops following without calling the listener
 */
export function follow(turn, to) {
  const address = `/api/v1/turns/${turn}/events`;
  let isOver = false;
  let isStopped = false;
  let close = () => {};
  let failures = 0;
  let brokenAt = 0;
  const connect = () => {
    if (isStopped) return;
    const source = new EventSource(address);
    close = () => source.close();
    const began = performance.now();
    const resetFailures = () => {
      failures = 0;
    };
    /** The same call again: at once at first, then after growing pauses. */
    const reconnect = async () => {
      source.close();
      if (isStopped) return;
      if (performance.now() - began > GOOD) resetFailures();
      if (!failures) brokenAt = performance.now();
      failures += 1;
      if (failures > MOST_FAILURES) return to.lost();
      if (performance.now() - brokenAt > HICCUP) {
        to.interrupted();
        await fetch("/health", { method: "HEAD", cache: "no-store" }).catch(() => reportUnreachable());
      }
      // After an outage the server was already waited for, so the pause is short.
      const pause = failures === 1 ? 100 : isUnreachable() ? 500 : Math.min(250 * 2 ** failures, 5000);
      await whenReachable();
      setTimeout(connect, pause * (0.75 + Math.random() / 2));
    };
    /** @param {string} name @param {(data: any) => void} act */
    const on = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data || "{}")));
    /** @param {string} name @param {(data: any) => void} act */
    const onNews = (name, act) =>
      on(name, (data) => {
        resetFailures();
        act(data);
      });
    on("snapshot", (data) => {
      isOver = TERMINAL.includes(data.state);
      to.snapshot(data);
    });
    onNews("state", (data) => {
      isOver = TERMINAL.includes(data.state);
      to.state(data);
    });
    for (const name of /** @type {const} */ (["block", "delta", "thinking", "feedback"]))
      onNews(name, (data) => to[name](data));
    on("end", () => {
      // Without a final state the server is shutting down: another instance continues the stream.
      if (!isOver) return void reconnect();
      source.close();
      to.end();
    });
    source.onerror = async () => {
      // Closed, it was answered with something else than a stream; a cut connection would be opened again.
      const refused = source.readyState === EventSource.CLOSED;
      source.close();
      if (refused && (await status(address)) === 404) return to.lost();
      await reconnect();
    };
  };
  connect();
  return () => {
    isStopped = true;
    close();
  };
}

/** Returns the status of the server's answer, or 0 without one: `EventSource` does not expose it. @param {string} address */
async function status(address) {
  const asked = new AbortController();
  try {
    const response = await fetch(address, { signal: asked.signal, ...noRedirects });
    const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
    if (!isForeign(response) && (isStream || !response.ok)) return response.status;
    reportUnreachable(true);
    return 0;
  } catch {
    return 0;
  } finally {
    asked.abort();
  }
}
