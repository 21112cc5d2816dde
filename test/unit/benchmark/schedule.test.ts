import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type Limits } from '../../../extension/runner/benchmark/plan';
import { Random } from '../../../extension/runner/benchmark/random';
import { measure, type Measurement, type Subject } from '../../../extension/runner/benchmark/schedule';
import { isSettled } from '../../../extension/runner/benchmark/warmUp';
import { FakeClock, fakeSubject } from './fakes';

interface Logged {
  id: string;
  calls: number;
}

/** One pass, unless the limits say otherwise. */
function setUp(limits: Partial<Limits> = {}) {
  const clock = new FakeClock();
  const log: Logged[] = [];
  const random = new Random(5);
  const options = { limits: { ...DEFAULT_LIMITS, passes: 1, ...limits }, random, clock, budgetMs: Infinity };
  return { clock, log, options };
}

describe('rounds', () => {
  it('measures at least 30 pairs and 3 seconds', async () => {
    const { clock, log, options } = setUp();
    const subjects = [fakeSubject('fff', clock, log, () => 100), fakeSubject('dense', clock, log, () => 20_000, true)];
    const measurement = await measure(subjects, options);
    expect(measurement.ended).toBe('complete');
    // A round takes about 35 ms, so the 3 seconds decide.
    for (const { samples } of measurement.subjects) {
      expect(samples.length).toBeGreaterThan(30);
      expect(samples.map(({ round }) => round)).toEqual(samples.map((_, index) => index));
    }
    expect(clock.ms).toBeGreaterThanOrEqual(3000);
  });

  it('is content with 7 pairs where a pair takes more than 0.3 seconds', async () => {
    const { clock, log, options } = setUp();
    const subjects = [
      fakeSubject('slow', clock, log, () => 400_000),
      fakeSubject('dense', clock, log, () => 450_000, true),
    ];
    const measurement = await measure(subjects, options);
    expect(measurement.subjects.map(({ samples }) => samples.length)).toEqual([7, 7]);
  });

  it('stops measuring a slow subject early while quick ones go on', async () => {
    const { clock, log, options } = setUp();
    const subjects = [
      fakeSubject('quick', clock, log, () => 1000),
      fakeSubject('weak', clock, log, () => 900_000),
      fakeSubject('dense', clock, log, () => 5000, true),
    ];
    const [quick, weak, dense] = (await measure(subjects, options)).subjects;
    expect(weak!.samples).toHaveLength(7);
    expect(quick!.samples).toHaveLength(30);
    expect(dense!.samples).toHaveLength(30);
  });

  it('interleaves all subjects and runs every second round backwards', async () => {
    const { clock, log, options } = setUp({ burstMs: 0, leadMs: 0, minimumSeconds: 0, warmupSeconds: 0 });
    const subjects = ['a', 'b', 'c', 'd'].map((id) => fakeSubject(id, clock, log, () => 1000, true));
    const { rounds } = await measure(subjects, options);
    const orders = log.slice(-4 * rounds).map(({ id }) => id);
    const firsts = new Set<string>();
    for (let round = 0; round < rounds; round += 2) {
      const forwards = orders.slice(4 * round, 4 * round + 4);
      const backwards = orders.slice(4 * round + 4, 4 * round + 8);
      expect([...forwards].sort()).toEqual(['a', 'b', 'c', 'd']);
      expect(backwards).toEqual([...forwards].reverse());
      firsts.add(forwards.join(''));
    }
    expect(firsts.size).toBeGreaterThan(3);
  });

  it('repeats short calls until a sample lasts, after an untimed lead-in', async () => {
    const { clock, log, options } = setUp({ burstMs: 10, leadMs: 5 });
    const [subject] = (await measure([fakeSubject('fff', clock, log, () => 2)], options)).subjects;
    expect(subject!.callsPerSample).toBeGreaterThanOrEqual(5000);
    expect(subject!.callsPerSample).toBeLessThan(6000);
    expect(log.slice(-2).map(({ calls }) => calls)).toEqual([2500, subject!.callsPerSample]);
    expect(subject!.samples[0]!.microsecondsPerCall).toBeCloseTo(2, 6);
  });

  it('pairs stay pairs when the budget ends the rounds early', async () => {
    const { clock, log, options } = setUp();
    const subjects = [
      fakeSubject('fff', clock, log, () => 50_000),
      fakeSubject('dense', clock, log, () => 100_000, true),
    ];
    const measurement = await measure(subjects, { ...options, budgetMs: 1000 });
    expect(measurement.ended).toBe('budget');
    expect(measurement.rounds).toBeGreaterThanOrEqual(7);
    expect(measurement.rounds).toBeLessThan(30);
    expect(new Set(measurement.subjects.map(({ samples }) => samples.length)).size).toBe(1);
  });
});

describe('passes', () => {
  /** Measures all passes, with subjects made anew for each. */
  async function inPasses(
    make: (pass: number) => Subject[],
    options: Parameters<typeof measure>[1],
  ): Promise<Measurement[]> {
    const measured: Measurement[] = [];
    do {
      measured.push(await measure(make(measured.length), options, measured.at(-1) ?? null));
    } while (measured.at(-1)!.passes < measured.at(-1)!.of);
    return measured;
  }
  const counts = ({ subjects }: Measurement, subject = 0): number[] => {
    const passes = subjects[subject]!.samples.map(({ pass }) => pass);
    return [...new Set(passes)].map((pass) => passes.filter((one) => one === pass).length);
  };

  it('share pairs and seconds, and count rounds on', async () => {
    const { clock, log, options } = setUp({ passes: 5, minimumSeconds: 0 });
    const measured = await inPasses(
      (pass) => [
        fakeSubject('fff', clock, log, () => 20_000 + pass),
        fakeSubject('dense', clock, log, () => 20_000, true),
      ],
      options,
    );
    expect(measured.map(({ passes, of, ended }) => [passes, of, ended])).toEqual(
      [1, 2, 3, 4, 5].map((pass) => [pass, 5, 'complete']),
    );
    const last = measured[4]!;
    expect(counts(last)).toEqual([6, 6, 6, 6, 6]);
    expect(last.subjects[0]!.samples.map(({ round }) => round)).toEqual(
      Array.from({ length: 30 }, (_, round) => round),
    );
    // Each pass timed the engine that was made for it.
    expect(
      last.subjects[0]!.samples.every(({ pass, microsecondsPerCall }) => microsecondsPerCall === 20_000 + pass),
    ).toBe(true);
  });

  it('take as long together as one pass, warm-ups aside', async () => {
    const { clock, log, options } = setUp({ passes: 3 });
    const measured = await inPasses(() => [fakeSubject('fff', clock, log, () => 20_000, true)], options);
    expect(measured[2]!.measuredMs).toBeGreaterThanOrEqual(3000);
    expect(measured[2]!.measuredMs).toBeLessThan(3100);
    expect(measured[0]!.measuredMs).toBeLessThan(1100);
  });

  it.each([
    // 7 rounds of a slow pair: three passes of two or three.
    [{ passes: 5 }, 400_000, [3, 2, 2]],
    [{ passes: 2 }, 400_000, [4, 3]],
    [{ passes: 5, minimumPairs: 4, minimumSeconds: 0 }, 1000, [2, 2]],
    [{ passes: 5, minimumPairs: 3, minimumSeconds: 0 }, 1000, [3]],
    [{ passes: 1, minimumSeconds: 0 }, 1000, [30]],
  ])('are fewer where one would hold hardly a round: %j at %i microseconds', async (limits, microseconds, expected) => {
    const { clock, log, options } = setUp(limits);
    const measured = await inPasses(() => [fakeSubject('fff', clock, log, () => microseconds)], options);
    expect(measured).toHaveLength(expected.length);
    expect(counts(measured.at(-1)!)).toEqual(expected);
  });

  it('leave none of them out for a slow subject among quick ones', async () => {
    const { clock, log, options } = setUp({ passes: 5, minimumSeconds: 0 });
    const measured = await inPasses(
      () => [fakeSubject('weak', clock, log, () => 900_000), fakeSubject('dense', clock, log, () => 5000, true)],
      options,
    );
    expect(counts(measured[4]!, 0)).toEqual([2, 1, 2, 1, 1]);
    expect(counts(measured[4]!, 1)).toEqual([6, 6, 6, 6, 6]);
  });

  it('warm up briefly after the first, and calibrate no more', async () => {
    const { clock, log, options } = setUp({ passes: 5, minimumSeconds: 0 });
    const subjects = (): Subject[] => [fakeSubject('fff', clock, log, () => 2)];
    const first = await measure(subjects(), options);
    const before = log.length;
    const second = await measure(subjects(), options, first);
    const calls = first.subjects[0]!.callsPerSample;
    // One window, then lead-in and sample of six rounds.
    expect(log.slice(before).map((entry) => entry.calls)).toEqual([
      ...[calls, calls, calls],
      ...Array.from({ length: 6 }, () => [2500, calls]).flat(),
    ]);
    expect(second.subjects[0]!.settled).toBe(true);
  });

  it('warm up until an engine that runs at another speed now is settled', async () => {
    const { clock, log, options } = setUp({ passes: 5, minimumSeconds: 0, leadMs: 0 });
    const first = await measure([fakeSubject('fff', clock, log, () => 20_000)], options);
    const before = log.length;
    const second = await measure([fakeSubject('fff', clock, log, () => 30_000)], options, first);
    expect(log.slice(before)).toHaveLength(2 * 3 + 6);
    expect(second.subjects[0]!.settled).toBe(true);
  });

  it('catch up what an earlier one had no time for, and hold two rounds whatever the time', async () => {
    const { clock, log, options } = setUp({ passes: 5, minimumSeconds: 0 });
    const subjects = (): Subject[] => [fakeSubject('fff', clock, log, () => 100_000, true)];
    const first = await measure(subjects(), { ...options, budgetMs: 0 });
    expect([first.ended, first.passes, ...counts(first)]).toEqual(['budget', 1, 2]);
    const second = await measure(subjects(), { ...options, budgetMs: 0 }, first);
    expect([second.ended, ...counts(second)]).toEqual(['budget', 2, 2]);
    const third = await measure(subjects(), options, second);
    expect([third.ended, ...counts(third)]).toEqual(['complete', 2, 2, 14]);
  });

  it('that are broken off are no complete ones, and do not change what was there before', async () => {
    const { clock, log, options } = setUp({ passes: 5, minimumSeconds: 0 });
    const controller = new AbortController();
    const first = await measure([fakeSubject('fff', clock, log, () => 20_000)], options);
    const kept = structuredClone(first);
    const broken = fakeSubject('fff', clock, log, (call) => {
      if (call === 5) {
        controller.abort();
      }
      return 20_000;
    });
    const second = await measure([broken], { ...options, signal: controller.signal }, first);
    expect([second.ended, second.passes, ...counts(second)]).toEqual(['cancelled', 1, 6, 3]);
    expect(first).toEqual(kept);
  });

  it('do not go on with a subject that failed before', async () => {
    const { clock, log, options } = setUp({ passes: 5, minimumSeconds: 0 });
    const dense = (): Subject => fakeSubject('dense', clock, log, () => 20_000, true);
    const gone: Subject = { id: 'gone', reference: false, burst: () => Promise.reject(new Error('gone')) };
    const first = await measure([gone, dense()], options);
    let asked = false;
    const back: Subject = { id: 'gone', reference: false, burst: async () => ((asked = true), 1000) };
    const second = await measure([back, dense()], options, first);
    expect(asked).toBe(false);
    expect(counts(second, 1)).toEqual([6, 6]);
  });
});

describe('warm-up', () => {
  it('goes on until the drift is small', async () => {
    const { clock, log, options } = setUp({ burstMs: 0, leadMs: 0, minimumPairs: 2, minimumSeconds: 0 });
    // Starts four times too slow and approaches 1000 by a tenth a call.
    const subject = fakeSubject('fff', clock, log, (call) => 1000 * (1 + 3 * 0.9 ** call));
    const [result] = (await measure([subject], options)).subjects;
    expect(result!.settled).toBe(true);
    // Two windows of three calls differ by less than 5 % only after more than fifteen calls.
    expect(log.length - 2).toBeGreaterThan(15);
    expect(result!.samples[0]!.microsecondsPerCall).toBeLessThan(1500);
  });

  it('ends when its time is up and says that nothing settled', async () => {
    const { clock, log, options } = setUp({ warmupSeconds: 0.5, burstMs: 0, minimumPairs: 2, minimumSeconds: 0 });
    const subject = fakeSubject('fff', clock, log, (call) => 1000 * 1.1 ** Math.min(call, 400));
    const [result] = (await measure([subject], options)).subjects;
    expect(result!.settled).toBe(false);
    expect(result!.samples.length).toBeGreaterThanOrEqual(2);
  });

  it('never takes NaN for settled', () => {
    expect(isSettled(100, 104, 0.05)).toBe(true);
    expect(isSettled(100, 106, 0.05)).toBe(false);
    expect(isSettled(NaN, 100, 0.05)).toBe(false);
    expect(isSettled(100, NaN, 0.05)).toBe(false);
    expect(isSettled(0, 0, 0.05)).toBe(false);
  });
});

describe('what goes wrong', () => {
  it('keeps every sample taken before it was cancelled', async () => {
    const { clock, log, options } = setUp();
    const controller = new AbortController();
    const subjects: Subject[] = [
      fakeSubject('dense', clock, log, () => 20_000, true),
      fakeSubject('fff', clock, log, () => {
        if (clock.ms > 1500) {
          controller.abort();
        }
        return 15_000;
      }),
    ];
    const measurement = await measure(subjects, { ...options, signal: controller.signal });
    expect(measurement.ended).toBe('cancelled');
    for (const { samples } of measurement.subjects) {
      expect(samples.length).toBeGreaterThan(5);
      expect(samples.length).toBeLessThan(60);
    }
  });

  it('does nothing when cancelled before it began', async () => {
    const { clock, log, options } = setUp();
    const measurement = await measure([fakeSubject('fff', clock, log, () => 1)], {
      ...options,
      signal: AbortSignal.abort(),
    });
    expect(measurement.ended).toBe('cancelled');
    expect(log).toHaveLength(0);
  });

  it('leaves out a subject that fails and measures the others', async () => {
    const { clock, log, options } = setUp();
    const broken: Subject = {
      id: 'broken',
      reference: false,
      burst: () => Promise.reject(new Error('no memory left')),
    };
    const measurement = await measure([broken, fakeSubject('dense', clock, log, () => 10_000, true)], options);
    expect(measurement.subjects[0]).toMatchObject({
      samples: [],
      failure: expect.stringContaining('no memory left') as string,
    });
    expect(measurement.subjects[1]!.samples.length).toBeGreaterThanOrEqual(30);
  });

  it('ends when every subject has failed', async () => {
    const { options } = setUp();
    const broken: Subject = { id: 'broken', reference: true, burst: () => Promise.reject(new Error('gone')) };
    expect((await measure([broken], options)).subjects[0]!.samples).toEqual([]);
  });

  it.each([NaN, 0, -1, Infinity])('takes %d microseconds for no duration', async (microseconds) => {
    const { options } = setUp();
    const subject: Subject = { id: 'odd', reference: true, burst: async () => microseconds };
    const [result] = (await measure([subject], options)).subjects;
    expect(result!.failure).toContain('which is no duration');
    expect(result!.samples).toEqual([]);
  });

  it('throws away the round in which the machine slept', async () => {
    const { clock, log, options } = setUp({ minimumSeconds: 0, burstMs: 0, leadMs: 0, warmupSeconds: 0 });
    let sleptAfter = 0;
    const subject = fakeSubject('fff', clock, log, (call) => {
      if (call === 20) {
        clock.skewMs += 60_000;
        sleptAfter = call;
      }
      return call === 20 ? 9_000_000 : 1000;
    });
    const measurement = await measure([subject], options);
    expect(sleptAfter).toBe(20);
    expect(measurement.interruptions).toBe(1);
    const samples = measurement.subjects[0]!.samples;
    expect(samples).toHaveLength(30);
    expect(samples.every(({ microsecondsPerCall }) => microsecondsPerCall === 1000)).toBe(true);
    expect(measurement.rounds).toBe(31);
  });

  it('throws away the round in which everything stood still, though both clocks went on', async () => {
    const { clock, log, options } = setUp({ minimumSeconds: 0, burstMs: 0, leadMs: 0, warmupSeconds: 0 });
    const subject = fakeSubject('fff', clock, log, (call) => (call === 20 ? 12_000_000 : 1000));
    const measurement = await measure([subject], options);
    expect([measurement.interruptions, measurement.rounds]).toEqual([1, 31]);
    const { samples } = measurement.subjects[0]!;
    expect(samples.map(({ microsecondsPerCall }) => microsecondsPerCall)).toEqual(
      Array.from({ length: 30 }, () => 1000),
    );
  });

  it('believes in the end that calls have become that slow, and ends', async () => {
    const { clock, log, options } = setUp({ minimumSeconds: 0, burstMs: 0, leadMs: 0, warmupSeconds: 0 });
    const subject = fakeSubject('fff', clock, log, (call) => (call < 20 ? 1000 : 12_000_000));
    const measurement = await measure([subject], options);
    expect([measurement.ended, measurement.interruptions]).toEqual(['complete', 5]);
    expect(measurement.subjects[0]!.samples).toHaveLength(30);
  });

  it('waits while paused and goes on afterwards', async () => {
    const { clock, log, options } = setUp({ minimumPairs: 3, minimumSeconds: 0 });
    let pauses = 0;
    const whilePaused = async (): Promise<void> => {
      pauses++;
      clock.ms += 1000;
    };
    const measurement = await measure([fakeSubject('fff', clock, log, () => 20_000)], { ...options, whilePaused });
    expect(pauses).toBeGreaterThanOrEqual(3);
    expect(measurement.subjects[0]!.samples.every((sample) => sample.microsecondsPerCall === 20_000)).toBe(true);
  });

  it('reports progress from 0 to 1 and never backwards', async () => {
    const { clock, log, options } = setUp();
    const parts: number[] = [];
    const subject = fakeSubject('fff', clock, log, () => 30_000, true);
    await measure([subject], { ...options, onProgress: (part) => parts.push(part) });
    expect(parts[0]).toBe(0);
    expect(parts[parts.length - 1]).toBe(1);
    expect(parts).toEqual([...parts].sort((a, b) => a - b));
  });
});
