/** Insight, hop 1: looking closer at the last run, at the weights, and at many texts. */
import type { ModelInfo } from './model';
import type { Prediction } from './trace';

/** A change to what one node does while the model runs. Listing the same change twice counts once. */
export interface Intervention {
  layer: number;
  tree: number;
  /** Heap index within the tree. Nothing happens for a token whose path does not visit it. */
  node: number;
  /** Index within `Trace.tokens`, or null for every token that visits the node. */
  token: number | null;
  /**
   * `flip`: the decision is reversed, so the path goes on in the other child (not for leaves, which decide nothing).
   * `silence`: the activation is 0, so the node contributes nothing; the path stays.
   */
  kind: 'flip' | 'silence';
}

export interface WhatIfRequest {
  /** The runner's last trace; its tokens are used. The comparison is with the unchanged model. */
  runId: number;
  interventions: Intervention[];
  /** Token indices whose predictions are compared. */
  positions: number[];
  /** Words to return at each position, before and after. */
  top: number;
}

/** Paths of one layer that the interventions changed: parallel arrays, one entry a token and tree, tokens ascending. */
export interface PathChanges {
  tokens: Uint32Array;
  trees: Uint16Array;
  /** Leaf ordinals without and with the interventions. */
  before: Uint32Array;
  after: Uint32Array;
  /** Level of the first node in which the two paths differ, 1 .. depth. */
  divergenceLevels: Uint8Array;
}

export interface PredictionChange {
  /** Index within `Trace.tokens`. */
  index: number;
  /** Kullback-Leibler divergence of the changed from the unchanged distribution, `sum p ln(p / q)`, in nats. */
  klDivergenceNats: number;
  baseline: Prediction[];
  changed: Prediction[];
}

export interface WhatIfResult {
  runId: number;
  interventions: Intervention[];
  /** For each intervention, how many tokens visited its node with all changes in place; 0: it had no effect. */
  visits: Uint32Array;
  /** In the order of the request's positions. */
  predictions: PredictionChange[];
  /** One entry a layer; null for dense layers. */
  layers: (PathChanges | null)[];
}

export interface LensRequest {
  /** The runner's last trace. */
  runId: number;
  token: number;
  top: number;
}

/** What the model would predict if it ended after a layer: its own head applied to the residual stream there. */
export interface LensLayer {
  top: Prediction[];
  /** Entropy of the distribution, in bits. */
  entropyBits: number;
  /** Kullback-Leibler divergence of this distribution from the last layer's, `sum p_last ln(p_last / p)`, in nats. */
  klToFinalNats: number;
  /** Place of the last layer's first word in this layer's ranking, from 0, and its probability. */
  finalWordRank: number;
  finalWordProbability: number;
}

export interface LensResult {
  runId: number;
  token: number;
  /** One entry a layer; the last one is the model's own prediction. */
  layers: LensLayer[];
}

export interface LayerNorms {
  layer: number;
  /** `[trees][nodes]` norm of each node's input weights: a logit divided by it is a distance from the boundary. */
  inputNorms: Float32Array;
  /** `[trees][nodes]` norm of each node's output weights: times |activation| it is the norm of the contribution. */
  outputNorms: Float32Array;
}

export interface NodeRequest {
  model: string;
  layer: number;
  tree: number;
  node: number;
  /** Entries in each list of the card. */
  top: number;
}

export interface Component {
  index: number;
  value: number;
}

export interface WordSimilarity {
  id: number;
  text: string;
  /** Cosine between the weights and the word's row of the tied embedding, -1..1. */
  cosine: number;
}

/** One weight vector of a node. */
export interface NodeDirection {
  /** `[hiddenSize]`. */
  weights: Float32Array;
  norm: number;
  /** Largest by magnitude, descending. */
  largest: Component[];
  /** Words most along the direction, descending: for input weights, those that push the decision to the right. */
  along: WordSimilarity[];
  /** Words most against it, the strongest first: for input weights, those that push the decision to the left. */
  against: WordSimilarity[];
}

export interface NodeCard {
  layer: number;
  tree: number;
  node: number;
  bias: number;
  input: NodeDirection;
  output: NodeDirection;
  /** The run whose tokens are listed; null when nothing was traced with this model. */
  runId: number | null;
  /** Tokens of that run that visit the node, ascending indices. */
  tokens: Uint32Array;
}

export interface NearBoundaryRequest {
  /** The runner's last trace. */
  runId: number;
  /** Format the FFF input weights are rounded to; biases and hidden states stay float32, as in the kernel. */
  precision: 'fp16' | 'bf16';
  /** Norm of a disturbance of each hidden state, relative to the state's own norm; default 0. */
  noise?: number;
  /** Most decisions to list; default 500. */
  limit?: number;
}

/**
 * Decisions close to their boundary, as parallel arrays, the smallest margin first. Those that rounding flips come
 * before others where the limit cuts; the counts are always over all decisions.
 */
export interface NearBoundary {
  runId: number;
  precision: 'fp16' | 'bf16';
  noise: number;
  /** Decisions examined: every node but the leaf of every path. */
  decisions: number;
  flippedByRounding: number;
  /** Decisions with a margin of at most `noise`: some disturbance of that size flips them. */
  flippableByNoise: number;
  /** Per layer, tokens with at least one path that rounding changes; 0 for dense layers. */
  rerouted: Uint32Array;
  layers: Uint16Array;
  tokens: Uint32Array;
  trees: Uint16Array;
  levels: Uint8Array;
  nodes: Uint32Array;
  logits: Float32Array;
  /** Logit of the same hidden state with rounded weights, summed in float64. */
  roundedLogits: Float32Array;
  /** |logit| / (norm of the hidden state * norm of the node's input weights): relative distance to the boundary. */
  margins: Float32Array;
  /** 1: the rounded weights decide the other way. */
  flips: Uint8Array;
}

/** A text to map. Texts of one hash are taken to be equal: the second is not traversed again. */
export interface UsageDocument {
  name: string;
  text: string;
  hash: string;
}

export interface UsageRequest {
  runId: number;
  model: string;
  documents: UsageDocument[];
  /** Most frequent tokens kept for each node; default 5. */
  topTokens?: number;
  /** Places kept for each of them; default 1. */
  contextsPerToken?: number;
}

export interface MappedDocument {
  name: string;
  hash: string;
  /** Tokens of the text, special tokens not counted. */
  tokens: number;
  /** Known from an earlier request and not traversed again. */
  fromCache: boolean;
  /** Left out because the memory kept for usage is full. */
  omitted: boolean;
}

/** How the mapped documents use one tree. Nodes are heap indices. */
export interface TreeUsage {
  /** `[nodes]` tokens that visited each node. */
  visits: Uint32Array;
  /** Entropy of the leaves, in bits; at most the depth. */
  entropyBits: number;
  /** Gini coefficient of the leaves' visits: 0 all alike, near 1 a few take all. */
  gini: number;
  leavesReached: number;
  /** Roots of the largest sub-trees that no token reached, ascending. */
  unreached: Uint32Array;
  /** `[nodes + 1]`: entries of node j are `tokenOffsets[j] .. tokenOffsets[j + 1]`, most frequent first. */
  tokenOffsets: Uint32Array;
  /** `[entries]` index into `UsageMap.words`. */
  tokenWords: Uint32Array;
  /** `[entries]` exact number of visits of that token to that node. */
  tokenCounts: Uint32Array;
  /**
   * `[entries][contextsPerToken][3]`: document index, start and end of the token in it (UTF-16 offsets), first
   * occurrences; the document index is 0xffffffff where there are fewer.
   */
  contexts: Uint32Array;
}

export interface UsageMap {
  runId: number;
  model: ModelInfo;
  documents: MappedDocument[];
  /** Tokens of all documents that were not omitted. */
  tokens: number;
  contextsPerToken: number;
  /** Vocabulary entries that occur in some node's list. */
  words: { id: number; text: string }[];
  /** `[layers][trees]`. */
  layers: TreeUsage[][];
}

/**
 * Part of the runner's API. These never cancel a trace or a measurement, and are not cancelled by one, only by a change
 * of the model. BAD_INPUT names what does not exist or which run is not the last one.
 */
export interface InsightApi {
  whatIf(request: WhatIfRequest): Promise<WhatIfResult>;
  lens(request: LensRequest): Promise<LensResult>;
  layerNorms(request: { model: string; layer: number }): Promise<LayerNorms>;
  describeNode(request: NodeRequest): Promise<NodeCard>;
  nearBoundary(request: NearBoundaryRequest): Promise<NearBoundary>;
  /** Progress arrives as `progress` events of its `runId`, in characters; traces go first. */
  mapUsage(request: UsageRequest): Promise<UsageMap>;
}
