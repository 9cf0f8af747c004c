import { clone, make, query, strings } from "./dom.js";
import { suggestion } from "./suggestion.js";

const wide = matchMedia("(min-width: 801px), print");

/** In the margin a note stands open; on a narrow screen it folds under its question. */
wide.addEventListener("change", () => {
  document.querySelectorAll("details.note").forEach(fitNote);
});

/** Folds or opens a note as the screen has room. @param {Element} note */
export const fitNote = (note) => note.toggleAttribute("open", wide.matches);

/** @param {Feedback} feedback @param {(dim: Dim) => string} idOf */
export function noteView(feedback, idOf) {
  const note = clone("t-note");
  fitNote(note);
  query(note, ".gist", HTMLElement).textContent = feedback.strengths || feedback.improvements;
  query(note, ".by", HTMLElement).hidden = feedback.source !== "coach";
  for (const part of /** @type {const} */ (["strengths", "improvements", "next_steps"])) {
    query(note, `[data-part=${part}]`, HTMLElement).textContent = feedback[part];
  }
  query(note, ".suggestions", HTMLElement).append(...feedback.suggested_questions.map(suggestion));
  query(note, "dl", HTMLElement).append(...feedback.dims.map((dim) => dimView(dim, idOf(dim))));
  return note;
}

/** @param {Dim} dim @param {string} id */
function dimView(dim, id) {
  const row = document.createElement("div");
  const description = make("dd", "");
  description.id = id;
  description.tabIndex = -1;
  description.append(make("b", dim.level === null ? strings.levelNone : strings[`level${dim.level}`]));
  if (dim.why) description.append(make("span", dim.why));
  row.append(make("dt", strings[dim.id]), description);
  return row;
}
