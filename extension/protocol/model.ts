/** What a model is: the description of a checkpoint that every view and the terminal show. */

/** The feedforward part of a checkpoint. */
export type FeedforwardInfo =
  | {
      kind: 'fff';
      /** Depth of each tree; a token visits `depth + 1` nodes of each. */
      depth: number;
      /** Number of parallel trees whose outputs are summed. */
      trees: number;
      /** `2^(depth+1) - 1`. */
      nodesPerTree: number;
    }
  | { kind: 'dense'; width: number; activation: string; gated: boolean };

export interface ModelInfo {
  /** Folder of the checkpoint, as resolved by the runner. */
  directory: string;
  /** Last part of the folder's name, for display. */
  name: string;
  /** SHA-256 of the weights file, hex. */
  weightsHash: string;
  layers: number;
  hiddenSize: number;
  heads: number;
  feedforward: FeedforwardInfo;
  vocabularySize: number;
  /** Tokens in one window, special tokens included. */
  windowTokens: number;
  positions: 'scaled-sinusoidal' | 'sinusoidal' | 'learned' | 'none';
  /** Distinct parameters: tied tensors count once. */
  parameters: number;
  /** Bytes of the weights file. */
  weightsBytes: number;
  /** How most of the file's floats are stored; they are always computed in float32. */
  storedDtype: 'F32' | 'F16' | 'BF16';
  /** Whether the folder has a usable `tokenizer.json`. */
  hasTokenizer: boolean;
  /** The tokenizer's mask token, if it has one (`<mask>` or `[MASK]`). */
  maskToken: string | null;
}
