/** What the ratio chart's points are and how they are said in words. Pure. */
import type { BenchmarkRow, Percentiles, RatioInterval } from '../../extension/protocol';
import { verdictOf } from '../../extension/verdict';
import { valueOf, type Dimension, type ReferenceLine, type Series } from '../benchmark/series';
import { formatCount, formatDuration, formatFactor, formatThree } from '../format';
import type { Look } from './benchmarkMarks';

/** What a chart shows: a ratio, or the time itself. */
export type Shown = 'dense' | '3072' | 'time';

export interface Point {
  x: number;
  row: BenchmarkRow;
  value: { median: number; low: number; high: number };
  verdict: ReturnType<typeof verdictOf> | 'time';
}

/** A series with its look and the points it has. */
export interface Drawn {
  series: Series;
  look: Look;
  points: Point[];
}

export function seriesX(row: BenchmarkRow, axis: Dimension): number {
  return Number(valueOf(row, axis));
}

export function pointsOf(series: Series, against: Shown): Point[] {
  return series.points.flatMap(({ x, row }): Point[] => {
    if (against === 'time') {
      return [{ x, row, value: fromPercentiles(row.microsecondsPerToken), verdict: 'time' }];
    }
    const ratio = against === 'dense' ? row.ratioToBestDense : row.ratioToBest3072;
    // A layer against itself is the line at 1.
    return ratio === null || verdictOf(ratio) === 'reference'
      ? []
      : [{ x, row, value: ratio, verdict: verdictOf(ratio) }];
  });
}

function fromPercentiles({ median, p5, p95 }: Percentiles): RatioInterval {
  return { median, low: p5, high: p95 };
}

/** Series side by side, so that intervals at one place can be told apart. */
export function nudge(index: number, count: number): number {
  return count < 2 ? 0 : (index - (count - 1) / 2) * Math.min(5, 24 / count);
}

export function endOf({ label, points }: ReferenceLine): { text: string; y: number } {
  return { text: label, y: points.at(-1)?.y ?? 1 };
}

export function formatPlain(value: number): string {
  return value >= 1
    ? formatCount(Math.round(value * 10) / 10 === Math.round(value) ? Math.round(value) : value)
    : formatThree(value).replace(/0+$/, '');
}

export function describe({ row, value, verdict }: Point, name: string, against: Shown): string {
  const where = `${name}, batch ${formatCount(row.batch)}, ${formatCount(row.width)} wide, ${formatCount(row.nodes)} nodes`;
  if (against === 'time') {
    return `${where}: ${formatDuration(value.median)} a token, middle 90 % ${formatDuration(value.low)} to ${formatDuration(value.high)}`;
  }
  const interval = `95 % interval ${formatThree(value.low)} to ${formatThree(value.high)}`;
  return verdict === 'withheld'
    ? `${where}: no verdict, ${interval} spans 1`
    : `${where}: ${formatFactor(value.median)}, ${interval}`;
}

export function summary(drawn: readonly Drawn[], { against, axisName }: { against: Shown; axisName: string }): string {
  const what =
    against === 'time'
      ? 'Time a token'
      : `Ratio to the best dense layer${against === '3072' ? ' of 3072 neurons' : ''}`;
  const parts = drawn.map(({ series, points }) => {
    const values = points.map(({ x, value, verdict }) => {
      const amount =
        against === 'time'
          ? formatDuration(value.median)
          : verdict === 'withheld'
            ? 'no verdict'
            : formatFactor(value.median);
      return `${amount} at ${formatCount(x)}`;
    });
    return `${series.name}: ${values.join(', ')}`;
  });
  return `${what} by ${axisName.toLowerCase()}. ${parts.join('. ')}`;
}
