/** The loaded pieces of a model: onnxruntime sessions and packed FFF layers, opened from a checkpoint one by one. */
import { FffError } from '../../errors';
import type { Checkpoint, FffLayer, Kernel } from '../contracts';
import { attentionGraph } from './attentionGraph';
import { throwIfCancelled } from './cancellation';
import { denseGraph } from './denseGraph';
import { embeddingGraph } from './embeddingGraph';
import { closingGraph, decoderGraph } from './headGraph';
import { GraphSession } from './session';
import type { SessionOptions } from './session';
import {
  readAttention,
  readDecoder,
  readDense,
  readEmbeddingNorm,
  readFff,
  readFinalNorm,
  readPositions,
} from './weights';

/** `width` is what the first linear layer yields, `activeWidth` what is left after the nonlinearity (half if gated). */
export type Feedforward =
  { kind: 'fff'; layer: FffLayer } | { kind: 'dense'; session: GraphSession; width: number; activeWidth: number };

export interface LayerParts {
  attention: GraphSession;
  feedforward: Feedforward;
}

export interface ModelParts {
  embedding: GraphSession;
  layers: LayerParts[];
  closing: GraphSession;
  decoder: GraphSession;
  /** Frees everything. */
  release(): Promise<void>;
}

/**
 * Reads the weights layer by layer, so that at no time more than one layer's exists in JavaScript, and opens all
 * sessions. What was opened before a failure is freed again.
 */
export async function openParts(
  checkpoint: Checkpoint,
  kernel: Kernel,
  options: SessionOptions & { signal?: AbortSignal },
): Promise<ModelParts> {
  const { hiddenSize, heads, normEpsilon: epsilon, layers, feedforward } = checkpoint.architecture;
  if (feedforward.kind === 'fff' && feedforward.activation !== 'GELU') {
    throw new FffError(
      'CHECKPOINT_UNSUPPORTED',
      `The FFF layers of ${checkpoint.directory} use ${feedforward.activation}; the kernel computes GELU only.`,
    );
  }
  const undo: (() => void | Promise<void>)[] = [];
  const release = async (): Promise<void> => {
    for (const free of undo.splice(0).reverse()) {
      await free();
    }
  };
  const open = async (model: Uint8Array, what: string): Promise<GraphSession> => {
    throwIfCancelled(options.signal);
    const session = await GraphSession.open(model, what, options);
    undo.push(() => session.release());
    return session;
  };
  const openFeedforward = async (index: number): Promise<Feedforward> => {
    if (feedforward.kind === 'dense') {
      const model = denseGraph(await readDense(checkpoint, index));
      const { width, gated } = feedforward;
      const session = await open(model, `feedforward of layer ${index}`);
      return { kind: 'dense', session, width, activeWidth: gated ? width / 2 : width };
    }
    const layer = kernel.createLayer(await readFff(checkpoint, index), { threads: options.threads });
    undo.push(() => layer.dispose());
    return { kind: 'fff', layer };
  };

  try {
    const opened: LayerParts[] = [];
    for (let index = 0; index < layers; index++) {
      const weights = await readAttention(checkpoint, index);
      const model = attentionGraph(weights, { hiddenSize, heads, epsilon, first: index === 0 });
      opened.push({
        attention: await open(model, `attention of layer ${index}`),
        feedforward: await openFeedforward(index),
      });
    }
    const words = await checkpoint.readWordEmbedding();
    const embedding = embeddingGraph(
      { words, positions: await readPositions(checkpoint), norm: await readEmbeddingNorm(checkpoint) },
      hiddenSize,
      epsilon,
    );
    return {
      layers: opened,
      embedding: await open(embedding, 'embedding'),
      closing: await open(closingGraph(await readFinalNorm(checkpoint), hiddenSize, epsilon), 'final norm'),
      decoder: await open(decoderGraph(await readDecoder(checkpoint, words), hiddenSize, epsilon), 'decoder'),
      release,
    };
  } catch (thrown) {
    await release();
    throw thrown;
  }
}
