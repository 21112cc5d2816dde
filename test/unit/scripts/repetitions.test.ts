/** What repetitions of a plan say together, on runs with known intervals. */
import { describe, expect, it } from 'vitest';
import type { BenchmarkResult } from '../../../extension/runner/benchmark/result';
import { agreeing, isEnough, ratiosOf, reportOf, selfTestsOf, summaryOf } from '../../../scripts/lib/repetitions.mjs';
import { sampleLadder, sampleResult } from '../../webview/support/sampleBenchmark';

const between = (low: number, high: number) => ({ low, high, median: (low + high) / 2 });

/** A run whose FFF rows have such a ratio, and whose self-tests such an interval. */
function run(low: number, high: number, selfTest = between(0.98, 1.02)): BenchmarkResult {
  const result = sampleResult({ batches: [1, 16] });
  for (const row of result.rows) {
    row.ratioToBest3072 = null;
    row.ratioToBestDense = row.engine === 'dense-twin' ? between(1, 1) : null;
    if (row.engine === 'fff' && row.precision === 'fp32') {
      row.ratioToBestDense = between(low, high);
    }
  }
  for (const test of result.selfTests) {
    test.ratio = selfTest;
    test.passed = selfTest.low <= 1 && selfTest.high >= 1;
  }
  result.ladder = [{ ...sampleLadder(), gainOver3072: between(2, 3) }];
  return result as unknown as BenchmarkResult;
}

describe('intervals of one ratio', () => {
  it.each([
    [[], 0],
    [[between(1, 2)], 1],
    [[between(1, 2), between(2, 3)], 2],
    [[between(1, 2), between(2.1, 3)], 1],
    // In a chain neighbours overlap, but no value is in all three.
    [[between(1, 3), between(2, 5), between(4, 6)], 2],
    [[between(1, 9), between(2, 3), between(4, 5), between(4.5, 8), between(4.9, 5)], 4],
  ])('%j: so many share a value: %i', (intervals, expected) => {
    expect(agreeing(intervals)).toBe(expected);
  });

  it('need nine of ten, and of forty thirty-six', () => {
    expect([isEnough(9, 10), isEnough(8, 10), isEnough(36, 40), isEnough(35, 40), isEnough(0, 0)]).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });
});

describe('repetitions of a plan', () => {
  const nine = Array.from({ length: 9 }, (_, index) => run(40 + index / 10, 44 + index / 10));

  it('collect each ratio over the runs, and leave the best dense layer’s ratio to itself out', () => {
    const ratios = ratiosOf([...nine, run(10, 12)]);
    expect(ratios.map(({ name }) => name)).toEqual([
      'fff (avx512), batch 1, 768 wide, 4095 nodes, 1 threads, warm, spread to best dense',
      'fff (avx512), batch 16, 768 wide, 4095 nodes, 1 threads, warm, spread to best dense',
      'encoder of 1 layers, 128 tokens, over its dense twin',
      'encoder of 1 layers, 128 tokens, over 3072 neurons',
    ]);
    expect(ratios.map(({ agreeing: count, repeats }) => [count, repeats])).toEqual([
      [9, true],
      [9, true],
      [10, true],
      [10, true],
    ]);
    expect(ratios[0]!.intervals).toHaveLength(10);
    expect(ratios[0]!.intervals[9]).toEqual({ low: 10, high: 12, median: 11 });
  });

  it('leave a ratio out that a run does not have', () => {
    const without = run(40, 44);
    without.rows.forEach((row) => (row.ratioToBestDense = null));
    expect(ratiosOf([...nine, without]).map(({ name }) => name)).toEqual([
      'encoder of 1 layers, 128 tokens, over its dense twin',
      'encoder of 1 layers, 128 tokens, over 3072 neurons',
    ]);
  });

  it('count every self-test of every run', () => {
    const results = [...nine, run(40, 44, between(1.01, 1.05))];
    const tests = selfTestsOf(results);
    expect(tests).toHaveLength(20);
    expect(tests[19]).toEqual({
      run: 10,
      name: 'fff against itself, batch 16, 768 wide, depth 11, warm',
      ratio: between(1.01, 1.05),
      passed: false,
    });
    expect(summaryOf(results)).toMatchObject({
      runs: 10,
      ratios: { total: 4, repeating: 4 },
      selfTests: { total: 20, held: 18, enough: true },
    });
    const report = reportOf(summaryOf([...results.slice(1), run(1, 2, between(0.5, 0.9)), run(1, 2)]));
    expect(report).toContain('In 2 of 4 ratios at least nine of ten intervals share a value.');
    expect(report).toContain('18 of 22 hold 1 (82 %).');
    expect(report.match(/fewer than nine of ten/g)).toHaveLength(2);
    expect(report.match(/does not hold 1/g)).toHaveLength(4);
  });
});
