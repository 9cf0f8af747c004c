import { byId, query } from "./dom.js";

/** Types that only the program answers with. */
const OURS = /^(application\/problem\+json|text\/event-stream)\b/;
/** A type that portals and filters answer with, too. */
const JSON_TYPE = /^application\/json\b/;

/** Fetches without following: the program never redirects these requests, but networks in between do. @type {RequestInit} */
export const noRedirects = { redirect: "manual" };

/** Whether something between here and the program answered in its place, such as the login page of a Wi-Fi. @param {Response} response */
export function isForeign({ type, status, headers }) {
  if (type === "opaqueredirect") return true;
  // A load balancer that finds no server answers for it.
  if (status >= 500 && status !== 511) return false;
  const kind = headers.get("Content-Type") ?? "";
  if (OURS.test(kind)) return false;
  // What has no content has no type. The program sends a request id with each answer; others don't.
  return !headers.has("X-Request-Id") || !(status === 204 || JSON_TYPE.test(kind));
}

const banner = byId("offline");
const [offline, foreign] = [".text", ".foreign"].map((part) => query(banner, part, HTMLElement));
/** @type {Array<() => void>} */
let resolvers = [];
/** Called each time the server can be reached again. @type {Array<() => void>} */
const listeners = [];
let pause = 0;
let timer = 0;

/**
 * Call when a request did not reach the server. Shows the banner and asks until the server is there again.
 * @param {boolean} [answered] whether the network answered in the server's place
 */
export function reportUnreachable(answered = false) {
  showCause(answered);
  if (!banner.hidden) return;
  banner.hidden = false;
  pause = 1000;
  timer = setTimeout(probe, pause);
}

/** Whether the server was unreachable at the last try. */
export const isUnreachable = () => !banner.hidden;

/** Resolves when the server can be reached. @returns {Promise<void>} */
export const whenReachable = () =>
  banner.hidden ? Promise.resolve() : new Promise((resolve) => resolvers.push(resolve));

/** @param {() => void} listener called each time the server can be reached again */
export const onReachable = (listener) => {
  listeners.push(listener);
};

/** @param {boolean} answered */
function showCause(answered) {
  offline.hidden = answered;
  foreign.hidden = !answered;
}

async function probe() {
  clearTimeout(timer);
  try {
    const response = await fetch("/health", { cache: "no-store", ...noRedirects });
    if (isForeign(response)) throw new SyntaxError();
    if (response.ok) await response.json();
    banner.hidden = true;
    for (const resolve of resolvers.splice(0)) resolve();
    for (const listener of listeners) listener();
    return;
  } catch (error) {
    showCause(error instanceof SyntaxError);
  }
  pause = Math.min(pause * 1.5, 10000);
  timer = setTimeout(probe, pause);
}

query(foreign, "button", HTMLButtonElement).onclick = probe;
addEventListener("offline", () => reportUnreachable());
addEventListener("online", probe);
if (!navigator.onLine) reportUnreachable();
