/**
 * What repeated measurements say: medians and percentiles of the samples, and how sure a ratio of two medians is.
 * Pure functions; nothing here measures.
 */
import { byPass, intervalOfPasses, widened } from '../../passes';
import type { RatioInterval, Spread } from '../../protocol';
import { Random } from './random';

/** Resamples of a bootstrap: the ends of a 95 % interval then rest on 25 resamples each. */
const RESAMPLES = 1000;

/**
 * Percentile by linear interpolation between the closest ranks (the definition of Excel and NumPy's default).
 * @param sorted Ascending and not empty.
 * @param fraction 0 to 1.
 */
export function percentileOfSorted(sorted: ArrayLike<number>, fraction: number): number {
  if (sorted.length === 0) {
    throw new RangeError('There is no percentile of nothing.');
  }
  const position = (sorted.length - 1) * fraction;
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (position - below);
}

/** Percentile of samples in any order; `fraction` 0 to 1. */
export function percentile(samples: ArrayLike<number>, fraction: number): number {
  return percentileOfSorted(Float64Array.from(samples).sort(), fraction);
}

export function median(samples: ArrayLike<number>): number {
  return percentile(samples, 0.5);
}

/** Median, 5th and 95th percentile, in the unit of the samples. */
export function spreadOf(samples: ArrayLike<number>): Spread {
  const sorted = Float64Array.from(samples).sort();
  return {
    median: percentileOfSorted(sorted, 0.5),
    p5: percentileOfSorted(sorted, 0.05),
    p95: percentileOfSorted(sorted, 0.95),
    samples: sorted.length,
  };
}

export type { RatioInterval };

/** Medians of resampled pairs, one of each side a resample. */
export interface ResampledMedians {
  above: Float64Array;
  below: Float64Array;
}

interface Resampling {
  seed?: number;
  resamples?: number;
}

/**
 * Percentile bootstrap of the ratio of two medians; see `resampleMedians`.
 * @param numerator Samples of the thing above the line; `denominator` as many of the one below.
 */
export function bootstrapRatioInterval(
  numerator: ArrayLike<number>,
  denominator: ArrayLike<number>,
  resampling: Resampling = {},
): RatioInterval {
  const { above, below } = resampleMedians(numerator, denominator, resampling);
  return intervalAround(
    median(numerator) / median(denominator),
    above.map((value, i) => value / below[i]!),
  );
}

/**
 * The interval of every ratio of a benchmark: no narrower than the bootstrap over pairs, which sees how samples scatter, and
 * no narrower than what the passes say, which also differ in what stays the same within a pass.
 * @param passes Pass of each pair.
 */
export function ratioInterval(
  numerator: readonly number[],
  denominator: readonly number[],
  passes: readonly number[],
  resampling: Resampling = {},
): RatioInterval {
  const above = byPass(numerator, passes).map(median);
  const below = byPass(denominator, passes).map(median);
  return widened(
    bootstrapRatioInterval(numerator, denominator, resampling),
    intervalOfPasses(above.map((value, pass) => value / below[pass]!)),
  );
}

/**
 * Draws samples anew, as many as there are, again and again.
 *
 * Samples of the same index were measured one right after the other, so whole pairs are drawn: what slowed both at that
 * moment stays in both. Samples are in the order of their rounds and a disturbance may outlast a round, so pairs are drawn
 * in runs (circular block bootstrap): single draws would take such pairs for independent ones and make the interval too
 * narrow. The same seed gives the same medians.
 */
export function resampleMedians(
  numerator: ArrayLike<number>,
  denominator: ArrayLike<number>,
  { seed = 1, resamples = RESAMPLES }: Resampling = {},
): ResampledMedians {
  const pairs = numerator.length;
  if (pairs === 0 || pairs !== denominator.length) {
    throw new RangeError(`A ratio needs pairs of samples, not ${pairs} and ${denominator.length}.`);
  }
  const random = new Random(seed);
  const above = new Float64Array(pairs);
  const below = new Float64Array(pairs);
  const medians = { above: new Float64Array(resamples), below: new Float64Array(resamples) };
  const block = blockLength(pairs);
  for (let resample = 0; resample < resamples; resample++) {
    let drawn = 0;
    for (let i = 0; i < pairs; i++) {
      drawn = i % block === 0 ? random.below(pairs) : (drawn + 1) % pairs;
      above[i] = numerator[drawn]!;
      below[i] = denominator[drawn]!;
    }
    medians.above[resample] = percentileOfSorted(above.sort(), 0.5);
    medians.below[resample] = percentileOfSorted(below.sort(), 0.5);
  }
  return medians;
}

/** Pairs drawn together: the cube root of their number, the order that balances bias and variance (Künsch 1989). */
export function blockLength(pairs: number): number {
  return Math.ceil(Math.cbrt(pairs));
}

/** The 95 % interval of what the resamples gave, around the value of the samples themselves. */
export function intervalAround(value: number, resampled: ArrayLike<number>): RatioInterval {
  const sorted = Float64Array.from(resampled).sort();
  return { median: value, low: percentileOfSorted(sorted, 0.025), high: percentileOfSorted(sorted, 0.975) };
}
