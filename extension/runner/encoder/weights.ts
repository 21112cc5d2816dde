/** Which tensors of a checkpoint belong to which graph: the only place that knows their names (model-spec section 1). */
import { nodeCount } from '../../tree';
import type { Checkpoint, FffWeights, FloatTensor } from '../contracts';
import { groupedByRole } from './attentionGraph';
import type { AttentionWeights } from './attentionGraph';
import type { DenseLayer } from './denseGraph';
import { sinusoidTable } from './embeddingGraph';
import type { DecoderWeights } from './headGraph';
import type { LinearWeights, NormWeights } from './operators';

/** Weight and bias of a layer norm. */
async function readNorm(checkpoint: Checkpoint, name: string): Promise<NormWeights> {
  const { hiddenSize } = checkpoint.architecture;
  return {
    weight: await checkpoint.read(`${name}.weight`, [hiddenSize]),
    bias: await checkpoint.read(`${name}.bias`, [hiddenSize]),
  };
}

async function readLinear(
  checkpoint: Checkpoint,
  name: string,
  outputs: number,
  inputs: number,
  biased: boolean,
): Promise<LinearWeights> {
  return {
    weight: await checkpoint.read(`${name}.weight`, [outputs, inputs]),
    bias: biased ? await checkpoint.read(`${name}.bias`, [outputs]) : null,
  };
}

/** Position table [max positions, H] as it is added, or null for a model without positions. */
export async function readPositions(checkpoint: Checkpoint): Promise<FloatTensor | null> {
  const { positions, maxSequenceLength: length, hiddenSize } = checkpoint.architecture;
  const prefix = 'encoder.embedding.pos_embedding';
  switch (positions) {
    case 'none':
      return null;
    case 'learned':
      return checkpoint.read(`${prefix}.embedding.weight`, [length, hiddenSize]);
    case 'sinusoidal':
    case 'scaled-sinusoidal': {
      const scale = positions === 'sinusoidal' ? 1 : (await checkpoint.read(`${prefix}.scale_factor`, [1])).data[0]!;
      return {
        name: `${prefix}.table`,
        shape: [length, hiddenSize],
        data: sinusoidTable(length, hiddenSize, scale),
      };
    }
  }
}

export async function readEmbeddingNorm(checkpoint: Checkpoint): Promise<NormWeights | null> {
  return checkpoint.architecture.embeddingNorm ? readNorm(checkpoint, 'encoder.embedding.norm') : null;
}

export async function readAttention(checkpoint: Checkpoint, layer: number): Promise<AttentionWeights> {
  const { hiddenSize, heads, qkvBias, useBias } = checkpoint.architecture;
  const prefix = `encoder.layers.${layer}`;
  const mixed = await readLinear(
    checkpoint,
    `${prefix}.attn.self_attention.query_key_value`,
    3 * hiddenSize,
    hiddenSize,
    qkvBias,
  );
  const factor = `${prefix}.attn.self_attention.norm_factor`;
  return {
    norm1: await readNorm(checkpoint, `${prefix}.norm1`),
    queryKeyValue: {
      weight: groupedByRole(mixed.weight, heads),
      bias: mixed.bias === null ? null : groupedByRole(mixed.bias, heads),
    },
    // The buffer is part of official files; a file without it gets the value PyTorch would have stored.
    scale: checkpoint.has(factor) ? (await checkpoint.read(factor, [])).data[0]! : Math.sqrt(heads / hiddenSize),
    dense: await readLinear(checkpoint, `${prefix}.attn.dense`, hiddenSize, hiddenSize, useBias),
    norm2: await readNorm(checkpoint, `${prefix}.norm2`),
  };
}

export async function readFff(checkpoint: Checkpoint, layer: number): Promise<FffWeights> {
  const { hiddenSize: width, feedforward } = checkpoint.architecture;
  if (feedforward.kind !== 'fff') {
    throw new TypeError(`Layer ${layer} is dense.`);
  }
  const { depth, trees } = feedforward;
  const neurons = trees * nodeCount(depth);
  const prefix = `encoder.layers.${layer}.ffn`;
  return {
    width,
    depth,
    trees,
    inputWeights: (await checkpoint.read(`${prefix}.linear_in.weight`, [neurons, width])).data,
    inputBias: (await checkpoint.read(`${prefix}.linear_in.bias`, [neurons])).data,
    outputWeights: (await checkpoint.read(`${prefix}.linear_out.weight`, [width, neurons])).data,
  };
}

/** A dense layer of a dense checkpoint. */
export async function readDense(checkpoint: Checkpoint, layer: number): Promise<DenseLayer> {
  const { hiddenSize, useBias, feedforward } = checkpoint.architecture;
  if (feedforward.kind !== 'dense') {
    throw new TypeError(`Layer ${layer} is an FFF layer.`);
  }
  const { width, gated, activation } = feedforward;
  const prefix = `encoder.layers.${layer}.ffn`;
  return {
    hiddenSize,
    width,
    activation,
    gated,
    inspectable: true,
    first: await readLinear(checkpoint, `${prefix}.dense_in`, width, hiddenSize, useBias),
    second: await readLinear(checkpoint, `${prefix}.dense_out`, hiddenSize, gated ? width / 2 : width, useBias),
  };
}

/** The dense twin of an FFF layer: the same neurons and weights, all of them evaluated. */
export async function readTwin(checkpoint: Checkpoint, layer: number): Promise<DenseLayer> {
  const { activation } = checkpoint.architecture.feedforward;
  const { width: hiddenSize, inputWeights, inputBias, outputWeights } = await readFff(checkpoint, layer);
  const neurons = inputBias.length;
  return {
    hiddenSize,
    width: neurons,
    activation,
    gated: false,
    inspectable: false,
    first: {
      weight: { name: 'neurons_in', shape: [neurons, hiddenSize], data: inputWeights },
      bias: { name: 'neurons_bias', shape: [neurons], data: inputBias },
    },
    second: { weight: { name: 'neurons_out', shape: [hiddenSize, neurons], data: outputWeights }, bias: null },
  };
}

export async function readFinalNorm(checkpoint: Checkpoint): Promise<NormWeights | null> {
  return checkpoint.architecture.finalNorm ? readNorm(checkpoint, 'encoder.final_norm') : null;
}

export async function readDecoder(checkpoint: Checkpoint, words: FloatTensor): Promise<DecoderWeights> {
  const { hiddenSize, vocabularySize, headTransform, useBias, decoderBias, feedforward } = checkpoint.architecture;
  return {
    transform: headTransform
      ? {
          dense: await readLinear(checkpoint, 'prediction_head.dense', hiddenSize, hiddenSize, useBias),
          // The official head uses the same nonlinearity as the layers, but never gated.
          activation: feedforward.activation,
          norm: await readNorm(checkpoint, 'prediction_head.norm'),
        }
      : null,
    words,
    bias: decoderBias ? await checkpoint.read('decoder.bias', [vocabularySize]) : null,
  };
}
