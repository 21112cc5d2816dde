/** The axes of the benchmark's pictures: sizes below, a logarithmic measure to the left. */
import type { ScaleLogarithmic } from 'd3-scale';
import { svg } from '../dom';
import { formatCount } from '../format';
import { logTicks } from './benchmarkMarks';

export interface SizeAxes {
  x(value: number): number;
  y: ScaleLogarithmic<number, number>;
  /** The sizes that were measured, ascending; those too close to the one before have no label. */
  xs: readonly number[];
  /** Edges of the plot and height of the picture, px. */
  left: number;
  right: number;
  bottom: number;
  height: number;
  title: string;
  label(tick: number): string;
}

export function sizeAxes({ x, y, xs, left, right, bottom, height, title, label }: SizeAxes): SVGGElement {
  const group = svg('g', { class: 'axis' });
  let above = Infinity;
  for (const tick of logTicks(y.domain() as [number, number])) {
    const at = y(tick);
    group.append(svg('line', { class: 'grid', x1: left, x2: right, y1: at, y2: at }));
    if (above - at >= 15) {
      above = at;
      group.append(svg('text', { x: left - 8, y: at, dy: '0.35em', 'text-anchor': 'end' }, label(tick)));
    }
  }
  let last = -Infinity;
  for (const value of xs) {
    const at = x(value);
    if (at - last >= 34) {
      last = at;
      group.append(svg('text', { x: at, y: bottom + 16, 'text-anchor': 'middle' }, formatCount(value)));
    }
  }
  group.append(svg('text', { class: 'title', x: (left + right) / 2, y: height - 6, 'text-anchor': 'middle' }, title));
  return group;
}
