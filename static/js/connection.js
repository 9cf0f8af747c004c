import { byId } from './dom.js';

const banner = byId('offline');
/** @type {Array<() => void>} */
let waiting = [];
let pause = 0;
let timer = 0;

/** Call when a request did not reach the server. Shows the banner and asks until the server is there again. */
export function lost() {
  if (!banner.hidden) return;
  banner.hidden = false;
  pause = 1000;
  timer = setTimeout(probe, pause);
}

/** Whether the banner says so. */
export const isLost = () => !banner.hidden;

/** Resolves when the server can be reached. @returns {Promise<void>} */
export const reached = () => (banner.hidden ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)));

async function probe() {
  clearTimeout(timer);
  try {
    await fetch('/health', { method: 'HEAD', cache: 'no-store' });
    banner.hidden = true;
    for (const resolve of waiting.splice(0)) resolve();
  } catch {
    pause = Math.min(pause * 1.5, 10000);
    timer = setTimeout(probe, pause);
  }
}

addEventListener('offline', lost);
addEventListener('online', probe);
if (!navigator.onLine) lost();
