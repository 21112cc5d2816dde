/**
 * A chart as a file of its own: the SVG with its colours written into it, because no style sheet travels along, and the
 * same as PNG.
 */
import { pngOf } from '../picture';

const COPIED = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-opacity',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'visibility',
] as const;

/** @param background page colour behind the picture. */
export function svgText(image: SVGSVGElement, background: string): string {
  const copy = image.cloneNode(true) as SVGSVGElement;
  const originals = image.querySelectorAll<SVGElement>('*');
  copy.querySelectorAll<SVGElement>('*').forEach((element, index) => {
    const original = originals[index];
    if (original === undefined) {
      return;
    }
    const style = getComputedStyle(original);
    for (const name of COPIED) {
      const value = style.getPropertyValue(name);
      if (value !== '') {
        element.setAttribute(name, value);
      }
    }
    element.removeAttribute('class');
  });
  const [width, height] = sizeOf(image);
  copy.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  ground.setAttribute('width', String(width));
  ground.setAttribute('height', String(height));
  ground.setAttribute('fill', background);
  copy.prepend(ground);
  return `${new XMLSerializer().serializeToString(copy)}\n`;
}

/** @returns the chart as PNG; rejects where the browser cannot draw it. */
export function pngBytes(image: SVGSVGElement, svg: string): Promise<Uint8Array> {
  const [width, height] = sizeOf(image);
  return pngOf({ svg, width, height });
}

function sizeOf(image: SVGSVGElement): [number, number] {
  return [Number(image.getAttribute('width')), Number(image.getAttribute('height'))];
}
