import "./theme.js";
import { call } from "./api.js";
import { direct, lost, reached } from "./connection.js";
import { byId, keepsCookies, one } from "./dom.js";
import { parseHtml } from "./html.js";
import { strings } from "./strings.js";

const list = byId("list");
const status = byId("status");
const more = one(document, "#more", HTMLFormElement);
const before = one(more, "[name=before]", HTMLInputElement);
const empty = byId("empty");
const confirm = one(document, "#confirm", HTMLDialogElement);
const when = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

/** Shows the times where the student is. @param {ParentNode} within */
function localiseTimes(within) {
  for (const time of within.querySelectorAll("time")) time.textContent = when.format(new Date(time.dateTime));
}

/** Appends the next page of the list, which the server renders as the first one. */
async function loadMore() {
  try {
    const response = await fetch(`${more.action}?before=${before.value}`, direct);
    if (!response.ok && response.type !== "opaqueredirect") {
      status.textContent = strings.unloaded;
      return;
    }
    const page = parseHtml(await response.text());
    const next = page.querySelector("#more [name=before]");
    // A login page has none.
    if (!(next instanceof HTMLInputElement)) throw new SyntaxError();
    localiseTimes(page);
    list.append(...page.querySelectorAll("#list > li"));
    before.value = next.value;
    more.hidden = !next.value;
    status.textContent = "";
  } catch (error) {
    lost(error instanceof SyntaxError);
    status.textContent = strings.unloaded;
    void reached().then(loadMore);
  }
}

/** Asks before a conversation is deleted. @param {HTMLElement} item */
function confirmDelete(item) {
  byId("confirm-what").textContent = one(item, ".first", HTMLElement).textContent;
  confirm.returnValue = "no";
  confirm.onclose = async () => {
    if (confirm.returnValue !== "yes") return;
    try {
      await call("DELETE", `conversations/${item.dataset.id}`);
      item.remove();
      status.textContent = strings.deleted;
      empty.hidden = list.childElementCount > 0 || !more.hidden;
      one(document, "h1", HTMLElement).focus();
    } catch {
      status.textContent = strings.undeleted;
    }
  };
  confirm.showModal();
}

localiseTimes(list);
if (!keepsCookies()) status.textContent = strings.cookies;
more.onsubmit = (event) => {
  event.preventDefault();
  void loadMore();
};
list.onclick = ({ target }) => {
  const item = target instanceof Element && target.closest(".drop") ? target.closest("li") : null;
  if (item) confirmDelete(item);
};
