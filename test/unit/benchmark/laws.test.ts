import { describe, expect, it } from 'vitest';
import { growthOf, linearLaw, powerLaw } from '../../../extension/laws';
import type { ResultRow } from '../../../extension/runner/benchmark/result';

const base: ResultRow = {
  engine: 'fff',
  precision: 'fp32',
  implementation: 'test',
  batch: 1,
  width: 768,
  nodes: 4095,
  levels: 12,
  microsecondsPerToken: { median: 1, p5: 1, p95: 1 },
  ratioToBestDense: null,
  ratioToBest3072: null,
  distinctLeaves: 1,
  bytesTouched: 1,
  verified: true,
  threads: 1,
  cellThreads: 1,
  distribution: 'spread',
  weights: 'warm',
  layer: null,
  distinctLeavesInAll: 1,
  pathFlips: null,
  worstError: 0,
  pairs: 30,
  settled: true,
};

const row = (changes: Partial<ResultRow>, microseconds: number): ResultRow => ({
  ...base,
  ...changes,
  microsecondsPerToken: { median: microseconds, p5: microseconds, p95: microseconds },
});

describe('fits', () => {
  it('find the law the points were made from', () => {
    const xs = [1, 2, 4, 8, 16];
    const linear = linearLaw(xs.map((x) => ({ x, microseconds: 3 + 2 * x })));
    expect(linear).toMatchObject({ form: 'linear' });
    expect(linear.form === 'linear' && [linear.fixed, linear.each]).toEqual([
      expect.closeTo(3, 9),
      expect.closeTo(2, 9),
    ]);
    expect(linear.r2).toBeCloseTo(1, 9);
    const power = powerLaw(xs.map((x) => ({ x, microseconds: 0.5 * x ** 1.5 })));
    expect(power.form === 'power' && [power.factor, power.exponent]).toEqual([
      expect.closeTo(0.5, 9),
      expect.closeTo(1.5, 9),
    ]);
  });

  it('say how badly a law fits', () => {
    const points = [1, 2, 3, 4, 5, 6].map((x) => ({ x, microseconds: x % 2 === 0 ? 10 : 1 }));
    expect(linearLaw(points).r2).toBeLessThan(0.5);
  });
});

describe('growth', () => {
  it('of an FFF is linear in its levels, of a dense layer linear in its nodes', () => {
    const depths = [7, 8, 9, 10, 11, 12];
    const rows = depths.flatMap((depth) => [
      row({ levels: depth + 1, nodes: 2 ** (depth + 1) - 1 }, 0.2 + 0.1 * (depth + 1)),
      row({ engine: 'dense-twin', levels: depth + 1, nodes: 2 ** (depth + 1) - 1 }, 0.15 * (2 ** (depth + 1) - 1)),
    ]);
    const find = (engine: string, variable: string) =>
      growthOf(rows).find((growth) => growth.row.engine === engine && growth.variable === variable)!;
    const fff = find('fff', 'levels');
    expect(fff.law.r2).toBeCloseTo(1, 9);
    expect(fff.law.form === 'linear' && fff.law.each).toBeCloseTo(0.1, 9);
    const dense = find('dense-twin', 'nodes');
    expect(dense.law.form === 'power' && dense.law.exponent).toBeCloseTo(1, 9);
    expect(find('dense-twin', 'levels').law.r2).toBeLessThan(dense.law.r2);
  });

  it('counts whole calls in a batch sweep and keeps other sizes apart', () => {
    const rows = [1, 4, 16, 64].flatMap((batch) => [
      row({ batch }, (5 + 2 * batch) / batch),
      row({ batch, width: 256 }, (1 + batch) / batch),
    ]);
    const growths = growthOf(rows);
    expect(growths.map(({ variable, row: { width } }) => [variable, width])).toEqual([
      ['batch', 768],
      ['batch', 256],
    ]);
    const [wide] = growths;
    expect(wide!.law.form === 'linear' && wide!.law.fixed).toBeCloseTo(5, 6);
  });

  it('is not fitted to fewer than four points', () => {
    expect(growthOf([1, 2, 4].map((batch) => row({ batch }, 1)))).toEqual([]);
  });
});
