import "./theme.js";
import { call } from "./api.js";
import { isLost, reached } from "./connection.js";
import { byId, clone, keepsCookies, one } from "./dom.js";
import { fill, strings } from "./strings.js";

const list = byId("list");
const status = byId("status");
const more = byId("more");
const retry = byId("retry");
const empty = byId("empty");
const confirm = one(document, "#confirm", HTMLDialogElement);
const when = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
/** @type {string | null} */
let next = null;

async function load() {
  retry.hidden = true;
  try {
    const query = new URLSearchParams({ limit: "20", asked: "true", ...(next && { before: next }) });
    const page = await call("GET", `conversations?${query}`);
    list.append(...page.items.map(row));
    next = page.next;
    more.hidden = !next;
    status.textContent = keepsCookies() ? "" : strings.cookies;
    empty.hidden = list.childElementCount > 0;
  } catch {
    status.textContent = strings.unloaded;
    retry.hidden = false;
    // What is in the way goes by itself, or the student sees to it.
    if (isLost())
      reached().then(() => {
        if (!retry.hidden) load();
      });
  }
}

/** @param {ConversationSummary} item */
function row(item) {
  const element = clone("t-item");
  const preset = [...byId("presets").children].find((p) => p instanceof HTMLElement && p.dataset.topic === item.topic);
  const name = preset instanceof HTMLElement ? `${preset.dataset.emoji} ${preset.textContent}` : item.topic;
  // A topic of one's own stands in no address.
  const href = `/chat.html?${new URLSearchParams({ ...(preset && { topic: item.topic }), c: item.id })}`;
  const title = one(element, "h2 a", HTMLAnchorElement);
  title.textContent = name;
  title.href = href;
  one(element, ".first", HTMLElement).textContent = item.first_message ?? strings.unasked;
  const time = one(element, "time", HTMLTimeElement);
  time.textContent = when.format(item.active_at);
  time.dateTime = new Date(item.active_at).toISOString();
  one(element, ".when span", HTMLElement).textContent = fill(strings.turns, { n: item.turns });
  one(element, ".go-on", HTMLAnchorElement).href = href;
  one(element, ".save", HTMLAnchorElement).href = `/api/v1/conversations/${item.id}/export?format=md`;
  for (const act of element.querySelectorAll(".acts > *"))
    act.setAttribute("aria-label", `${act.textContent}: ${name}`);
  one(element, ".drop", HTMLButtonElement).onclick = () => drop(item, element);
  return element;
}

/** @param {ConversationSummary} item @param {HTMLElement} element */
function drop(item, element) {
  byId("confirm-what").textContent = item.first_message ?? item.topic;
  confirm.returnValue = "no";
  confirm.onclose = async () => {
    if (confirm.returnValue !== "yes") return;
    try {
      await call("DELETE", `conversations/${item.id}`);
      element.remove();
      status.textContent = strings.deleted;
      empty.hidden = list.childElementCount > 0 || !more.hidden;
      one(document, "h1", HTMLElement).focus();
    } catch {
      status.textContent = strings.undeleted;
    }
  };
  confirm.showModal();
}

more.onclick = load;
retry.onclick = load;
load();
