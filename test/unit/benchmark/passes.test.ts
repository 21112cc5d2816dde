/** A run in several passes: engines set up anew, spread over the run, verified again, cancelled in between and gone on with. */
import { describe, expect, it } from 'vitest';
import { NOT_MEASURED_YET, PASSES_LEFT } from '../../../extension/passes';
import type { LadderOptions, LadderResult } from '../../../extension/runner/benchmark/ladder';
import type { Progress } from '../../../extension/runner/benchmark/pace';
import { completePlan, type Limits, type PartialPlan, type Plan } from '../../../extension/runner/benchmark/plan';
import type { BenchmarkResult } from '../../../extension/runner/benchmark/result';
import { runPlan } from '../../../extension/runner/benchmark/run';
import type { RunOptions } from '../../../extension/runner/benchmark/run';
import { FakeClock, fakeKernel, fakeNative, fakeServices } from './fakes';

const LIMITS: Partial<Limits> = {
  ...{ passes: 3, minimumPairs: 6, minimumSeconds: 0, slowPairs: 2 },
  ...{ warmupSeconds: 0.02, burstMs: 0.05, leadMs: 0 },
};

function plan(limits: Partial<Limits> = {}, changes: Partial<PartialPlan> = {}): Plan {
  return completePlan({
    version: 1,
    name: 'Passes',
    engines: ['fff', 'dense-twin', 'dense-16'],
    widths: [16],
    depths: [3],
    batches: [1, 5],
    ladder: { tokens: [] },
    limits: { ...LIMITS, ...limits },
    ...changes,
  });
}

const json = (result: BenchmarkResult): BenchmarkResult => JSON.parse(JSON.stringify(result)) as BenchmarkResult;
const passesOf = ({ samples }: BenchmarkResult, row: number): number[] => samples[row]!.passes!;

/** Ends a run when its result is the n-th told; the first is told before anything is measured. */
async function endedAfter(whole: Plan, told: number, options: RunOptions = {}): Promise<BenchmarkResult> {
  const controller = new AbortController();
  let count = 0;
  return runPlan(whole, fakeServices(), {
    ...options,
    signal: controller.signal,
    onResult: () => {
      if (++count === told) {
        controller.abort();
      }
    },
  });
}

describe('a run in passes', () => {
  it('goes over all cells again and again, and sets the engines up anew each time', async () => {
    const kernel = fakeKernel();
    let created = 0;
    const counting = {
      ...kernel,
      createLayer: (...args: Parameters<typeof kernel.createLayer>) => (created++, kernel.createLayer(...args)),
    };
    const seen: string[] = [];
    const result = await runPlan(plan(), fakeServices({ kernel: () => counting }), {
      onProgress: ({ what }) => {
        const place = /batch (\d+).*, (pass \d of 3): measuring$/.exec(what);
        const step = place === null ? '' : `${place[2]}, batch ${place[1]}`;
        if (step !== '' && seen.at(-1) !== step) {
          seen.push(step);
        }
      },
    });
    expect(seen).toEqual([1, 2, 3].flatMap((pass) => [1, 5].map((batch) => `pass ${pass} of 3, batch ${batch}`)));
    expect(created).toBe(3);
    expect(result.unfinished).toEqual([]);
    expect(result.rows.map(({ engine, batch, passes, pairs }) => [engine, batch, passes, pairs])).toEqual(
      [1, 5].flatMap((batch) => ['fff', 'dense-twin', 'dense-16'].map((engine) => [engine, batch, 3, 6])),
    );
    result.rows.forEach((_, row) => {
      expect(result.samples[row]!.row).toBe(row);
      expect(passesOf(result, row)).toEqual([0, 0, 1, 1, 2, 2]);
      expect(result.samples[row]!.rounds).toEqual([0, 1, 2, 3, 4, 5]);
    });
    expect(result.selfTests.map(({ again }) => again!.passes)).toEqual([
      [0, 0, 1, 1, 2, 2],
      [0, 0, 1, 1, 2, 2],
    ]);
  });

  it('is today’s run where the plan has one pass', async () => {
    const seen: string[] = [];
    const result = await runPlan(plan({ passes: 1 }), fakeServices(), { onProgress: ({ what }) => seen.push(what) });
    expect(seen.some((what) => what.includes('pass '))).toBe(false);
    expect(result.rows.every(({ passes, pairs }) => passes === 1 && pairs === 6)).toBe(true);
    expect(new Set(passesOf(result, 0))).toEqual(new Set([0]));
  });

  it('tells a whole result after every pass of a cell, with what is left', async () => {
    const told: BenchmarkResult[] = [];
    const finals: boolean[] = [];
    await runPlan(plan(), fakeServices(), {
      onResult: (result) => told.push(json(result)),
      onRows: (rows, final) => {
        if (rows.every(({ pairs }) => pairs % 2 === 0 && pairs > 0)) {
          finals.push(final);
        }
      },
    });
    expect(told.map(({ rows }) => rows.length)).toEqual([0, 3, 6, 6, 6, 6, 6]);
    expect(told.map(({ unfinished }) => unfinished.map(({ reason, passes }) => [reason, passes?.complete]))).toEqual([
      [
        [NOT_MEASURED_YET, undefined],
        [NOT_MEASURED_YET, undefined],
      ],
      [
        [PASSES_LEFT, 1],
        [NOT_MEASURED_YET, undefined],
      ],
      [
        [PASSES_LEFT, 1],
        [PASSES_LEFT, 1],
      ],
      [
        [PASSES_LEFT, 2],
        [PASSES_LEFT, 1],
      ],
      [
        [PASSES_LEFT, 2],
        [PASSES_LEFT, 2],
      ],
      [[PASSES_LEFT, 2]],
      [],
    ]);
    expect(told[3]!.rows.map(({ pairs }) => pairs)).toEqual([4, 4, 4, 2, 2, 2]);
    expect(finals.slice(-2)).toEqual([true, true]);
  });

  it('counts passes in its progress, never backwards', async () => {
    const seen: Progress[] = [];
    await runPlan(plan(), fakeServices(), { onProgress: (progress) => seen.push(progress) });
    expect(new Set(seen.map(({ total }) => total))).toEqual(new Set([6]));
    expect(new Set(seen.map(({ done }) => done))).toEqual(new Set([0, 1, 2, 3, 4, 5]));
    expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).sort());
  });

  it('has fewer passes where one would hold hardly a round, and the row says so', async () => {
    const result = await runPlan(plan({ passes: 5, minimumPairs: 4 }), fakeServices());
    expect(result.rows.map(({ passes, pairs }) => [passes, pairs])).toEqual(result.rows.map(() => [2, 4]));
    expect(result.unfinished).toEqual([]);
  });

  it('has wider intervals where passes differ than where samples alone do', async () => {
    // Every time it is set up one of them is half as slow again; within a pass nothing differs.
    let made = 0;
    const native = fakeNative(['steady', 'moody'], (library) => {
      const microseconds = library === 'steady' ? 100 : 120 * 1.5 ** made++;
      return (calls) => microseconds * calls;
    });
    const both = plan({}, { engines: ['native-twin@*'], batches: [1] });
    const { rows, selfTests } = await runPlan(both, fakeServices({ native }));
    const { median, low, high } = rows.find(({ implementation }) => implementation === 'moody')!.ratioToBestDense!;
    expect(median).toBeCloseTo(1 / (1.2 * 1.5), 6);
    const half = (4.3027 * Math.log(1.5)) / Math.sqrt(3);
    expect(Math.log(low)).toBeCloseTo(Math.log(median) - half, 4);
    expect(Math.log(high)).toBeCloseTo(Math.log(median) + half, 4);
    // Against itself an engine is as slow in the same pass.
    expect(selfTests[0]).toMatchObject({ ratio: { median: 1, low: 1, high: 1 }, passed: true });
  });
});

describe('a run in passes whose time is up', () => {
  /** Each burst takes a second of a clock that moves only then. */
  function slowServices() {
    const clock = new FakeClock();
    const native = fakeNative(['slow'], () => () => {
      clock.ms += 1000;
      return 1e6;
    });
    return { clock, services: fakeServices({ clock, native }) };
  }
  const slow = (limits: Partial<Limits>): Plan =>
    plan({ slowPairSeconds: 100, minimumPairs: 30, ...limits }, { engines: ['native-twin@*'] });

  it('ends after three of five passes, two rounds each, and says so', async () => {
    const { clock, services } = slowServices();
    const result = await runPlan(slow({ passes: 5, totalSeconds: 20 }), services);
    expect(result.rows.map(({ passes, pairs }) => [passes, pairs])).toEqual([
      [3, 6],
      [3, 6],
    ]);
    expect(result.unfinished.map(({ reason, passes }) => [reason, passes])).toEqual([
      ['the time was up after 3 of 5 passes', { complete: 3, of: 5 }],
      ['the time was up after 3 of 5 passes', { complete: 3, of: 5 }],
    ]);
    expect(clock.ms).toBeLessThan(60_000);
    const more = slowServices();
    const resumed = await runPlan(slow({ passes: 5, totalSeconds: 2000 }), more.services, { resume: json(result) });
    expect(resumed.unfinished).toEqual([]);
    expect(resumed.rows.map(({ passes, pairs }) => [passes, pairs])).toEqual([
      [5, 30],
      [5, 30],
    ]);
  });

  it('says in a result of all passes how many rounds are missing', async () => {
    const { services } = slowServices();
    const result = await runPlan(slow({ passes: 3, totalSeconds: 20 }), services);
    expect(result.rows.map(({ passes, pairs }) => [passes, pairs])).toEqual([
      [3, 6],
      [3, 6],
    ]);
    expect(result.unfinished.map(({ reason, passes }) => [reason, passes])).toEqual([
      ['the time was up after 6 of 30 rounds', undefined],
      ['the time was up after 6 of 30 rounds', undefined],
    ]);
  });

  it('says how long rounds were measured where there are enough of them', async () => {
    const { services } = slowServices();
    const result = await runPlan(
      slow({ passes: 1, minimumPairs: 4, minimumSeconds: 1000, totalSeconds: 40 }),
      services,
    );
    expect(result.unfinished).toHaveLength(2);
    for (const { reason } of result.unfinished) {
      expect(reason).toMatch(/^the time was up after \d+\.\d of 1000 seconds of rounds$/);
    }
  });

  it('asks no more rounds of slow pairs than they need', async () => {
    const { services } = slowServices();
    const limits = { passes: 1, slowPairSeconds: 0.5, slowPairs: 2, minimumSeconds: 1000, totalSeconds: 40 };
    const result = await runPlan(slow(limits), services);
    expect(result.rows.every(({ pairs }) => pairs >= 2 && pairs < 30)).toBe(true);
    expect(result.unfinished).toHaveLength(2);
    for (const { reason } of result.unfinished) {
      expect(reason).toMatch(/^the time was up after \d+\.\d of 1000 seconds of rounds$/);
    }
  });

  it('lets later passes catch up what the first had no time for', async () => {
    const { services } = slowServices();
    const result = await runPlan(slow({ passes: 3, totalSeconds: 150 }), services);
    expect(result.unfinished).toEqual([]);
    expect(result.rows.map(({ pairs }) => pairs)).toEqual([30, 30]);
  });
});

describe('an engine that changes between passes', () => {
  it('is never timed once it is wrong, and what was measured of it goes', async () => {
    let layers = 0;
    const right = fakeKernel();
    const wrong = fakeKernel((output) => output.fill(1));
    const kernel = {
      ...right,
      createLayer: (...args: Parameters<typeof right.createLayer>) =>
        (layers++ === 0 ? right : wrong).createLayer(...args),
    };
    const result = await runPlan(plan({}, { batches: [5] }), fakeServices({ kernel: () => kernel }));
    expect(result.rows.map(({ engine }) => engine)).toEqual(['dense-twin', 'dense-16']);
    expect(result.excluded).toEqual([
      expect.objectContaining({
        engine: 'fff',
        reason: expect.stringMatching(/token \d of 5 differs from float64/) as string,
      }),
    ]);
    expect(result.selfTests).toEqual([]);
    // One verification, and not one timed call.
    expect(wrong.calls).toBe(1);
  });

  it('is left out where it cannot be set up again; what was measured of it stays', async () => {
    let layers = 0;
    const kernel = fakeKernel();
    const failing = {
      ...kernel,
      createLayer: (...args: Parameters<typeof kernel.createLayer>) => {
        if (layers++ > 0) {
          throw new Error('no memory left');
        }
        return kernel.createLayer(...args);
      },
    };
    const result = await runPlan(plan({}, { batches: [5] }), fakeServices({ kernel: () => failing }));
    expect(result.rows.map(({ engine, passes }) => [engine, passes])).toEqual([
      ['fff', 1],
      ['dense-twin', 3],
      ['dense-16', 3],
    ]);
    expect(result.excluded).toEqual([
      expect.objectContaining({ engine: 'fff', reason: expect.stringContaining('no memory left') as string }),
    ]);
    expect(result.selfTests).toHaveLength(1);
  });
});

describe('a run that ended between passes', () => {
  it('keeps every row, and goes on after the last complete pass', async () => {
    const first = await endedAfter(plan(), 4);
    expect(first.rows.map(({ passes }) => passes)).toEqual([2, 2, 2, 1, 1, 1]);
    expect(first.unfinished.map(({ reason, passes }) => [reason, passes])).toEqual([
      ['the run was cancelled', { complete: 2, of: 3 }],
      ['the run was cancelled', { complete: 1, of: 3 }],
    ]);
    const told: BenchmarkResult[] = [];
    const resumed = await runPlan(plan(), fakeServices(), {
      resume: json(first),
      onResult: (result) => told.push(json(result)),
    });
    // Nothing is lost even if the second run ends at once.
    expect(told[0]!.rows).toEqual(json(first).rows);
    expect(told).toHaveLength(1 + 1 + 2);
    expect(resumed.unfinished).toEqual([]);
    resumed.rows.forEach((_, row) => {
      const before = first.samples[row]!.microsecondsPerToken;
      const after = resumed.samples[row]!.microsecondsPerToken;
      expect(passesOf(resumed, row)).toEqual([0, 0, 1, 1, 2, 2]);
      after.slice(0, before.length).forEach((value, index) => expect(value).toBeCloseTo(before[index]!, 9));
    });
    expect(resumed.selfTests.map(({ again }) => again!.passes!.length)).toEqual([6, 6]);
  });

  it('drops the pass that was broken off', async () => {
    const controller = new AbortController();
    const first = await runPlan(plan({ minimumPairs: 300 }, { batches: [1] }), fakeServices(), {
      signal: controller.signal,
      onProgress: ({ done, part }) => {
        if (done === 1 && part > 0.1) {
          controller.abort();
        }
      },
    });
    const brokenOff = passesOf(first, 0).filter((pass) => pass === 1).length;
    expect(brokenOff).toBeGreaterThan(5);
    expect(brokenOff).toBeLessThan(100);
    expect(first.rows[0]!.passes).toBe(2);
    expect(first.unfinished[0]!.passes).toEqual({ complete: 1, of: 3 });
    const resumed = await runPlan(plan({ minimumPairs: 300 }, { batches: [1] }), fakeServices(), {
      resume: json(first),
    });
    expect([0, 1, 2].map((wanted) => passesOf(resumed, 0).filter((pass) => pass === wanted).length)).toEqual([
      100, 100, 100,
    ]);
    expect(new Set(resumed.samples[0]!.rounds).size).toBe(300);
  });

  it('takes finished cells over as they are', async () => {
    const first = await endedAfter(plan(), 6);
    expect(first.unfinished).toHaveLength(1);
    const resumed = await runPlan(plan(), fakeServices(), { resume: json(first) });
    expect(resumed.rows.slice(0, 3)).toEqual(first.rows.slice(0, 3));
    expect(resumed.samples.slice(0, 3)).toEqual(first.samples.slice(0, 3));
    expect(resumed.rows.map(({ passes }) => passes)).toEqual([3, 3, 3, 3, 3, 3]);
  });

  it('is measured from the beginning where its engines are others now', async () => {
    const first = json(await endedAfter(plan(), 4));
    first.rows[0]!.implementation = 'another';
    const resumed = await runPlan(plan(), fakeServices(), { resume: first });
    expect(resumed.rows.map(({ implementation }) => implementation)).not.toContain('another');
    expect(resumed.rows.map(({ passes, pairs }) => [passes, pairs])).toEqual(resumed.rows.map(() => [3, 6]));
    const before = first.samples[0]!.microsecondsPerToken;
    expect(resumed.samples[0]!.microsecondsPerToken.slice(0, before.length)).not.toEqual(before);
  });

  it('is gone on with in one pass where its file is from before there were passes', async () => {
    const controller = new AbortController();
    const whole = plan({ passes: 1 });
    const first = json(
      await runPlan(whole, fakeServices(), {
        signal: controller.signal,
        onRows: (_, final) => final && controller.abort(),
      }),
    );
    const old = JSON.parse(
      JSON.stringify(first, (key, value: unknown) => (key === 'passes' || key === 'again' ? undefined : value)),
    ) as BenchmarkResult;
    expect(JSON.stringify(old)).not.toContain('passes');
    const resumed = await runPlan(old.plan, fakeServices(), { resume: old });
    expect(resumed.unfinished).toEqual([]);
    expect(resumed.rows.slice(0, 3)).toEqual(old.rows);
    expect(resumed.rows.slice(3).map(({ passes, pairs }) => [passes, pairs])).toEqual([
      [1, 6],
      [1, 6],
      [1, 6],
    ]);
  });
});

describe('the whole encoder', () => {
  const measured = (complete: number, of: number) => ({ tokens: 8, passes: { complete, of } }) as LadderResult;

  it('is measured in every turn, and goes on with what it had', async () => {
    const asked: (LadderResult | null)[] = [];
    const ladder = async (_plan: Plan, _cell: unknown, _tokens: number, { earlier }: LadderOptions) => {
      asked.push(earlier);
      return measured(asked.length, 3);
    };
    const told: BenchmarkResult[] = [];
    const result = await runPlan(plan({}, { ladder: { tokens: [8], heads: 2 } }), fakeServices({ ladder }), {
      onResult: (one) => told.push(json(one)),
    });
    expect(asked).toEqual([null, measured(1, 3), measured(2, 3)]);
    expect(result.ladder).toEqual([measured(3, 3)]);
    // It is there after the first turn, not only at the end.
    expect(told.findIndex((one) => one.ladder.length > 0)).toBe(3);
  });

  it('is gone on with when the run is, and left alone when it is whole', async () => {
    const asked: (LadderResult | null)[] = [];
    const ladder = async (_plan: Plan, _cell: unknown, _tokens: number, { earlier }: LadderOptions) => {
      asked.push(earlier);
      return measured(3, 3);
    };
    const whole = plan({}, { ladder: { tokens: [8], heads: 2 } });
    const first = await runPlan(whole, fakeServices({ ladder }));
    first.ladder = [measured(1, 3)];
    await runPlan(whole, fakeServices({ ladder }), { resume: json(first) });
    expect(asked).toEqual([null, measured(1, 3)]);
    first.ladder = [{ tokens: 8 } as LadderResult];
    await runPlan(whole, fakeServices({ ladder }), { resume: json(first) });
    expect(asked).toHaveLength(2);
  });
});
