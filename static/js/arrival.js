import { byId, query } from "./dom.js";
import { followGrowth, stopFollowing } from "./scroll.js";

/** Milliseconds of a visible page after which the line is hidden: enough to finish a paragraph and look down. */
const SHOWN_FOR = 20_000;

const line = byId("arrived");
/** @type {IntersectionObserver | null} */
let observer = null;
let timer = 0;

/** Says above the composer that a note came, if it stands out of sight, until it was seen. @param {HTMLElement} note */
export function noteArrived(note) {
  hide();
  // What the bar and the composer cover isn't seen.
  const margin = `-${query(document, ".bar", HTMLElement).offsetHeight}px 0px -${byId("composer").offsetHeight}px 0px`;
  observer = new IntersectionObserver(
    ([{ isIntersecting }]) => {
      if (isIntersecting) return hide();
      line.hidden = false;
      followGrowth();
      startTimer();
    },
    { rootMargin: margin },
  );
  observer.observe(note);
  line.onclick = () => show(note);
}

/** @param {HTMLElement} note */
function show(note) {
  hide();
  stopFollowing();
  note.toggleAttribute("open", true);
  // Opening the note moves what stands below, and the browser's correction for that would end a smooth move.
  note.scrollIntoView({ behavior: "instant" });
  const summary = query(note, "summary", HTMLElement);
  // In the margin, where notes stand open, there is none.
  (summary.offsetParent ? summary : query(note, ".note-title", HTMLElement)).focus({ preventScroll: true });
}

function startTimer() {
  clearTimeout(timer);
  timer = setTimeout(hideUnlessUsed, SHOWN_FOR);
}

/** Hides the line unless it is hovered or focused, or the page is in the background. */
function hideUnlessUsed() {
  if (line.matches(":hover, :focus")) startTimer();
  else if (document.visibilityState === "visible") hide();
}
// The time counts only while the page is visible.
document.addEventListener("visibilitychange", () => {
  if (!line.hidden && document.visibilityState === "visible") startTimer();
});

function hide() {
  observer?.disconnect();
  clearTimeout(timer);
  if (line.hidden) return;
  line.hidden = true;
  followGrowth();
}
