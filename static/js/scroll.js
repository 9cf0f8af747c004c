import { byId } from './dom.js';

const root = document.documentElement;
const button = byId('down');
let stuck = false;

const atEnd = () => innerHeight + scrollY >= root.scrollHeight - 90;

/** Shows the end, and stays there while the answer grows. */
export function toEnd() {
  stuck = true;
  scrollTo({ top: root.scrollHeight, behavior: 'instant' });
}

/** Call when the page grew: follows unless the student scrolled up. */
export function grew() {
  if (stuck) toEnd();
  else button.hidden = atEnd() || !document.querySelector('article.turn');
}

addEventListener('scroll', () => {
  const begun = document.querySelector('article.turn') !== null;
  stuck = begun && atEnd();
  button.hidden = stuck || !begun;
}, { passive: true });
button.onclick = toEnd;
// A taller composer would cover the answer's end.
new ResizeObserver(grew).observe(byId('composer'));

// An on-screen keyboard covers the page without making it smaller; the composer moves up by what it covers.
visualViewport?.addEventListener('resize', () => {
  const { height, offsetTop, scale } = /** @type {VisualViewport} */ (visualViewport);
  const covered = scale > 1 ? 0 : Math.max(0, innerHeight - height - offsetTop);
  root.style.setProperty('--keyboard', `${covered}px`);
});
