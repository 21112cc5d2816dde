/**
 * Names and shapes of the tensors an architecture needs (model-spec, section 1), as stored: linear weights are
 * [out, in]. The tied word embedding and decoder are not listed here, because either may stand for both.
 */
import type { Architecture } from '../contracts';

export const WORD_EMBEDDING = 'encoder.embedding.word_embedding.weight';
export const DECODER = 'decoder.weight';

export interface PlannedTensor {
  name: string;
  shape: number[];
}

/** Every tensor besides the tied pair that inference reads. */
export function requiredTensors(architecture: Architecture): PlannedTensor[] {
  const { hiddenSize: width, vocabularySize, headTransform, decoderBias } = architecture;
  const tensors: PlannedTensor[] = [...positionTensors(architecture)];
  if (architecture.embeddingNorm) {
    tensors.push(...norm('encoder.embedding.norm', width));
  }
  for (let layer = 0; layer < architecture.layers; layer++) {
    tensors.push(...layerTensors(architecture, `encoder.layers.${layer}`));
  }
  if (architecture.finalNorm) {
    tensors.push(...norm('encoder.final_norm', width));
  }
  if (headTransform) {
    tensors.push(...linear('prediction_head.dense', width, width, architecture.useBias));
    tensors.push(...norm('prediction_head.norm', width));
  }
  if (decoderBias) {
    tensors.push({ name: 'decoder.bias', shape: [vocabularySize] });
  }
  return tensors;
}

/**
 * Buffers of the reference model: its files hold them, inference can do without (`norm_factor` is 1/sqrt of the head
 * width, `position_ids` counts from 0). They are no parameters.
 */
export function isBuffer(name: string): boolean {
  return name.endsWith('.attn.self_attention.norm_factor') || name === 'encoder.embedding.pos_embedding.position_ids';
}

function positionTensors({ positions, maxSequenceLength, hiddenSize }: Architecture): PlannedTensor[] {
  switch (positions) {
    case 'scaled-sinusoidal':
      return [{ name: 'encoder.embedding.pos_embedding.scale_factor', shape: [1] }];
    case 'learned':
      return [{ name: 'encoder.embedding.pos_embedding.embedding.weight', shape: [maxSequenceLength, hiddenSize] }];
    case 'sinusoidal':
    case 'none':
      return [];
  }
}

function layerTensors(architecture: Architecture, prefix: string): PlannedTensor[] {
  const { hiddenSize: width, feedforward, qkvBias, useBias } = architecture;
  const tensors = [
    ...norm(`${prefix}.norm1`, width),
    ...norm(`${prefix}.norm2`, width),
    ...linear(`${prefix}.attn.self_attention.query_key_value`, 3 * width, width, qkvBias),
    ...linear(`${prefix}.attn.dense`, width, width, useBias),
  ];
  if (feedforward.kind === 'fff') {
    // FFF layers have an input bias and no output bias whatever `use_bias` says.
    const nodes = feedforward.trees * (2 ** (feedforward.depth + 1) - 1);
    tensors.push(...linear(`${prefix}.ffn.linear_in`, nodes, width, true));
    tensors.push(...linear(`${prefix}.ffn.linear_out`, width, nodes, false));
  } else {
    const inner = feedforward.gated ? feedforward.width / 2 : feedforward.width;
    tensors.push(...linear(`${prefix}.ffn.dense_in`, feedforward.width, width, useBias));
    tensors.push(...linear(`${prefix}.ffn.dense_out`, width, inner, useBias));
  }
  return tensors;
}

function linear(name: string, out: number, into: number, bias: boolean): PlannedTensor[] {
  const weight = { name: `${name}.weight`, shape: [out, into] };
  return bias ? [weight, { name: `${name}.bias`, shape: [out] }] : [weight];
}

function norm(name: string, width: number): PlannedTensor[] {
  return [
    { name: `${name}.weight`, shape: [width] },
    { name: `${name}.bias`, shape: [width] },
  ];
}
