import { describe, expect, it } from 'vitest';
import { Random } from '../../../extension/runner/benchmark/random';
import { bootstrapRatioInterval, median, percentile, spreadOf } from '../../../extension/runner/benchmark/statistics';

describe('percentiles', () => {
  it('interpolate between ranks, in any order of samples', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(percentile([10, 20, 30, 40, 50], 0)).toBe(10);
    expect(percentile([50, 10, 40, 20, 30], 1)).toBe(50);
    expect(percentile([10, 20, 30, 40, 50], 0.05)).toBeCloseTo(12, 12);
    expect(percentile([7], 0.95)).toBe(7);
  });

  it('sort numbers as numbers and leave the samples alone', () => {
    const samples = [100, 9, 20];
    expect(median(samples)).toBe(20);
    expect(samples).toEqual([100, 9, 20]);
  });

  it('of nothing do not exist', () => {
    expect(() => median([])).toThrow(RangeError);
  });

  it('make a spread', () => {
    const samples = Array.from({ length: 101 }, (_, i) => 100 - i);
    expect(spreadOf(samples)).toEqual({ median: 50, p5: 5, p95: 95, samples: 101 });
  });
});

describe('the interval of a ratio', () => {
  /** Samples around `centre` with a spread of one fifth of it. */
  function noisy(centre: number, count: number, seed: number): number[] {
    const random = new Random(seed);
    return Array.from({ length: count }, () => centre * (0.9 + 0.2 * random.uniform()));
  }

  it('is exact for samples without noise', () => {
    expect(bootstrapRatioInterval([30, 30, 30], [10, 10, 10])).toEqual({ median: 3, low: 3, high: 3 });
  });

  it('surrounds the ratio of the medians and is the same for the same seed', () => {
    const above = noisy(40, 60, 1);
    const below = noisy(10, 60, 2);
    const interval = bootstrapRatioInterval(above, below, { seed: 5 });
    expect(interval.median).toBe(median(above) / median(below));
    expect(interval.low).toBeLessThanOrEqual(interval.median);
    expect(interval.high).toBeGreaterThanOrEqual(interval.median);
    expect(interval.low).toBeLessThan(4);
    expect(interval.high).toBeGreaterThan(4);
    expect(bootstrapRatioInterval(above, below, { seed: 5 })).toEqual(interval);
    expect(bootstrapRatioInterval(above, below, { seed: 6 })).not.toEqual(interval);
  });

  it('covers the true ratio about as often as it claims', () => {
    let covered = 0;
    for (let trial = 0; trial < 100; trial++) {
      const { low, high } = bootstrapRatioInterval(noisy(20, 40, 2 * trial + 11), noisy(10, 40, 2 * trial + 12), {
        resamples: 400,
      });
      covered += low <= 2 && 2 <= high ? 1 : 0;
    }
    expect(covered).toBeGreaterThanOrEqual(85);
    expect(covered).toBeLessThanOrEqual(100);
  });

  it('gets narrower with more samples', () => {
    const width = (count: number): number => {
      const { low, high } = bootstrapRatioInterval(noisy(20, count, 3), noisy(10, count, 4));
      return high - low;
    };
    expect(width(400)).toBeLessThan(width(20));
  });

  it('keeps what both samples of a pair share', () => {
    // Both sides slow down together: the ratio is the same in every pair, so nothing is uncertain.
    const below = noisy(10, 50, 9);
    const { low, high } = bootstrapRatioInterval(
      below.map((sample) => sample * 4),
      below,
    );
    expect(low).toBeCloseTo(4, 12);
    expect(high).toBeCloseTo(4, 12);
  });

  it('needs pairs', () => {
    expect(() => bootstrapRatioInterval([1], [1, 2])).toThrow(/pairs/);
    expect(() => bootstrapRatioInterval([], [])).toThrow(/pairs/);
  });
});
