/** Small random checkpoints of any architecture, the same for the same seed. */
import type { Architecture } from '../../../extension/runner/contracts';
import { nodeCount } from '../../../extension/tree';
import type { TestTensor } from './tensorFile';

/** Uniform numbers in [0, 1): mulberry32. */
export function uniformNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An architecture with everything switched off that can be, changed as a test likes. */
export function plainArchitecture(changes: Partial<Architecture> = {}): Architecture {
  return {
    layers: 2,
    hiddenSize: 24,
    heads: 3,
    vocabularySize: 50,
    maxSequenceLength: 16,
    positions: 'scaled-sinusoidal',
    normEpsilon: 1e-12,
    embeddingNorm: true,
    finalNorm: true,
    qkvBias: false,
    useBias: false,
    decoderBias: false,
    headTransform: false,
    feedforward: { kind: 'fff', depth: 3, trees: 1, activation: 'GELU' },
    ...changes,
  };
}

export function randomModel(architecture: Architecture, seed: number): Map<string, TestTensor> {
  const random = uniformNumbers(seed);
  const tensors = new Map<string, TestTensor>();
  const add = (name: string, shape: number[], spread: number, centre = 0): void => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
      return centre + spread * (2 * random() - 1);
    });
    tensors.set(name, { shape, data });
  };
  const { hiddenSize: H, vocabularySize: V, maxSequenceLength, feedforward, useBias } = architecture;
  const addLinear = (name: string, outputs: number, inputs: number, biased: boolean): void => {
    add(`${name}.weight`, [outputs, inputs], 2 / Math.sqrt(inputs));
    if (biased) {
      add(`${name}.bias`, [outputs], 0.5);
    }
  };
  const addNorm = (name: string): void => {
    add(`${name}.weight`, [H], 0.4, 1);
    add(`${name}.bias`, [H], 0.4);
  };

  add('encoder.embedding.word_embedding.weight', [V, H], 1);
  if (architecture.positions === 'scaled-sinusoidal') {
    add('encoder.embedding.pos_embedding.scale_factor', [1], 0.1, 0.5);
  } else if (architecture.positions === 'learned') {
    add('encoder.embedding.pos_embedding.embedding.weight', [maxSequenceLength, H], 1);
  }
  if (architecture.embeddingNorm) {
    addNorm('encoder.embedding.norm');
  }
  for (let layer = 0; layer < architecture.layers; layer++) {
    const prefix = `encoder.layers.${layer}`;
    addNorm(`${prefix}.norm1`);
    addNorm(`${prefix}.norm2`);
    add(`${prefix}.attn.self_attention.norm_factor`, [], 0, Math.sqrt(architecture.heads / H));
    addLinear(`${prefix}.attn.self_attention.query_key_value`, 3 * H, H, architecture.qkvBias);
    addLinear(`${prefix}.attn.dense`, H, H, useBias);
    if (feedforward.kind === 'fff') {
      const neurons = feedforward.trees * nodeCount(feedforward.depth);
      addLinear(`${prefix}.ffn.linear_in`, neurons, H, true);
      addLinear(`${prefix}.ffn.linear_out`, H, neurons, false);
    } else {
      const { width, gated } = feedforward;
      addLinear(`${prefix}.ffn.dense_in`, width, H, useBias);
      addLinear(`${prefix}.ffn.dense_out`, H, gated ? width / 2 : width, useBias);
    }
  }
  if (architecture.finalNorm) {
    addNorm('encoder.final_norm');
  }
  if (architecture.headTransform) {
    addLinear('prediction_head.dense', H, H, useBias);
    addNorm('prediction_head.norm');
  }
  if (architecture.decoderBias) {
    add('decoder.bias', [V], 1);
  }
  return tensors;
}
