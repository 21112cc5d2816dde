/**
 * The levels of the paper's CPU table, rebuilt so that each computes what it claims (model-spec section 4 lists where the
 * published code does not). Level 1 uses single vector operations, level 2 the same operation over the whole batch,
 * level 3 matrix products, which only the dense layer has. Plain loops in one language throughout: compare a level with
 * the same level of the other layer, as the paper's table does, not with a tuned library.
 */
import { nodeCount } from '../../../tree';
import type { FffWeights } from '../../contracts';
import type { DenseWeights } from '../distributions';
import type { LocalLayer } from './engine';

/** Output weights as the published code stores them: [neurons, H], one row a neuron. */
function transposed(columns: Float32Array, width: number, neurons: number): Float32Array {
  const rows = new Float32Array(columns.length);
  for (let i = 0; i < width; i++) {
    for (let neuron = 0; neuron < neurons; neuron++) {
      rows[neuron * width + i] = columns[i * neurons + neuron]!;
    }
  }
  return rows;
}

/** a[from ..] . b[start ..], both of length width; four sums, because one would wait for each addition. */
function dot(a: Float32Array, from: number, b: Float32Array, start: number, width: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < width; i += 4) {
    s0 += a[from + i]! * b[start + i]!;
    s1 += a[from + i + 1]! * b[start + i + 1]!;
    s2 += a[from + i + 2]! * b[start + i + 2]!;
    s3 += a[from + i + 3]! * b[start + i + 3]!;
  }
  for (; i < width; i++) {
    s0 += a[from + i]! * b[start + i]!;
  }
  return s0 + s1 + (s2 + s3);
}

/** y[start ..] += scale * x[from ..]. */
function addScaled(scale: number, x: Float32Array, from: number, y: Float32Array, start: number, width: number): void {
  for (let i = 0; i < width; i++) {
    y[start + i]! += scale * x[from + i]!;
  }
}

/** GELU with the error function of Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7), fit for float32. */
export function fastGelu(x: number): number {
  const z = Math.abs(x) * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * z);
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - series * Math.exp(-z * z);
  return 0.5 * x * (1 + (x < 0 ? -erf : erf));
}

export function paperFffLayer(level: 1 | 2, weights: FffWeights): LocalLayer {
  const { width, depth, trees, inputWeights, inputBias } = weights;
  const nodes = nodeCount(depth);
  const outputRows = transposed(weights.outputWeights, width, trees * nodes);

  const tokenByToken: LocalLayer['run'] = (input, tokens, output) => {
    output.fill(0, 0, tokens * width);
    for (let token = 0; token < tokens; token++) {
      for (let tree = 0; tree < trees; tree++) {
        for (let levelOfTree = 0, node = 0; levelOfTree <= depth; levelOfTree++) {
          const row = tree * nodes + node;
          const logit = dot(inputWeights, row * width, input, token * width, width) + inputBias[row]!;
          addScaled(fastGelu(logit), outputRows, row * width, output, token * width, width);
          node = 2 * node + 1 + (logit > 0 ? 1 : 0);
        }
      }
    }
  };

  let node = new Int32Array(0);
  let logits = new Float64Array(0);
  const levelByLevel: LocalLayer['run'] = (input, tokens, output) => {
    output.fill(0, 0, tokens * width);
    if (node.length < tokens) {
      node = new Int32Array(tokens);
      logits = new Float64Array(tokens);
    }
    for (let tree = 0; tree < trees; tree++) {
      node.fill(0, 0, tokens);
      for (let levelOfTree = 0; levelOfTree <= depth; levelOfTree++) {
        for (let token = 0; token < tokens; token++) {
          const row = tree * nodes + node[token]!;
          logits[token] = dot(inputWeights, row * width, input, token * width, width) + inputBias[row]!;
        }
        for (let token = 0; token < tokens; token++) {
          const row = tree * nodes + node[token]!;
          addScaled(fastGelu(logits[token]!), outputRows, row * width, output, token * width, width);
          node[token] = 2 * node[token]! + 1 + (logits[token]! > 0 ? 1 : 0);
        }
      }
    }
  };
  return { run: level === 1 ? tokenByToken : levelByLevel, dispose: () => undefined };
}

/** Neurons and tokens of a block at level 3: both tiles of activations and weights stay in the first cache. */
const BLOCK_NEURONS = 16;
const BLOCK_TOKENS = 8;

export function paperDenseLayer(level: 1 | 2 | 3, weights: DenseWeights): LocalLayer {
  const { width, neurons, first, firstBias } = weights;
  const outputRows = transposed(weights.second, width, neurons);
  const start = (tokens: number, output: Float32Array): void => {
    output.fill(0, 0, tokens * width);
    if (weights.secondBias !== null) {
      for (let token = 0; token < tokens; token++) {
        output.set(weights.secondBias, token * width);
      }
    }
  };
  const neuronForToken = (neuron: number, input: Float32Array, token: number, output: Float32Array): void => {
    const logit = dot(first, neuron * width, input, token * width, width) + firstBias[neuron]!;
    addScaled(fastGelu(logit), outputRows, neuron * width, output, token * width, width);
  };
  const runs: Record<1 | 2 | 3, LocalLayer['run']> = {
    1: (input, tokens, output) => {
      start(tokens, output);
      for (let token = 0; token < tokens; token++) {
        for (let neuron = 0; neuron < neurons; neuron++) {
          neuronForToken(neuron, input, token, output);
        }
      }
    },
    2: (input, tokens, output) => {
      start(tokens, output);
      for (let neuron = 0; neuron < neurons; neuron++) {
        for (let token = 0; token < tokens; token++) {
          neuronForToken(neuron, input, token, output);
        }
      }
    },
    3: (input, tokens, output) => {
      start(tokens, output);
      for (let firstToken = 0; firstToken < tokens; firstToken += BLOCK_TOKENS) {
        const endToken = Math.min(firstToken + BLOCK_TOKENS, tokens);
        for (let firstNeuron = 0; firstNeuron < neurons; firstNeuron += BLOCK_NEURONS) {
          const endNeuron = Math.min(firstNeuron + BLOCK_NEURONS, neurons);
          for (let neuron = firstNeuron; neuron < endNeuron; neuron++) {
            for (let token = firstToken; token < endToken; token++) {
              neuronForToken(neuron, input, token, output);
            }
          }
        }
      }
    },
  };
  return { run: runs[level], dispose: () => undefined };
}
