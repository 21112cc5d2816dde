/** How many rounds a pass needs, of which subject: arithmetic of the schedule, nothing is measured here. */
import type { Limits } from './plan';
import type { Subject, SubjectSamples } from './schedule';

/** A pass holds at least so many, or else there are fewer passes: setting engines up would take longer than measuring. */
const ROUNDS_OF_A_PASS = 2;

/** A subject while it is measured. */
export interface State {
  subject: Subject;
  result: SubjectSamples;
  callMs: number;
  /** Samples of earlier passes. */
  before: number;
}

/** How many passes share the rounds of a cell: no more than leave each a few. */
export function passesOf(living: readonly State[], limits: Limits): number {
  const rounds = Math.max(0, ...living.map((state) => pairsNeeded(state, living, 1, limits)));
  return Math.max(1, Math.min(limits.passes, Math.floor(rounds / ROUNDS_OF_A_PASS)));
}

/** What a round of one sample each takes, as far as the warm-up knows. */
export function expectedMs(living: readonly State[], { leadMs }: Limits): number {
  return living.reduce((sum, { callMs, result }) => sum + callMs * result.callsPerSample + leadMs, 0);
}

export function isLiving({ result }: State): boolean {
  return result.failure === null;
}

function pairs(state: State): number {
  return state.result.samples.length;
}

/** A pair is the subject and the slowest reference. */
function isSlow(state: State, living: readonly State[], limits: Limits): boolean {
  const others = living.filter((other) => other.subject.reference && other !== state);
  const pairMs = state.callMs + Math.max(0, ...others.map((other) => other.callMs));
  return pairMs > limits.slowPairSeconds * 1000;
}

/** Pairs of all passes so far; none goes by without one. @param share Part of the passes at whose end they are needed. */
function pairsNeeded(state: State, living: readonly State[], share: number, limits: Limits): number {
  const { minimumPairs, slowPairs } = limits;
  const inAll = isSlow(state, living, limits) ? Math.min(slowPairs, minimumPairs) : minimumPairs;
  return Math.max(shareOf(inAll, share), state.before + 1);
}

/** Whether the subject may be left with what it has where time is up. */
export function isEnough(state: State, living: readonly State[], share: number, limits: Limits): boolean {
  const least = Math.max(shareOf(limits.slowPairs, share), state.before + ROUNDS_OF_A_PASS);
  return pairs(state) >= Math.min(least, pairsNeeded(state, living, share, limits));
}

/** Where pairs are missing: those of the subject that has the smallest part of what it needs. */
export function lackingPairs(
  living: readonly State[],
  share: number,
  limits: Limits,
): { pairs: number; of: number } | null {
  const lacking = living
    .map((state) => ({ pairs: pairs(state), of: pairsNeeded(state, living, share, limits) }))
    .filter((count) => count.pairs < count.of);
  return lacking.length === 0 ? null : lacking.reduce((a, b) => (b.pairs / b.of < a.pairs / a.of ? b : a));
}

/** A third of three times the same is no whole number in floating point. */
function shareOf(count: number, share: number): number {
  return Math.ceil(count * share - 1e-9);
}

export function isWanted(state: State, living: readonly State[], share: number, limits: Limits): boolean {
  return (
    state.subject.reference ||
    !isSlow(state, living, limits) ||
    limits.minimumPairs <= limits.slowPairs ||
    pairs(state) < pairsNeeded(state, living, share, limits)
  );
}

export function partDone(
  living: readonly State[],
  seconds: number,
  secondsNeeded: number,
  share: number,
  limits: Limits,
): number {
  const parts = living.map(
    (state) => (pairs(state) - state.before) / (pairsNeeded(state, living, share, limits) - state.before),
  );
  return living.length === 0 ? 1 : Math.min(1, secondsNeeded > 0 ? seconds / secondsNeeded : 1, ...parts);
}
