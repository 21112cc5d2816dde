/**
 * What a layer must compute, in float64, token by token: slow and plain, so that it can be believed.
 *
 * An FFF output is not a continuous function of its input: where a logit is closer to zero than the rounding error of
 * the engine, either child is a correct answer. `admissiblePaths` therefore walks both children there, and an engine is
 * right when its output is that of one admissible path.
 */
import { childOf, gelu, nodeCount } from '../../tree';
import type { FffWeights } from '../contracts';
import type { DenseWeights } from './distributions';
import type { Precision } from './engineSpec';

/** Unit roundoff of the format weights are stored in (half a unit in the last place). */
const STORAGE_ROUNDOFF: Readonly<Record<Precision, number>> = {
  fp32: 2 ** -24,
  bf16: 2 ** -8,
  fp16: 2 ** -11,
  'exact-low': 2 ** -24,
};

/** Paths beyond this number are not enumerated; 2^4 undecided nodes on one path do not occur in practice. */
const MAX_PATHS = 16;

/** One path of one tree and what its nodes contribute. */
export interface Path {
  nodes: number[];
  activations: number[];
}

/** The exact path of a token through one tree, decisions and activations in float64. */
export function exactPath(weights: FffWeights, input: Float32Array, tree: number): Path {
  return walk(weights, input, tree, () => false)[0]!;
}

/**
 * All paths an engine of the given precision may take. The first is the exact one.
 *
 * A logit of H products rounds by at most (H + 1) u sum|w x| in float32 arithmetic with unit roundoff u in any order of
 * summation, and storing w (and possibly x) with unit roundoff v moves it by at most 2 v sum|w x| more.
 */
export function admissiblePaths(weights: FffWeights, input: Float32Array, tree: number, precision: Precision): Path[] {
  const perMagnitude = (weights.width + 1) * 2 ** -24 + 2 * STORAGE_ROUNDOFF[precision];
  return walk(weights, input, tree, (logit, magnitude) => Math.abs(logit) <= perMagnitude * magnitude);
}

function walk(
  weights: FffWeights,
  input: Float32Array,
  tree: number,
  undecided: (logit: number, magnitude: number) => boolean,
): Path[] {
  const { width, depth, inputWeights, inputBias } = weights;
  const firstRow = tree * nodeCount(depth);
  let open: { path: Path; node: number }[] = [{ path: { nodes: [], activations: [] }, node: 0 }];
  for (let level = 0; level <= depth; level++) {
    const next: typeof open = [];
    const detours: typeof open = [];
    for (const { path, node } of open) {
      const row = firstRow + node;
      let logit = inputBias[row]!;
      let magnitude = Math.abs(logit);
      for (let i = 0; i < width; i++) {
        const product = inputWeights[row * width + i]! * input[i]!;
        logit += product;
        magnitude += Math.abs(product);
      }
      const nodes = [...path.nodes, node];
      const activations = [...path.activations, gelu(logit)];
      next.push({ path: { nodes, activations }, node: childOf(node, logit) });
      if (level < depth && undecided(logit, magnitude)) {
        detours.push({ path: { nodes, activations }, node: childOf(node, logit > 0 ? -1 : 1) });
      }
    }
    open = [...next, ...detours].slice(0, MAX_PATHS);
  }
  return open.map(({ path }) => path);
}

/** Adds the output of one tree's path to `output` [H]. */
export function addPathOutput(weights: FffWeights, tree: number, path: Path, output: Float64Array): void {
  const { width, outputWeights, inputBias } = weights;
  const columns = inputBias.length;
  const firstColumn = tree * nodeCount(weights.depth);
  path.nodes.forEach((node, level) => {
    const activation = path.activations[level]!;
    const column = firstColumn + node;
    for (let i = 0; i < width; i++) {
      output[i]! += activation * outputWeights[i * columns + column]!;
    }
  });
}

/** Output [H] of a dense layer for one token [H]. */
export function denseReference(weights: DenseWeights, input: Float32Array): Float64Array {
  const { width, neurons, first, firstBias, second, secondBias } = weights;
  const activations = new Float64Array(neurons);
  for (let neuron = 0; neuron < neurons; neuron++) {
    let logit = firstBias[neuron]!;
    const row = neuron * width;
    for (let i = 0; i < width; i++) {
      logit += first[row + i]! * input[i]!;
    }
    activations[neuron] = gelu(logit);
  }
  const output = new Float64Array(width);
  for (let i = 0; i < width; i++) {
    let sum = secondBias === null ? 0 : secondBias[i]!;
    const row = i * neurons;
    for (let neuron = 0; neuron < neurons; neuron++) {
      sum += activations[neuron]! * second[row + neuron]!;
    }
    output[i] = sum;
  }
  return output;
}
