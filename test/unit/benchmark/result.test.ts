import { describe, expect, it } from 'vitest';
import type { Cell } from '../../../extension/runner/benchmark/plan';
import { pairedRatio, rowsOf, samplesOf, type EngineMeasurement } from '../../../extension/runner/benchmark/result';
import { verdictOf } from '../../../extension/verdict';

const cell: Cell = {
  width: 768,
  depth: 11,
  batch: 4,
  threads: 1,
  distribution: 'spread',
  weights: 'warm',
  layer: null,
};
const diversity = { distinctLeaves: 4, distinctLeavesInAll: 2000 };

function measurement(
  engine: EngineMeasurement['engine'],
  microseconds: number,
  changes: Partial<EngineMeasurement> = {},
): EngineMeasurement {
  return {
    engine,
    precision: 'fp32',
    implementation: 'test',
    threads: 1,
    // 5 % of deterministic spread around the value.
    samples: Array.from({ length: 40 }, (_, round) => ({
      round,
      pass: 0,
      microsecondsPerCall: microseconds * (1 + 0.05 * Math.sin(7 * round)),
    })),
    callsPerSample: 3,
    settled: true,
    bytesTouched: 100,
    worstError: 1e-7,
    pathFlips: null,
    ...changes,
  };
}

describe('rows', () => {
  it('compare with the fastest layers of each kind', () => {
    const { rows, samples } = rowsOf(
      cell,
      [
        measurement('fff', 40),
        measurement('dense-twin', 4000),
        measurement('native-twin', 3000),
        measurement('dense-3072', 2000),
        measurement('dense-per-token', 1000),
        measurement('paper-dense-3', 500),
      ],
      diversity,
      1,
    );
    expect(rows[0]).toMatchObject({ engine: 'fff', nodes: 4095, levels: 12, batch: 4, verified: true });
    expect(rows[0]!.microsecondsPerToken.median).toBeCloseTo(10, 0);
    // Weak layers are never the best ones, however fast.
    expect(rows[0]!.ratioToBestDense!.median).toBeCloseTo(75, 6);
    expect(rows[0]!.ratioToBest3072!.median).toBeCloseTo(50, 6);
    expect(rows[2]!.ratioToBestDense).toEqual({ median: 1, low: 1, high: 1 });
    expect(rows[1]!.ratioToBestDense!.median).toBeCloseTo(0.75, 6);
    expect(samples.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(samples[0]!.microsecondsPerToken[0]).toBeCloseTo(10, 6);
    expect(samples[0]!.callsPerSample).toBe(3);
  });

  it('compare with layers of at most as many threads', () => {
    const { rows } = rowsOf(
      cell,
      [
        measurement('fff', 40),
        measurement('fff', 25, { threads: 2 }),
        measurement('dense-twin', 4000),
        measurement('dense-twin', 2500, { threads: 2 }),
      ],
      diversity,
      1,
    );
    expect(rows[0]!.ratioToBestDense!.median).toBeCloseTo(100, 6);
    expect(rows[1]!.ratioToBestDense!.median).toBeCloseTo(100, 6);
    expect(rows[2]!.ratioToBestDense!.median).toBe(1);
    expect(rows[2]!.ratioToBest3072).toBeNull();
  });

  it('say how many passes their samples are from, and which', () => {
    const inPasses = (pass: (round: number) => number) =>
      measurement('fff', 40).samples.map((sample) => ({ ...sample, pass: pass(sample.round) }));
    const { rows, samples } = rowsOf(
      cell,
      [
        measurement('fff', 40, { samples: inPasses((round) => Math.floor(round / 10)) }),
        measurement('dense-twin', 4000, { samples: inPasses(() => 0) }),
      ],
      diversity,
      1,
    );
    expect(rows.map(({ passes }) => passes)).toEqual([4, 1]);
    expect(samples[0]!.passes).toEqual(Array.from({ length: 40 }, (_, round) => Math.floor(round / 10)));
    expect(samplesOf(samples[0]!, 4).map(({ round, pass }) => [round, pass])).toEqual(
      inPasses((round) => Math.floor(round / 10)).map(({ round, pass }) => [round, pass]),
    );
    // A file from before there were passes.
    delete samples[0]!.passes;
    expect(new Set(samplesOf(samples[0]!, 4).map(({ pass }) => pass))).toEqual(new Set([0]));
  });

  it('have none for an engine without samples', () => {
    const { rows, samples } = rowsOf(cell, [measurement('fff', 1, { samples: [] })], diversity, 1);
    expect(rows).toEqual([]);
    expect(samples).toEqual([]);
  });
});

describe('ratios', () => {
  it('use the rounds in which both were measured', () => {
    const above = [1, 2, 3, 4].map((round) => ({ round, pass: 0, microsecondsPerCall: 100 }));
    const below = [
      { round: 0, pass: 0, microsecondsPerCall: 1 },
      { round: 3, pass: 0, microsecondsPerCall: 10 },
      { round: 4, pass: 0, microsecondsPerCall: 10 },
    ];
    expect(pairedRatio(above, below, 1)).toEqual({ median: 10, low: 10, high: 10 });
    expect(pairedRatio(above, [{ round: 9, pass: 0, microsecondsPerCall: 1 }], 1)).toBeNull();
  });

  it('say nothing where the interval spans 1 or is no interval', () => {
    expect(verdictOf({ median: 1.2, low: 1.1, high: 1.3 })).toBe('faster');
    expect(verdictOf({ median: 0.8, low: 0.7, high: 0.9 })).toBe('slower');
    expect(verdictOf({ median: 1.1, low: 0.9, high: 1.3 })).toBe('withheld');
    expect(verdictOf({ median: NaN, low: NaN, high: NaN })).toBe('withheld');
  });

  it('of one thing against itself hold 1', () => {
    let holding = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const noise = (shift: number) => (_: unknown, round: number) => ({
        round,
        pass: 0,
        microsecondsPerCall: 100 + 20 * Math.abs(Math.sin((round + shift) * seed * 1.7)),
      });
      const ratio = pairedRatio(Array.from({ length: 30 }, noise(0)), Array.from({ length: 30 }, noise(50)), seed)!;
      holding += ratio.low <= 1 && ratio.high >= 1 ? 1 : 0;
    }
    expect(holding).toBeGreaterThanOrEqual(36);
  });
});
