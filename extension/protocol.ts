/**
 * Every message of the product, both hops: extension host <-> runner, and extension host <-> webview.
 *
 * Each remote side is written once, as an interface of async methods plus a map of events; `rpc.ts` derives the wire
 * from them. This file imports nothing that exists at run time (no vscode, node or DOM), so that all four bundles share
 * it without knowing each other. It holds declarations and no logic.
 */
import type { ErrorCode, WireError } from './errors';

export type { ErrorCode, WireError };

/** Raised whenever a message changes shape; runner and host refuse to talk across versions. */
export const PROTOCOL_VERSION = 1;

// ---------------------------------------------------------------------------------------------------------------------
// What a model is
// ---------------------------------------------------------------------------------------------------------------------

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

// ---------------------------------------------------------------------------------------------------------------------
// What a run yields
// ---------------------------------------------------------------------------------------------------------------------

export interface TraceToken {
  id: number;
  /** The vocabulary entry, for instance `##ing` or `<sep>`. */
  text: string;
  /** UTF-16 offsets into the traced text; both 0 for special tokens the tokenizer added, and for runs from ids. */
  start: number;
  end: number;
}

export interface TraceWindow {
  /** Index of the window's first token within `Trace.tokens`. */
  firstToken: number;
  tokenCount: number;
}

/** Routing of one FFF layer for every token of the trace, in compact form. */
export interface LayerRouting {
  /** `[tokens][trees]` leaf ordinal, 0 .. 2^depth - 1; `tree.ts` turns it into the whole path. */
  leaves: Uint16Array | Uint32Array;
  /** `[tokens][trees][depth + 1]` logits at the visited nodes; the activation is `gelu(logit)`. */
  logits: Float32Array;
}

export interface Prediction {
  id: number;
  text: string;
  /** Softmax over the whole vocabulary, 0..1. */
  probability: number;
}

export interface MaskPrediction {
  /** Index of the token within `Trace.tokens`. */
  index: number;
  top: Prediction[];
}

/** Wall time of the parts of one run, in milliseconds, as measured while it ran. */
export interface TracePhases {
  tokenizeMs: number;
  embeddingMs: number;
  /** Attention, norms and residuals of all layers. */
  attentionMs: number;
  /** FFF (or dense FF) of all layers. */
  feedforwardMs: number;
  headMs: number;
  /** From receiving the request to having the trace. */
  totalMs: number;
}

export interface Trace {
  runId: number;
  model: ModelInfo;
  /** The text that was traced; empty for runs from ids. */
  text: string;
  tokens: TraceToken[];
  windows: TraceWindow[];
  /** Windows of the text beyond the limit of one run, which were not traced. */
  omittedWindows: number;
  /** One entry a layer; `null` for a dense layer, which has no routing. */
  layers: (LayerRouting | null)[];
  /** Microseconds each layer's feedforward took in this run, all tokens together. */
  feedforwardMicroseconds: number[];
  predictions: MaskPrediction[];
  phases: TracePhases;
  /** Kernel implementation that ran, for instance `avx512`. */
  kernelImplementation: string;
}

/** Distribution of repeated measurements of one thing, in microseconds. */
export interface Spread {
  median: number;
  p5: number;
  p95: number;
  samples: number;
}

/** FFF against its dense twin (same weights, every neuron computed) for one layer on the trace's own hidden states. */
export interface LayerTiming {
  layer: number;
  tokens: number;
  fffMicroseconds: Spread;
  denseMicroseconds: Spread;
  /** Ratio of the medians, dense / FFF, with a bootstrap 95 % interval. */
  ratio: { median: number; low: number; high: number };
  threads: number;
  /** Largest absolute difference between this layer's FFF output and the twin masked to the visited nodes. */
  verifiedMaxDifference: number;
}

// ---------------------------------------------------------------------------------------------------------------------
// Hop 1: extension host <-> runner
// ---------------------------------------------------------------------------------------------------------------------

export interface RunnerHello {
  protocolVersion: number;
  pid: number;
  nodeVersion: string;
  onnxruntimeVersion: string;
  kernelImplementation: string;
  /** Names of all implementations this CPU can run. */
  supportedImplementations: string[];
}

export type TraceInput = { text: string } | { ids: number[] };

export interface TraceRequest {
  runId: number;
  model: string;
  input: TraceInput;
  /** How many words to return at each masked position; 0 skips the head. */
  topPredictions: number;
  /** Also predict at these token indices, masked or not. */
  predictAt?: number[];
}

export interface MeasureRequest {
  /** The trace whose hidden states are used; it must be the runner's last one. */
  runId: number;
  /** Stop refining a layer after this much time. */
  budgetMsPerLayer: number;
}

export interface RunnerOptions {
  /** Threads of onnxruntime and the kernel; 0 lets the runner choose. */
  threads: number;
}

/** Methods the runner offers. Every one can be cancelled through the request's signal. */
export interface RunnerApi {
  hello(options: RunnerOptions): Promise<RunnerHello>;
  /** Loads a checkpoint folder (or returns the one already loaded) and describes it. */
  loadModel(directory: string): Promise<ModelInfo>;
  trace(request: TraceRequest): Promise<Trace>;
  /** Times FFF against the dense twin layer by layer; progress arrives as `timing` events, refining. */
  measure(request: MeasureRequest): Promise<LayerTiming[]>;
}

export interface RunnerEvents {
  progress: { runId: number; done: number; total: number; what: string };
  timing: { runId: number; timing: LayerTiming };
  log: { level: 'debug' | 'info' | 'warn' | 'error'; message: string };
}

/** State of the runner as the host sees it. */
export type RunnerState =
  | { kind: 'stopped' }
  | { kind: 'starting' }
  | { kind: 'ready'; hello: RunnerHello }
  | { kind: 'crashed'; error: WireError; willRestart: boolean };

// ---------------------------------------------------------------------------------------------------------------------
// Hop 2: extension host <-> webview
// ---------------------------------------------------------------------------------------------------------------------

/** What all views look at together. Changing it in one view changes it in every other. */
export interface Focus {
  token: number;
  layer: number;
  tree: number;
  /** A node pinned by the user, or null. */
  node: number | null;
}

export type RunStatus =
  | { kind: 'idle' }
  | { kind: 'running'; runId: number; label: string; done: number; total: number; what: string }
  | { kind: 'failed'; error: WireError };

/** Where the traced text came from. */
export interface TraceSource {
  /** For display: `file.ts:12` or `untitled`. */
  label: string;
  /** URI and UTF-16 offset of the selection's start, so that a token can be revealed in the editor. */
  uri: string | null;
  offset: number;
}

/** Everything a view needs to draw itself from nothing. `trace` travels here and in `traced` only. */
export interface ViewState {
  trace: Trace | null;
  source: TraceSource | null;
  status: RunStatus;
  runner: RunnerState;
  focus: Focus;
  timings: LayerTiming[];
}

/** Methods a webview may call on the host. */
export interface ViewApi {
  /** First call of every view: the host answers with the whole state and starts sending events. */
  ready(): Promise<ViewState>;
  setFocus(focus: Focus): Promise<void>;
  cancel(): Promise<void>;
  /** Runs *Inspect Selection* on the active editor. */
  inspectSelection(): Promise<void>;
  /** Selects a token's characters in the editor it came from. */
  revealToken(token: number): Promise<void>;
  showLog(): Promise<void>;
  restartRunner(): Promise<void>;
  openTracePanel(): Promise<void>;
  /** The view painted the trace of this run; closes the selection-to-picture measurement. */
  painted(runId: number): Promise<void>;
}

/** Events the host sends to visible views. */
export interface ViewEvents {
  traced: { trace: Trace; source: TraceSource; focus: Focus };
  status: RunStatus;
  runner: RunnerState;
  focus: Focus;
  timing: LayerTiming;
}
