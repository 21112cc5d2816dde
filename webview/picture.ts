/**
 * A figure as a file of its own. Whatever is on the page is written down as shapes with its colours, because no style
 * sheet travels along: canvases by painting them once more on SVG, charts by copying them, words and boxes by where the
 * browser put them.
 */
import { svg } from './dom';
import { repaintOn } from './charts/painter';
import { svgPainter } from './charts/svgPainter';

const COPIED = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-opacity',
  'stroke-linejoin',
  'paint-order',
  'vector-effect',
  'opacity',
  'visibility',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
] as const;

/** What can only be pressed says nothing in a picture. */
const CONTROLS = 'vscode-button, .remove';

/** Pixels of a PNG a CSS px. */
const SCALE = 2;
const PADDING = 12;

export interface Picture {
  svg: string;
  width: number;
  height: number;
}

/**
 * @param body what is drawn; everything visible below it is taken.
 * @param background page colour behind the picture.
 */
export function pictureOf(body: HTMLElement, title: string, background: string): Picture {
  const bounds = body.getBoundingClientRect();
  const origin = { x: bounds.left - PADDING, y: bounds.top - PADDING };
  const shapes: SVGElement[] = [];
  collect(body, origin, shapes);
  const width = Math.ceil(Math.max(bounds.width, body.scrollWidth, widest(shapes))) + 2 * PADDING;
  const height = Math.ceil(bounds.height) + 2 * PADDING;
  return framed({ width, height }, title, background, shapes);
}

function framed(
  { width, height }: Omit<Picture, 'svg'>,
  title: string,
  background: string,
  content: readonly Node[],
): Picture {
  const image = svg('svg', { width, height, viewBox: `0 0 ${width} ${height}` });
  image.append(svg('title', {}, title), svg('rect', { width, height, fill: background }), ...content);
  return { svg: `${new XMLSerializer().serializeToString(image)}\n`, width, height };
}

interface Origin {
  x: number;
  y: number;
}

/** Charts that scroll are wider than the place they have. */
function widest(shapes: readonly SVGElement[]): number {
  return Math.max(0, ...shapes.map((shape) => Number(shape.dataset['right'] ?? 0)));
}

function collect(element: Element, origin: Origin, shapes: SVGElement[]): void {
  const style = getComputedStyle(element);
  if (style.display === 'none' || style.visibility === 'hidden' || element.matches(CONTROLS)) {
    return;
  }
  if (element instanceof HTMLCanvasElement || element instanceof SVGSVGElement) {
    const { left, top } = element.getBoundingClientRect();
    const group = svg('g', { transform: `translate(${left - origin.x} ${top - origin.y})` });
    const width =
      Number(element.getAttribute('width') ?? 0) / (element instanceof HTMLCanvasElement ? devicePixelRatio : 1);
    group.dataset['right'] = String(left - origin.x - PADDING + width);
    if (element instanceof SVGSVGElement) {
      group.append(...scaled(element));
    } else if (!repaintOn(element, svgPainter(group))) {
      group.append(svg('image', { href: element.toDataURL(), width, height: element.height / devicePixelRatio }));
    }
    shapes.push(group);
    return;
  }
  const box = boxOf(element, style, origin);
  if (box !== null) {
    shapes.push(box);
  }
  for (const child of element.childNodes) {
    if (child instanceof Text) {
      shapes.push(...linesOf(child, element, style, origin));
    } else if (child instanceof Element) {
      collect(child, origin, shapes);
    }
  }
}

/** An SVG's content; one with a view box of its own stretches as it does on the page. */
function scaled(image: SVGSVGElement): Node[] {
  const viewBox = image.getAttribute('viewBox');
  if (viewBox === null) {
    return copied(image);
  }
  const { width, height } = image.getBoundingClientRect();
  const preserveAspectRatio = image.getAttribute('preserveAspectRatio') ?? 'xMidYMid';
  return [svg('svg', { width, height, viewBox, preserveAspectRatio }, ...copied(image))];
}

/** An SVG's content with its computed look written into it. */
function copied(image: SVGSVGElement): Node[] {
  const copy = image.cloneNode(true) as SVGSVGElement;
  const originals = image.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((element, index) => {
    const original = originals[index];
    const style = original === undefined ? null : getComputedStyle(original);
    for (const name of COPIED) {
      const value = style?.getPropertyValue(name) ?? '';
      if (value !== '') {
        element.setAttribute(name, value);
      }
    }
    element.removeAttribute('class');
  });
  return [...copy.childNodes];
}

const isSeen = (colour: string): boolean => colour !== '' && colour !== 'transparent' && !/, 0\)$|\/ 0\)$/.test(colour);

function boxOf(element: Element, style: CSSStyleDeclaration, origin: Origin): SVGElement | null {
  const { left, top, width, height } = element.getBoundingClientRect();
  const filled = isSeen(style.backgroundColor);
  const edged = parseFloat(style.borderTopWidth) > 0 && isSeen(style.borderTopColor);
  const ruled = parseFloat(style.borderBottomWidth) > 0 && isSeen(style.borderBottomColor);
  if (width === 0 || height === 0 || !(filled || edged || ruled)) {
    return null;
  }
  const [x, y] = [left - origin.x, top - origin.y];
  if (!filled && !edged) {
    return svg('line', { x1: x, x2: x + width, y1: y + height, y2: y + height, stroke: style.borderBottomColor });
  }
  return svg('rect', {
    ...{ x, y, width, height, fill: filled ? style.backgroundColor : 'none' },
    ...(edged ? { stroke: style.borderTopColor } : {}),
  });
}

/** Words where the browser put them, one text a line. */
function linesOf(node: Text, parent: Element, style: CSSStyleDeclaration, origin: Origin): SVGElement[] {
  if (node.data.trim() === '') {
    return [];
  }
  const range = document.createRange();
  const end = style.overflowX === 'hidden' ? parent.getBoundingClientRect().right + 1 : Infinity;
  const lines: { text: string; left: number; top: number; bottom: number }[] = [];
  for (let at = 0; at < node.data.length; at++) {
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    const [rect] = range.getClientRects();
    const last = lines.at(-1);
    if (rect === undefined) {
      continue;
    }
    if (rect.right > end) {
      // Cut off on the page: an ellipsis in the place of the last letter that is seen.
      if (last !== undefined && !last.text.endsWith('…')) {
        last.text = `${last.text.slice(0, -1)}…`;
      }
      continue;
    }
    if (last !== undefined && Math.abs(last.top - rect.top) < 2) {
      last.text += node.data[at] ?? '';
    } else {
      lines.push({ text: node.data[at] ?? '', left: rect.left, top: rect.top, bottom: rect.bottom });
    }
  }
  return lines.map(({ text, left, top, bottom }) =>
    svg(
      'text',
      {
        x: left - origin.x,
        y: (top + bottom) / 2 - origin.y,
        dy: '0.35em',
        fill: style.color,
        'font-family': style.fontFamily,
        'font-size': style.fontSize,
        'font-weight': style.fontWeight,
      },
      text.trimEnd(),
    ),
  );
}

/** @returns the picture as PNG, twice as sharp as the screen; rejects where the browser cannot draw it. */
export async function pngOf({ svg: source, width, height }: Picture): Promise<Uint8Array> {
  const address = URL.createObjectURL(new Blob([source], { type: 'image/svg+xml' }));
  try {
    const drawn = new Image();
    drawn.src = address;
    await drawn.decode();
    const canvas = document.createElement('canvas');
    canvas.width = width * SCALE;
    canvas.height = height * SCALE;
    canvas.getContext('2d')?.drawImage(drawn, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob === null) {
      throw new Error('The picture could not be encoded.');
    }
    return new Uint8Array(await blob.arrayBuffer());
  } finally {
    URL.revokeObjectURL(address);
  }
}
