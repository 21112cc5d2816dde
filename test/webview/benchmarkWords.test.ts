import { describe, expect, it } from 'vitest';
import { NOT_MEASURED_YET, PASSES_LEFT } from '../../extension/passes';
import type { BenchmarkCell, BenchmarkResult } from '../../extension/protocol';
import { endingText, leftOut } from '../../webview/benchmark/words';
import { sampleEntry, sampleResult } from './support/sampleBenchmark';

const SHORT = 'a batch of 16384 needs about 2100 MB, and 900 MB are free';

/** A result whose unfinished cells are those. */
function resultOf(cells: [Partial<BenchmarkCell>, string][], { ladder = true } = {}): BenchmarkResult {
  const cell: BenchmarkCell = {
    ...{ width: 768, depth: 11, batch: 1, threads: 1, distribution: 'spread', weights: 'warm', layer: null },
  };
  const unfinished = cells.map(([change, reason]) => ({ cell: { ...cell, ...change }, reason }));
  return { ...sampleResult({ ladder }), missing: [], excluded: [], unfinished };
}

describe('what was left out of a result', () => {
  it('is said once a reason, with every size it is about', () => {
    const passes = [1, 2, 4, 8].map((batch): [Partial<BenchmarkCell>, string] => [{ batch }, PASSES_LEFT]);
    const result = resultOf([...passes, [{ batch: 16_384 }, SHORT], [{ batch: 16 }, NOT_MEASURED_YET]]);
    expect(leftOut(result, false)).toEqual([
      'Batches 1, 2, 4 and 8, depth 11 are unfinished: not measured in all their passes yet.',
      `Batch 16,384, depth 11 is unfinished: ${SHORT}.`,
      'Batch 16, depth 11 is unfinished: not measured yet.',
    ]);
    // What the run has yet to come to is no loss.
    expect(leftOut(result, true)).toEqual([`Batch 16,384, depth 11 is unfinished: ${SHORT}.`]);
  });

  it('tells depths apart, and says nothing twice', () => {
    const cells = [{ depth: 3 }, { depth: 4 }, { depth: 4, batch: 8 }, { depth: 4, width: 64 }];
    const result = resultOf(cells.map((cell) => [cell, PASSES_LEFT]));
    expect(leftOut(result, false)).toEqual([
      'Batch 1, depth 3; batches 1 and 8, depth 4 are unfinished: not measured in all their passes yet.',
    ]);
    const widths = resultOf([64, 128].map((width) => [{ width }, PASSES_LEFT]));
    expect(leftOut(widths, false)).toEqual(['Batch 1, depth 11 is unfinished: not measured in all its passes yet.']);
  });

  it('names a whole encoder that the plan asked for, once the run is over', () => {
    const result = resultOf([], { ladder: false });
    result.plan = { ...result.plan, ladder: { tokens: [128] } };
    expect(leftOut(result, false)).toEqual(['The whole encoder at 128 tokens was not measured.']);
    expect(leftOut(result, true)).toEqual([]);
    expect(leftOut(resultOf([]), false)).toEqual([]);
  });
});

describe('how a run ended', () => {
  it('is said before its reason, which is a sentence of its own', () => {
    const reason = 'The runner process ended unexpectedly (signal SIGKILL).';
    const entry = sampleEntry(sampleResult(), { ending: { kind: 'interrupted', reason }, unfinished: 6 });
    expect(endingText(entry)).toBe(`broke off, 6 parts not measured in full. ${reason}`);
  });

  it('is not said of a run that goes on, nor that one is measured which is paused', () => {
    const entry = sampleEntry(sampleResult(), { ending: { kind: 'running' } });
    expect([endingText(entry), endingText(entry, true)]).toEqual(['being measured', 'paused']);
  });
});
