/** Simulated A/A tests with fixed seeds: how often the interval of an engine against itself holds 1. */
import { describe, expect, it } from 'vitest';
import { Random } from '../../../extension/runner/benchmark/random';
import { blockLength, bootstrapRatioInterval } from '../../../extension/runner/benchmark/statistics';

interface Noise {
  rounds: number;
  /** Correlation of a round's disturbance with the next one's: what both engines share, and what each has alone. */
  shared: number;
  own: number;
}

/** Standard normal values of which each depends on the one before it. */
function correlated(random: Random, count: number, correlation: number): number[] {
  let value = random.normal();
  return Array.from({ length: count }, () => {
    value = correlation * value + Math.sqrt(1 - correlation ** 2) * random.normal();
    return value;
  });
}

/** One engine: 3 % of drift shared with the other, 2 % of its own, and one round in ten slowed by up to a third. */
function times(random: Random, drift: readonly number[], { own }: Noise): number[] {
  const noise = correlated(random, drift.length, own);
  return drift.map((shared, round) => {
    const spike = random.uniform() < 0.1 ? random.uniform() / 3 : 0;
    return Math.exp(0.03 * shared + 0.02 * noise[round]! + spike);
  });
}

const TRIALS = 200;

/** Share of simulated self-tests whose interval holds 1, and the median width of the intervals. */
function selfTests(noise: Noise): { held: number; width: number } {
  const random = new Random(7);
  let held = 0;
  const widths: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    const drift = correlated(random, noise.rounds, noise.shared);
    const [first, second] = [times(random, drift, noise), times(random, drift, noise)];
    const { low, high } = bootstrapRatioInterval(first, second, { seed: trial, resamples: 300 });
    held += low <= 1 && high >= 1 ? 1 : 0;
    widths.push(high - low);
  }
  return { held: held / TRIALS, width: widths.sort((a, b) => a - b)[TRIALS / 2]! };
}

describe('an interval of an engine against itself', () => {
  it.each([
    ['independent rounds', { rounds: 30, shared: 0, own: 0 }],
    ['a drift that both engines share', { rounds: 30, shared: 0.9, own: 0 }],
    ['disturbances that outlast a round', { rounds: 30, shared: 0.9, own: 0.5 }],
    ['disturbances that outlast a round, in many rounds', { rounds: 100, shared: 0.9, own: 0.5 }],
  ])('holds 1 in at least nine of ten runs: %s', (_name, noise) => {
    const { held, width } = selfTests(noise);
    expect(held).toBeGreaterThanOrEqual(0.9);
    // And it stays an interval that tells something: the noise of one sample is 2 % and more.
    expect(width).toBeLessThan(0.06);
  });

  it('would be too narrow if rounds were drawn one by one', () => {
    expect([1, 7, 27, 30, 100].map(blockLength)).toEqual([1, 2, 3, 4, 5]);
    const noise = { rounds: 100, shared: 0.9, own: 0.6 };
    const random = new Random(11);
    let byOne = 0;
    let byBlock = 0;
    for (let trial = 0; trial < 60; trial++) {
      const drift = correlated(random, noise.rounds, noise.shared);
      const [first, second] = [times(random, drift, noise), times(random, drift, noise)];
      const blocks = bootstrapRatioInterval(first, second, { seed: trial, resamples: 300 });
      // Shuffled alike, neighbours are strangers: blocks of them are single draws.
      const order = random.shuffle([...first.keys()]);
      const singles = bootstrapRatioInterval(
        order.map((index) => first[index]!),
        order.map((index) => second[index]!),
        { seed: trial, resamples: 300 },
      );
      byBlock += blocks.high - blocks.low;
      byOne += singles.high - singles.low;
    }
    expect(byBlock / byOne).toBeGreaterThan(1.1);
  });
});
