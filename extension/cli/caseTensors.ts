/**
 * Everything a recorded forward pass computed, under the names and shapes of the reference fixtures
 * (test/fixtures): B rows, S positions, H hidden, A heads, K trees, P = depth + 1 visited nodes, V vocabulary,
 * I and I' dense widths before and after the nonlinearity. Floats are F32, integers I32, batch first.
 *
 * | name | shape |
 * | --- | --- |
 * | input_ids, attention_mask (absent without a mask) | B,S |
 * | embedding, layer.N.ffn_input, layer.N.attn_out, layer.N.ffn_output, layer.N.hidden, final_norm | B,S,H |
 * | layer.N.attn_probs | B,A,S,S |
 * | layer.N.nodes, layer.N.logits, layer.N.activations | B,S,K,P |
 * | layer.N.ffn_preact, layer.N.ffn_act | B,S,I and B,S,I' |
 * | mlm_logits | B,S,V |
 */
import { FffError } from '../errors';
import type { Architecture, EncoderBatch, EncoderOutput, LayerOutput } from '../runner/contracts';

export interface NamedTensor {
  shape: number[];
  data: Float32Array | Int32Array;
}

/** @param output Recorded with `recordAll`. */
export function caseTensors(
  batch: EncoderBatch,
  output: EncoderOutput,
  architecture: Architecture,
): Map<string, NamedTensor> {
  const { rows, positions } = batch;
  const { hiddenSize, vocabularySize } = architecture;
  const tensors = new Map<string, NamedTensor>();
  const put = (name: string, data: NamedTensor['data'] | null | undefined, shape: number[]): void => {
    if (data?.length !== shape.reduce((product, size) => product * size, 1)) {
      throw new FffError('INTERNAL', `The encoder did not record ${name} as [${shape.join(', ')}].`);
    }
    tensors.set(name, { shape, data });
  };
  put('input_ids', batch.ids, [rows, positions]);
  if (batch.mask) {
    put('attention_mask', batch.mask, [rows, positions]);
  }
  put('embedding', output.embedding, [rows, positions, hiddenSize]);
  for (const [index, layer] of output.layers.entries()) {
    for (const [name, data, shape] of layerTensors(layer, batch, architecture)) {
      put(`layer.${index}.${name}`, data, shape);
    }
  }
  put('final_norm', output.finalNorm, [rows, positions, hiddenSize]);
  put('mlm_logits', output.logits, [rows, positions, vocabularySize]);
  return tensors;
}

type Named = [name: string, data: NamedTensor['data'] | null | undefined, shape: number[]];

function layerTensors(layer: LayerOutput, { rows, positions }: EncoderBatch, architecture: Architecture): Named[] {
  const { hiddenSize, heads, feedforward } = architecture;
  const states = [rows, positions, hiddenSize];
  const tensors: Named[] = [
    ['attn_probs', layer.attnProbs, [rows, heads, positions, positions]],
    ['attn_out', layer.attnOut, states],
    ['ffn_input', layer.ffnInput, states],
  ];
  if (feedforward.kind === 'fff') {
    const paths = [rows, positions, feedforward.trees, feedforward.depth + 1];
    tensors.push(
      ['nodes', layer.fff?.nodes, paths],
      ['logits', layer.fff?.logits, paths],
      ['activations', layer.fff?.activations, paths],
    );
  } else {
    const active = feedforward.gated ? feedforward.width / 2 : feedforward.width;
    tensors.push(
      ['ffn_preact', layer.ffnPreact, [rows, positions, feedforward.width]],
      ['ffn_act', layer.ffnAct, [rows, positions, active]],
    );
  }
  tensors.push(['ffn_output', layer.ffnOutput, states], ['hidden', layer.hidden, states]);
  return tensors;
}
