/**
 * How many times as fast as the best dense layer, with its 95 % interval, against a size that varies; or the time itself.
 * Lines say what no kernel can pass (the ratio of operations), what the paper reports and what this machine allows. A
 * point whose interval spans 1 is hollow and claims nothing.
 */
import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import type { BenchmarkRow } from '../../extension/protocol';
import { cellKey, referenceLines, seriesOf, type Dimension, type LineContext } from '../benchmark/series';
import { Disposer, el, observeWidth, svg } from '../dom';
import { formatDuration } from '../format';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import { sizeAxes } from './benchmarkAxes';
import { lineSwatch, logDomain, looksOf, mark, swatch } from './benchmarkMarks';
import {
  describe,
  endOf,
  formatPlain,
  nudge,
  pointsOf,
  seriesX,
  summary,
  type Drawn,
  type Shown,
} from './benchmarkRatioPoints';
import type { Chart, ChartOptions } from './chart';

export interface RatioData {
  rows: readonly BenchmarkRow[];
  /** Every engine of the result, so that it looks the same in every picture. */
  engines: readonly { name: string; engine: string }[];
  axis: Dimension;
  axisName: string;
  against: Shown;
  /** The precision whose roofline is drawn, and what the line is called. */
  roofline: LineContext['roofline'];
  /** Key of the cell shown elsewhere. */
  cell: string | null;
  /** Rows of this cell still change. */
  live: string | null;
}

export interface RatioOptions extends ChartOptions {
  onPickCell(key: string): void;
}

const HEIGHT = 320;
const TOP = 14;
const BOTTOM = 40;
const LEFT = 54;

export function draw(container: HTMLElement, initial: RatioData, options: RatioOptions): Chart<RatioData> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  const image = svg('svg', { role: 'img' });
  const legend = el('ul', { class: 'legend' });
  const root = el('div', { class: 'ratio-chart', 'data-testid': 'ratio-chart' }, image, legend);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    const theme = options.theme();
    const all = seriesOf(data.rows, data.axis);
    const looks = looksOf([...data.engines, ...all], theme);
    const drawn = all
      .map((series) => ({ series, look: looks.get(series.name)!, points: pointsOf(series, data.against) }))
      .filter(({ points }) => points.length > 0);
    const lines = data.against === 'time' ? [] : referenceLines(data.rows, data.axis, data.against, data);
    const labels = data.against === 'time' ? [] : [{ text: '1× no gain', y: 1 }, ...lines.map(endOf)];
    const right = width - (width < 560 ? 12 : labels.length === 0 ? 16 : 158);
    const xs = [...new Set(data.rows.map((row) => seriesX(row, data.axis)))].sort((a, b) => a - b);
    const logarithmic = data.axis === 'batch' || data.axis === 'width' || data.axis === 'threads';
    const [low = 1, high = 1] = [xs[0], xs.at(-1)];
    const inset: [number, number] = [LEFT + 18, Math.max(LEFT + 40, right - 18)];
    const x =
      low === high
        ? () => (inset[0] + inset[1]) / 2
        : logarithmic
          ? scaleLog([low, high], inset)
          : scaleLinear([low, high], inset);
    const values = drawn.flatMap(({ points }) => points.flatMap(({ value }) => [value.low, value.median, value.high]));
    const domain = logDomain([
      ...values,
      ...lines.flatMap(({ points }) => points.map((p) => p.y)),
      ...(labels.length > 0 ? [1] : []),
    ]);
    const y = scaleLog(domain, [HEIGHT - BOTTOM, TOP]).clamp(true);

    image.setAttribute('width', String(width));
    image.setAttribute('height', String(HEIGHT));
    image.setAttribute('aria-label', summary(drawn, data));
    repaint(
      image,
      sizeAxes({
        x,
        y,
        xs,
        left: LEFT,
        right,
        bottom: HEIGHT - BOTTOM,
        height: HEIGHT,
        title: data.axisName,
        label: (tick) =>
          data.against === 'time' ? formatDuration(tick).replace(/\.0+ /, ' ') : `${formatPlain(tick)}×`,
      }),
      ...(labels.length > 0
        ? [
            rule(
              'unity',
              [
                { x: low, y: 1 },
                { x: high, y: 1 },
              ],
              x,
              y,
              right,
            ),
          ]
        : []),
      ...lines.map((one) => rule(one.key, one.points, x, y, right)),
      ...cellColumns(x, xs),
      ...drawn.map((one, index) => seriesGroup(one, x, y, nudge(index, drawn.length), theme.background)),
      ...(width < 560 ? [] : lineLabels(labels, y, right)),
    );
    repaint(
      legend,
      ...drawn.map(({ series, look }) =>
        el('li', { 'data-engine': series.name }, swatch(look, theme.background), series.name),
      ),
      ...(width < 560 ? lines.map((one) => el('li', { class: one.key }, lineSwatch(one.key), one.label)) : []),
    );
    root.dataset['points'] = String(drawn.reduce((sum, { points }) => sum + points.length, 0));
    root.dataset['axis'] = data.axis;
    root.dataset['against'] = data.against;
    root.dataset['lines'] = lines.map(({ key }) => key).join(',');
  }

  function rule(
    key: string,
    points: readonly { x: number; y: number }[],
    x: (value: number) => number,
    y: (value: number) => number,
    right: number,
  ): SVGPathElement {
    const ends = [points[0]!, points.at(-1)!];
    const path = points.map((point) => [x(point.x), y(point.y)] as [number, number]);
    // A level line goes from edge to edge; a bent one ends with its data.
    const level = points.every((point) => point.y === ends[0]!.y);
    const whole: [number, number][] = level
      ? [
          [LEFT, y(ends[0]!.y)],
          [right, y(ends[0]!.y)],
        ]
      : path;
    return svg('path', { class: `rule ${key}`, 'data-line': key, d: line()(whole) ?? '' });
  }

  function lineLabels(
    labels: readonly { text: string; y: number }[],
    y: (value: number) => number,
    right: number,
  ): SVGTextElement[] {
    let last = -Infinity;
    return [...labels]
      .sort((a, b) => b.y - a.y)
      .map(({ text, y: value }) => {
        last = Math.max(y(value), last + 13);
        return svg('text', { class: 'line-label', x: right + 8, y: last, dy: '0.35em' }, text);
      });
  }

  /** Invisible columns to point at, one an axis value and cell. */
  function cellColumns(x: (value: number) => number, xs: readonly number[]): SVGElement[] {
    return xs.map((value, index) => {
      const at = x(value);
      const before = index === 0 ? at - 20 : (at + x(xs[index - 1]!)) / 2;
      const after = index === xs.length - 1 ? at + 20 : (at + x(xs[index + 1]!)) / 2;
      const row = data.rows.find((candidate) => seriesX(candidate, data.axis) === value);
      const key = row === undefined ? '' : cellKey(row);
      const state = key === data.cell ? ' chosen' : '';
      return svg('rect', {
        class: `column${state}${key === data.live ? ' live' : ''}`,
        'data-cell': key,
        x: before,
        y: TOP,
        width: Math.max(0, after - before),
        height: HEIGHT - TOP - BOTTOM,
      });
    });
  }

  function seriesGroup(
    { series, look, points }: Drawn,
    x: (value: number) => number,
    y: (value: number) => number,
    shift: number,
    page: string,
  ): SVGGElement {
    const group = svg('g', { class: 'series', 'data-engine': series.name });
    const path = line()(points.map((point) => [x(point.x) + shift, y(point.value.median)] as [number, number]));
    group.append(svg('path', { class: 'path', d: path ?? '', stroke: look.colour, 'stroke-dasharray': look.dash }));
    for (const point of points) {
      const at = x(point.x) + shift;
      const { median, low, high } = point.value;
      const one = svg('g', {
        class: `point ${point.verdict}`,
        'data-testid': 'ratio-point',
        'data-engine': series.name,
        'data-x': point.x,
        'data-value': median,
        'data-low': low,
        'data-high': high,
        'data-verdict': point.verdict,
        'data-cell': cellKey(point.row),
      });
      one.append(
        svg('line', { class: 'interval', x1: at, x2: at, y1: y(low), y2: y(high), stroke: look.colour }),
        mark(look, at, y(median), 4.2, page, point.verdict === 'withheld'),
        svg('title', {}, describe(point, series.name, data.against)),
      );
      group.append(one);
    }
    return group;
  }

  const cellAt = itemsIn(image, disposer, '[data-cell]:not([data-cell=""])', 'cell');
  disposer.listen(image, 'click', (event) => {
    const at = cellAt(event);
    if (at !== null) {
      options.onPickCell(at.cell);
    }
  });
  disposer.add(
    observeWidth(root, options.fallbackWidth ?? 640, (next) => {
      width = next;
      paint();
    }),
  );
  return {
    update(next) {
      data = next;
      paint();
    },
    dispose: () => disposer.dispose(),
  };
}
