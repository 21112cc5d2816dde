/**
 * The seams inside the runner: what a checkpoint reader, the kernel and the encoder promise each other.
 *
 * Types only. `checkpoint/` produces a `Checkpoint`; `kernel.ts` turns FFF weights into an `FffLayer`; `encoder/` runs
 * the model over both and yields `EncoderOutput`. Nothing here knows vscode, the protocol or the terminal.
 */

/** Architecture switches after validation (model-spec section 1): what the file says, in our words. */
export interface Architecture {
  layers: number;
  hiddenSize: number;
  heads: number;
  vocabularySize: number;
  maxSequenceLength: number;
  positions: 'scaled-sinusoidal' | 'sinusoidal' | 'learned' | 'none';
  normEpsilon: number;
  /** Whether an embedding LayerNorm exists. */
  embeddingNorm: boolean;
  finalNorm: boolean;
  qkvBias: boolean;
  /** Bias of `attn.dense` and of dense FF linears (`use_bias`). */
  useBias: boolean;
  decoderBias: boolean;
  /** With a head transform: dense, nonlinearity, norm before the decoder (`skip_head_transform: false`). */
  headTransform: boolean;
  feedforward:
    | { kind: 'fff'; depth: number; trees: number; activation: Activation }
    | { kind: 'dense'; width: number; activation: Activation; gated: boolean };
}

/** torch.nn names accepted in `nonlin`, without the `glu` suffix. */
export type Activation = 'GELU' | 'ReLU' | 'SiLU' | 'Tanh' | 'Mish';

export type FloatDtype = 'F32' | 'F16' | 'BF16';

/** A tensor as float32 whatever it was stored as. */
export interface FloatTensor {
  name: string;
  shape: number[];
  data: Float32Array;
}

/** An opened checkpoint folder. Names are the spec's, without `module.`. Tensors are read when asked for. */
export interface Checkpoint {
  directory: string;
  weightsFile: string;
  weightsBytes: number;
  /** SHA-256 of the weights file, hex; the file is streamed when first asked. Rejects where it is closed meanwhile. */
  weightsHash(): Promise<string>;
  storedDtype: FloatDtype;
  architecture: Architecture;
  /** Distinct parameters, tied tensors once. */
  parameters: number;
  /** Path of `tokenizer.json` when there is one. */
  tokenizerFile: string | null;
  has(name: string): boolean;
  /** Stored shape of a tensor. */
  shapeOf(name: string): number[];
  /**
   * Reads a tensor as float32 and checks its shape and that every value is finite.
   * @throws FffError CHECKPOINT_INVALID naming file, tensor and cause.
   */
  read(name: string, shape: readonly number[]): Promise<FloatTensor>;
  /** Word embedding [vocabulary, hidden], from whichever of the tied tensors is stored. */
  readWordEmbedding(): Promise<FloatTensor>;
  close(): Promise<void>;
}

/** Weights of one FFF layer in checkpoint layout (model-spec section 2, step 4). n = 2^(depth+1) - 1. */
export interface FffWeights {
  width: number;
  depth: number;
  trees: number;
  /** [trees * n, width], row k*n + j is node j of tree k. */
  inputWeights: Float32Array;
  /** [trees * n]. */
  inputBias: Float32Array;
  /** [width, trees * n], as stored: column k*n + j belongs to node j of tree k. */
  outputWeights: Float32Array;
}

/** What one FFF forward pass recorded. levels = depth + 1. */
export interface FffRecord {
  /** [tokens, width]. */
  output: Float32Array;
  /** [tokens, trees, levels] node index within its tree. */
  nodes: Int32Array;
  /** [tokens, trees, levels]. */
  logits: Float32Array;
  /** [tokens, trees, levels]. */
  activations: Float32Array;
}

/** One FFF layer, its weights packed for the kernel. */
export interface FffLayer {
  readonly width: number;
  readonly depth: number;
  readonly trees: number;
  readonly bytes: number;
  /** Name of the implementation that runs it. */
  readonly implementation: string;
  /**
   * @param input [tokens, width] float32; any byteOffset.
   * @throws FffError KERNEL_REFUSED on a wrong shape.
   */
  forward(input: Float32Array, tokens: number): FffRecord;
  /** The same without recording, for timing: writes [tokens, width] into `output`. */
  forwardInto(input: Float32Array, tokens: number, output: Float32Array): void;
  /** Frees the packed weights now instead of at the next garbage collection. */
  dispose(): void;
}

/** How a layer is stored and run; results never depend on `threads`. */
export interface FffLayerOptions {
  /**
   * Storage of the weights; sums are float32 always. `exact-low` stores 16 bits and takes every decision that its derived
   * error bound leaves open again in fp32: its paths equal those of `fp32`. Default `fp32`.
   */
  precision?: FffPrecision;
  /** Most threads one call may use; small calls use one. Default 1. */
  threads?: number;
  /** Name of the implementation to use instead of the kernel's own choice. */
  implementation?: string;
}

export type FffPrecision = 'fp32' | 'bf16' | 'fp16' | 'exact-low';

/** An implementation compiled into the addon. */
export interface KernelImplementation {
  name: string;
  /** What it needs. */
  description: string;
  /** Whether this CPU has it. */
  supported: boolean;
  /** Its bf16 layers round tokens and activations to bf16 as well; its exact-low layers store output weights in bf16. */
  multipliesBf16: boolean;
}

/** The loaded addon. */
export interface Kernel {
  /** Implementation of fp32 layers unless they ask for another one, for instance `avx512`. */
  readonly implementation: string;
  readonly implementations: readonly KernelImplementation[];
  /** @throws FffError KERNEL_REFUSED on misshapen weights, OUT_OF_MEMORY. */
  createLayer(weights: FffWeights, options?: FffLayerOptions): FffLayer;
}

/** A padded batch. */
export interface EncoderBatch {
  /** [rows, positions]. */
  ids: Int32Array;
  /** [rows, positions] of 0 and 1, or null when the model is called without a mask. */
  mask: Int32Array | null;
  rows: number;
  positions: number;
}

/** Which intermediate results to keep; names and shapes are those of test/fixtures/README.md. */
export interface EncoderOptions {
  /** Keep everything `verify` and `--dump` need (attention probabilities, every hidden state, all logits). */
  recordAll?: boolean;
  /** Flat positions (row * positions + column) whose vocabulary logits are wanted. */
  logitsAt?: number[];
  signal?: AbortSignal;
  onLayer?: (layer: number) => void;
  /** Called after each layer's feedforward, outside its measured time; may change `output` and `fff` in place. */
  onFeedforward?: (step: FeedforwardStep) => void;
  /**
   * Starts at a layer above 0 with the residual stream that left the layer before, [B*S, H], instead of at the
   * embedding. The ids are then not looked at, and the output has the layers from there on only.
   */
  resume?: { layer: number; hidden: Float32Array };
}

/** One layer's feedforward in a running pass. The arrays are reused afterwards, except those of the output record. */
export interface FeedforwardStep {
  layer: number;
  /** [B*S, H], the residual stream that the output is about to be added to. */
  attended: Float32Array;
  /** [B*S, H], what the feedforward read. */
  input: Float32Array;
  /** [B*S, H]. */
  output: Float32Array;
  /** FFF layers only. */
  fff: Omit<FffRecord, 'output'> | null;
}

/** Results of one layer. Shapes: B rows, S positions, H hidden, A heads, K trees, P = depth + 1, I dense width. */
export interface LayerOutput {
  /** FFF layers only. */
  fff: Omit<FffRecord, 'output'> | null;
  /** [B*S, H], input of the feedforward (norm2 output); always kept: the timing ladder needs it. */
  ffnInput: Float32Array;
  feedforwardMicroseconds: number;
  attentionMicroseconds: number;
  /** The rest only with `recordAll`. */
  attnProbs?: Float32Array;
  attnOut?: Float32Array;
  ffnPreact?: Float32Array;
  ffnAct?: Float32Array;
  ffnOutput?: Float32Array;
  hidden?: Float32Array;
}

export interface EncoderOutput {
  rows: number;
  positions: number;
  embedding?: Float32Array;
  layers: LayerOutput[];
  /** [B*S, H]. */
  finalNorm: Float32Array;
  /** [logitsAt.length, V] in the order asked for; with `recordAll`, [B*S, V]. */
  logits: Float32Array | null;
  embeddingMicroseconds: number;
  headMicroseconds: number;
}
