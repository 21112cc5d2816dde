/** What comes before the rounds of a pass: how many calls make a sample, and warm-up until the drift is small. */
import type { Limits } from './plan';
import type { State } from './rounds';
import type { ScheduleOptions } from './schedule';
import { median } from './statistics';

/** Samples longer than this make a warm-up window of their own; shorter ones are looked at in threes. */
const LONG_SAMPLE_MS = 100;
const WINDOW = 3;

/**
 * Runs samples until two windows in a row differ by less than the tolerance. In a first pass it finds before that how many
 * calls make a sample; in a later one of so many, the first window is compared with what earlier passes measured.
 * @param later How many passes share the time of later warm-ups; null in the first pass.
 */
export async function warmUp(
  state: State,
  { limits, clock, signal }: ScheduleOptions,
  later: number | null,
): Promise<void> {
  const started = clock.monotonicMs();
  const longestMs = (limits.warmupSeconds * 1000) / (later ?? 1);
  const timeIsUp = (): boolean => !(clock.monotonicMs() - started < longestMs);
  const settledBefore = later === null || state.result.settled;
  const lastMs = later === null ? await calibrate(state, limits, signal) : state.callMs * state.result.callsPerSample;
  const calls = state.result.callsPerSample;

  let previous = later !== null || lastMs > LONG_SAMPLE_MS ? lastMs : NaN;
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
  state.result.settled &&= settledBefore;
}

/** Finds how many calls make a sample; milliseconds that so many took. */
async function calibrate(
  state: State,
  { burstMs: wantedMs }: Limits,
  signal: AbortSignal | undefined,
): Promise<number> {
  let calls = 1;
  let lastMs = await burstMs(state, calls);
  while (lastMs < wantedMs && !isAborted(signal)) {
    // At most tenfold: the first calls are slower than the rest and would lead to samples far too short.
    calls = Math.min(calls * 10, Math.max(calls + 1, Math.ceil((calls * wantedMs) / Math.max(lastMs, 1e-3))));
    lastMs = await burstMs(state, calls);
  }
  state.result.callsPerSample = calls;
  state.callMs = lastMs / calls;
  return lastMs;
}

/** Whether one window's median follows another closely enough; nothing settles on NaN. */
export function isSettled(previous: number, current: number, tolerance: number): boolean {
  return Math.abs(current / previous - 1) < tolerance;
}

/** Runs so many calls; milliseconds they took. */
export async function burstMs(state: State, calls: number): Promise<number> {
  const microseconds = await state.subject.burst(calls);
  if (!(microseconds > 0 && microseconds < Infinity)) {
    throw new RangeError(`${calls} calls took ${microseconds} microseconds, which is no duration`);
  }
  return microseconds / 1000;
}

/** A function, because the compiler takes a flag that was false once for false ever after. */
export function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
