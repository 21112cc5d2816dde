/**
 * Every raw sample of one cell, a strip an engine, on a common logarithmic axis of time: ticks are samples, the bar is
 * the middle 90 %, the mark the median. To the right the ratio with its interval, or that no verdict is given.
 */
import type { BenchmarkRow } from '../../extension/protocol';
import { verdictOf } from '../../extension/verdict';
import { engineName } from '../benchmark/series';
import { svg } from '../dom';
import { formatDuration, formatFactor, formatThree } from '../format';
import type { Theme } from '../theme';
import { logDomain, looksOf, mark, type Look } from './benchmarkMarks';
import { axisOf, placeRows, rowsChart, wordsOf, type RowsPlace } from './benchmarkRows';
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

export function draw(container: HTMLElement, initial: StripsData, options: ChartOptions): Chart<StripsData> {
  return rowsChart(container, { class: 'strips', testId: 'strips' }, initial, options, (data, width, root) => {
    const theme = options.theme();
    const { rows, engines, against } = data;
    const names = rows.map(({ row }) => ({ name: engineName(row), engine: row.engine }));
    const looks = looksOf([...engines, ...names], theme);
    const values = rows.flatMap(({ row, samples }) => [
      row.microsecondsPerToken.p5,
      row.microsecondsPerToken.p95,
      ...samples,
    ]);
    const place = placeRows(width, {
      ...{ row: ROW, names: names.map(({ name }) => name), domain: logDomain(values) },
      ...{ letter: 6, indent: 50, mostRoom: 300, fateRoom: 196 },
    });
    const { left, narrow } = place;
    root.dataset['rows'] = String(rows.length);
    root.dataset['live'] = String(data.live);
    const head = svg('g', { class: 'head' });
    if (!narrow) {
      head.append(
        svg('text', { x: left - 11, y: 10, 'text-anchor': 'end' }, 'engine'),
        svg('text', { x: left + 6, y: 10 }, 'time a token'),
        svg(
          'text',
          { x: width - 2, y: 10, 'text-anchor': 'end' },
          `best ${against === 'dense' ? 'dense' : '3072'} ÷ this [95 %]`,
        ),
      );
    }
    return {
      place,
      label: rows.map(({ row }) => sentence(row, against)).join('. '),
      content: [
        axisOf(
          place,
          (tick) => formatDuration(tick).replace(/\.0+ /, ' '),
          (index, count) => count < 9 || index % 2 === 0,
        ),
        head,
        ...rows.map((entry, index) => strip(data, entry, index, place, looks.get(engineName(entry.row))!, theme)),
      ],
    };
  });
}

function strip(
  data: StripsData,
  { row, samples }: StripsData['rows'][number],
  index: number,
  place: RowsPlace,
  look: Look,
  theme: Theme,
): SVGGElement {
  const { x } = place;
  const middle = place.marksAt(index);
  const { median, p5, p95 } = row.microsecondsPerToken;
  const ratio = ratioOf(row, data.against);
  const verdict = ratio === null ? 'none' : verdictOf(ratio);
  // A check for outputs that were compared with float64; words say the rest.
  const name = [
    svg('tspan', {}, engineName(row)),
    svg('tspan', { class: 'verified' }, row.verified ? ' ✓' : ' unverified'),
  ];
  return svg(
    'g',
    {
      class: `strip ${verdict}`,
      'data-testid': 'strip',
      'data-engine': row.engine,
      'data-name': engineName(row),
      'data-verdict': verdict,
      'data-verified': String(row.verified),
      'data-samples': samples.length,
      'data-median': median,
    },
    ...wordsOf(place, index, name, fateText(data, row)),
    ...samples.map((sample) =>
      svg('line', {
        class: 'sample',
        x1: x(sample),
        x2: x(sample),
        y1: middle - 9,
        y2: middle + 9,
        stroke: look.colour,
      }),
    ),
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
}

function ratioOf(row: BenchmarkRow, against: StripsData['against']): BenchmarkRow['ratioToBestDense'] {
  return against === 'dense' ? row.ratioToBestDense : row.ratioToBest3072;
}

function fateText(data: StripsData, row: BenchmarkRow): string {
  const ratio = ratioOf(row, data.against);
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

function sentence(row: BenchmarkRow, against: 'dense' | '3072'): string {
  const { median, p5, p95 } = row.microsecondsPerToken;
  const ratio = ratioOf(row, against);
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
