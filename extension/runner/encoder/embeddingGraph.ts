/**
 * Token ids to the first hidden state: word embedding plus position, then the embedding norm (model-spec section 2,
 * step 1). Inputs: `ids` int32 [B, S]. Output: `embedding` [B*S, H].
 */
import type { FloatTensor } from '../contracts';
import { GraphBuilder } from './graph';
import { constant, layerNorm } from './operators';
import type { NormWeights } from './operators';

export interface EmbeddingWeights {
  /** [vocabulary, H]. */
  words: FloatTensor;
  /** [max positions, H], already scaled; null where the model has no positions. */
  positions: FloatTensor | null;
  norm: NormWeights | null;
}

export function embeddingGraph(weights: EmbeddingWeights, hiddenSize: number, epsilon: number): Uint8Array {
  const graph = new GraphBuilder('embedding');
  const ids = graph.input('ids', 'int32', ['B', 'S']);
  let states = graph.node('Gather', 'words', [constant(graph, weights.words), ids]);
  if (weights.positions !== null) {
    const length = graph.node('Shape', 'length', [ids], { start: { int: 1 }, end: { int: 2 } });
    const used = graph.node('Slice', 'used_positions', [
      constant(graph, weights.positions),
      graph.integers('first', [0]),
      length,
      graph.integers('axis', [0]),
    ]);
    states = graph.node('Add', 'placed', [states, used]);
  }
  if (weights.norm !== null) {
    states = layerNorm(graph, 'normed', states, weights.norm, epsilon);
  }
  graph.node('Reshape', 'embedding', [states, graph.integers('rows', [-1, hiddenSize])]);
  graph.output('embedding', ['N', hiddenSize]);
  return graph.build();
}

/**
 * The fixed sinusoid table [length, H], bit for bit what PyTorch's float32 gives up to its own sin, cos and exp:
 * every intermediate is rounded to float32, the argument t * div_i above all, whose rounding is the larger part of the
 * difference to a table computed in float64. Column 2i is sin(t div_i), column 2i+1 cos(t div_i),
 * div_i = exp(2i * (-ln 10000 / H)).
 *
 * @param scale The learned factor of scaled-sinusoidal positions; 1 for plain ones.
 */
export function sinusoidTable(length: number, hiddenSize: number, scale: number): Float32Array {
  const table = new Float32Array(length * hiddenSize);
  const step = Math.fround(-Math.log(10000) / hiddenSize);
  for (let column = 0; column < hiddenSize; column += 2) {
    const frequency = Math.fround(Math.exp(Math.fround(column * step)));
    for (let position = 0; position < length; position++) {
      const angle = Math.fround(position * frequency);
      const index = position * hiddenSize + column;
      table[index] = scale * Math.fround(Math.sin(angle));
      if (column + 1 < hiddenSize) {
        table[index + 1] = scale * Math.fround(Math.cos(angle));
      }
    }
  }
  return table;
}
