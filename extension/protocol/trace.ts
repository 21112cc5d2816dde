/** What a run yields: tokens, routing, predictions, times; the payload of the product. */
import type { Intervention } from './insight';
import type { ModelInfo } from './model';

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
  /** `[tokens]` Euclidean norm of what this layer's feedforward added to each token's hidden state. */
  outputNorms?: Float32Array;
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
  /** Characters of the traced text, white space aside, that no token covers; absent: not counted. */
  leftOutCharacters?: number;
  /** One entry a layer; `null` for a dense layer, which has no routing. */
  layers: (LayerRouting | null)[];
  /** Microseconds each layer's feedforward took in this run, all tokens together. */
  feedforwardMicroseconds: number[];
  predictions: MaskPrediction[];
  phases: TracePhases;
  /** Kernel implementation that ran, for instance `avx512`. */
  kernelImplementation: string;
  /**
   * Changes that were in place during the run; absent: none. `leaves` are those really reached and `logits` the true
   * ones, so at a flipped node the path goes against its logit, and a silenced node contributes nothing.
   */
  interventions?: Intervention[];
}

/** Distribution of repeated measurements of one thing, in microseconds. */
export interface Spread {
  median: number;
  p5: number;
  p95: number;
  samples: number;
}

/** A ratio of medians with its bootstrap 95 % interval. */
export interface RatioInterval {
  median: number;
  low: number;
  high: number;
}

/** FFF against its dense twin (same weights, every neuron computed) for one layer on the trace's own hidden states. */
export interface LayerTiming {
  layer: number;
  tokens: number;
  fffMicroseconds: Spread;
  denseMicroseconds: Spread;
  /** Dense / FFF. */
  ratio: RatioInterval;
  threads: number;
  /** Largest absolute difference between this layer's FFF output and the twin masked to the visited nodes. */
  verifiedMaxDifference: number;
}

/**
 * What the FFF layers gain together, and what that is worth to the whole forward pass. The FFF layers and their twins
 * count as in their `LayerTiming`s; the rest was timed in whole passes over the same tokens, repeated and warm.
 */
export interface PassTiming {
  /** Tokens of one pass: the first ones of the trace, as many as the layers were timed with. */
  tokens: number;
  /** Everything but the FFF layers: embedding, attention, norms, head at the predicted positions. */
  restMicroseconds: Spread;
  /** All dense twins over all FFF layers. */
  layers: RatioInterval;
  /** The pass with the dense twins in place, over the pass with the FFF layers. */
  pass: RatioInterval;
  /** The pass with the dense twins in place, over one whose FFF layers cost nothing. */
  ceiling: RatioInterval;
}
