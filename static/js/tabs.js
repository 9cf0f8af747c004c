/**
 * Messages between the tabs of this browser. Without a channel a tab learns what was asked elsewhere when it is looked at.
 */

/** @returns {BroadcastChannel | null} */
function openChannel() {
  try {
    return new BroadcastChannel("conversations");
  } catch {
    // Safari before 15.4 has none, and Firefox refuses one where cookies are blocked.
    return null;
  }
}

const channel = openChannel();

/** Tells the other tabs that something was asked. @param {string | null} conversation */
export const notifyTabs = (conversation) => channel?.postMessage(conversation);

/** @param {(conversation: unknown) => void} listener called with the conversation in which another tab asked */
export function onNotified(listener) {
  if (channel) channel.onmessage = ({ data }) => listener(data);
}
