/**
 * Before anything is timed its outputs are compared with float64 on a sample of tokens. A wrong engine is never timed:
 * being fast and wrong is what the published benchmark code was accused of.
 */
import type { FffWeights } from '../contracts';
import type { DenseWeights } from './distributions';
import type { Precision } from './engineSpec';
import { addPathOutput, admissiblePaths, denseReference, exactPath } from './reference';

/** What an engine is supposed to compute. */
export type Reference =
  { kind: 'fff'; weights: FffWeights } | { kind: 'dense'; width: number; expected(token: Float32Array): Float64Array };

/**
 * A dense reference that remembers: several engines are asked about the same tokens of the same pool, and millions of
 * products a token are worth keeping. Tokens are told apart by their place in the pool's buffer.
 */
export function denseReferenceOf(weights: DenseWeights): Reference {
  const known = new Map<number, Float64Array>();
  return {
    kind: 'dense',
    width: weights.width,
    expected: (token) => {
      const output = known.get(token.byteOffset) ?? denseReference(weights, token);
      known.set(token.byteOffset, output);
      return output;
    },
  };
}

export interface Verification {
  verified: boolean;
  /** Tokens compared. */
  tokens: number;
  /** Largest relative L2 error over the tokens; NaN or infinite when the engine produced such values. */
  worstError: number;
  tolerance: number;
  /** Tokens that took another admissible path than the exact one: rounding decided a logit near zero. */
  pathFlips: number;
  /** One sentence when not verified. */
  complaint: string | null;
}

/**
 * Largest relative L2 error of one token's output. Float32 sums of some thousand terms stay well below 1e-5; storing
 * weights in 8 or 11 significant bits moves each product by up to 2^-8 or 2^-11 (weight and activation), and a path
 * of a dozen terms averages little of that away. `exact-low` is fp16, or bf16 in an engine that multiplies it.
 */
const TOLERANCE: Readonly<Record<Precision, number>> = { fp32: 1e-5, bf16: 2e-2, fp16: 3e-3, 'exact-low': 3e-3 };

/** Tokens of a batch that are compared: the ends, where tails go wrong, and evenly between. */
export function sampleIndices(tokens: number, sample: number): number[] {
  if (tokens <= sample) {
    return Array.from({ length: tokens }, (_, index) => index);
  }
  return [...new Set(Array.from({ length: sample }, (_, i) => Math.round((i * (tokens - 1)) / (sample - 1))))];
}

/**
 * @param input [tokens, H].
 * @param output [tokens, H], the engine's answer.
 * @param indices Tokens to compare.
 * @param multipliesBf16 as `PreparedEngine` says.
 */
export function verifyOutput(
  reference: Reference,
  precision: Precision,
  input: Float32Array,
  output: Float32Array,
  indices: readonly number[],
  multipliesBf16 = false,
): Verification {
  const width = reference.kind === 'fff' ? reference.weights.width : reference.width;
  const tolerance = TOLERANCE[precision === 'exact-low' && multipliesBf16 ? 'bf16' : precision];
  let worstError = 0;
  let pathFlips = 0;
  for (const index of indices) {
    const token = input.subarray(index * width, (index + 1) * width);
    const actual = output.subarray(index * width, (index + 1) * width);
    const { error, flipped } =
      reference.kind === 'dense'
        ? { error: relativeError(actual, reference.expected(token)), flipped: false }
        : fffError(reference.weights, precision, token, actual, tolerance);
    // Once not a number, always not a number: Math.max would be as good, but says less.
    worstError = error > worstError || Number.isNaN(error) ? error : worstError;
    pathFlips += flipped ? 1 : 0;
    if (!(error <= tolerance)) {
      const complaint =
        `token ${index} of ${output.length / width} differs from float64 by ${error.toExponential(1)} ` +
        `of its length; ${tolerance.toExponential(0)} is allowed`;
      return { verified: false, tokens: indices.length, worstError, tolerance, pathFlips, complaint };
    }
  }
  return { verified: true, tokens: indices.length, worstError, tolerance, pathFlips, complaint: null };
}

/** Error against the nearest admissible path of every tree; combinations of trees are tried tree by tree. */
function fffError(
  weights: FffWeights,
  precision: Precision,
  token: Float32Array,
  actual: Float32Array,
  tolerance: number,
): { error: number; flipped: boolean } {
  const exact = new Float64Array(weights.width);
  for (let tree = 0; tree < weights.trees; tree++) {
    addPathOutput(weights, tree, exactPath(weights, token, tree), exact);
  }
  let best = { error: relativeError(actual, exact), flipped: false };
  if (best.error <= tolerance) {
    return best;
  }
  for (let tree = 0; tree < weights.trees; tree++) {
    const [taken, ...others] = admissiblePaths(weights, token, tree, precision);
    for (const other of others) {
      const candidate = Float64Array.from(exact);
      const negated = { nodes: taken!.nodes, activations: taken!.activations.map((activation) => -activation) };
      addPathOutput(weights, tree, negated, candidate);
      addPathOutput(weights, tree, other, candidate);
      const error = relativeError(actual, candidate);
      if (error < best.error) {
        best = { error, flipped: true };
      }
    }
  }
  return best;
}

/** |actual - expected| / |expected| in L2; NaN anywhere gives NaN. */
function relativeError(actual: Float32Array, expected: Float64Array): number {
  let difference = 0;
  let length = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    length += expected[i]! ** 2;
  }
  return Math.sqrt(difference) / Math.max(Math.sqrt(length), Number.MIN_VALUE);
}
