import { afterEach, describe, expect, it } from 'vitest';
import { compareResults, holm, rankTest } from '../../webview/benchmark/compare';
import { draw as drawComparison } from '../../webview/charts/benchmarkCompare';
import { container, lightTheme } from './support/page';
import { sampleResult } from './support/sampleBenchmark';

afterEach(() => {
  document.body.replaceChildren();
});

const OPTIONS = { theme: lightTheme, fallbackWidth: 800 };

describe('comparison', () => {
  it('finds a real difference in every engine and cell', () => {
    const comparison = compareResults(sampleResult(), sampleResult({ slower: 1.4, seed: 9 }));
    expect(comparison.rows).toHaveLength(20);
    for (const { ratio, verdict, p } of comparison.rows) {
      expect(ratio.median).toBeCloseTo(1.4);
      expect(ratio.low).toBeGreaterThan(1.3);
      expect(ratio.high).toBeLessThan(1.5);
      expect(ratio.low).toBeLessThan(ratio.high);
      expect([verdict, p < 0.001]).toEqual(['faster', true]);
    }
  });

  it('claims none between two runs of the same thing', () => {
    const comparison = compareResults(sampleResult(), sampleResult({ seed: 77 }));
    expect(comparison.rows.filter(({ verdict }) => verdict !== 'withheld')).toEqual([]);
  });

  it('claims none that is smaller than what an engine differed from itself', () => {
    const noisy = sampleResult({ slower: 1.1, seed: 3 });
    noisy.selfTests[0]!.ratio = { median: 1.1, low: 0.95, high: 1.3 };
    const comparison = compareResults(sampleResult(), noisy);
    expect(comparison.noise).toBeCloseTo(0.3);
    expect(new Set(comparison.rows.map(({ verdict }) => verdict))).toEqual(new Set(['withheld']));
    expect(comparison.rows.map(({ reason }) => reason)).toContain('an engine differed as much from itself');
  });

  it('claims none where the passes of a run differ as much as the runs do', () => {
    const inPasses = (result: ReturnType<typeof sampleResult>, apart: number) => {
      for (const samples of result.samples) {
        samples.passes = samples.microsecondsPerToken.map((_, index) => Math.floor(index / 6));
        samples.microsecondsPerToken = samples.microsecondsPerToken.map(
          (time, index) => time * (1 + apart * (samples.passes![index]! - 2)),
        );
      }
      return result;
    };
    const verdicts = (apart: number) => {
      const other = inPasses(sampleResult({ slower: 1.2, seed: 9 }), apart);
      return new Set(compareResults(inPasses(sampleResult(), apart), other).rows.map(({ verdict }) => verdict));
    };
    expect(verdicts(0)).toEqual(new Set(['faster']));
    expect(verdicts(0.1)).toEqual(new Set(['withheld']));
    // A file from before there were passes is one of them.
    const old = compareResults(inPasses(sampleResult(), 0.1), sampleResult({ slower: 1.2, seed: 9 }));
    expect(new Set(old.rows.map(({ verdict }) => verdict))).toEqual(new Set(['withheld']));
  });

  it('claims none without samples', () => {
    const bare = { ...sampleResult({ slower: 3 }), samples: [] };
    expect(new Set(compareResults(sampleResult(), bare).rows.map(({ verdict }) => verdict))).toEqual(
      new Set(['withheld']),
    );
  });

  it('pairs engines of another implementation, and counts what has no counterpart', () => {
    const other = sampleResult({ batches: [1, 16], slower: 2 });
    other.rows.filter(({ engine }) => engine === 'fff').forEach((row) => (row.implementation = 'avx2'));
    const comparison = compareResults(sampleResult(), other);
    expect(comparison.rows).toHaveLength(10);
    expect(comparison.unmatched).toBe(10);
  });

  it('draws filled marks for differences and hollow ones for none', () => {
    const root = container();
    const comparison = compareResults(
      sampleResult({ batches: [1] }),
      sampleResult({ batches: [1], slower: 1.4, seed: 9 }),
    );
    const chart = drawComparison(root, comparison, OPTIONS);
    expect(root.querySelectorAll('.compared.faster')).toHaveLength(5);
    chart.update(compareResults(sampleResult({ batches: [1] }), sampleResult({ batches: [1], seed: 77 })));
    const marks = [...root.querySelectorAll('.compared.withheld .mark')];
    expect(marks).toHaveLength(5);
    expect(new Set(marks.map((mark) => mark.getAttribute('fill')))).toEqual(new Set([lightTheme().background]));
  });

  it('ranks as the textbook does', () => {
    // 1..8 against 9..16: U = 0; z = (32 - 0.5) / sqrt(8 * 8 * 17 / 12) = 3.308.
    const low = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(
      rankTest(
        low,
        low.map((value) => value + 8),
      ),
    ).toBeCloseTo(0.00094, 5);
    expect(rankTest(low, low)).toBeCloseTo(1, 6);
    expect(rankTest([1, 1, 1], [1, 1, 1])).toBe(1);
    expect(rankTest([1, 2], [3, 4])).toBe(1);
  });

  it('corrects for the number of comparisons as Holm does', () => {
    expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
  });
});
