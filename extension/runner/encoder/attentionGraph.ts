/**
 * The first half of a transformer layer (model-spec section 2, steps 2 and 3): closes the layer before by adding its
 * feedforward output, then x += dense(attention(norm1(x))), then norm2, whose result the feedforward layer reads.
 *
 * N = B*S rows, H hidden, A heads of d = H / A.
 * Inputs: `residual` [N, H]; `update` [N, H], the feedforward output of the layer before (not for the first layer);
 * `mask_bias` [B, 1, 1, S], (1 - m) * -10000; `head_shape` int64 [4] = B, S, A, d.
 * Outputs: `attended` [N, H], the residual stream after attention; `ffn_input` [N, H]; and, computed either way but
 * handed out only when asked for, `hidden` [N, H] (residual + update), `attn_probs` [B, A, S, S], `attn_out` [N, H].
 *
 * Plain operators on purpose. Measured at 384 and 768 wide, 1 to 512 tokens: the contrib operators Attention and
 * MultiHeadAttention are no faster once there is a mask (the products with the weights are 70 to 90 % of the time, and
 * the same), without one MultiHeadAttention gains 1 to 5 %, which would take a second copy of the weights for masked
 * batches; neither hands out the probabilities.
 */
import type { FloatTensor } from '../contracts';
import { GraphBuilder } from './graph';
import { layerNorm, linear } from './operators';
import type { LinearWeights, NormWeights } from './operators';

export interface AttentionWeights {
  norm1: NormWeights;
  /** [3H, H], rows grouped by query, key, value; see `groupedByRole`. */
  queryKeyValue: LinearWeights;
  /** The checkpoint's `norm_factor` buffer, 1 / sqrt(d). */
  scale: number;
  dense: LinearWeights;
  norm2: NormWeights;
}

export interface AttentionShape {
  hiddenSize: number;
  heads: number;
  epsilon: number;
  /** The first layer of a model has no feedforward output to add. */
  first: boolean;
}

export function attentionGraph(weights: AttentionWeights, shape: AttentionShape): Uint8Array {
  const { hiddenSize, heads, epsilon } = shape;
  const graph = new GraphBuilder('attention');
  const residual = graph.input('residual', 'float32', ['N', hiddenSize]);
  let hidden = residual;
  if (!shape.first) {
    hidden = graph.node('Add', 'hidden', [residual, graph.input('update', 'float32', ['N', hiddenSize])]);
    graph.output(hidden, ['N', hiddenSize]);
  }
  const maskBias = graph.input('mask_bias', 'float32', ['B', 1, 1, 'S']);
  const headShape = graph.input('head_shape', 'int64', [4]);

  const normed = layerNorm(graph, 'norm1', hidden, weights.norm1, epsilon);
  const projected = linear(graph, 'query_key_value', normed, weights.queryKeyValue);
  const [query, key, value] = graph.nodesOut('Split', 'roles', [projected], ['query', 'key', 'value'], {
    axis: { int: 1 },
    num_outputs: { int: 3 },
  });
  const perHead = (role: string, axes: readonly number[]): string =>
    graph.node('Transpose', `${role}_heads`, [graph.node('Reshape', `${role}_split`, [role, headShape])], {
      perm: { ints: axes },
    });
  const scores = graph.node('MatMul', 'scores', [perHead(query!, [0, 2, 1, 3]), perHead(key!, [0, 2, 3, 1])]);
  const scaled = graph.node('Mul', 'scaled', [scores, graph.scalar('norm_factor', weights.scale)]);
  const masked = graph.node('Add', 'masked', [scaled, maskBias]);
  const probabilities = graph.node('Softmax', 'attn_probs', [masked], { axis: { int: -1 } });
  const mixed = graph.node('MatMul', 'mixed', [probabilities, perHead(value!, [0, 2, 1, 3])]);
  const joined = graph.node('Transpose', 'joined', [mixed], { perm: { ints: [0, 2, 1, 3] } });
  const rows = graph.node('Reshape', 'rows', [joined, graph.integers('row_shape', [-1, hiddenSize])]);

  const output = linear(graph, 'attn_out', rows, weights.dense);
  const attended = graph.node('Add', 'attended', [hidden, output]);
  const ffnInput = layerNorm(graph, 'ffn_input', attended, weights.norm2, epsilon);

  graph.output(attended, ['N', hiddenSize]);
  graph.output(ffnInput, ['N', hiddenSize]);
  graph.output(probabilities, ['B', heads, 'S', 'S']);
  graph.output(output, ['N', hiddenSize]);
  return graph.build();
}

/**
 * Reorders the rows of a checkpoint's `query_key_value` tensor from per head (head a owns rows 3da to 3d(a+1), first d
 * query, next d key, next d value, as in GPT-NeoX) to all queries, all keys, all values, heads in order. Done once at
 * loading, it makes the three roles contiguous columns of one product instead of strided slices of every run.
 *
 * @param tensor [3H, H] weight or [3H] bias.
 */
export function groupedByRole(tensor: FloatTensor, heads: number): FloatTensor {
  const block = tensor.data.length / (3 * heads);
  const data = new Float32Array(tensor.data.length);
  for (let head = 0; head < heads; head++) {
    for (let role = 0; role < 3; role++) {
      const from = (head * 3 + role) * block;
      data.set(tensor.data.subarray(from, from + block), (role * heads + head) * block);
    }
  }
  return { name: tensor.name, shape: tensor.shape, data };
}
