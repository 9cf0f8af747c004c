/** Attributes that scripts add to the server's HTML, which has no say in them. */
const ADDED = ["tabindex", "aria-level", "aria-label"];

/**
 * Makes the children of an element equal to those of another by changing only what differs. Nodes that stay keep focus,
 * scroll position and selection. Where a node has to be replaced, the selection is put back at the same text.
 * @param {Element} target @param {Element} source loses its children
 */
export function morph(target, source) {
  const selection = getSelection();
  const { anchorNode = null, anchorOffset = 0, focusNode = null, focusOffset = 0 } = selection ?? {};
  const anchor = textOffset(target, anchorNode, anchorOffset);
  const focus = textOffset(target, focusNode, focusOffset);
  morphChildren(target, source);
  if (!selection || (anchor < 0 && focus < 0)) return;
  if (
    selection.anchorNode === anchorNode &&
    selection.anchorOffset === anchorOffset &&
    selection.focusNode === focusNode &&
    selection.focusOffset === focusOffset
  )
    return;
  const from = anchor < 0 ? { node: anchorNode, offset: anchorOffset } : boundary(target, anchor);
  const to = focus < 0 ? { node: focusNode, offset: focusOffset } : boundary(target, focus);
  if (from.node && to.node) selection.setBaseAndExtent(from.node, from.offset, to.node, to.offset);
}

/** @param {Element} target @param {Element} source */
function morphChildren(target, source) {
  let old = target.firstChild;
  for (const fresh of [...source.childNodes]) {
    if (!old || (old.nodeName !== fresh.nodeName && old.nodeName === fresh.nextSibling?.nodeName)) {
      target.insertBefore(fresh, old);
      continue;
    }
    const next = /** @type {ChildNode | null} */ (old.nextSibling);
    if (old.nodeName !== fresh.nodeName) target.replaceChild(fresh, old);
    else if (old instanceof Text && fresh instanceof Text) morphText(old, fresh.data);
    // The server sends no buttons: one that is there was added by a script and has a state of its own.
    else if (old instanceof Element && fresh instanceof Element && !(old instanceof HTMLButtonElement)) {
      morphAttributes(old, fresh);
      morphChildren(old, fresh);
    }
    old = next;
  }
  while (old) {
    const next = /** @type {ChildNode | null} */ (old.nextSibling);
    old.remove();
    old = next;
  }
}

/** Leaves the common beginning alone: a selection in it stays. @param {Text} old @param {string} text */
function morphText(old, text) {
  let same = 0;
  while (same < old.length && same < text.length && old.data[same] === text[same]) same += 1;
  if (same < old.length || same < text.length) old.replaceData(same, old.length - same, text.slice(same));
}

/** @param {Element} old @param {Element} fresh */
function morphAttributes(old, fresh) {
  for (const name of old.getAttributeNames()) {
    if (!fresh.hasAttribute(name) && !ADDED.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

/** How much text stands before a place, or -1 outside the root. @param {Node} root @param {Node | null} node @param {number} offset */
function textOffset(root, node, offset) {
  if (!node || !root.contains(node)) return -1;
  const range = new Range();
  range.setStart(root, 0);
  range.setEnd(node, offset);
  return range.toString().length;
}

/** The place with so much text before it. @param {Node} root @param {number} offset @returns {{node: Node, offset: number}} */
function boundary(root, offset) {
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node instanceof Text; node = texts.nextNode()) {
    if (offset <= node.length) return { node, offset };
    offset -= node.length;
  }
  return { node: root, offset: root.childNodes.length };
}
