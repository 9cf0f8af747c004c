import { composer } from "./composer.js";
import { byId } from "./dom.js";

const root = document.documentElement;
const turns = byId("turns");
const button = byId("down");

/** Pixels from the end within which a move down counts as reaching it: an answer that comes grows meanwhile. */
const NEAR = 48;

/** Whether the page stays at its end while an answer grows. */
let follows = false;
/** Where the page stood when it was last looked at. */
let last = scrollY;
/** How long the page was then. */
let height = root.scrollHeight;
/** Whether a finger or a mouse button is down. */
let held = false;

const below = () => root.scrollHeight - innerHeight - scrollY;
const hasTurns = () => document.querySelector("article.turn") !== null;

function update() {
  // Else the browser moves the page itself when something above changes, which would look like a move by hand. Chromium
  // reads it from the body alone.
  document.body.style.setProperty("overflow-anchor", follows ? "none" : "auto");
  button.hidden = follows || below() <= 1 || !hasTurns();
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
export function toEnd() {
  follows = true;
  pin();
}

/** Lets go of the end: the page stays where the student put it. */
export function letGo() {
  if (!follows) return;
  follows = false;
  update();
}

/** Call when the page grew: follows its end unless the student moved up, and never under a finger. */
export function grew() {
  compare();
  if (follows && !held) pin();
  else update();
}

/** Any move up lets go, by whatever means; a move down to the end follows again. */
function compare() {
  // The browser moves a page up, too, that got shorter.
  if (scrollY < last - 0.5 && below() > 1 && root.scrollHeight >= height) follows = false;
  else if (scrollY > last + 0.5 && below() <= NEAR && hasTurns()) follows = true;
  // On a dense screen a slow finger moves the page by thirds of a pixel: less than half a pixel isn't a move yet, but adds up.
  if (Math.abs(scrollY - last) > 0.5) last = scrollY;
  height = root.scrollHeight;
}

addEventListener(
  "scroll",
  () => {
    compare();
    update();
  },
  { passive: true },
);

// A browser that moves smoothly needs a few frames: the next piece of the answer must not undo the first of them.
addEventListener(
  "wheel",
  ({ deltaY, ctrlKey }) => {
    if (deltaY < 0 && !ctrlKey && scrollY > 0) letGo();
  },
  { passive: true },
);
addEventListener("keydown", ({ key, shiftKey, target }) => {
  if (target instanceof HTMLTextAreaElement || scrollY <= 0) return;
  if (["ArrowUp", "PageUp", "Home"].includes(key) || (key === " " && shiftKey)) letGo();
});

// What a student uses or selects must not move away.
turns.addEventListener("click", ({ target }) => {
  if (target instanceof Element && target.closest("a, button, summary")) letGo();
});
turns.addEventListener("focusin", ({ target }) => {
  // Scripts focus whole turns.
  if (target instanceof Element && target.matches(":focus-visible:not(article)")) letGo();
});
document.addEventListener("selectionchange", () => {
  const selection = getSelection();
  if (selection && !selection.isCollapsed && turns.contains(selection.anchorNode)) letGo();
});

/** @param {Event} event */
const press = (event) => {
  held = !(event instanceof MouseEvent) || event.button === 0;
};
const release = () => {
  if (!held) return;
  held = false;
  grew();
};
for (const name of ["touchstart", "mousedown"]) addEventListener(name, press, { passive: true });
for (const name of ["touchend", "touchcancel", "mouseup", "dragend", "blur"])
  addEventListener(name, release, { passive: true });

button.onclick = () => {
  toEnd();
  composer.focus();
};
addEventListener("resize", grew);
// A taller composer would cover the answer's end.
new ResizeObserver(grew).observe(byId("composer"));

// An on-screen keyboard covers the page without making it smaller; the composer moves up by what it covers.
visualViewport?.addEventListener("resize", () => {
  const { height, offsetTop, scale } = /** @type {VisualViewport} */ (visualViewport);
  const covered = scale > 1 ? 0 : Math.max(0, innerHeight - height - offsetTop);
  root.style.setProperty("--keyboard", `${covered}px`);
});
