/**
 * From the residual stream to the vocabulary, in two graphs: closing the encoder runs for every position, the decoder
 * only for the rows whose predictions are wanted (model-spec section 2, step 6).
 */
import type { Activation, FloatTensor } from '../contracts';
import { GraphBuilder } from './graph';
import { activate, layerNorm, linear } from './operators';
import type { LinearWeights, NormWeights } from './operators';

/**
 * Inputs: `residual`, `update` [N, H], stream and feedforward output of the last layer. Outputs: `hidden` [N, H], their
 * sum, and `final_norm` [N, H], which is the same where the model has no final norm.
 */
export function closingGraph(norm: NormWeights | null, hiddenSize: number, epsilon: number): Uint8Array {
  const graph = new GraphBuilder('closing');
  const residual = graph.input('residual', 'float32', ['N', hiddenSize]);
  const update = graph.input('update', 'float32', ['N', hiddenSize]);
  const hidden = graph.node('Add', 'hidden', [residual, update]);
  graph.output(hidden, ['N', hiddenSize]);
  if (norm === null) {
    graph.node('Identity', 'final_norm', [hidden]);
  } else {
    layerNorm(graph, 'final_norm', hidden, norm, epsilon);
  }
  graph.output('final_norm', ['N', hiddenSize]);
  return graph.build();
}

export interface DecoderWeights {
  /** Dense, nonlinearity, norm before the decoder; null with `skip_head_transform`. */
  transform: { dense: LinearWeights; activation: Activation; norm: NormWeights } | null;
  /** [vocabulary, H], the word embedding. */
  words: FloatTensor;
  bias: FloatTensor | null;
}

/** Input: `states` [M, H], rows of `final_norm`. Output: `logits` [M, vocabulary]. */
export function decoderGraph(weights: DecoderWeights, hiddenSize: number, epsilon: number): Uint8Array {
  const graph = new GraphBuilder('decoder');
  let states = graph.input('states', 'float32', ['M', hiddenSize]);
  if (weights.transform !== null) {
    const { dense, activation, norm } = weights.transform;
    const opened = activate(graph, 'opened', linear(graph, 'transformed', states, dense), activation);
    states = layerNorm(graph, 'normed', opened, norm, epsilon);
  }
  linear(graph, 'logits', states, { weight: weights.words, bias: weights.bias });
  graph.output('logits', ['M', weights.words.shape[0] ?? 0]);
  return graph.build();
}
