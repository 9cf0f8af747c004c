/**
 * What the student is writing, kept over a reload in this tab only. The key goes with the text: sending the same text
 * again after a broken connection is the same turn, never a second one.
 */
const NAME = "draft:";

/** @param {string} topic */
export function draftOf(topic) {
  const named = () => NAME + (new URLSearchParams(location.search).get("c") ?? topic);
  let name = named();
  /** The first question gives the conversation its address; what is kept moves along, and leaves the old name empty. */
  const move = () => {
    if (name === named()) return;
    const kept = sessionStorage.getItem(name);
    if (kept) sessionStorage.setItem(name, JSON.stringify({ text: "", key: newKey() }));
    name = named();
    if (kept) sessionStorage.setItem(name, kept);
  };
  const read = () => {
    try {
      move();
      return /** @type {{text: string, key: string} | null} */ (JSON.parse(sessionStorage.getItem(name) ?? "null"));
    } catch {
      return null;
    }
  };
  /** @param {string} text @param {string} key */
  const write = (text, key) => {
    try {
      move();
      // Where storage is full, no older text stays that would replace the newer one in the field.
      sessionStorage.removeItem(name);
      sessionStorage.setItem(name, JSON.stringify({ text, key }));
    } catch {
      // Storage is full or forbidden: writing goes on without a copy.
    }
  };
  return {
    /** What is kept: an empty text if it was sent or deleted, `null` if nothing was ever kept. */
    text: () => read()?.text ?? null,
    /** @param {string} text */
    save(text) {
      if ((read()?.text ?? "") !== text) write(text, newKey());
    },
    /** Keeps what was sent with a key already. @param {string} text @param {string} key */
    saveWithKey: write,
    /** @param {string} text */
    key(text) {
      const kept = read();
      return kept?.text.trim() === text ? kept.key : newKey();
    },
  };
}

/**
 * Carries a text over a reload without any storage: in the window's name, which browsers clear when another site is opened.
 * @param {string} text
 */
export function carry(text) {
  window.name = NAME + text;
}

/** What {@link carry} left. */
export function readCarried() {
  const { name } = window;
  if (!name.startsWith(NAME)) return "";
  window.name = "";
  return name.slice(NAME.length);
}

/** Keeps a text for the next new conversation on the topic. @param {string} topic @param {string} text */
export function saveForNew(topic, text) {
  try {
    sessionStorage.setItem(NAME + topic, JSON.stringify({ text, key: newKey() }));
  } catch {
    // Storage is full or forbidden.
  }
}

const BEGINNING = "beginning:";
/** Where storage is forbidden, keys are kept as long as the page. @type {Map<string, string>} */
const beginnings = new Map();

/**
 * The key under which this tab begins a conversation on a topic. It stays the same until the beginning is known, so that
 * a lost answer leaves no empty conversation behind, nor a second learner.
 * @param {string} topic
 */
export function beginningKey(topic) {
  let key = beginnings.get(topic);
  try {
    key ??= sessionStorage.getItem(BEGINNING + topic) ?? undefined;
    key ??= newKey();
    sessionStorage.setItem(BEGINNING + topic, key);
  } catch {
    key ??= newKey();
  }
  beginnings.set(topic, key);
  return key;
}

/** Drops the key, so that the next conversation on the topic gets another one. @param {string} topic */
export function clearBeginningKey(topic) {
  beginnings.delete(topic);
  try {
    sessionStorage.removeItem(BEGINNING + topic);
  } catch {
    // Storage is forbidden.
  }
}

/** Not `crypto.randomUUID`: it's missing where a school serves plain HTTP. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
