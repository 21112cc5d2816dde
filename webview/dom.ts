/**
 * Small helpers over the DOM. Text only ever goes in as text nodes and styles only through CSSOM: the views run under a
 * policy without inline styles, and tokens may look like HTML.
 */

type Child = Node | string;

/** Creates an HTML element with attributes and children. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/** Creates an SVG element with attributes and children. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string | number> = {},
  ...children: Child[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/**
 * Sets attributes; `style` is refused because the content security policy would silently drop it. What is the same stays
 * untouched: browsers style and lay out anew what is written, whether it changed or not.
 */
export function setAttributes(element: Element, attributes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'style') {
      throw new Error('Inline style attributes do not pass the content security policy; use element.style.');
    }
    const text = String(value);
    if (element.getAttribute(name) !== text) {
      element.setAttribute(name, text);
    }
  }
}

/** Makes a text all that is in an element, which stays untouched where that is so already. */
export function setText(element: Element, text: string): void {
  const only = element.firstChild;
  if (only instanceof Text && only === element.lastChild) {
    if (only.data !== text) {
      only.data = text;
    }
  } else if (only !== null || text !== '') {
    element.textContent = text;
  }
}

/** Collects what must be undone, so that `dispose` of a chart leaves nothing behind. */
export class Disposer {
  private readonly undo: (() => void)[] = [];

  add(undo: () => void): void {
    this.undo.push(undo);
  }

  /** Adds a listener and remembers to remove it. */
  listen<Type extends keyof GlobalEventHandlersEventMap>(
    target: EventTarget,
    type: Type,
    listener: (event: GlobalEventHandlersEventMap[Type]) => void,
    options?: AddEventListenerOptions,
  ): void {
    const entry = listener as EventListener;
    target.addEventListener(type, entry, options);
    this.undo.push(() => target.removeEventListener(type, entry, options));
  }

  dispose(): void {
    for (const undo of this.undo.splice(0).reverse()) {
      undo();
    }
  }
}

/**
 * Calls back with the content width of an element, now and whenever it changes.
 *
 * @param fallback width in CSS px used where nothing is laid out yet (hidden views, tests).
 */
export function observeWidth(element: HTMLElement, fallback: number, onWidth: (width: number) => void): () => void {
  let last = element.clientWidth > 0 ? element.clientWidth : fallback;
  onWidth(last);
  if (typeof ResizeObserver === 'undefined') {
    return () => undefined;
  }
  const observer = new ResizeObserver(() => {
    const width = element.clientWidth;
    if (width > 0 && width !== last) {
      last = width;
      onWidth(width);
    }
  });
  observer.observe(element);
  return () => observer.disconnect();
}

/** True where the user asked the system for less motion. */
export function prefersReducedMotion(): boolean {
  return typeof matchMedia === 'function' && matchMedia('(prefers-reduced-motion: reduce)').matches;
}
