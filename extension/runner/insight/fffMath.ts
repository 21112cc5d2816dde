/**
 * Single neurons of an FFF layer straight from the checkpoint's weights, sums in float64: slow beside the kernel and
 * meant for the few nodes somebody looks at. Rows are neurons, `tree * nodes + node`; H is the width.
 */
import { nodeCount } from '../../tree';
import type { FffWeights } from '../contracts';

/** Row of a node within the layer's weights. */
export function neuronOf(weights: FffWeights, tree: number, node: number): number {
  return tree * nodeCount(weights.depth) + node;
}

/**
 * Logit of one neuron, `w . x + b`.
 * @param states [tokens, H].
 */
export function neuronLogit(weights: FffWeights, neuron: number, states: Float32Array, token: number): number {
  const { width, inputWeights, inputBias } = weights;
  return inputBias[neuron]! + dot(inputWeights, neuron * width, states, token * width, width);
}

export function dot(a: Float32Array, aFrom: number, b: Float32Array, bFrom: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) {
    sum += a[aFrom + i]! * b[bFrom + i]!;
  }
  return sum;
}

/** Input weights of one neuron, a copy. */
export function inputRow({ width, inputWeights }: FffWeights, neuron: number): Float32Array {
  return inputWeights.slice(neuron * width, (neuron + 1) * width);
}

/** Output weights of one neuron, a copy; in the checkpoint they are a column. */
export function outputRow({ width, inputBias, outputWeights }: FffWeights, neuron: number): Float32Array {
  const neurons = inputBias.length;
  return Float32Array.from({ length: width }, (_, i) => outputWeights[i * neurons + neuron]!);
}

/** Euclidean norm of `length` values from `from` on. */
export function normOf(values: Float32Array, from = 0, length = values.length): number {
  return Math.sqrt(dot(values, from, values, from, length));
}

/** Euclidean norm of every row of [rows, width]. */
export function rowNorms(values: Float32Array, width: number): Float32Array {
  return Float32Array.from({ length: values.length / width }, (_, row) => normOf(values, row * width, width));
}

/** Euclidean norm of every column of [rows, columns], read in the order it is stored. */
export function columnNorms(values: Float32Array, columns: number): Float32Array {
  const squares = new Float64Array(columns);
  for (let from = 0; from < values.length; from += columns) {
    for (let column = 0; column < columns; column++) {
      squares[column]! += values[from + column]! ** 2;
    }
  }
  return Float32Array.from(squares, Math.sqrt);
}
