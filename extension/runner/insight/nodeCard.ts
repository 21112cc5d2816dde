/** Everything about one node that its weights say: size, largest components, and the words they point at. */
import type { Component, NodeDirection, Trace, WordSimilarity } from '../../protocol';
import { firstOfLevel, isAncestor } from '../../tree';
import type { FffWeights, FloatTensor } from '../contracts';
import { topIndices } from '../predictions';
import { columnNorms, dot, inputRow, neuronOf, normOf, outputRow, rowNorms } from './fffMath';

/** The tied embedding with the norms of its rows. */
export interface Vocabulary {
  /** [V, H]. */
  words: Float32Array;
  /** [V]. */
  norms: Float32Array;
}

export function vocabularyOf({ data, shape }: FloatTensor): Vocabulary {
  return { words: data, norms: rowNorms(data, shape[1]!) };
}

/** Norms of all input rows and output columns of a layer, [trees * nodes] each. */
export function weightNorms(weights: FffWeights): { inputNorms: Float32Array; outputNorms: Float32Array } {
  return {
    inputNorms: rowNorms(weights.inputWeights, weights.width),
    outputNorms: columnNorms(weights.outputWeights, weights.inputBias.length),
  };
}

/** Both weight vectors of a node, each with the `top` nearest words on either side. */
export function describeWeights(
  weights: FffWeights,
  tree: number,
  node: number,
  vocabulary: Vocabulary,
  top: number,
  labelOf: (id: number) => string,
): { bias: number; input: NodeDirection; output: NodeDirection } {
  const neuron = neuronOf(weights, tree, node);
  const describe = (row: Float32Array): NodeDirection => {
    const cosines = cosinesTo(vocabulary, row);
    const similar = (id: number): WordSimilarity => ({ id, text: labelOf(id), cosine: cosines[id]! });
    return {
      weights: row,
      norm: normOf(row),
      largest: largestComponents(row, top),
      along: topIndices(cosines, top).map(similar),
      against: topIndices(
        cosines.map((cosine) => -cosine),
        top,
      ).map(similar),
    };
  };
  return {
    bias: weights.inputBias[neuron]!,
    input: describe(inputRow(weights, neuron)),
    output: describe(outputRow(weights, neuron)),
  };
}

/** Cosine of every word's row with a vector, [V]; NaN where one of the two is zero. */
export function cosinesTo({ words, norms }: Vocabulary, vector: Float32Array): Float64Array {
  const norm = normOf(vector);
  return Float64Array.from(norms, (wordNorm, id) => {
    return dot(words, id * vector.length, vector, 0, vector.length) / (wordNorm * norm);
  });
}

/** Components of largest magnitude, descending. */
export function largestComponents(vector: Float32Array, count: number): Component[] {
  return topIndices(vector.map(Math.abs), count).map((index) => ({ index, value: vector[index]! }));
}

/** Tokens of a trace whose path visits a node. */
export function tokensVisiting(trace: Trace, layer: number, tree: number, node: number): Uint32Array {
  const routing = trace.layers[layer];
  const { feedforward } = trace.model;
  if (!routing || feedforward.kind !== 'fff') {
    return new Uint32Array();
  }
  const firstLeaf = firstOfLevel(feedforward.depth);
  const visiting = [...trace.tokens.keys()].filter((token) =>
    isAncestor(node, firstLeaf + routing.leaves[token * feedforward.trees + tree]!),
  );
  return Uint32Array.from(visiting);
}
