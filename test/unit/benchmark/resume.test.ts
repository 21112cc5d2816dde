/** What is kept of an earlier result when a run goes on with it, and what may not be mixed with what is measured now. */
import { describe, expect, it } from 'vitest';
import { entryOf } from '../../../extension/benchmark/resultFile';
import type { BenchmarkKernel } from '../../../extension/runner/benchmark/engines/fffKernel';
import type { LadderOptions, LadderResult } from '../../../extension/runner/benchmark/ladder';
import { completePlan, type PartialPlan, type Plan } from '../../../extension/runner/benchmark/plan';
import type { BenchmarkResult } from '../../../extension/runner/benchmark/result';
import { runPlan } from '../../../extension/runner/benchmark/run';
import type { BenchmarkServices, RunOptions } from '../../../extension/runner/benchmark/run';
import { fakeKernel, fakeServices } from './fakes';

const LIMITS = {
  ...{ passes: 3, minimumPairs: 6, minimumSeconds: 0, slowPairs: 2 },
  ...{ warmupSeconds: 0.02, burstMs: 0.05, leadMs: 0 },
};

function plan(changes: Partial<PartialPlan> = {}): Plan {
  return completePlan({
    version: 1,
    name: 'Resumed',
    engines: ['fff', 'dense-twin'],
    widths: [16],
    depths: [3],
    batches: [5],
    ladder: { tokens: [] },
    limits: LIMITS,
    ...changes,
  });
}

const json = (result: BenchmarkResult): BenchmarkResult => JSON.parse(JSON.stringify(result)) as BenchmarkResult;

/** A kernel whose n-th layer, counted from 0, is what `layer` makes of it. */
function kernelOf(layer: (index: number, right: BenchmarkKernel) => BenchmarkKernel): Partial<BenchmarkServices> {
  const right = fakeKernel();
  let made = 0;
  const kernel: BenchmarkKernel = {
    ...right,
    createLayer: (...args) => layer(made++, right).createLayer(...args),
  };
  return { kernel: () => kernel };
}

const failing: BenchmarkKernel = {
  ...fakeKernel(),
  createLayer: () => {
    throw new Error('no memory left');
  },
};

/** Ends a run when its result is the n-th told; the first is told before anything is measured. */
async function endedAfter(
  whole: Plan,
  told: number,
  changes: Partial<BenchmarkServices> = {},
  options: RunOptions = {},
): Promise<BenchmarkResult> {
  const controller = new AbortController();
  let count = 0;
  const result = await runPlan(whole, fakeServices(changes), {
    ...options,
    signal: controller.signal,
    onResult: () => {
      if (++count === told) {
        controller.abort();
      }
    },
  });
  return json(result);
}

/** Goes on with a result; everything it tells, and what it ends with. */
async function resumed(
  whole: Plan,
  resume: BenchmarkResult,
  changes: Partial<BenchmarkServices> = {},
): Promise<{ told: BenchmarkResult[]; result: BenchmarkResult }> {
  const told: BenchmarkResult[] = [];
  const result = await runPlan(whole, fakeServices(changes), { resume, onResult: (one) => told.push(json(one)) });
  return { told, result };
}

describe('engines that are found wrong in a later pass', () => {
  it('lose their times even where there is no other engine', async () => {
    const wrong = fakeKernel((output) => output.fill(1));
    const services = fakeServices(kernelOf((index, right) => (index === 0 ? right : wrong)));
    const result = await runPlan(plan({ engines: ['fff'] }), services);
    expect([result.rows, result.samples, result.selfTests]).toEqual([[], [], []]);
    expect(result.excluded.map(({ engine }) => engine)).toEqual(['fff']);
    expect(result.unfinished.map(({ reason }) => reason)).toEqual(['no engine passed verification']);
  });

  it('lose them even where the run is cancelled while the next engine is verified', async () => {
    const wrong = fakeKernel((output) => output.fill(1));
    const controller = new AbortController();
    const seen: string[] = [];
    const result = await runPlan(plan(), fakeServices(kernelOf((index, right) => (index === 0 ? right : wrong))), {
      signal: controller.signal,
      onProgress: ({ what }) => {
        seen.push(what);
        if (what.includes('pass 2 of 3: verifying fff')) {
          controller.abort();
        }
      },
    });
    expect(seen.at(-1)).toContain('verifying fff');
    expect(result.rows.map(({ engine }) => engine)).toEqual(['dense-twin']);
    expect(result.unfinished.map(({ reason, passes }) => [reason, passes?.complete])).toEqual([
      ['the run was cancelled', 1],
    ]);
  });
});

describe('a cell that is gone on with', () => {
  it('keeps its passes where an engine cannot be set up this time', async () => {
    const first = await endedAfter(plan(), 3);
    expect(first.rows.map(({ passes }) => passes)).toEqual([2, 2]);
    const { result: second } = await resumed(
      plan(),
      first,
      kernelOf((index, right) => (index === 0 ? failing : right)),
    );
    expect([second.rows, second.samples]).toEqual([first.rows, first.samples]);
    expect(second.unfinished.map(({ reason, passes }) => [reason, passes])).toEqual([
      [expect.stringMatching(/^fff could not be set up: .*no memory left$/) as string, { complete: 2, of: 3 }],
    ]);
    const { result: third } = await resumed(plan(), json(second));
    expect(third.unfinished).toEqual([]);
    expect(third.rows.map(({ passes }) => passes)).toEqual([3, 3]);
    expect(third.samples[0]!.microsecondsPerToken[0]).toBeCloseTo(first.samples[0]!.microsecondsPerToken[0]!, 9);
  });

  it('does without an engine that was left out before and cannot be set up now either', async () => {
    const first = await endedAfter(
      plan(),
      3,
      kernelOf((index, right) => (index === 0 ? right : failing)),
    );
    expect(first.rows.map(({ passes }) => passes)).toEqual([1, 2]);
    const { result } = await resumed(
      plan(),
      first,
      kernelOf(() => failing),
    );
    expect(result.unfinished).toEqual([]);
    expect(result.rows.map(({ engine, passes }) => [engine, passes])).toEqual([
      ['fff', 1],
      ['dense-twin', 3],
    ]);
  });

  it('does not measure an engine a second time that was left out before', async () => {
    const first = await endedAfter(
      plan(),
      3,
      kernelOf((index, right) => (index === 0 ? right : failing)),
    );
    expect(first.excluded.map(({ engine }) => engine)).toEqual(['fff']);
    const { result } = await resumed(plan(), first);
    expect(result.rows.map(({ engine, passes }) => [engine, passes])).toEqual([
      ['fff', 1],
      ['dense-twin', 3],
    ]);
    expect(result.selfTests.map(({ again }) => again!.passes)).toEqual([[0, 0]]);
    expect(result.excluded).toEqual(first.excluded);
  });

  it('keeps its rows where it must begin anew and is cancelled before a row is there', async () => {
    const first = await endedAfter(plan(), 3);
    first.rows[0]!.implementation = 'another';
    const controller = new AbortController();
    const result = await runPlan(plan(), fakeServices(), {
      resume: first,
      signal: controller.signal,
      onProgress: ({ what }) => what.includes('verifying') && controller.abort(),
    });
    expect([result.rows, result.samples]).toEqual([first.rows, first.samples]);
    expect(result.unfinished.map(({ reason }) => reason)).toEqual(['the run was cancelled']);
  });

  it('keeps its rows until a new pass has some where there is no pass to go on after', async () => {
    const first = json(await runPlan(plan(), fakeServices()));
    // As where the time was up before there were enough rounds, or where the first pass was broken off.
    first.unfinished = [{ cell: first.selfTests[0]!.cell, reason: 'the time was up after 6 of 30 rounds' }];
    const { told, result } = await resumed(plan(), first);
    expect(told[0]!.rows).toEqual(first.rows);
    expect(told[0]!.unfinished.map(({ passes }) => passes)).toEqual([undefined]);
    expect(told[1]!.rows.map(({ passes }) => passes)).toEqual([1, 1]);
    expect(result.rows.map(({ passes }) => passes)).toEqual([3, 3]);
    expect(result.unfinished).toEqual([]);
  });
});

describe('a result of another program', () => {
  const whole = plan({ batches: [1, 5] });
  const remark = 'Some figures are from an earlier run, measured by version 0.0.9, commit unknown, onnxruntime 1.0.0';

  it.each([
    ['version', '0.0.9'],
    ['commit', 'a'.repeat(40)],
    ['onnxruntimeVersion', '0.9.0'],
    ['kernelImplementation', 'older'],
    ['cpu', 'Other CPU'],
    ['modelHash', 'abc'],
  ])('is not mixed with what is measured now: %s', async (name, value) => {
    const first = await endedAfter(plan(), 3);
    Object.assign(first.environment, { [name]: value });
    const { told, result } = await resumed(plan(), first);
    expect(told[0]!.rows).toEqual(first.rows);
    expect(told[0]!.unfinished.map(({ passes }) => passes)).toEqual([undefined]);
    expect(told[1]!.rows.map(({ passes }) => passes)).toEqual([1, 1]);
    const before = first.samples[0]!.microsecondsPerToken;
    expect(result.samples[0]!.microsecondsPerToken.slice(0, before.length)).not.toEqual(before);
    expect(result.rows.map(({ passes }) => passes)).toEqual([3, 3]);
    expect(result.environment.remarks).toEqual([]);
  });

  it('gives its finished cells, and the result says what measured them, however often it is gone on with', async () => {
    const first = await endedAfter(whole, 6);
    expect(first.unfinished).toHaveLength(1);
    first.environment.version = '0.0.9';
    const { result } = await resumed(whole, first);
    expect(result.rows.slice(0, 2)).toEqual(first.rows.slice(0, 2));
    expect(result.environment.remarks).toEqual([expect.stringContaining(remark)]);
    const { result: again } = await resumed(whole, json(result));
    expect(again.environment.remarks).toEqual(result.environment.remarks);
  });

  it('gives no finished cells where it was measured on another processor or with other weights', async () => {
    const first = json(await runPlan(whole, fakeServices()));
    first.environment.cpu = 'Other CPU';
    const { told, result } = await resumed(whole, first);
    expect(told[0]!.rows).toEqual(first.rows);
    expect(told[0]!.unfinished).toHaveLength(2);
    expect(told[0]!.environment.remarks).toEqual([expect.stringContaining('on Other CPU')]);
    expect(result.unfinished).toEqual([]);
    expect(result.samples[0]!.microsecondsPerToken).not.toEqual(first.samples[0]!.microsecondsPerToken);
    expect(result.environment.remarks).toEqual([]);
  });
});

describe('the whole encoder', () => {
  const whole = plan({ limits: { ...LIMITS, passes: 1 }, ladder: { tokens: [8], heads: 2 } });
  const measured = (complete: number, of: number) => ({ tokens: 8, passes: { complete, of } }) as LadderResult;

  it('waits while the run is paused, and is not begun when that ends it', async () => {
    const controller = new AbortController();
    let isMeasured = false;
    let begun = 0;
    const ladder = async () => (begun++, measured(1, 1));
    await runPlan(whole, fakeServices({ ladder }), {
      signal: controller.signal,
      onRows: (_, final) => (isMeasured ||= final),
      whilePaused: async () => {
        if (isMeasured) {
          controller.abort();
        }
      },
    });
    expect([isMeasured, begun]).toEqual([true, 0]);
  });

  it('is named, and can be gone on with, where it has not all its passes', async () => {
    const controller = new AbortController();
    const ladder = async () => (controller.abort(), measured(1, 3));
    const first = json(await runPlan(whole, fakeServices({ ladder }), { signal: controller.signal }));
    expect(first.unfinished).toEqual([]);
    expect(first.environment.remarks).toEqual(['The whole encoder at 8 tokens has 1 of 3 passes.']);
    const unfinishedOf = (result: BenchmarkResult): number =>
      entryOf('a', result, { kind: 'cancelled' }, 'Test CPU').unfinished;
    expect(unfinishedOf(first)).toBe(1);

    const asked: (LadderResult | null)[] = [];
    const rest = async (_plan: Plan, _cell: unknown, _tokens: number, { earlier }: LadderOptions) => (
      asked.push(earlier),
      measured(3, 3)
    );
    const { result } = await resumed(whole, first, { ladder: rest });
    expect(asked).toEqual([measured(1, 3)]);
    expect(result.environment.remarks).toEqual([]);
    expect(unfinishedOf(result)).toBe(0);
    result.ladder = [];
    expect(unfinishedOf(result)).toBe(1);
  });

  it('of another program is measured from the beginning', async () => {
    const first = json(await runPlan(whole, fakeServices({ ladder: async () => measured(3, 3) })));
    first.ladder = [measured(2, 3)];
    first.environment.commit = 'b'.repeat(40);
    const asked: (LadderResult | null)[] = [];
    const ladder = async (_plan: Plan, _cell: unknown, _tokens: number, { earlier }: LadderOptions) => (
      asked.push(earlier),
      measured(3, 3)
    );
    const { told, result } = await resumed(whole, first, { ladder });
    expect(told[0]!.ladder).toEqual([measured(0, 3)]);
    expect(told[0]!.environment.remarks).toContainEqual(expect.stringContaining('from an earlier run'));
    expect(asked.map((earlier) => earlier?.passes)).toEqual([{ complete: 0, of: 3 }]);
    expect(result.ladder).toEqual([measured(3, 3)]);
  });
});
