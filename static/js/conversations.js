import "./theme.js";
import { call, Problem } from "./api.js";
import { noRedirects, reportUnreachable, whenReachable } from "./connection.js";
import { acceptsCookies, byId, query, strings } from "./dom.js";
import { parseHtml } from "./html.js";

const list = byId("list");
const status = byId("status");
const more = query(document, "#more", HTMLFormElement);
const before = query(more, "[name=before]", HTMLInputElement);
const empty = byId("empty");
const confirm = query(document, "#confirm", HTMLDialogElement);
const when = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

/** Shows the times where the student is. @param {ParentNode} within */
function localiseTimes(within) {
  for (const time of within.querySelectorAll("time")) time.textContent = when.format(new Date(time.dateTime));
}

/** Appends the next page of the list once; if the connection fails, when the server can be reached again. */
async function loadMore() {
  // Not disabled: that would lose the focus.
  if (more.ariaBusy === "true") return;
  more.ariaBusy = "true";
  while (!(await appendNextPage())) await whenReachable();
  more.ariaBusy = "false";
}

/** Appends the next page, which the server renders as the first one. @returns {Promise<boolean>} whether the server answered */
async function appendNextPage() {
  try {
    const response = await fetch(`${more.action}?before=${before.value}`, noRedirects);
    if (!response.ok && response.type !== "opaqueredirect") {
      status.textContent = strings.unloaded;
      return true;
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
    return true;
  } catch (error) {
    reportUnreachable(error instanceof SyntaxError);
    status.textContent = strings.unloaded;
    return false;
  }
}

/** Asks before a conversation is deleted. @param {HTMLElement} item */
function confirmDelete(item) {
  byId("confirm-what").textContent = query(item, ".first", HTMLElement).textContent;
  confirm.returnValue = "no";
  confirm.onclose = async () => {
    if (confirm.returnValue !== "yes") return;
    try {
      await call("DELETE", `conversations/${item.dataset.id}`).catch((problem) => {
        // Another tab has deleted it.
        if (!(problem instanceof Problem && problem.status === 404)) throw problem;
      });
      item.remove();
      status.textContent = strings.deleted
        .replace("{topic}", () => query(item, "h2", HTMLElement).textContent)
        .replace("{turns}", () => query(item, ".when span", HTMLElement).textContent);
      empty.hidden = list.childElementCount > 0 || !more.hidden;
      query(document, "h1", HTMLElement).focus();
    } catch {
      status.textContent = strings.undeleted;
    }
  };
  confirm.showModal();
}

localiseTimes(list);
if (!acceptsCookies()) status.textContent = strings.cookies;
more.onsubmit = (event) => {
  event.preventDefault();
  void loadMore();
};
list.onclick = ({ target }) => {
  const item = target instanceof Element && target.closest(".drop") ? target.closest("li") : null;
  if (item) confirmDelete(item);
};
