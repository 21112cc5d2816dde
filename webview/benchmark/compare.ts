/**
 * Two results side by side: for each engine and cell that both measured, how the times relate and whether the difference
 * means anything. Pure.
 *
 * The samples of two runs are not pairs, so each is resampled by itself; the interval is no narrower than what the passes of
 * both say. A difference counts only where the interval of the ratio of medians leaves 1 out, a rank test agrees after Holm's correction for the number of comparisons,
 * and it is larger than what an engine differed from itself in either run.
 */
import { byPass, intervalBetween, widened } from '../../extension/passes';
import type { BenchmarkResult, BenchmarkRow, BenchmarkSamples, RatioInterval } from '../../extension/protocol';
import { cellKey, engineName } from './series';

export interface ComparedRow {
  row: BenchmarkRow;
  other: BenchmarkRow;
  /** Time of `other` over time of `row`: above 1, `row` is faster. */
  ratio: RatioInterval;
  /** Of the rank test, after Holm's correction. */
  p: number;
  verdict: 'faster' | 'slower' | 'withheld';
  /** Why it is withheld; empty where it is not. */
  reason: string;
}

type Samples = Pick<BenchmarkSamples, 'microsecondsPerToken' | 'passes'>;

export interface Comparison {
  rows: ComparedRow[];
  /** Largest relative deviation from 1 of an engine against itself, both runs. */
  noise: number;
  /** Rows without a counterpart. */
  unmatched: number;
}

const RESAMPLES = 800;
const SIGNIFICANCE = 0.05;

const cache = new WeakMap<BenchmarkResult, { baseline: BenchmarkResult; comparison: Comparison }>();

/** @returns `result` against `baseline`; remembered as long as neither changes. */
export function compareResults(result: BenchmarkResult, baseline: BenchmarkResult): Comparison {
  const known = cache.get(result);
  if (known?.baseline === baseline) {
    return known.comparison;
  }
  const comparison = compute(result, baseline);
  cache.set(result, { baseline, comparison });
  return comparison;
}

function compute(result: BenchmarkResult, baseline: BenchmarkResult): Comparison {
  const samplesOf = ({ samples }: BenchmarkResult, row: number): Samples =>
    samples.find((entry) => entry.row === row) ?? { microsecondsPerToken: [] };
  const noise = Math.max(
    0,
    ...[result, baseline].flatMap(({ selfTests }) => selfTests.map(({ ratio }) => deviation(ratio))),
  );
  const pairs: { row: BenchmarkRow; other: BenchmarkRow; ratio: RatioInterval; p: number }[] = [];
  for (const [index, row] of result.rows.entries()) {
    const otherIndex = counterpart(row, baseline.rows);
    const other = baseline.rows[otherIndex];
    if (other === undefined) {
      continue;
    }
    const [mine, theirs] = [samplesOf(result, index), samplesOf(baseline, otherIndex)];
    pairs.push({
      row,
      other,
      ratio: ratioOf(row, other, mine, theirs),
      p: rankTest(mine.microsecondsPerToken, theirs.microsecondsPerToken),
    });
  }
  const corrected = holm(pairs.map(({ p }) => p));
  const rows = pairs.map(({ row, other, ratio }, index): ComparedRow => {
    const p = corrected[index] ?? NaN;
    const reason = withheldReason(ratio, p, noise);
    const verdict = reason !== '' ? 'withheld' : ratio.low > 1 ? 'faster' : 'slower';
    return { row, other, ratio, p, verdict, reason };
  });
  return { rows, noise, unmatched: result.rows.length - rows.length };
}

/** The same engine on the same cell; another implementation of it where this one is missing there. */
function counterpart(row: BenchmarkRow, others: readonly BenchmarkRow[]): number {
  const candidates = [...others.keys()].filter((index) => cellKey(others[index]!) === cellKey(row));
  const exact = candidates.find((index) => engineName(others[index]!) === engineName(row));
  return (
    exact ??
    candidates.find((index) => {
      const { engine, precision, threads } = others[index]!;
      return engine === row.engine && precision === row.precision && threads === row.threads;
    }) ??
    -1
  );
}

function withheldReason(ratio: RatioInterval, p: number, noise: number): string {
  if (!(ratio.low > 1 || ratio.high < 1)) {
    return 'the interval spans 1';
  }
  if (!(p < SIGNIFICANCE)) {
    return 'the rank test does not agree';
  }
  if (!(Math.max(ratio.median, 1 / ratio.median) - 1 > noise)) {
    return 'an engine differed as much from itself';
  }
  return '';
}

function deviation({ low, high }: RatioInterval): number {
  return Math.max(Math.abs(high - 1), Math.abs(1 - low));
}

/** Without samples on either side nothing is known about the interval. */
function ratioOf(row: BenchmarkRow, other: BenchmarkRow, own: Samples, others: Samples): RatioInterval {
  const [mine, theirs] = [own.microsecondsPerToken, others.microsecondsPerToken];
  const median = other.microsecondsPerToken.median / row.microsecondsPerToken.median;
  if (mine.length < 2 || theirs.length < 2) {
    return { median, low: 0, high: Infinity };
  }
  const random = generator(1);
  const ratios = new Float64Array(RESAMPLES);
  for (let i = 0; i < RESAMPLES; i++) {
    ratios[i] = resampledMedian(theirs, random) / resampledMedian(mine, random);
  }
  ratios.sort();
  const resampled = {
    median,
    low: ratios[Math.floor(RESAMPLES * 0.025)]!,
    high: ratios[Math.floor(RESAMPLES * 0.975)]!,
  };
  const ofPasses = (times: number[], passes: Samples['passes']): number[] => byPass(times, passes).map(medianOf);
  return widened(resampled, intervalBetween(ofPasses(theirs, others.passes), ofPasses(mine, own.passes)));
}

function resampledMedian(samples: readonly number[], random: () => number): number {
  return medianOf(Float64Array.from(samples, () => samples[Math.floor(random() * samples.length)]!));
}

function medianOf(samples: ArrayLike<number>): number {
  const sorted = Float64Array.from(samples).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Mulberry32: the same result is compared with the same outcome every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two-sided Mann-Whitney test by its normal approximation with ties and continuity; 1 where there is too little. */
export function rankTest(a: readonly number[], b: readonly number[]): number {
  const [n, m] = [a.length, b.length];
  if (n < 3 || m < 3) {
    return 1;
  }
  const all = [...a.map((value) => ({ value, first: true })), ...b.map((value) => ({ value, first: false }))].sort(
    (x, y) => x.value - y.value,
  );
  let rankSum = 0;
  let ties = 0;
  for (let start = 0; start < all.length;) {
    let end = start;
    while (end < all.length && all[end]!.value === all[start]!.value) {
      end++;
    }
    const rank = (start + 1 + end) / 2;
    rankSum += rank * all.slice(start, end).filter(({ first }) => first).length;
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  const mean = (n * m) / 2;
  const total = n + m;
  const deviationOfU = Math.sqrt(((n * m) / 12) * (total + 1 - ties / (total * (total - 1))));
  const distance = Math.abs(rankSum - (n * (n + 1)) / 2 - mean) - 0.5;
  return deviationOfU === 0 ? 1 : Math.min(1, 2 * upperTail(Math.max(0, distance) / deviationOfU));
}

/** Upper tail of the standard normal distribution, to 7 digits (Abramowitz and Stegun 26.2.17). */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}

/** Holm's step-down correction: bounds the chance of any false difference among all. */
export function holm(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const corrected = new Array<number>(values.length);
  let largest = 0;
  for (const [step, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, values[index]! * (values.length - step)));
    corrected[index] = largest;
  }
  return corrected;
}
