/** Which engines of a cell may be timed: those that are right, and not too slow to be worth the time. */
import { toWireError } from '../../errors';
import { leafCount } from '../../tree';
import type { GroupEngine } from './engineGroup';
import { ENGINES } from './engineSpec';
import type { Cell } from './plan';
import type { Clock } from './schedule';
import { sampleIndices, verifyOutput } from './verify';
import type { Verification } from './verify';
import type { PreparedWorkload } from './workload';

/** Tokens compared with float64: dense references cost millions of products each, paths only thousands. */
const DENSE_SAMPLE = 5;
const FFF_SAMPLE = 32;
/** A first call this small tells how long a full one would take. */
const PROBE_TOKENS = 8;

export interface Verified {
  candidate: GroupEngine;
  verification: Verification;
  pathFlips: { flips: number; tokens: number } | null;
}

/** Checks an engine on a few tokens, then on the real batch; a sentence says why it is not timed. */
export async function verifyEngine(
  candidate: GroupEngine,
  workload: PreparedWorkload,
  cell: Cell,
  callSeconds: number,
  clock: Clock,
): Promise<Verified | string> {
  const { engine } = candidate;
  try {
    const probe = Math.min(cell.batch, PROBE_TOKENS);
    await engine.compute(0, probe, 0);
    const started = clock.monotonicMs();
    await engine.compute(0, probe, 0);
    const expectedSeconds = ((clock.monotonicMs() - started) / 1000 / probe) * cell.batch;
    // A batch is cheaper a token than the probe; only an engine that is far too slow is turned away unseen.
    if (!(expectedSeconds <= 4 * callSeconds)) {
      return `a call would take about ${expectedSeconds.toPrecision(2)} s, the plan allows ${callSeconds} s`;
    }
    const verification = await verifyBatch(candidate, workload, cell.batch);
    return (
      verification.complaint ?? { candidate, verification, pathFlips: countFlips(candidate, workload, cell.batch) }
    );
  } catch (thrown) {
    return toWireError(thrown).message;
  }
}

/** Checks an engine that was set up anew on the real batch; a sentence says why it is not timed any more. */
export async function verifyAgain(
  candidate: GroupEngine,
  workload: PreparedWorkload,
  batch: number,
): Promise<Verification | string> {
  try {
    const verification = await verifyBatch(candidate, workload, batch);
    return verification.complaint ?? verification;
  } catch (thrown) {
    return toWireError(thrown).message;
  }
}

/** The worse of the first layer's outputs and the last one's. */
async function verifyBatch(candidate: GroupEngine, workload: PreparedWorkload, batch: number): Promise<Verification> {
  const { engine, spec } = candidate;
  const sample = ENGINES[spec.engine].kind === 'fff' ? FFF_SAMPLE : DENSE_SAMPLE;
  const check = async (layer: number): Promise<Verification> => {
    const output = await engine.compute(0, batch, layer);
    const input = workload.pool.subarray(0, batch * workload.width);
    const indices = sampleIndices(batch, sample);
    return verifyOutput(candidate.reference(layer), spec.precision, input, output, indices, engine.multipliesBf16);
  };
  const first = await check(0);
  const last = workload.layers.length - 1;
  if (!first.verified || last === 0) {
    return first;
  }
  const other = await check(last);
  return other.verified && other.worstError < first.worstError ? first : other;
}

/** So many times slower than the best of its kind, a native layer is no candidate for it. */
const HOPELESS = 4;

/**
 * Native layers that are so much slower than another of their kind that they cannot be the best one at this batch: plain
 * rows, unbeaten for one token, would take minutes for a thousand. Others are measured however slow they are.
 */
export async function hopelessNatives(
  verified: readonly Verified[],
  batch: number,
): Promise<{ candidate: Verified; reason: string }[]> {
  const isNative = ({ candidate }: Verified): boolean => candidate.spec.engine.startsWith('native-');
  const kindOf = ({ candidate }: Verified): string => ENGINES[candidate.spec.engine].kind;
  const found: { candidate: Verified; reason: string }[] = [];
  for (const kind of new Set(verified.filter(isNative).map(kindOf))) {
    const rivals = verified.filter(
      (one) =>
        kindOf(one) === kind && !ENGINES[one.candidate.spec.engine].weak && one.candidate.engine.identity.threads === 1,
    );
    const times = new Map<Verified, number>();
    for (const rival of rivals) {
      times.set(rival, await shortest(rival.candidate, batch));
    }
    const best = rivals.reduce((a, b) => (times.get(b)! < times.get(a)! ? b : a));
    for (const rival of rivals.filter(isNative)) {
      const factor = times.get(rival)! / times.get(best)!;
      if (factor > HOPELESS) {
        const reason = `a call takes about ${Math.round(factor)} times as long as with ${best.candidate.id}`;
        found.push({ candidate: rival, reason });
      }
    }
  }
  return found;
}

/** The shorter of two calls, in microseconds: one alone may have been disturbed. */
async function shortest({ engine }: GroupEngine, batch: number): Promise<number> {
  try {
    return Math.min(await engine.burst(batch, 1), await engine.burst(batch, 1));
  } catch {
    // It fails again when it is measured, and is left out there with its reason.
    return Infinity;
  }
}

/** Tokens of which at least one tree leads the engine to another leaf than float64. */
function countFlips(
  { leafNodes }: GroupEngine,
  workload: PreparedWorkload,
  batch: number,
): { flips: number; tokens: number } | null {
  if (leafNodes === null) {
    return null;
  }
  const exact = workload.leaves(batch);
  const { trees, depth } = workload;
  const tokens = exact.length / trees;
  const reached = leafNodes(tokens);
  const firstLeaf = leafCount(depth) - 1;
  let flips = 0;
  for (let token = 0; token < tokens; token++) {
    for (let tree = 0; tree < trees; tree++) {
      if (reached[token * trees + tree]! - firstLeaf !== exact[token * trees + tree]!) {
        flips++;
        break;
      }
    }
  }
  return { flips, tokens };
}
