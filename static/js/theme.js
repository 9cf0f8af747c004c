import { byId } from "./dom.js";

const root = document.documentElement;
const button = byId("theme");
button.hidden = false;
button.onclick = () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  // A cookie, so that the server's next page comes in the right colours at once.
  document.cookie = `theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
};

/** Drops what pages keep on this device. */
export function clearStorage() {
  try {
    sessionStorage.clear();
    // Other tabs hear of it by the event of this change.
    localStorage.setItem("left", "");
    localStorage.clear();
  } catch {
    // Storage is forbidden, so nothing was kept.
  }
}

/** A page from before the student left this computer, in another tab or behind the back button, shows nothing more. */
function closeIfLeft() {
  const left = Number(/(?:^|; )left=(\d+)/.exec(document.cookie)?.[1]);
  if (!(left > performance.timeOrigin) || location.pathname === "/leave.html") return;
  clearStorage();
  root.hidden = true;
  location.replace("/topic-selection.html");
}
addEventListener("storage", closeIfLeft);
addEventListener("pageshow", closeIfLeft);
document.addEventListener("visibilitychange", closeIfLeft);
