/**
 * What repeated measurements say: medians and percentiles of the samples, and how sure a ratio of two medians is.
 * Pure functions; nothing here measures.
 */
import type { Spread } from '../../protocol';
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

/** A ratio of medians and the interval that holds it with 95 % confidence. */
export interface RatioInterval {
  median: number;
  low: number;
  high: number;
}

/**
 * Percentile bootstrap of the ratio of two medians.
 *
 * Samples of the same index were measured one right after the other, so whole pairs are drawn: what slowed both at that
 * moment stays in both. The same seed gives the same interval.
 * @param numerator Samples of the thing above the line; `denominator` as many of the one below.
 */
export function bootstrapRatioInterval(
  numerator: ArrayLike<number>,
  denominator: ArrayLike<number>,
  { seed = 1, resamples = RESAMPLES }: { seed?: number; resamples?: number } = {},
): RatioInterval {
  const pairs = numerator.length;
  if (pairs === 0 || pairs !== denominator.length) {
    throw new RangeError(`A ratio needs pairs of samples, not ${pairs} and ${denominator.length}.`);
  }
  const random = new Random(seed);
  const above = new Float64Array(pairs);
  const below = new Float64Array(pairs);
  const ratios = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    for (let i = 0; i < pairs; i++) {
      const drawn = random.below(pairs);
      above[i] = numerator[drawn]!;
      below[i] = denominator[drawn]!;
    }
    ratios[resample] = percentileOfSorted(above.sort(), 0.5) / percentileOfSorted(below.sort(), 0.5);
  }
  ratios.sort();
  return {
    median: median(numerator) / median(denominator),
    low: percentileOfSorted(ratios, 0.025),
    high: percentileOfSorted(ratios, 0.975),
  };
}
