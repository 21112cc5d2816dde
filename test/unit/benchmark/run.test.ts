import { describe, expect, it } from 'vitest';
import { FffError } from '../../../extension/errors';
import { completePlan, type Cell, type PartialPlan, type Plan } from '../../../extension/runner/benchmark/plan';
import { randomFffWeights, syntheticTokens } from '../../../extension/runner/benchmark/distributions';
import type { BenchmarkResult, ResultRow } from '../../../extension/runner/benchmark/result';
import type { Progress } from '../../../extension/runner/benchmark/pace';
import { runPlan } from '../../../extension/runner/benchmark/run';
import type { LadderResult } from '../../../extension/runner/benchmark/ladder';
import { fakeKernel, fakeNative, fakeServices } from './fakes';

/** Small, quick and in one pass. */
const LIMITS = {
  ...{ passes: 1, minimumPairs: 4, minimumSeconds: 0, slowPairs: 2 },
  ...{ warmupSeconds: 0.02, burstMs: 0.05, leadMs: 0 },
};

/** Nothing here asserts on a time. */
function plan(changes: Partial<PartialPlan> = {}): Plan {
  return completePlan({
    version: 1,
    name: 'Test',
    engines: ['fff', 'dense-twin', 'dense-3072', 'dense-16'],
    widths: [16],
    depths: [3],
    batches: [1, 5],
    ladder: { tokens: [] },
    limits: LIMITS,
    ...changes,
  });
}

describe('a run', () => {
  it('measures every engine on every cell and keeps the raw samples', async () => {
    const result = await runPlan(plan(), fakeServices());
    expect(result.rows.map(({ engine, batch }) => `${engine} ${batch}`)).toEqual(
      [1, 5].flatMap((batch) => ['fff', 'dense-twin', 'dense-3072', 'dense-16'].map((engine) => `${engine} ${batch}`)),
    );
    expect(result.unfinished).toEqual([]);
    expect(result.excluded).toEqual([]);
    for (const row of result.rows) {
      expect(row).toMatchObject({ verified: true, width: 16, nodes: 15, levels: 4, distribution: 'spread' });
      expect(row.worstError).toBeLessThan(1e-5);
      expect(row.microsecondsPerToken.p5).toBeLessThanOrEqual(row.microsecondsPerToken.median);
      expect(row.ratioToBestDense!.low).toBeLessThanOrEqual(row.ratioToBestDense!.high);
    }
    result.samples.forEach((samples, index) => {
      expect(samples.row).toBe(index);
      expect(samples.microsecondsPerToken).toHaveLength(result.rows[index]!.pairs);
      expect(samples.rounds).toHaveLength(result.rows[index]!.pairs);
    });
    expect(result.selfTests.map(({ engine, cell }) => [engine, cell.batch])).toEqual([
      ['fff', 1],
      ['fff', 5],
    ]);
  });

  it('says how many leaves and bytes a call touches', async () => {
    const result = await runPlan(plan({ distributions: ['spread', 'repeated'], batches: [5] }), fakeServices());
    const row = (engine: string, distribution: string): ResultRow =>
      result.rows.find((one) => one.engine === engine && one.distribution === distribution)!;
    expect(row('fff', 'repeated').distinctLeaves).toBe(1);
    expect(row('fff', 'repeated').distinctLeavesInAll).toBe(1);
    expect(row('fff', 'repeated').bytesTouched).toBe(4 * (2 * 16 * 4 + 4));
    expect(row('fff', 'spread').distinctLeaves).toBeGreaterThan(1);
    expect(row('fff', 'spread').distinctLeavesInAll).toBe(8);
    expect(row('fff', 'spread').bytesTouched).toBeGreaterThan(4 * (2 * 16 * 4 + 4));
    expect(row('dense-twin', 'spread').bytesTouched).toBe(4 * (2 * 15 * 16 + 15));
    expect(row('dense-3072', 'spread').bytesTouched).toBe(4 * (2 * 3072 * 16 + 3072 + 16));
    expect(row('fff', 'spread').pathFlips).toMatchObject({ flips: 0 });
    expect(row('dense-twin', 'spread').pathFlips).toBeNull();
  });

  it('is the same JSON after a round trip', async () => {
    const result = await runPlan(plan({ batches: [2] }), fakeServices());
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it('takes layers in turns when weights are cold', async () => {
    const created: unknown[] = [];
    const kernel = fakeKernel();
    const counting = {
      ...kernel,
      createLayer: (...args: Parameters<typeof kernel.createLayer>) => (
        created.push(args[0]),
        kernel.createLayer(...args)
      ),
    };
    const result = await runPlan(
      plan({ weights: ['cold'], coldLayers: 3, batches: [2] }),
      fakeServices({ kernel: () => counting }),
    );
    expect(new Set(created).size).toBe(3);
    expect(result.rows.every(({ weights }) => weights === 'cold')).toBe(true);
  });

  it('runs the paper’s levels, which count as weak', async () => {
    const engines = [
      'fff',
      'dense-twin',
      'paper-fff-1',
      'paper-fff-2',
      'paper-dense-1',
      'paper-dense-2',
      'paper-dense-3',
    ];
    const result = await runPlan(plan({ engines, batches: [3] }), fakeServices());
    expect(result.rows.map(({ engine }) => engine)).toEqual(engines);
    expect(result.rows[1]!.ratioToBestDense).toEqual({ median: 1, low: 1, high: 1 });
  });
});

describe('honesty', () => {
  it('never times an engine whose output is wrong', async () => {
    const kernel = fakeKernel((output) => (output[output.length - 1]! += 0.01));
    const result = await runPlan(plan({ batches: [5] }), fakeServices({ kernel: () => kernel }));
    expect(result.rows.map(({ engine }) => engine)).not.toContain('fff');
    expect(result.excluded).toEqual([
      expect.objectContaining({
        engine: 'fff',
        reason: expect.stringContaining('token 4 of 5 differs from float64') as string,
      }),
    ]);
    // Two probes and one verification, and not one timed call.
    expect(kernel.calls).toBe(3);
  });

  it('does not take NaN for a small error', async () => {
    const kernel = fakeKernel((output) => output.fill(NaN));
    const result = await runPlan(plan({ batches: [1] }), fakeServices({ kernel: () => kernel }));
    expect(result.excluded.map(({ engine }) => engine)).toEqual(['fff']);
  });

  it('names engines that are missing', async () => {
    const engines = ['fff', 'dense-twin', 'native-twin@*', 'fff@other'];
    const result = await runPlan(plan({ engines, batches: [1] }), fakeServices());
    expect(result.missing).toEqual([{ engine: 'native-twin@openblas', reason: 'not here' }]);
    expect(result.excluded).toEqual([
      expect.objectContaining({ engine: 'fff@other', reason: expect.stringContaining('cannot run') as string }),
    ]);
  });

  it('leaves out an engine that would take too long', async () => {
    const limits = { ...plan().limits, callSeconds: 0.001 };
    const engines = ['fff', 'dense-per-token', 'dense-twin'];
    const result = await runPlan(plan({ engines, batches: [16384], limits }), fakeServices());
    expect(result.excluded.find(({ engine }) => engine === 'dense-per-token')!.reason).toMatch(
      /a call would take about/,
    );
  });

  it('does not spend time on a native layer that cannot be the best, and names it', async () => {
    const microseconds: Record<string, number> = { quick: 100, steady: 300, slow: 1000 };
    const bursts: Record<string, number> = { quick: 0, steady: 0, slow: 0 };
    const native = fakeNative(Object.keys(microseconds), (library) => (calls) => {
      bursts[library]! += 1;
      return microseconds[library]! * calls;
    });
    const result = await runPlan(plan({ engines: ['fff', 'native-twin@*'], batches: [3] }), fakeServices({ native }));
    expect(result.rows.map(({ implementation }) => implementation)).toEqual(['fake', 'quick', 'steady']);
    expect(result.excluded).toMatchObject([
      {
        engine: 'native-twin@slow',
        reason: 'a call takes about 10 times as long as with native-twin@quick',
      },
    ]);
    expect(bursts['slow']).toBe(2);
    expect(result.rows[2]!.ratioToBestDense!.median).toBeCloseTo(1 / 3, 9);
  });

  it('measures dense layers when the kernel does not load', async () => {
    const kernel = (): never => {
      throw new FffError('KERNEL_LOAD_FAILED', 'The kernel was not found.');
    };
    const result = await runPlan(plan({ batches: [1] }), fakeServices({ kernel }));
    expect(result.missing).toEqual([{ engine: 'fff', reason: 'The kernel was not found.' }]);
    expect(result.rows).toHaveLength(3);
  });

  it('refuses a plan of which nothing is available', async () => {
    await expect(runPlan(plan({ engines: ['native-twin'] }), fakeServices())).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringContaining('not here') as string,
    });
  });

  it('says when memory does not suffice, and measures the rest', async () => {
    const services = fakeServices({ availableMemory: async () => 4e6 });
    const result = await runPlan(plan({ batches: [1, 4096] }), services);
    expect(new Set(result.rows.map(({ batch }) => batch))).toEqual(new Set([1]));
    expect(result.unfinished).toEqual([
      {
        cell: expect.objectContaining({ batch: 4096 }) as Cell,
        reason: expect.stringMatching(/^a batch of 4096 needs about \d+ MB, and 4 MB are free$/) as string,
      },
    ]);
  });

  it('allocates nothing for layers and tokens that do not fit', async () => {
    const huge = plan({ widths: [16, 16384], depths: [15], batches: [1], engines: ['fff'] });
    const result = await runPlan(huge, fakeServices({ availableMemory: async () => 1e9 }));
    expect(result.rows.map(({ width }) => width)).toEqual([16]);
    // Both matrices of 65535 + 3072 neurons, a pool of 1024 tokens, and the engine's 65535: 18 GB of floats.
    expect(result.unfinished).toEqual([
      {
        cell: expect.objectContaining({ width: 16384 }) as Cell,
        // 954 are, and a few more once what is kept of the small group is given back.
        reason: expect.stringMatching(/^a batch of 1 needs about 16 GB, and 9\d\d MB are free$/) as string,
      },
    ]);
  });

  it('measures with more memory what did not fit before', async () => {
    const whole = plan({ batches: [1, 4096] });
    const first = await runPlan(whole, fakeServices({ availableMemory: async () => 4e6 }));
    const resumed = await runPlan(whole, fakeServices(), { resume: first });
    expect(resumed.unfinished).toEqual([]);
    expect(resumed.rows.filter(({ batch }) => batch === 1)).toEqual(first.rows);
    expect(resumed.rows.filter(({ batch }) => batch === 4096)).toHaveLength(4);
  });
});

describe('ending early', () => {
  it('keeps finished cells, names the others and resumes with them', async () => {
    const controller = new AbortController();
    const whole = plan({ batches: [1, 2, 3] });
    const kernel = fakeKernel();
    const first = await runPlan(whole, fakeServices({ kernel: () => kernel }), {
      signal: controller.signal,
      onRows: (rows, final) => {
        if (final && rows[0]?.batch === 2) {
          controller.abort();
        }
      },
    });
    expect(new Set(first.rows.map(({ batch }) => batch))).toEqual(new Set([1, 2]));
    expect(first.unfinished).toEqual([
      { cell: expect.objectContaining({ batch: 3 }) as Cell, reason: 'the run was cancelled' },
    ]);

    const resumed = await runPlan(whole, fakeServices(), {
      resume: JSON.parse(JSON.stringify(first)) as BenchmarkResult,
    });
    expect(resumed.unfinished).toEqual([]);
    expect(resumed.rows.slice(0, 8)).toEqual(first.rows);
    expect(resumed.samples.slice(0, 8)).toEqual(first.samples);
    expect(resumed.rows.slice(8).map(({ batch }) => batch)).toEqual([3, 3, 3, 3]);
    expect(resumed.selfTests).toHaveLength(3);
  });

  it('keeps the samples of the cell it was cancelled in', async () => {
    const controller = new AbortController();
    const limits = { ...plan().limits, minimumPairs: 100_000 };
    const result = await runPlan(plan({ batches: [1], limits }), fakeServices(), {
      signal: controller.signal,
      onProgress: ({ part }) => {
        if (part > 2e-4) {
          controller.abort();
        }
      },
    });
    expect(result.rows).toHaveLength(4);
    expect(result.rows[0]!.pairs).toBeGreaterThan(10);
    expect(result.unfinished[0]!.reason).toBe('the run was cancelled');
  });

  it('reports progress over cells and ladder', async () => {
    const seen: Progress[] = [];
    const ladder = { tokens: 8 } as LadderResult;
    const result = await runPlan(
      plan({ ladder: { tokens: [8], heads: 2 } }),
      fakeServices({ ladder: async () => ladder }),
      {
        onProgress: (progress) => seen.push(progress),
      },
    );
    expect(result.ladder).toEqual([ladder]);
    expect(seen.every(({ total, done, part }) => total === 3 && done < 3 && part >= 0 && part <= 1)).toBe(true);
    expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).sort());
    expect(seen[seen.length - 1]!.remainingMs).not.toBeNull();
  });

  it('remarks on a ladder that cannot be measured', async () => {
    const result = await runPlan(plan({ batches: [1], ladder: { tokens: [8], heads: 2 } }), fakeServices());
    expect(result.ladder).toEqual([]);
    expect(result.environment.remarks).toEqual([expect.stringContaining('there is no ladder')]);
  });
});

describe('hidden states', () => {
  it('come from the source, with its weights, and are closed afterwards', async () => {
    const states = syntheticTokens('spread', 16, 6, 3);
    let closed = 0;
    const openSource = async () => ({
      layers: 2,
      width: 16,
      depth: 3,
      tokens: 6,
      modelHash: 'abc',
      inputOf: async () => states,
      weightsOf: async (layer: number) => randomFffWeights(16, 3, 77, layer),
      close: async () => {
        closed++;
      },
    });
    const result = await runPlan(
      plan({ distributions: ['hidden-states'], batches: [], source: { model: 'm', text: 't' } }),
      fakeServices({ openSource }),
    );
    expect(result.environment.modelHash).toBe('abc');
    expect(new Set(result.rows.map(({ layer, batch }) => `${layer} ${batch}`))).toEqual(new Set(['0 6', '1 6']));
    expect(closed).toBe(1);
  });
});
