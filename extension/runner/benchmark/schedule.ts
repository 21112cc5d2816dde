/**
 * When to measure what in one pass over a cell: calibration, warm-up until the drift is small, then interleaved rounds.
 *
 * In a round every subject gives one sample, so that whatever disturbs the machine disturbs all of them alike, and the
 * samples of one round form pairs. The order of a round is random and the next round runs it backwards: no subject
 * always follows the same neighbour or always comes first. A sample of short calls repeats them for some milliseconds
 * after an untimed lead-in, which gives back the caches and the clock speed that the neighbour took. Knows nothing of
 * layers: subjects are things that take time, and clock and randomness are handed in.
 */
import { toWireError } from '../../errors';
import type { Limits } from './plan';
import type { Random } from './random';
import { expectedMs, isEnough, isLiving, isWanted, lackingPairs, partDone, passesOf } from './rounds';
import type { State } from './rounds';
import { median } from './statistics';
import { burstMs, isAborted, warmUp } from './warmUp';

export interface Subject {
  id: string;
  /** References are measured in every round; others stop early where their pairs are slow and enough. */
  reference: boolean;
  /** Runs the call so many times and returns the microseconds all of them took. */
  burst(calls: number): Promise<number>;
}

export interface Clock {
  /** Stands still while the machine sleeps, or not, but never jumps. */
  monotonicMs(): number;
  /** The calendar's time. */
  wallMs(): number;
}

export const systemClock: Clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };

/** One sample: the mean over the calls of one burst. */
export interface Sample {
  /** Counted on through the passes. */
  round: number;
  pass: number;
  microsecondsPerCall: number;
}

export interface SubjectSamples {
  id: string;
  samples: Sample[];
  callsPerSample: number;
  /** Whether every warm-up ended because the drift was small, and not because time was up. */
  settled: boolean;
  /** Why it stopped being measured, in one sentence; null when nothing went wrong. */
  failure: string | null;
}

/** What the passes so far have measured. */
export interface Measurement {
  subjects: SubjectSamples[];
  /** Passes that came to their end, and how many there are to be: fewer than the limits' where a cell is slow. */
  passes: number;
  of: number;
  rounds: number;
  /** Spent on rounds; warm-ups are not counted. */
  measuredMs: number;
  /** Rounds thrown away because the machine slept or stood still, or its clock was set. */
  interruptions: number;
  /** Of the last pass. `budget`: enough rounds for an interval, but not the number the limits ask for. */
  ended: 'complete' | 'budget' | 'cancelled';
  /** Where the last pass ended with `budget` before all pairs were there: those of the subject that lacks most. */
  lacks: { pairs: number; of: number } | null;
}

export interface ScheduleOptions {
  limits: Limits;
  random: Random;
  clock: Clock;
  signal?: AbortSignal | undefined;
  /** Milliseconds of this pass after which its full number of rounds is given up; Infinity: never. */
  budgetMs: number;
  /** Awaited between rounds and before each warm-up; resolves when measuring may go on. */
  whilePaused?: (() => Promise<void>) | undefined;
  /** Called after every step with the part of this pass done so far, 0..1, and all samples so far. */
  onProgress?: ((part: number, what: string, subjects: readonly SubjectSamples[]) => void) | undefined;
}

/** A jump of the calendar against the monotonic clock beyond this means that the machine slept. */
const SLEEP_MS = 1000;
/**
 * A virtual machine that is suspended, or a process that is stopped, may see both clocks go on: a round that takes so many
 * times what its samples take, and so much more, stood still. No more than some rounds are taken for such.
 */
const STALL_FACTOR = 5;
const STALL_MS = 10_000;
const MAX_STALLS = 5;

/**
 * Measures one pass of all subjects against each other. Cancelling keeps what was measured.
 * @param earlier What the passes before gave, with the same subjects in the same order; null in the first one.
 */
export async function measure(
  subjects: readonly Subject[],
  options: ScheduleOptions,
  earlier: Measurement | null = null,
): Promise<Measurement> {
  const { limits, clock, signal } = options;
  const states = subjects.map((subject, index) => stateOf(subject, earlier?.subjects[index]));
  const results = states.map(({ result }) => result);
  const started = clock.monotonicMs();
  const measurement: Measurement = {
    ...(earlier ?? { passes: 0, of: limits.passes, rounds: 0, measuredMs: 0, interruptions: 0 }),
    subjects: results,
    ended: 'complete',
    lacks: null,
  };
  const pass = measurement.passes;

  for (const state of states.filter(isLiving)) {
    await options.whilePaused?.();
    if (isAborted(signal)) {
      return { ...measurement, ended: 'cancelled' };
    }
    options.onProgress?.(0, `warming up ${state.subject.id}`, results);
    await guarded(state, () => warmUp(state, options, earlier === null ? null : limits.passes));
  }
  if (earlier === null) {
    measurement.of = passesOf(states.filter(isLiving), limits);
  }
  // What is to be there at the end of this pass: its own share, and what an earlier pass had no time for.
  const share = (pass + 1) / measurement.of;
  const measuringSince = clock.monotonicMs();
  const ended = (how: Measurement['ended']): Measurement => ({
    ...measurement,
    passes: pass + (how === 'cancelled' ? 0 : 1),
    measuredMs: measurement.measuredMs + clock.monotonicMs() - measuringSince,
    ended: how,
    lacks: how === 'budget' ? lackingPairs(states.filter(isLiving), share, limits) : null,
  });

  let order: State[] = [];
  let stalls = 0;
  for (let turn = 0; ; turn++) {
    await options.whilePaused?.();
    if (isAborted(signal)) {
      return ended('cancelled');
    }
    const now = clock.monotonicMs();
    const living = states.filter(isLiving);
    const secondsLeft = limits.minimumSeconds * share - measurement.measuredMs / 1000;
    const part = partDone(living, (now - measuringSince) / 1000, secondsLeft, share, limits);
    options.onProgress?.(part, 'measuring', results);
    // Where slow subjects alone have what they need, there is nothing to fill the rest of the time with.
    const wanted = new Set(living.filter((state) => isWanted(state, living, share, limits)));
    if (part >= 1 || wanted.size === 0) {
      return ended('complete');
    }
    if (now - started > options.budgetMs && living.every((state) => isEnough(state, living, share, limits))) {
      return ended('budget');
    }
    // An odd turn runs the even one before it backwards.
    order = turn % 2 === 0 ? options.random.shuffle([...states]) : order.reverse();
    const round = measurement.rounds;
    const clockSkew = clock.wallMs() - clock.monotonicMs();
    const longestMs = STALL_FACTOR * expectedMs(living, limits) + STALL_MS;
    for (const state of order) {
      if (isLiving(state) && wanted.has(state)) {
        await guarded(state, () => sample(state, round, pass, limits));
      }
      if (isAborted(signal)) {
        break;
      }
    }
    measurement.rounds++;
    const slept = !(Math.abs(clock.wallMs() - clock.monotonicMs() - clockSkew) <= SLEEP_MS);
    const stalled = clock.monotonicMs() - now > longestMs && stalls < MAX_STALLS;
    if (slept || stalled) {
      stalls += slept ? 0 : 1;
      measurement.interruptions++;
      results.forEach((result) => (result.samples = result.samples.filter((entry) => entry.round !== round)));
    }
  }
}

function stateOf(subject: Subject, earlier: SubjectSamples | undefined): State {
  const result: SubjectSamples =
    earlier === undefined
      ? { id: subject.id, samples: [], callsPerSample: 1, settled: false, failure: null }
      : { ...earlier, samples: [...earlier.samples] };
  const times = result.samples.map(({ microsecondsPerCall }) => microsecondsPerCall);
  return { subject, result, callMs: times.length === 0 ? 0 : median(times) / 1000, before: times.length };
}

async function sample(state: State, round: number, pass: number, limits: Limits): Promise<void> {
  const { callsPerSample } = state.result;
  if (state.callMs < limits.leadMs) {
    await burstMs(state, Math.ceil(limits.leadMs / state.callMs));
  }
  const microsecondsPerCall = ((await burstMs(state, callsPerSample)) / callsPerSample) * 1000;
  state.result.samples.push({ round, pass, microsecondsPerCall });
}

/** A subject that fails is left out from there on; the others go on. */
async function guarded(state: State, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (thrown) {
    state.result.failure = toWireError(thrown).message;
  }
}
