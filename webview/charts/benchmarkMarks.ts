/** How engines look in the benchmark's pictures: a colour for what it is, a shape for which one. Colour is never alone. */
import { svg } from '../dom';
import { ensureContrast, mix, type Theme } from '../theme';

const SHAPES = ['disc', 'diamond', 'triangle', 'square', 'wedge', 'cross'] as const;
export type MarkShape = (typeof SHAPES)[number];

export interface Look {
  shape: MarkShape;
  colour: string;
  /** Stroke pattern of its line; `none` is solid. */
  dash: string;
  /** Hollow marks are dense layers, filled ones walk a tree. */
  hollow: boolean;
}

const DASHES = ['none', '7 3', '2 3', '9 3 2 3', '4 2'];

/** Looks for engine names in the order given; the same names get the same looks. */
export function looksOf(engines: readonly { name: string; engine: string }[], theme: Theme): Map<string, Look> {
  const looks = new Map<string, Look>();
  const used = { tree: 0, dense: 0, weak: 0 };
  // What is weak on purpose steps back, and still stands out at 3:1.
  const quiet = ensureContrast(mix(theme.background, theme.foreground, 0.45), theme.background, 3);
  for (const { name, engine } of engines) {
    if (looks.has(name)) {
      continue;
    }
    const group = /^paper|per-token|dense-16/.test(engine) ? 'weak' : engine.includes('fff') ? 'tree' : 'dense';
    const index = used[group]++;
    const colour = group === 'weak' ? quiet : group === 'tree' ? theme.positive : theme.negative;
    // Trees count up from the disc, dense layers start at the square, so that the first of each differ in shape too.
    const shape = SHAPES[(index + (group === 'tree' ? 0 : 3)) % SHAPES.length]!;
    looks.set(name, { shape, colour, dash: DASHES[index % DASHES.length]!, hollow: !engine.includes('fff') });
  }
  return looks;
}

const PATHS: Readonly<Record<MarkShape, (r: number) => string>> = {
  disc: (r) => `M${-r},0A${r},${r} 0 1 1 ${r},0A${r},${r} 0 1 1 ${-r},0Z`,
  diamond: (r) => `M0,${-r * 1.3}L${r * 1.3},0L0,${r * 1.3}L${-r * 1.3},0Z`,
  triangle: (r) => `M0,${-r * 1.2}L${r * 1.2},${r}L${-r * 1.2},${r}Z`,
  square: (r) => `M${-r * 0.9},${-r * 0.9}H${r * 0.9}V${r * 0.9}H${-r * 0.9}Z`,
  wedge: (r) => `M0,${r * 1.2}L${r * 1.2},${-r}L${-r * 1.2},${-r}Z`,
  cross: (r) => `M${-r},${-r}L${r},${r}M${r},${-r}L${-r},${r}`,
};

/** One mark. Colours are attributes, so that a saved picture keeps them. */
export function mark(look: Look, x: number, y: number, radius: number, page: string, open = false): SVGPathElement {
  return svg('path', {
    class: 'mark',
    d: PATHS[look.shape](radius),
    transform: `translate(${x},${y})`,
    fill: look.hollow || open ? page : look.colour,
    stroke: look.hollow || open || look.shape === 'cross' ? look.colour : page,
    'stroke-width': look.hollow || open || look.shape === 'cross' ? 1.6 : 1,
  });
}

/** A mark of its own picture, for legends. */
export function swatch(look: Look, page: string): SVGSVGElement {
  return svg(
    'svg',
    { class: 'swatch', width: 30, height: 12, viewBox: '0 0 30 12', 'aria-hidden': 'true' },
    svg('line', {
      x1: 1,
      x2: 29,
      y1: 6,
      y2: 6,
      stroke: look.colour,
      'stroke-width': 1.6,
      'stroke-dasharray': look.dash,
    }),
    mark(look, 15, 6, 4, page),
  );
}

/** A reference line of its own picture; `name` is its class in the chart. */
export function lineSwatch(name: string): SVGSVGElement {
  return svg(
    'svg',
    { class: 'swatch', width: 30, height: 12, viewBox: '0 0 30 12', 'aria-hidden': 'true' },
    svg('line', { class: `rule ${name}`, x1: 1, x2: 29, y1: 6, y2: 6 }),
  );
}

/** Powers of ten, with more in between the less the range holds. */
export function logTicks([low, high]: readonly [number, number]): number[] {
  const span = high / low;
  const factors =
    span > 5000
      ? [1]
      : span > 8
        ? [1, 2, 5]
        : span > 3
          ? [1, 1.5, 2, 3, 4, 5, 7]
          : [1, 1.1, 1.2, 1.3, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  const ticks: number[] = [];
  for (let exponent = Math.floor(Math.log10(low)); exponent <= Math.ceil(Math.log10(high)); exponent++) {
    ticks.push(...factors.map((factor) => factor * 10 ** exponent));
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

/** Widens to a nice logarithmic range, so that refining values do not make the axis tremble. */
export function logDomain(values: readonly number[], step = 4): [number, number] {
  const usable = values.filter((value) => value > 0 && value < Infinity);
  if (usable.length === 0) {
    return [1, 10];
  }
  const low = 10 ** (Math.floor(Math.log10(Math.min(...usable)) * step) / step);
  const high = 10 ** (Math.ceil(Math.log10(Math.max(...usable)) * step) / step);
  return high > low * 1.5 ? [low, high] : [low / 1.5, high * 1.5];
}
