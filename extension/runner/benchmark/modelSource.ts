/** Hidden states of a text: the text runs through the model once, and what each feedforward layer read is kept. */
import { FffError } from '../../errors';
import { openCheckpoint } from '../checkpoint/checkpoint';
import { loadEncoder } from '../encoder/encoder';
import { readFff } from '../encoder/weights';
import { loadKernel } from '../kernel';
import { loadTokenizer } from '../tokenizer';
import { cutIntoWindows } from '../windows';
import type { HiddenStateSource } from './workload';

/**
 * Padding and omitted windows have no part in it; tokens of all windows follow each other.
 *
 * @throws FffError of the checkpoint, its tokenizer or the encoder; CHECKPOINT_UNSUPPORTED for a model without FFF.
 */
export async function openModelSource(source: {
  model: string;
  text: string;
}): Promise<HiddenStateSource & { close(): Promise<void> }> {
  const checkpoint = await openCheckpoint(source.model);
  try {
    const { layers, hiddenSize: width, feedforward, vocabularySize, maxSequenceLength } = checkpoint.architecture;
    if (feedforward.kind !== 'fff') {
      throw new FffError(
        'CHECKPOINT_UNSUPPORTED',
        `${source.model} has dense layers, so there is no FFF to measure.`,
        'Choose a model with FFF layers.',
      );
    }
    if (checkpoint.tokenizerFile === null) {
      throw new FffError(
        'TOKENIZER_INVALID',
        `${source.model} has no tokenizer.json, so a text cannot be run through it.`,
        'Add the tokenizer.json of this model.',
      );
    }
    const tokenizer = await loadTokenizer(checkpoint.tokenizerFile, vocabularySize);
    const { windows } = await cutIntoWindows(
      { text: source.text },
      { windowTokens: maxSequenceLength, vocabularySize },
      () => tokenizer,
      (id) => tokenizer.idToToken(id),
    );
    const tokens = windows.reduce((sum, window) => sum + window.length, 0);
    const inputs = Array.from({ length: layers }, () => new Float32Array(tokens * width));
    const encoder = await loadEncoder(checkpoint, loadKernel(), { threads: 1 });
    try {
      let first = 0;
      for (const window of windows) {
        const ids = Int32Array.from(window, ({ id }) => id);
        const output = await encoder.forward({ ids, mask: null, rows: 1, positions: window.length });
        output.layers.forEach(({ ffnInput }, layer) => inputs[layer]!.set(ffnInput, first * width));
        first += window.length;
      }
    } finally {
      await encoder.dispose();
    }
    return {
      layers,
      width,
      depth: feedforward.depth,
      tokens,
      modelHash: await checkpoint.weightsHash(),
      inputOf: (layer) => Promise.resolve(inputs[layer]!),
      weightsOf: (layer) => readFff(checkpoint, layer),
      close: () => checkpoint.close(),
    };
  } catch (thrown) {
    await checkpoint.close();
    throw thrown;
  }
}
