/**
 * Every raw sample of one cell, a strip an engine, on a common logarithmic axis of time: ticks are samples, the bar is
 * the middle 90 %, the mark the median. To the right the ratio with its interval, or that no verdict is given.
 */
import { scaleLog } from 'd3-scale';
import type { BenchmarkRow } from '../../extension/protocol';
import { engineName, verdictOf } from '../benchmark/series';
import { Disposer, el, observeWidth, svg } from '../dom';
import { formatDuration, formatFactor, formatThree } from '../format';
import { logDomain, logTicks, looksOf, mark } from './benchmarkMarks';
import type { Chart, ChartOptions } from './chart';

export interface StripsData {
  rows: readonly {
    row: BenchmarkRow;
    /** Microseconds a token; empty while it is measured. */ samples: readonly number[];
  }[];
  /** Every engine of the result, so that it looks the same in every picture. */
  engines: readonly { name: string; engine: string }[];
  against: 'dense' | '3072';
  /** Names of engines that are controls or weak on purpose, and never called the best. */
  weak: ReadonlySet<string>;
  live: boolean;
}

const ROW = 30;
const HEAD = 20;
const AXIS = 26;

export function draw(container: HTMLElement, initial: StripsData, options: ChartOptions): Chart<StripsData> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  const image = svg('svg', { role: 'img' });
  const root = el('div', { class: 'strips', 'data-testid': 'strips' }, image);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    const theme = options.theme();
    const narrow = width < 620;
    const names = data.rows.map(({ row }) => ({ name: engineName(row), engine: row.engine }));
    const looks = looksOf([...data.engines, ...names], theme);
    const longest = Math.max(0, ...names.map(({ name }) => name.length));
    const left = narrow ? 8 : Math.min(300, 50 + longest * 6);
    const right = width - (narrow ? 8 : 196);
    const rowHeight = narrow ? ROW + 16 : ROW;
    const height = HEAD + rowHeight * data.rows.length + AXIS;
    const values = data.rows.flatMap(({ row, samples }) => [
      row.microsecondsPerToken.p5,
      row.microsecondsPerToken.p95,
      ...samples,
    ]);
    const x = scaleLog(logDomain(values), [left + 6, Math.max(left + 40, right - 6)]).clamp(true);
    image.setAttribute('width', String(width));
    image.setAttribute('height', String(height));
    image.setAttribute('aria-label', data.rows.map(({ row }) => sentence(row, data.against)).join('. '));
    const axis = svg('g', { class: 'axis' });
    for (const tick of logTicks(x.domain() as [number, number]).filter(
      (_, index, all) => all.length < 9 || index % 2 === 0,
    )) {
      axis.append(
        svg('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: HEAD, y2: height - AXIS }),
        svg(
          'text',
          { x: x(tick), y: height - AXIS + 15, 'text-anchor': 'middle' },
          formatDuration(tick).replace(/\.0+ /, ' '),
        ),
      );
    }
    const head = svg('g', { class: 'head' });
    if (!narrow) {
      head.append(
        svg('text', { x: left - 12, y: 10, 'text-anchor': 'end' }, 'engine'),
        svg('text', { x: left + 6, y: 10 }, 'time a token'),
        svg(
          'text',
          { x: width - 2, y: 10, 'text-anchor': 'end' },
          `best ${data.against === 'dense' ? 'dense' : '3072'} ÷ this [95 %]`,
        ),
      );
    }
    image.replaceChildren(axis, head, ...data.rows.map((entry, index) => strip(entry, index)));
    root.dataset['rows'] = String(data.rows.length);
    root.dataset['live'] = String(data.live);

    function strip({ row, samples }: StripsData['rows'][number], index: number): SVGGElement {
      const name = engineName(row);
      const look = looks.get(name)!;
      const top = HEAD + index * rowHeight;
      const middle = top + rowHeight - ROW / 2;
      const { median, p5, p95 } = row.microsecondsPerToken;
      const ratio = data.against === 'dense' ? row.ratioToBestDense : row.ratioToBest3072;
      const verdict = ratio === null ? 'none' : verdictOf(ratio);
      const group = svg('g', {
        class: `strip ${verdict}`,
        'data-testid': 'strip',
        'data-engine': row.engine,
        'data-name': name,
        'data-verdict': verdict,
        'data-verified': String(row.verified),
        'data-samples': samples.length,
        'data-median': median,
      });
      const textY = narrow ? top + 12 : middle;
      const label = svg('text', {
        class: 'name',
        x: narrow ? 2 : left - 12,
        y: textY,
        dy: '0.35em',
        'text-anchor': narrow ? 'start' : 'end',
      });
      label.append(svg('tspan', {}, name));
      // A check for outputs that were compared with float64; words say the rest.
      label.append(svg('tspan', { class: 'verified' }, row.verified ? ' ✓' : ' unverified'));
      const fate = svg(
        'text',
        { class: 'fate', x: width - 2, y: textY, dy: '0.35em', 'text-anchor': 'end' },
        fateText(row, ratio),
      );
      group.append(label, fate);
      for (const sample of samples) {
        group.append(
          svg('line', {
            class: 'sample',
            x1: x(sample),
            x2: x(sample),
            y1: middle - 9,
            y2: middle + 9,
            stroke: look.colour,
          }),
        );
      }
      group.append(
        svg('rect', {
          class: 'spread',
          x: x(p5),
          y: middle - 3,
          width: Math.max(1, x(p95) - x(p5)),
          height: 6,
          fill: look.colour,
        }),
        mark(look, x(median), middle, 5, theme.background),
        svg('title', {}, sentence(row, data.against)),
      );
      return group;
    }
  }

  function fateText(row: BenchmarkRow, ratio: BenchmarkRow['ratioToBestDense']): string {
    if (data.weak.has(row.engine)) {
      const decided = ratio !== null && verdictOf(ratio) !== 'withheld';
      return decided ? `${formatFactor(ratio.median)} (no baseline)` : 'no verdict (no baseline)';
    }
    if (ratio === null) {
      return 'no dense layer to compare';
    }
    switch (verdictOf(ratio)) {
      case 'reference':
        return 'the best dense';
      case 'withheld':
        return `no verdict [${formatThree(ratio.low)}, ${formatThree(ratio.high)}]`;
      default:
        return `${formatFactor(ratio.median)}  [${formatThree(ratio.low)}, ${formatThree(ratio.high)}]`;
    }
  }

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

function sentence(row: BenchmarkRow, against: 'dense' | '3072'): string {
  const { median, p5, p95 } = row.microsecondsPerToken;
  const ratio = against === 'dense' ? row.ratioToBestDense : row.ratioToBest3072;
  const compared =
    ratio === null
      ? ''
      : verdictOf(ratio) === 'withheld'
        ? `, no verdict: the 95 % interval of the ratio, ${formatThree(ratio.low)} to ${formatThree(ratio.high)}, spans 1`
        : verdictOf(ratio) === 'reference'
          ? ', the best dense layer of this cell'
          : `, ratio ${formatThree(ratio.median)}, 95 % interval ${formatThree(ratio.low)} to ${formatThree(ratio.high)}`;
  return `${engineName(row)}: median ${formatDuration(median)} a token, middle 90 % ${formatDuration(p5)} to ${formatDuration(p95)}, ${row.pairs} samples${compared}`;
}
