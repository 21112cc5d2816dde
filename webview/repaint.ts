/**
 * Paints a picture anew without taking away what is there: elements stay as long as their place has one of the same kind,
 * and only what differs is changed.
 *
 * Pictures are painted at any time, also between the press and the release of a mouse button. A browser sends no click
 * when the element that was pressed is gone by then, and a button that is replaced loses the keyboard's focus.
 */

/**
 * Makes the children of `parent` look like the given ones.
 *
 * @param children new elements without listeners of their own, as those would be lost: listen on what stays.
 */
export function repaint(parent: Element, ...children: (Node | string)[]): void {
  let old = parent.firstChild;
  for (const given of children) {
    const child = typeof given === 'string' ? document.createTextNode(given) : given;
    const kept = firstLike(child, old);
    if (kept === null) {
      parent.insertBefore(child, old);
      continue;
    }
    removeUntil(kept, old);
    become(kept, child);
    old = kept.nextSibling;
  }
  removeUntil(null, old);
}

/** The first of a node and its later siblings that can become another. */
function firstLike(wanted: Node, from: ChildNode | null): ChildNode | null {
  let node = from;
  while (node !== null && node.nodeName !== wanted.nodeName) {
    node = node.nextSibling;
  }
  return node;
}

/** Removes a node and its later siblings up to `end`, which stays. */
function removeUntil(end: ChildNode | null, from: ChildNode | null): void {
  let node = from;
  while (node !== null && node !== end) {
    const next: ChildNode | null = node.nextSibling;
    node.remove();
    node = next;
  }
}

function become(old: Node, wanted: Node): void {
  if (!(old instanceof Element && wanted instanceof Element)) {
    if (old.nodeValue !== wanted.nodeValue) {
      old.nodeValue = wanted.nodeValue;
    }
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name)) {
      old.removeAttribute(name);
    }
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== 'style' && old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
    }
  }
  // As an attribute it would not pass the content security policy.
  const [oldStyle, wantedStyle] = [styleOf(old), styleOf(wanted)];
  if (oldStyle !== null && wantedStyle !== null && oldStyle.cssText !== wantedStyle.cssText) {
    oldStyle.cssText = wantedStyle.cssText;
  }
  repaint(old, ...wanted.childNodes);
}

function styleOf(element: Element): CSSStyleDeclaration | null {
  return element instanceof HTMLElement || element instanceof SVGElement ? element.style : null;
}
