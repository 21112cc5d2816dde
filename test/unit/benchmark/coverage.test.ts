/** Simulated measurements with fixed seeds: how often an interval holds the ratio it is about. */
import { describe, expect, it } from 'vitest';
import { Random } from '../../../extension/runner/benchmark/random';
import { blockLength, bootstrapRatioInterval, ratioInterval } from '../../../extension/runner/benchmark/statistics';

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

/** How much the passes of an engine differ from each other, in each of its logarithms, and how many there are. */
interface Passes {
  count: number;
  rounds: number;
  between: number;
}

/** Share of simulated runs whose interval holds the true ratio of 40, and the median relative width. */
function runsInPasses(
  { count, rounds, between }: Passes,
  interval: typeof ratioInterval,
): { held: number; width: number } {
  const random = new Random(23);
  const noise = { rounds, shared: 0.9, own: 0.3 };
  let held = 0;
  const widths: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    const [above, below, passes]: number[][] = [[], [], []];
    for (let pass = 0; pass < count; pass++) {
      const drift = correlated(random, rounds, noise.shared);
      const [slow, quick] = [40 * Math.exp(between * random.normal()), Math.exp(between * random.normal())];
      above!.push(...times(random, drift, noise).map((time) => slow * time));
      below!.push(...times(random, drift, noise).map((time) => quick * time));
      passes!.push(...drift.map(() => pass));
    }
    const { low, high } = interval(above!, below!, passes!, { seed: trial, resamples: 300 });
    held += low <= 40 && high >= 40 ? 1 : 0;
    widths.push((high - low) / 40);
  }
  return { held: held / TRIALS, width: widths.sort((a, b) => a - b)[TRIALS / 2]! };
}

/** What intervals were before there were passes. */
const blind: typeof ratioInterval = (above, below, _passes, resampling) =>
  bootstrapRatioInterval(above, below, resampling);

describe('an interval of a ratio whose passes differ', () => {
  it.each([
    ['five passes of six rounds', { count: 5, rounds: 6, between: 0.05 }],
    ['three passes of ten rounds', { count: 3, rounds: 10, between: 0.05 }],
    ['three passes of two or three rounds, as slow cells have', { count: 3, rounds: 2, between: 0.05 }],
    ['five passes that differ more', { count: 5, rounds: 6, between: 0.15 }],
  ])('holds the truth about nineteen times of twenty: %s', (_name, passes) => {
    const { held } = runsInPasses(passes, ratioInterval);
    expect(held).toBeGreaterThanOrEqual(0.92);
    expect(held).toBeLessThanOrEqual(0.995);
  });

  it('would hold it far too seldom if only pairs were drawn, and never in one pass', () => {
    expect(runsInPasses({ count: 5, rounds: 6, between: 0.05 }, blind).held).toBeLessThan(0.85);
    const inOne = runsInPasses({ count: 1, rounds: 30, between: 0.05 }, ratioInterval);
    // One pass cannot know how passes differ: this is why there are several.
    expect(inOne.held).toBeLessThan(0.4);
    expect(inOne.width).toBeLessThan(0.06);
  });

  it('is hardly wider where passes do not differ', () => {
    const same = { count: 5, rounds: 6, between: 0 };
    const [seeing, unseeing] = [runsInPasses(same, ratioInterval), runsInPasses(same, blind)];
    expect(seeing.held).toBeGreaterThanOrEqual(0.95);
    expect(seeing.width / unseeing.width).toBeLessThan(2);
  });
});
