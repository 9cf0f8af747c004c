import { announce } from "./announce.js";
import { byId, fill, query, strings } from "./dom.js";

const panel = byId("progress");
const why = query(panel, ".why", HTMLElement);
const count = query(panel, ".count", HTMLElement);
const button = query(panel, "button", HTMLButtonElement);
let timer = 0;

/** Above the composer: why a question isn't sent yet, and when it will be. */
export const progress = {
  /** @param {() => void} act */
  onRetryNow(act) {
    button.onclick = act;
  },
  /** @param {string} text said aloud once, however often it's shown @param {number} [seconds] until the next try */
  show(text, seconds = 0) {
    clearInterval(timer);
    panel.hidden = false;
    if (why.textContent !== text) announce(text);
    why.textContent = text;
    const tick = () => {
      count.textContent = seconds > 0 ? fill(strings.again, { n: seconds }) : "";
      if (seconds <= 0) clearInterval(timer);
      seconds -= 1;
    };
    if (seconds) timer = setInterval(tick, 1000);
    tick();
  },
  /** Stops the countdown while the question is being sent. */
  clearCountdown() {
    clearInterval(timer);
    count.textContent = "";
  },
  hide() {
    clearInterval(timer);
    panel.hidden = true;
    why.textContent = "";
  },
};
