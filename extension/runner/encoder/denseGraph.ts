/**
 * Dense feedforward layers: those of dense checkpoints, and the dense twin of an FFF layer, which evaluates all neurons
 * of all its trees with the same weights. Input: `ffn_input` [N, H]. Outputs: `ffn_output` [N, H]; for dense layers
 * also, handed out only when asked for, `ffn_preact` [N, I] and `ffn_act` [N, I or I/2].
 */
import type { Activation } from '../contracts';
import { GraphBuilder } from './graph';
import { activate, linear } from './operators';
import type { LinearWeights } from './operators';

export interface DenseLayer {
  hiddenSize: number;
  /** Rows of the first linear layer, I; a gated layer uses half of them as gates. */
  width: number;
  activation: Activation;
  gated: boolean;
  /** Whether the intermediate results are outputs too. */
  inspectable: boolean;
  first: LinearWeights;
  second: LinearWeights;
}

export function denseGraph(layer: DenseLayer): Uint8Array {
  const graph = new GraphBuilder('dense_feedforward');
  const input = graph.input('ffn_input', 'float32', ['N', layer.hiddenSize]);
  const before = linear(graph, 'ffn_preact', input, layer.first);
  const after = layer.gated
    ? gatedLinearUnit(graph, before, layer.activation)
    : activate(graph, 'ffn_act', before, layer.activation);
  const output = linear(graph, 'ffn_output', after, layer.second);
  graph.output(output, ['N', layer.hiddenSize]);
  if (layer.inspectable) {
    graph.output(before, ['N', layer.width]);
    graph.output(after, ['N', layer.gated ? layer.width / 2 : layer.width]);
  }
  return graph.build();
}

/**
 * The value is the first half and the gate the second, and the nonlinearity is on the gate:
 * `x, gate = inputs.chunk(2); sub_activation(gate) * x` in the GLU module of the official training code
 * (github.com/JonasGeiping/cramming, cramming/architectures/components.py, commit 02c21bdf).
 */
function gatedLinearUnit(graph: GraphBuilder, input: string, activation: Activation): string {
  const [value, gate] = graph.nodesOut('Split', 'halves', [input], ['value', 'gate'], {
    axis: { int: 1 },
    num_outputs: { int: 2 },
  });
  return graph.node('Mul', 'ffn_act', [activate(graph, 'opened', gate!, activation), value!]);
}
