/** What a checkpoint and its tokenizer say about the model, in the protocol's words. */
import { basename } from 'node:path';
import type { ModelInfo } from '../protocol';
import { nodeCount } from '../tree';
import type { Checkpoint } from './contracts';
import type { Tokenizer } from './tokenizer';

/** @param tokenizer Null when there is no usable one. */
export function describeModel(checkpoint: Checkpoint, tokenizer: Tokenizer | null, weightsHash: string): ModelInfo {
  const { architecture } = checkpoint;
  const { feedforward } = architecture;
  return {
    directory: checkpoint.directory,
    name: basename(checkpoint.directory),
    weightsHash,
    layers: architecture.layers,
    hiddenSize: architecture.hiddenSize,
    heads: architecture.heads,
    feedforward:
      feedforward.kind === 'fff'
        ? {
            kind: 'fff',
            depth: feedforward.depth,
            trees: feedforward.trees,
            nodesPerTree: nodeCount(feedforward.depth),
          }
        : { kind: 'dense', width: feedforward.width, activation: feedforward.activation, gated: feedforward.gated },
    vocabularySize: architecture.vocabularySize,
    windowTokens: architecture.maxSequenceLength,
    positions: architecture.positions,
    parameters: checkpoint.parameters,
    weightsBytes: checkpoint.weightsBytes,
    storedDtype: checkpoint.storedDtype,
    hasTokenizer: tokenizer !== null,
    maskToken: tokenizer?.maskToken ?? null,
  };
}
