import "./theme.js";
import { byId, fill, query, strings } from "./dom.js";

const form = query(document, "#choice", HTMLFormElement);
const own = query(form, "#own", HTMLInputElement);
const start = query(form, "#start", HTMLButtonElement);
const hint = byId("own-hint");
const rule = hint.textContent ?? "";
const max = Number(document.body.dataset.max);
// The browser's own check is for when there are no scripts; this one says more, and counts as the server does.
form.noValidate = true;

/** A character that shows something; the server refuses a topic without one. */
const VISIBLE = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{M}\p{Noncharacter_Code_Point}\u2800]/u;

/** @returns {HTMLInputElement | null} */
const preset = () => form.querySelector("input[type=radio]:checked");

function update() {
  const text = VISIBLE.test(own.value) ? own.value.trim() : "";
  const over = [...text].length - max;
  const name = text || preset()?.dataset.name;
  start.disabled = !name || over > 0;
  start.textContent = name ? fill(strings.start, { topic: name }) : strings.choose;
  hint.textContent = over > 0 ? fill(strings.over, { n: over }) : rule;
  own.setAttribute("aria-invalid", String(over > 0));
}

// One topic at a time: choosing a card empties the field, writing in the field lets go of the card.
form.addEventListener("change", (event) => {
  if (event.target !== own) own.value = "";
  update();
});
own.addEventListener("input", () => {
  const card = preset();
  if (card && own.value.trim()) card.checked = false;
  update();
});
// A topic of one's own goes by the form itself, which is posted: no address and no log of addresses holds it.
form.addEventListener("submit", (event) => {
  const card = preset();
  if (!card && !start.disabled) return;
  event.preventDefault();
  if (card && !start.disabled) location.assign(`/chat.html?${new URLSearchParams({ topic: card.value })}`);
});
// Enter on a card starts too; a form submits by itself only from a text field.
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target instanceof HTMLInputElement && event.target.type === "radio")
    form.requestSubmit();
});

const examples = byId("examples");
examples.hidden = false;
examples.onclick = (event) => {
  if (!(event.target instanceof HTMLButtonElement)) return;
  own.value = event.target.textContent ?? "";
  own.dispatchEvent(new Event("input"));
  start.focus();
};
addEventListener("pageshow", update);
update();
// A reloaded chat about a topic of one's own comes back here: only behind # does its address name the topic.
const asked = new URLSearchParams(location.hash.slice(1)).get("topic");
if (asked) {
  own.value = asked;
  update();
  history.replaceState(null, "", location.pathname);
  form.requestSubmit();
}
