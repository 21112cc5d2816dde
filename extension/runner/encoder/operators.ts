/** Pieces that several graphs share: layer norm, linear layer, nonlinearity. Shapes are [rows, features]. */
import type { Activation, FloatTensor } from '../contracts';
import type { GraphBuilder, Value } from './graph';

/** Weight [out, in] as PyTorch stores it, and the bias [out] where the layer has one. */
export interface LinearWeights {
  weight: FloatTensor;
  bias: FloatTensor | null;
}

export interface NormWeights {
  weight: FloatTensor;
  bias: FloatTensor;
}

/**
 * Layer norm with biased variance and epsilon inside the root (model-spec section 2, step 1).
 *
 * Older onnxruntime versions computed E[x^2] - E[x]^2, which goes negative, and then NaN, for rows whose spread is small
 * against their mean when epsilon is as small as 1e-12 (github.com/microsoft/onnxruntime/issues/21935). The operator of
 * the version we pin is free of that, and the encoder tests hold it to it with nearly constant rows. Composed from
 * primitives, constant rows would come out wrong: the mean, rounded to float32, leaves a remainder that is large against
 * the root of such an epsilon. The contrib operator that adds and normalizes in one (SkipLayerNormalization) is slower
 * than both parts together.
 */
export function layerNorm(graph: GraphBuilder, name: string, input: Value, norm: NormWeights, epsilon: number): Value {
  return graph.node('LayerNormalization', name, [input, constant(graph, norm.weight), constant(graph, norm.bias)], {
    axis: { int: -1 },
    epsilon: { float: epsilon },
  });
}

/** x W^T + b. A Gemm with a constant, transposed weight: onnxruntime packs it once, when the session opens. */
export function linear(graph: GraphBuilder, name: string, input: Value, { weight, bias }: LinearWeights): Value {
  const inputs = [input, constant(graph, weight)];
  if (bias !== null) {
    inputs.push(constant(graph, bias));
  }
  return graph.node('Gemm', name, inputs, { transB: { int: 1 } });
}

/** The nonlinearity of `torch.nn` with that name, in its default form: GELU is the exact one (erf). */
export function activate(graph: GraphBuilder, name: string, input: Value, activation: Activation): Value {
  switch (activation) {
    case 'GELU':
      return graph.node('Gelu', name, [input], { approximate: { text: 'none' } });
    case 'ReLU':
      return graph.node('Relu', name, [input]);
    case 'SiLU':
      return graph.node('Mul', name, [input, graph.node('Sigmoid', `${name}.sigmoid`, [input])]);
    case 'Tanh':
      return graph.node('Tanh', name, [input]);
    case 'Mish':
      return graph.node('Mish', name, [input]);
  }
}

export function constant(graph: GraphBuilder, tensor: FloatTensor): Value {
  return graph.weight(tensor.name, tensor.data, tensor.shape);
}
