/** A checkpoint that lives in memory: an architecture and a map of tensors. */
import type { Architecture, Checkpoint, FloatTensor } from '../../../extension/runner/contracts';
import type { TestTensor } from './tensorFile';

export function memoryCheckpoint(architecture: Architecture, tensors: ReadonlyMap<string, TestTensor>): Checkpoint {
  const stored = (name: string): TestTensor => {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new Error(`The test model has no tensor ${name}.`);
    }
    return tensor;
  };
  const read = (name: string, shape: readonly number[]): Promise<FloatTensor> => {
    const tensor = stored(name);
    if (tensor.shape.join() !== shape.join()) {
      throw new Error(`Tensor ${name} of the test model is [${tensor.shape.join()}], not [${shape.join()}].`);
    }
    return Promise.resolve({ name, shape: [...shape], data: Float32Array.from(tensor.data) });
  };
  const words = 'encoder.embedding.word_embedding.weight';
  return {
    directory: 'memory',
    weightsFile: 'memory',
    weightsBytes: 0,
    weightsHash: () => Promise.resolve(''),
    storedDtype: 'F32',
    architecture,
    parameters: 0,
    tokenizerFile: null,
    has: (name) => tensors.has(name),
    shapeOf: (name) => stored(name).shape,
    read,
    readWordEmbedding: () =>
      read(tensors.has(words) ? words : 'decoder.weight', [architecture.vocabularySize, architecture.hiddenSize]),
    close: () => Promise.resolve(),
  };
}
