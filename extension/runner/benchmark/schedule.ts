/**
 * When to measure what: calibration, warm-up until the drift is small, then interleaved rounds.
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
import { median } from './statistics';

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
  round: number;
  microsecondsPerCall: number;
}

export interface SubjectSamples {
  id: string;
  samples: Sample[];
  callsPerSample: number;
  /** Whether the warm-up ended because the drift was small, and not because time was up. */
  settled: boolean;
  /** Why it stopped being measured, in one sentence; null when nothing went wrong. */
  failure: string | null;
}

export interface Measurement {
  subjects: SubjectSamples[];
  rounds: number;
  /** Rounds thrown away because the machine slept or stood still, or its clock was set. */
  interruptions: number;
  /** `budget`: at least `slowPairs` rounds, but not the number the limits ask for. */
  ended: 'complete' | 'budget' | 'cancelled';
}

export interface ScheduleOptions {
  limits: Limits;
  random: Random;
  clock: Clock;
  signal?: AbortSignal | undefined;
  /** Milliseconds after which the limits' full number of rounds is given up; Infinity: never. */
  budgetMs: number;
  /** Awaited between rounds; resolves when measuring may go on. */
  whilePaused?: (() => Promise<void>) | undefined;
  /** Called after every step with the part done so far, 0..1, and all samples so far. */
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
/** Samples longer than this make a warm-up window of their own; shorter ones are looked at in threes. */
const LONG_SAMPLE_MS = 100;
const WINDOW = 3;

interface State {
  subject: Subject;
  result: SubjectSamples;
  callMs: number;
}

/** Measures all subjects against each other. Cancelling keeps what was measured. */
export async function measure(subjects: readonly Subject[], options: ScheduleOptions): Promise<Measurement> {
  const states: State[] = subjects.map((subject) => ({
    subject,
    callMs: 0,
    result: { id: subject.id, samples: [], callsPerSample: 1, settled: false, failure: null },
  }));
  const results = states.map(({ result }) => result);
  const started = options.clock.monotonicMs();
  const measurement: Measurement = { subjects: results, rounds: 0, interruptions: 0, ended: 'complete' };

  for (const state of states) {
    if (isAborted(options.signal)) {
      return { ...measurement, ended: 'cancelled' };
    }
    options.onProgress?.(0, `warming up ${state.subject.id}`, results);
    await guarded(state, () => warmUp(state, options));
  }

  const measuringSince = options.clock.monotonicMs();
  let order: State[] = [];
  let stalls = 0;
  for (let round = 0; ; round++) {
    await options.whilePaused?.();
    if (isAborted(options.signal)) {
      return { ...measurement, ended: 'cancelled' };
    }
    const now = options.clock.monotonicMs();
    const living = states.filter(({ result }) => result.failure === null);
    const part = partDone(living, now - measuringSince, options.limits);
    options.onProgress?.(part, 'measuring', results);
    if (part >= 1) {
      return measurement;
    }
    if (now - started > options.budgetMs && living.every((state) => pairs(state) >= options.limits.slowPairs)) {
      return { ...measurement, ended: 'budget' };
    }
    // An odd round runs the even one before it backwards.
    order = round % 2 === 0 ? options.random.shuffle([...states]) : order.reverse();
    const clockSkew = options.clock.wallMs() - options.clock.monotonicMs();
    const longestMs = STALL_FACTOR * expectedMs(living, options.limits) + STALL_MS;
    for (const state of order) {
      if (state.result.failure === null && isWanted(state, living, options.limits)) {
        await guarded(state, () => sample(state, round, options.limits));
      }
      if (isAborted(options.signal)) {
        break;
      }
    }
    measurement.rounds++;
    const slept = !(Math.abs(options.clock.wallMs() - options.clock.monotonicMs() - clockSkew) <= SLEEP_MS);
    const stalled = options.clock.monotonicMs() - now > longestMs && stalls < MAX_STALLS;
    if (slept || stalled) {
      stalls += slept ? 0 : 1;
      measurement.interruptions++;
      results.forEach((result) => (result.samples = result.samples.filter((entry) => entry.round !== round)));
    }
  }
}

/** Finds how many calls make a sample, then runs samples until two windows in a row differ by less than the tolerance. */
async function warmUp(state: State, { limits, clock, signal }: ScheduleOptions): Promise<void> {
  const started = clock.monotonicMs();
  const timeIsUp = (): boolean => !(clock.monotonicMs() - started < limits.warmupSeconds * 1000);
  const wantedMs = limits.burstMs;
  let calls = 1;
  let lastMs = await burstMs(state, calls);
  while (lastMs < wantedMs && !isAborted(signal)) {
    // At most tenfold: the first calls are slower than the rest and would lead to samples far too short.
    calls = Math.min(calls * 10, Math.max(calls + 1, Math.ceil((calls * wantedMs) / Math.max(lastMs, 1e-3))));
    lastMs = await burstMs(state, calls);
  }
  state.result.callsPerSample = calls;
  state.callMs = lastMs / calls;

  let previous = lastMs > LONG_SAMPLE_MS ? lastMs : NaN;
  do {
    const window: number[] = [];
    for (let i = 0; i < (lastMs > LONG_SAMPLE_MS ? 1 : WINDOW) && !isAborted(signal); i++) {
      window.push(await burstMs(state, calls));
    }
    if (window.length === 0) {
      return;
    }
    const current = median(window);
    state.callMs = current / calls;
    state.result.settled = isSettled(previous, current, limits.driftTolerance);
    previous = current;
  } while (!state.result.settled && !timeIsUp() && !isAborted(signal));
}

/** Whether one window's median follows another closely enough; nothing settles on NaN. */
export function isSettled(previous: number, current: number, tolerance: number): boolean {
  return Math.abs(current / previous - 1) < tolerance;
}

async function sample(state: State, round: number, limits: Limits): Promise<void> {
  const { callsPerSample } = state.result;
  if (state.callMs < limits.leadMs) {
    await burstMs(state, Math.ceil(limits.leadMs / state.callMs));
  }
  const microsecondsPerCall = ((await burstMs(state, callsPerSample)) / callsPerSample) * 1000;
  state.result.samples.push({ round, microsecondsPerCall });
}

async function burstMs(state: State, calls: number): Promise<number> {
  const microseconds = await state.subject.burst(calls);
  if (!(microseconds > 0 && microseconds < Infinity)) {
    throw new RangeError(`${calls} calls took ${microseconds} microseconds, which is no duration`);
  }
  return microseconds / 1000;
}

/** A subject that fails is left out from there on; the others go on. */
async function guarded(state: State, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (thrown) {
    state.result.failure = toWireError(thrown).message;
  }
}

/** A function, because the compiler takes a flag that was false once for false ever after. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** What a round of one sample each takes, as far as the warm-up knows. */
function expectedMs(living: readonly State[], { leadMs }: Limits): number {
  return living.reduce((sum, { callMs, result }) => sum + callMs * result.callsPerSample + leadMs, 0);
}

function pairs(state: State): number {
  return state.result.samples.length;
}

/** A pair is the subject and the slowest reference. */
function pairsNeeded(state: State, living: readonly State[], limits: Limits): number {
  const others = living.filter((other) => other.subject.reference && other !== state);
  const pairMs = state.callMs + Math.max(0, ...others.map((other) => other.callMs));
  return pairMs > limits.slowPairSeconds * 1000 ? Math.min(limits.slowPairs, limits.minimumPairs) : limits.minimumPairs;
}

function isWanted(state: State, living: readonly State[], limits: Limits): boolean {
  const needed = pairsNeeded(state, living, limits);
  return state.subject.reference || needed === limits.minimumPairs || pairs(state) < needed;
}

function partDone(living: readonly State[], elapsedMs: number, limits: Limits): number {
  const parts = living.map((state) => pairs(state) / pairsNeeded(state, living, limits));
  const time = limits.minimumSeconds > 0 ? elapsedMs / (limits.minimumSeconds * 1000) : 1;
  return living.length === 0 ? 1 : Math.min(1, time, ...parts);
}
