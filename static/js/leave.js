import { forget } from "./theme.js";

/** The page says so itself when this browser leads to nobody any more. */
const hasLeft = document.getElementById("left") !== null;

if (hasLeft) forget();
document.getElementById("leave")?.addEventListener("submit", () => {
  // Pages that the back button would bring up again see by this that they are to show nothing.
  document.cookie = `left=${Date.now()}; Path=/; SameSite=Lax`;
  forget();
});
