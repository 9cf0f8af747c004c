import { clearStorage } from "./theme.js";

/** Whether the page confirms that the student has left. */
const hasLeft = document.getElementById("left") !== null;

if (hasLeft) clearStorage();
document.getElementById("leave")?.addEventListener("submit", () => {
  // Pages that the back button would bring up again see by this that they are to show nothing.
  document.cookie = `left=${Date.now()}; Path=/; SameSite=Lax`;
  clearStorage();
});
