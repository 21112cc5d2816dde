/**
 * FFF against its dense twin, a row a layer: medians as dots, the middle 90 % of the samples as whiskers, on a common
 * logarithmic axis, with the ratio and its 95 % interval in figures. Refines while measurements arrive.
 */
import { axisBottom } from 'd3-axis';
import { scaleLog, type ScaleLogarithmic } from 'd3-scale';
import { select } from 'd3-selection';
import { verdict } from '../../extension/gains';
import type { LayerTiming, Spread } from '../../extension/protocol';
import { Disposer, el, observeWidth, svg } from '../dom';
import { formatDuration, formatFactor, formatMargin, formatThree } from '../format';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import type { Chart, ChartOptions } from './chart';

export interface TimingsData {
  /** One entry a layer of the model: measured, not yet measured, or dense in the model itself. */
  layers: readonly ('dense' | 'pending' | LayerTiming)[];
  /** This run's own feedforward time a layer, microseconds: one sample, shown until there are many. */
  runMicroseconds: readonly number[];
  layer: number;
  /** True while measurements still arrive. */
  measuring: boolean;
}

export interface TimingsOptions extends ChartOptions {
  onPickLayer(layer: number): void;
}

const ROW = 26;
const HEAD = 18;
const AXIS = 24;

export function draw(container: HTMLElement, initial: TimingsData, options: TimingsOptions): Chart<TimingsData> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  const image = svg('svg', { role: 'img' });
  const root = el('div', { class: 'timings', 'data-testid': 'timings' });
  root.append(image);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    const narrow = width < 420;
    const left = narrow ? 28 : 64;
    const right = width - (narrow ? 60 : 150);
    const height = HEAD + ROW * data.layers.length + AXIS;
    const scale = scaleLog(domain(data), [left + 6, Math.max(left + 40, right - 10)]).clamp(true);
    image.setAttribute('width', String(width));
    image.setAttribute('height', String(height));
    image.setAttribute('aria-label', data.layers.map((entry, layer) => describe(entry, layer)).join('. '));
    const rows = data.layers.map((entry, layer) =>
      svg('g', rowAttributes(entry, layer), ...paintRow(entry, layer, narrow, left, scale)),
    );
    repaint(image, paintHead(narrow, left, width), paintAxis(scale, height - AXIS), ...rows);
  }

  function rowAttributes(entry: 'dense' | 'pending' | LayerTiming, layer: number): Record<string, string | number> {
    return {
      class: `row${layer === data.layer ? ' focused' : ''}`,
      'data-testid': 'timing',
      'data-layer': layer,
      'data-state': typeof entry === 'string' ? entry : 'measured',
      ...(typeof entry === 'string'
        ? {}
        : {
            'data-fff-us': entry.fffMicroseconds.median,
            'data-dense-us': entry.denseMicroseconds.median,
            'data-ratio': entry.ratio.median,
          }),
      transform: `translate(0,${HEAD + ROW * layer})`,
    };
  }

  function paintHead(narrow: boolean, left: number, end: number): SVGGElement {
    const head = svg('g', { class: 'head' });
    head.append(
      svg('text', { x: left - 8, y: 10, 'text-anchor': 'end' }, narrow ? '' : 'layer'),
      svg('text', { x: end - 2, y: 10, 'text-anchor': 'end' }, narrow ? 'ratio' : 'dense ÷ FFF [95 %]'),
    );
    return head;
  }

  function paintAxis(scale: ScaleLogarithmic<number, number>, y: number): SVGGElement {
    const axis = svg('g', { class: 'axis', transform: `translate(0,${y})` });
    const ticks = axisBottom(scale)
      .tickValues(decadeTicks(scale.domain() as [number, number]))
      .tickSizeOuter(0)
      .tickSizeInner(-(y - HEAD))
      .tickPadding(6)
      .tickFormat((value) => formatDuration(Number(value)).replace(/\.0+ /, ' '));
    select(axis).call(ticks).select('.domain').remove();
    return axis;
  }

  function paintRow(
    entry: 'dense' | 'pending' | LayerTiming,
    layer: number,
    narrow: boolean,
    left: number,
    scale: ScaleLogarithmic<number, number>,
  ): SVGElement[] {
    const middle = ROW / 2;
    const parts: SVGElement[] = [
      svg('rect', { class: 'hit', x: 0, y: 1, width, height: ROW - 2, rx: 3 }),
      svg('text', { class: 'name', x: left - 8, y: middle, dy: '0.35em', 'text-anchor': 'end' }, String(layer)),
    ];
    if (typeof entry === 'string') {
      const once = data.runMicroseconds[layer];
      if (entry === 'pending' && once !== undefined && once > 0) {
        const x = scale(once);
        parts.push(svg('circle', { class: 'once', cx: x, cy: middle, r: 3 }));
        parts.push(svg('title', {}, `This run took ${formatDuration(once)} in this layer; one sample.`));
      }
      const words = entry === 'dense' ? 'dense in this model' : data.measuring ? 'measuring…' : 'not measured';
      parts.push(svg('text', { class: 'soft', x: width - 2, y: middle, dy: '0.35em', 'text-anchor': 'end' }, words));
      return parts;
    }
    const [fff, dense] = [scale(entry.fffMicroseconds.median), scale(entry.denseMicroseconds.median)];
    parts.push(
      svg('line', { class: 'span', x1: fff, x2: dense, y1: middle, y2: middle }),
      ...whisker(entry.denseMicroseconds, 'dense', scale, middle),
      ...whisker(entry.fffMicroseconds, 'fff', scale, middle),
      svg(
        'text',
        { class: `ratio ${verdict(entry)}`, x: width - 2, y: middle, dy: '0.35em', 'text-anchor': 'end' },
        ratioText(entry, narrow),
      ),
      svg('title', {}, describe(entry, layer)),
    );
    return parts;
  }

  function whisker(
    spread: Spread,
    name: 'fff' | 'dense',
    scale: ScaleLogarithmic<number, number>,
    middle: number,
  ): SVGElement[] {
    const [low, high] = [scale(spread.p5), scale(spread.p95)];
    const x = scale(spread.median);
    // The reference is a square, our layer a disc: told apart without colour.
    const mark =
      name === 'fff'
        ? svg('circle', { class: 'mark fff', cx: x, cy: middle, r: 5 })
        : svg('rect', { class: 'mark dense', x: x - 4.5, y: middle - 4.5, width: 9, height: 9 });
    return [svg('line', { class: `whisker ${name}`, x1: low, x2: high, y1: middle, y2: middle }), mark];
  }

  const rowAt = itemsIn(image, disposer, 'g.row', 'layer');
  disposer.listen(image, 'click', (event) => {
    const at = rowAt(event);
    if (at !== null) {
      options.onPickLayer(Number(at.layer));
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

/** The axis covers every whisker, snapped outwards so that refining medians do not make it tremble. */
export function domain({ layers, runMicroseconds }: TimingsData): [number, number] {
  const values = layers.flatMap((entry, layer) =>
    typeof entry === 'string'
      ? [runMicroseconds[layer] ?? NaN]
      : [entry.fffMicroseconds, entry.denseMicroseconds].flatMap(({ p5, median, p95 }) => [p5, median, p95]),
  );
  const usable = values.filter((value) => value > 0 && value < Infinity);
  if (usable.length === 0) {
    return [1, 1000];
  }
  const snap = (value: number, round: (x: number) => number): number => 10 ** (round(Math.log10(value) * 2) / 2);
  const low = snap(Math.min(...usable), Math.floor);
  const high = snap(Math.max(...usable), Math.ceil);
  return [low, high > low * 3 ? high : low * 10];
}

/** Whole powers of ten; with 2 and 5 in between where the axis spans little. */
export function decadeTicks([low, high]: [number, number]): number[] {
  const factors = high / low > 60 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let exponent = Math.floor(Math.log10(low)); exponent <= Math.ceil(Math.log10(high)); exponent++) {
    ticks.push(...factors.map((factor) => factor * 10 ** exponent));
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

function ratioText(timing: LayerTiming, narrow: boolean): string {
  const { ratio } = timing;
  if (verdict(timing) === 'unverified') {
    return narrow ? 'differs' : `outputs differ by ${formatMargin(timing.verifiedMaxDifference)}`;
  }
  const factor = formatFactor(ratio.median);
  return narrow ? factor : `${factor}  [${formatThree(ratio.low)}, ${formatThree(ratio.high)}]`;
}

function describe(entry: 'dense' | 'pending' | LayerTiming, layer: number): string {
  if (entry === 'dense') {
    return `Layer ${layer} is dense in this model`;
  }
  if (entry === 'pending') {
    return `Layer ${layer} is not measured yet`;
  }
  const { fffMicroseconds: fff, denseMicroseconds: dense, ratio } = entry;
  const word = {
    faster: 'faster',
    slower: 'slower',
    unclear: 'no clear difference',
    unverified: 'outputs differ, not compared',
  }[verdict(entry)];
  return (
    `Layer ${layer}: FFF ${formatDuration(fff.median)} (${formatDuration(fff.p5)} to ${formatDuration(fff.p95)}, ${fff.samples} samples), ` +
    `dense twin ${formatDuration(dense.median)} (${formatDuration(dense.p5)} to ${formatDuration(dense.p95)}), ` +
    `ratio ${formatThree(ratio.median)}, 95 % interval ${formatThree(ratio.low)} to ${formatThree(ratio.high)}: ${word}`
  );
}
