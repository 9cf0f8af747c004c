import { call } from "./api.js";
import { byId } from "./dom.js";
import { setHtml } from "./html.js";
import { suggestion } from "./suggestion.js";

/** The guide that this tab shows for a topic, so that it's the same after a reload. */
const NAME = `guide:${document.documentElement.lang}:${document.body.dataset.topic}`;

/** Asks once for the guide that the model makes; the preset one stays if the student began with it already. */
export async function improveGuide() {
  const guide = byId("guide");
  let touched = false;
  for (const sign of ["pointerdown", "focusin"])
    guide.addEventListener(
      sign,
      () => {
        touched = true;
      },
      { once: true },
    );
  saveGuide(null);
  /** @type {Guide | null} */
  const made = await call(
    "POST",
    "chat/initial-guide",
    { topic: document.body.dataset.topic },
    { Prefer: "wait=20" },
  ).catch(() => null);
  if (made?.source !== "model" || touched || document.querySelector("article.turn")) return;
  show(made);
  saveGuide(made);
}

/** @param {Guide | null} made */
function saveGuide(made) {
  try {
    if (made) sessionStorage.setItem(NAME, JSON.stringify(made));
    else sessionStorage.removeItem(NAME);
  } catch {
    // Storage is full or forbidden.
  }
}

/** Shows the guide again with which the conversation began in this tab. */
export function restoreGuide() {
  try {
    /** @type {Guide | null} */
    const made = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
    if (made) show(made);
  } catch {
    // Storage is forbidden, or holds what an older version wrote.
  }
}

/** @param {Guide} made */
function show(made) {
  byId("guide-title").textContent = made.guide_title;
  setHtml(byId("guide-text"), made.guide_html);
  byId("starters").replaceChildren(...made.starter_questions.map(suggestion));
}
