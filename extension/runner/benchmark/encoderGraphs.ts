/**
 * Whole encoders with random weights for the ladder: one onnxruntime graph of all layers, with a dense feedforward or
 * none, and the same attention weights cut into the graphs that the product runs beside the kernel.
 *
 * The dense encoders get the best case, one graph and one call; the FFF encoder is run as the product runs it, a session
 * and a kernel call a layer.
 */
import type { FloatTensor } from '../contracts';
import { attentionGraph } from '../encoder/attentionGraph';
import type { AttentionWeights } from '../encoder/attentionGraph';
import { GraphBuilder } from '../encoder/graph';
import type { Value } from '../encoder/graph';
import { activate, layerNorm, linear } from '../encoder/operators';
import type { LinearWeights, NormWeights } from '../encoder/operators';
import type { DenseWeights } from './distributions';
import { Random } from './random';

export interface EncoderShape {
  width: number;
  heads: number;
  layers: number;
}

const EPSILON = 1e-12;

/** Attention weights of one layer, uniform in +-1/sqrt(H), norms near one. */
export function randomAttention({ width, heads }: EncoderShape, seed: number, layer: number): AttentionWeights {
  const random = new Random(seed, 1000 + layer);
  const matrix = (name: string, rows: number): LinearWeights => ({
    weight: tensor(`${name}_${layer}`, [rows, width], () => random.bits() * (2 ** -31 / Math.sqrt(width))),
    bias: null,
  });
  const norm = (name: string): NormWeights => ({
    weight: tensor(`${name}_weight_${layer}`, [width], () => 1 + random.bits() * 2 ** -35),
    bias: tensor(`${name}_bias_${layer}`, [width], () => random.bits() * 2 ** -35),
  });
  return {
    norm1: norm('norm1'),
    queryKeyValue: matrix('query_key_value', 3 * width),
    scale: Math.sqrt(heads / width),
    dense: matrix('attention_out', width),
    norm2: norm('norm2'),
  };
}

/** The product's graph of one layer's attention. */
export function attentionPart(weights: AttentionWeights, { width, heads }: EncoderShape, layer: number): Uint8Array {
  return attentionGraph(weights, { hiddenSize: width, heads, epsilon: EPSILON, first: layer === 0 });
}

/**
 * The whole encoder in one graph, from the residual stream [N, H] to the stream after the last layer, for one sequence
 * of N tokens without padding. Inputs `residual`, `mask_bias` and `head_shape` are those of `attentionGraph`.
 *
 * @param feedforward One dense layer a transformer layer, or null for an encoder whose feedforward layers add nothing:
 * what would remain if they were free.
 */
export function wholeEncoder(
  shape: EncoderShape,
  attention: readonly AttentionWeights[],
  feedforward: readonly DenseWeights[] | null,
): Uint8Array {
  const { width } = shape;
  const graph = new GraphBuilder('encoder');
  let stream = graph.input('residual', 'float32', ['N', width]);
  const maskBias = graph.input('mask_bias', 'float32', ['B', 1, 1, 'S']);
  const headShape = graph.input('head_shape', 'int64', [4]);
  const rowShape = graph.integers('row_shape', [-1, width]);
  attention.forEach((weights, layer) => {
    const attended = attend(graph, layer, weights, stream, { maskBias, headShape, rowShape });
    const normed = layerNorm(graph, `ffn_input_${layer}`, attended, weights.norm2, EPSILON);
    // Without a feedforward layer the norm is still computed: the FFF needs it as well, so it is none of its savings.
    const update = feedforward === null ? normed : dense(graph, layer, normed, feedforward[layer]!);
    stream = graph.node('Add', `hidden_${layer}`, [attended, update]);
  });
  graph.output(stream, ['N', width]);
  return graph.build();
}

/** Name of the output of `wholeEncoder`. */
export function outputName({ layers }: EncoderShape): string {
  return `hidden_${layers - 1}`;
}

function attend(
  graph: GraphBuilder,
  layer: number,
  weights: AttentionWeights,
  stream: Value,
  { maskBias, headShape, rowShape }: { maskBias: Value; headShape: Value; rowShape: Value },
): Value {
  const name = (part: string): string => `${part}_of_${layer}`;
  const normed = layerNorm(graph, name('normed'), stream, weights.norm1, EPSILON);
  const projected = linear(graph, name('projected'), normed, weights.queryKeyValue);
  const roles = graph.nodesOut('Split', name('roles'), [projected], ['query', 'key', 'value'].map(name), {
    axis: { int: 1 },
    num_outputs: { int: 3 },
  });
  const perHead = (role: Value, perm: readonly number[]): Value =>
    graph.node('Transpose', `${role}_heads`, [graph.node('Reshape', `${role}_split`, [role, headShape])], {
      perm: { ints: perm },
    });
  const scores = graph.node('MatMul', name('scores'), [
    perHead(roles[0]!, [0, 2, 1, 3]),
    perHead(roles[1]!, [0, 2, 3, 1]),
  ]);
  const scaled = graph.node('Mul', name('scaled'), [scores, graph.scalar(name('factor'), weights.scale)]);
  const masked = graph.node('Add', name('masked'), [scaled, maskBias]);
  const probabilities = graph.node('Softmax', name('probabilities'), [masked], { axis: { int: -1 } });
  const mixed = graph.node('MatMul', name('mixed'), [probabilities, perHead(roles[2]!, [0, 2, 1, 3])]);
  const joined = graph.node('Transpose', name('joined'), [mixed], { perm: { ints: [0, 2, 1, 3] } });
  const rows = graph.node('Reshape', name('rows'), [joined, rowShape]);
  return graph.node('Add', name('attended'), [stream, linear(graph, name('attention'), rows, weights.dense)]);
}

function dense(graph: GraphBuilder, layer: number, input: Value, weights: DenseWeights): Value {
  const { width, neurons } = weights;
  const named = (part: string, shape: number[], data: Float32Array): FloatTensor => ({
    name: `${part}_${layer}`,
    shape,
    data,
  });
  const before = linear(graph, `before_${layer}`, input, {
    weight: named('first', [neurons, width], weights.first),
    bias: named('first_bias', [neurons], weights.firstBias),
  });
  const after = activate(graph, `after_${layer}`, before, 'GELU');
  return linear(graph, `update_${layer}`, after, {
    weight: named('second', [width, neurons], weights.second),
    bias: weights.secondBias === null ? null : named('second_bias', [width], weights.secondBias),
  });
}

function tensor(name: string, shape: number[], value: () => number): FloatTensor {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let i = 0; i < data.length; i++) {
    data[i] = value();
  }
  return { name, shape, data };
}
