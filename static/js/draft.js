/**
 * What the student is writing, kept over a reload in this tab only. The key goes with the text: sending the same text
 * again after a broken connection is the same turn, never a second one.
 */
const NAME = 'draft:';

/** @param {string} topic */
export function draftOf(topic) {
  const name = () => NAME + (new URLSearchParams(location.search).get('c') ?? topic);
  const read = () => {
    try {
      return /** @type {{text: string, key: string}} */ (JSON.parse(sessionStorage.getItem(name()) ?? 'null'));
    } catch {
      return null;
    }
  };
  return {
    text: () => read()?.text ?? '',
    /** @param {string} text */
    keep(text) {
      try {
        if (!text) sessionStorage.removeItem(name());
        else if (read()?.text !== text) sessionStorage.setItem(name(), JSON.stringify({ text, key: newKey() }));
      } catch {
        // Storage is full or forbidden: writing goes on without a copy.
      }
    },
    /** @param {string} text */
    key(text) {
      const kept = read();
      return kept?.text === text ? kept.key : newKey();
    },
  };
}

/** Not `crypto.randomUUID`: it's missing where a school serves plain HTTP. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
