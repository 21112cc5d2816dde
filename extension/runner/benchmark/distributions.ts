/**
 * Synthetic layers and tokens. Tokens come as a pool, larger than the caches worth speaking of, through which calls move
 * on: no call sees a token again before the whole pool has passed, so neither a cache nor a branch predictor learns them.
 */
import { nodeCount } from '../../tree';
import type { FffWeights } from '../contracts';
import type { Distribution } from './plan';
import { Random } from './random';

/** A dense layer: y = W2 gelu(W1 x + b1) + b2. I = neurons. */
export interface DenseWeights {
  width: number;
  neurons: number;
  /** [I, H]. */
  first: Float32Array;
  /** [I]. */
  firstBias: Float32Array;
  /** [H, I]. */
  second: Float32Array;
  /** [H], or null. */
  secondBias: Float32Array | null;
}

/** Pools hold this many bytes of tokens, several times the private caches of any core we know, ... */
const POOL_BYTES = 64 * 2 ** 20;
/** ... or for narrow layers this many tokens, which visit every leaf of a deep tree many times over. */
const POOL_TOKENS = 32768;

/** Enough distinct tokens for at least two calls, and for `POOL_BYTES` or `POOL_TOKENS`. */
export function poolTokens(width: number, batch: number): number {
  const tokens = Math.min(Math.ceil(POOL_BYTES / (4 * width)), POOL_TOKENS);
  return Math.max(2, Math.ceil(tokens / batch)) * batch;
}

/** FFF weights as PyTorch initialises them: uniform in +-1/sqrt(H), biases included. One tree. */
export function randomFffWeights(width: number, depth: number, seed: number, layer: number): FffWeights {
  const random = new Random(seed, 2 * layer);
  const nodes = nodeCount(depth);
  return {
    width,
    depth,
    trees: 1,
    inputWeights: uniform(random, nodes * width, width),
    inputBias: uniform(random, nodes, width),
    outputWeights: uniform(random, width * nodes, width),
  };
}

/** Weights of a dense layer, uniform in +-1/sqrt(fan-in), both biases. */
export function randomDenseWeights(width: number, neurons: number, seed: number, layer: number): DenseWeights {
  const random = new Random(seed, 2 * layer + 1);
  return {
    width,
    neurons,
    first: uniform(random, neurons * width, width),
    firstBias: uniform(random, neurons, width),
    second: uniform(random, width * neurons, neurons),
    secondBias: uniform(random, width, neurons),
  };
}

/** The dense twin shares its arrays with the FFF layer; it has no output bias, as the FFF has none. */
export function twinOf(weights: FffWeights): DenseWeights {
  return {
    width: weights.width,
    neurons: weights.inputBias.length,
    first: weights.inputWeights,
    firstBias: weights.inputBias,
    second: weights.outputWeights,
    secondBias: null,
  };
}

/** Clusters of `skewed` tokens; the k-th is drawn with probability proportional to 1/k (Zipf). */
const CLUSTERS = 64;
/** Spread of a skewed token around its cluster, relative to the cluster's own length. */
const CLUSTER_NOISE = 0.35;

/**
 * [tokens, width] layer-normed tokens: each has mean 0 and variance 1, as the FFF's input has in a model.
 *
 * `spread`: independent directions, which random trees distribute over all leaves. `skewed`: distinct tokens around few
 * directions. `repeated`: one token again and again.
 */
export function syntheticTokens(
  distribution: Exclude<Distribution, 'hidden-states'>,
  width: number,
  tokens: number,
  seed: number,
): Float32Array {
  const random = new Random(seed, 0x70cc);
  const pool = new Float32Array(tokens * width);
  switch (distribution) {
    case 'spread':
      fillNormal(pool, random);
      break;
    case 'skewed':
      fillSkewed(pool, width, random);
      break;
    case 'repeated':
      fillNormal(pool.subarray(0, width), random);
      for (let token = 1; token < tokens; token++) {
        pool.copyWithin(token * width, 0, width);
      }
      break;
  }
  layerNormRows(pool, width);
  return pool;
}

function fillNormal(values: Float32Array, random: Random): void {
  for (let i = 0; i < values.length; i++) {
    values[i] = random.normal();
  }
}

function fillSkewed(pool: Float32Array, width: number, random: Random): void {
  const centres = new Float32Array(CLUSTERS * width);
  fillNormal(centres, random);
  const cumulative: number[] = [];
  for (let rank = 1, sum = 0; rank <= CLUSTERS; rank++) {
    sum += 1 / rank;
    cumulative.push(sum);
  }
  const total = cumulative[CLUSTERS - 1]!;
  for (let start = 0; start < pool.length; start += width) {
    const draw = random.uniform() * total;
    const centre = cumulative.findIndex((bound) => draw < bound) * width;
    for (let i = 0; i < width; i++) {
      pool[start + i] = centres[centre + i]! + CLUSTER_NOISE * random.normal();
    }
  }
}

/** Subtracts the mean and divides by the deviation of each row; a row of equal values becomes zero. */
export function layerNormRows(rows: Float32Array, width: number): void {
  for (let start = 0; start < rows.length; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i++) {
      sum += rows[i]!;
    }
    const mean = sum / width;
    let squares = 0;
    for (let i = start; i < start + width; i++) {
      squares += (rows[i]! - mean) ** 2;
    }
    const scale = squares > 0 ? 1 / Math.sqrt(squares / width) : 0;
    for (let i = start; i < start + width; i++) {
      rows[i] = (rows[i]! - mean) * scale;
    }
  }
}

function uniform(random: Random, length: number, fanIn: number): Float32Array {
  const values = new Float32Array(length);
  const step = 1 / Math.sqrt(fanIn) / 2 ** 31;
  for (let i = 0; i < length; i++) {
    values[i] = random.bits() * step;
  }
  return values;
}
