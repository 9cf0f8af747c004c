import { composer } from "./composer.js";
import { byId } from "./dom.js";

const root = document.documentElement;
const turns = byId("turns");
const button = byId("down");

/** Pixels from the end within which a move down counts as reaching it: an answer that comes grows meanwhile. */
const NEAR = 48;

/** Whether the page stays at its end while an answer grows. */
let isFollowing = false;
/** The scroll position at the last check. */
let last = scrollY;
/** The height of the page at that time. */
let height = root.scrollHeight;
/** Whether a finger or a mouse button is down. */
let isPressed = false;

const below = () => root.scrollHeight - innerHeight - scrollY;
const hasTurns = () => document.querySelector("article.turn") !== null;

function update() {
  // Else the browser moves the page itself when something above changes, which would look like a move by hand. Chromium
  // reads it from the body alone.
  document.body.style.setProperty("overflow-anchor", isFollowing ? "none" : "auto");
  button.hidden = isFollowing || below() <= 1 || !hasTurns();
}

function pin() {
  scrollTo({ top: root.scrollHeight, behavior: "instant" });
  remember();
  update();
}

function remember() {
  last = scrollY;
  height = root.scrollHeight;
}

/** Shows the end, and stays there while the answer grows. */
export function scrollToEnd() {
  isFollowing = true;
  pin();
}

/** Stops following the end: the page stays where the student put it. */
export function stopFollowing() {
  if (!isFollowing) return;
  isFollowing = false;
  update();
}

/** Call after the page grew: follows its end unless the student moved up, and never under a finger. */
export function followGrowth() {
  detectMove();
  if (isFollowing && !isPressed) pin();
  else update();
}

/** A move up by any means stops following; a move down to the end starts it again. */
function detectMove() {
  // The browser moves a page up, too, that got shorter.
  if (scrollY < last - 0.5 && below() > 1 && root.scrollHeight >= height) isFollowing = false;
  else if (scrollY > last + 0.5 && below() <= NEAR && hasTurns()) isFollowing = true;
  // On a dense screen a slow finger moves the page by thirds of a pixel: less than half a pixel isn't a move yet, but adds up.
  if (Math.abs(scrollY - last) > 0.5) last = scrollY;
  height = root.scrollHeight;
}

addEventListener(
  "scroll",
  () => {
    detectMove();
    update();
  },
  { passive: true },
);

// A browser that moves smoothly needs a few frames: the next piece of the answer must not undo the first of them.
addEventListener(
  "wheel",
  ({ deltaY, ctrlKey }) => {
    if (deltaY < 0 && !ctrlKey && scrollY > 0) stopFollowing();
  },
  { passive: true },
);
addEventListener("keydown", ({ key, shiftKey, target }) => {
  if (target instanceof HTMLTextAreaElement || scrollY <= 0) return;
  if (["ArrowUp", "PageUp", "Home"].includes(key) || (key === " " && shiftKey)) stopFollowing();
});

// What a student uses or selects must not move away.
turns.addEventListener("click", ({ target }) => {
  if (target instanceof Element && target.closest("a, button, summary")) stopFollowing();
});
turns.addEventListener("focusin", ({ target }) => {
  // Scripts focus whole turns.
  if (target instanceof Element && target.matches(":focus-visible:not(article)")) stopFollowing();
});
document.addEventListener("selectionchange", () => {
  const selection = getSelection();
  if (selection && !selection.isCollapsed && turns.contains(selection.anchorNode)) stopFollowing();
});

/** @param {Event} event */
const press = (event) => {
  isPressed = !(event instanceof MouseEvent) || event.button === 0;
};
const release = () => {
  if (!isPressed) return;
  isPressed = false;
  followGrowth();
};
for (const name of ["touchstart", "mousedown"]) addEventListener(name, press, { passive: true });
for (const name of ["touchend", "touchcancel", "mouseup", "dragend", "blur"])
  addEventListener(name, release, { passive: true });

button.onclick = () => {
  scrollToEnd();
  composer.focus();
};
addEventListener("resize", followGrowth);
// A taller composer would cover the answer's end.
new ResizeObserver(followGrowth).observe(byId("composer"));

// An on-screen keyboard covers the page without making it smaller; the composer moves up by what it covers.
visualViewport?.addEventListener("resize", () => {
  const { height, offsetTop, scale } = /** @type {VisualViewport} */ (visualViewport);
  const covered = scale > 1 ? 0 : Math.max(0, innerHeight - height - offsetTop);
  root.style.setProperty("--keyboard", `${covered}px`);
});
