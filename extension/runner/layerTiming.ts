/**
 * Times one FFF layer against its dense twin on the same hidden states: verified first, then warmed up, then measured
 * in alternating pairs until the time is spent.
 */
import { FffError } from '../errors';
import type { LayerTiming } from '../protocol';
import { addPathOutput, admissiblePaths } from './benchmark/reference';
import { intervalAround, median, resampleMedians, spreadOf, type ResampledMedians } from './benchmark/statistics';
import type { FffLayer, FffWeights } from './contracts';

const WARM_UP_PAIRS = 2;
/** Measured even where the budget is spent earlier: below this a percentile means nothing. */
const MIN_PAIRS = 7;
const MAX_PAIRS = 400;
const REFINE_EVERY_MS = 150;
/** Largest difference from float64, relative to the largest output value. */
const TOLERANCE = 1e-4;

/** What is timed: both sides of one layer and the hidden states they get. */
export interface TimedLayer {
  layer: number;
  fff: FffLayer;
  twin: { run(input: Float32Array, tokens: number): Promise<Float32Array> };
  /** [tokens, width]. */
  input: Float32Array;
  tokens: number;
  threads: number;
  verifiedMaxDifference: number;
}

export interface TimingHooks {
  budgetMs: number;
  signal?: AbortSignal | undefined;
  onTiming?: ((timing: LayerTiming) => void) | undefined;
}

/** A layer's timing and the resampled medians its interval rests on: dense above, FFF below. */
export interface TimedResult {
  timing: LayerTiming;
  resampled: ResampledMedians;
}

/** Measures until the budget is spent; reports in between. @throws FffError CANCELLED. */
export async function timeLayer(timed: TimedLayer, hooks: TimingHooks): Promise<TimedResult> {
  const sides = sidesOf(timed);
  for (let pair = 0; pair < WARM_UP_PAIRS; pair++) {
    sides[0]();
    await sides[1]();
  }
  const samples: [number[], number[]] = [[], []];
  const start = performance.now();
  let reported = start;
  for (let pair = 0; pair < MAX_PAIRS; pair++) {
    const now = performance.now();
    if (pair >= MIN_PAIRS && now - start >= hooks.budgetMs) {
      break;
    }
    if (pair >= MIN_PAIRS && now - reported >= REFINE_EVERY_MS) {
      reported = now;
      hooks.onTiming?.(summarize(timed, samples).timing);
    }
    await breathe(hooks.signal);
    // The order alternates: whatever the first of a pair does to the caches, both sides suffer it equally often.
    for (const side of pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      samples[side].push(await sides[side]());
    }
  }
  const result = summarize(timed, samples);
  hooks.onTiming?.(result.timing);
  return result;
}

function summarize(timed: TimedLayer, [fff, dense]: readonly [number[], number[]]): TimedResult {
  // A seed a layer: the layers' resamples are added up, and must not err together.
  const resampled = resampleMedians(dense, fff, { seed: timed.layer + 1 });
  const timing: LayerTiming = {
    layer: timed.layer,
    tokens: timed.tokens,
    fffMicroseconds: spreadOf(fff),
    denseMicroseconds: spreadOf(dense),
    ratio: intervalAround(
      median(dense) / median(fff),
      resampled.above.map((value, i) => value / resampled.below[i]!),
    ),
    threads: timed.threads,
    verifiedMaxDifference: timed.verifiedMaxDifference,
  };
  return { timing, resampled };
}

/** One call of each side, in microseconds: cold or warm as the other side's call before it left the caches. */
function sidesOf({ fff, twin, input, tokens }: TimedLayer): readonly [() => number, () => Promise<number>] {
  const output = new Float32Array(input.length);
  return [
    () => {
      const start = performance.now();
      fff.forwardInto(input, tokens, output);
      return (performance.now() - start) * 1000;
    },
    async () => {
      const start = performance.now();
      await twin.run(input, tokens);
      return (performance.now() - start) * 1000;
    },
  ];
}

/** Lets messages in, among them a cancellation. */
async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) {
    throw new FffError('CANCELLED', 'The measurement was cancelled.');
  }
}

/**
 * Checks an FFF layer against the dense weights before it is timed: for the sampled tokens, in float64, all neurons but
 * the visited ones masked away.
 * @param input [tokens, width].
 * @param indices Tokens to check.
 * @returns Largest absolute difference of an output value.
 * @throws FffError INTERNAL when a path or an output is wrong beyond rounding.
 */
export function verifyLayer(
  fff: FffLayer,
  weights: FffWeights,
  input: Float32Array,
  tokens: number,
  indices: readonly number[],
): number {
  const { width, depth, trees } = weights;
  const levels = depth + 1;
  const record = fff.forward(input, tokens);
  const unrecorded = new Float32Array(input.length);
  fff.forwardInto(input, tokens, unrecorded);
  let largest = 0;
  for (const token of indices) {
    const row = input.subarray(token * width, (token + 1) * width);
    const expected = new Float64Array(width);
    for (let tree = 0; tree < trees; tree++) {
      const first = (token * trees + tree) * levels;
      const nodes = record.nodes.subarray(first, first + levels);
      const path = admissiblePaths(weights, row, tree, 'fp32').find((candidate) =>
        candidate.nodes.every((node, level) => node === nodes[level]),
      );
      if (!path) {
        throw disagreement(`token ${token} takes the wrong path through tree ${tree}`);
      }
      addPathOutput(weights, tree, path, expected);
    }
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    for (const output of [record.output, unrecorded]) {
      for (let i = 0; i < width; i++) {
        const difference = Math.abs(output[token * width + i]! - expected[i]!);
        if (!(difference <= TOLERANCE * scale)) {
          throw disagreement(`the output of token ${token} is off by ${difference}`);
        }
        largest = Math.max(largest, difference);
      }
    }
  }
  return largest;
}

function disagreement(what: string): FffError {
  return new FffError(
    'INTERNAL',
    `The FFF kernel disagrees with the dense weights (${what}), so it is not timed.`,
    'Set FFF_FORCE_IMPLEMENTATION=scalar and report this computer.',
  );
}
