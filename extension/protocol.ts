/**
 * Every message of the product, both hops: extension host <-> runner, and extension host <-> webview.
 *
 * Each remote side is written once, as an interface of async methods plus a map of events; `rpc.ts` derives the wire
 * from them. This file imports nothing that exists at run time (no vscode, node or DOM), so that all four bundles share
 * it without knowing each other. It holds declarations and no logic.
 */
import type { LayerComparison, TraceComparison } from './compare';
import type { ErrorCode, WireError } from './errors';

export type { ErrorCode, LayerComparison, TraceComparison, WireError };

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
  /** Run the model with these changes in place. */
  interventions?: Intervention[];
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
export interface RunnerApi extends InsightApi, BenchmarkRunnerApi {
  hello(options: RunnerOptions): Promise<RunnerHello>;
  /** Loads a checkpoint folder (or returns the one already loaded) and describes it. */
  loadModel(directory: string): Promise<ModelInfo>;
  trace(request: TraceRequest): Promise<Trace>;
  /** Times FFF against the dense twin layer by layer; progress arrives as `timing` events, refining. */
  measure(request: MeasureRequest): Promise<LayerTiming[]>;
}

export interface RunnerEvents extends BenchmarkRunnerEvents {
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
export interface ViewState extends InsightViewState {
  trace: Trace | null;
  source: TraceSource | null;
  status: RunStatus;
  runner: RunnerState;
  focus: Focus;
  timings: LayerTiming[];
}

/** Methods a webview may call on the host. */
export interface ViewApi extends InsightViewApi {
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
export interface ViewEvents extends InsightViewEvents {
  /** A new trace has no interventions and no comparison yet; views forget the old ones by themselves. */
  traced: { trace: Trace; source: TraceSource; focus: Focus };
  status: RunStatus;
  runner: RunnerState;
  focus: Focus;
  timing: LayerTiming;
}

// ---------------------------------------------------------------------------------------------------------------------
// Insight: looking closer at the last run, at the weights, and at many texts (hop 1)
// ---------------------------------------------------------------------------------------------------------------------

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

// ---------------------------------------------------------------------------------------------------------------------
// Views of insight (hop 2)
// ---------------------------------------------------------------------------------------------------------------------

/** Changes under trial in the shown trace, shared by all views. */
export interface WhatIfState {
  interventions: Intervention[];
  /** What they change; null without interventions. */
  result: WhatIfResult | null;
}

/** That there is a usage map, small enough for every view; the map itself is fetched by `usage`. */
export interface UsageNote {
  /** Of `UsageMap`; tells one map from another. */
  runId: number;
  documents: number;
  tokens: number;
  /** What was mapped, for display: a file's or folder's name. */
  label: string;
}

/** Another trace beside the shown one. In `comparison`, `trace` is the first and the shown trace the second. */
export interface Compared {
  trace: Trace;
  source: TraceSource | null;
  comparison: TraceComparison;
}

/** Part of every view's state. */
export interface InsightViewState {
  whatIf: WhatIfState;
  usage: UsageNote | null;
  compared: Compared | null;
}

/**
 * Part of what a webview may ask the host. All of it is about the shown trace and its model; the host fills in run,
 * model and list lengths. Every method rejects with the runner's error, or with BAD_INPUT where the shown trace is not
 * the runner's last one (for instance one opened from a file).
 */
export interface InsightViewApi {
  /** Replaces the changes under trial, runs the model with them, and tells the other views by `interventions`. */
  setInterventions(request: {
    interventions: Intervention[];
    /** Token indices whose predictions are compared. */
    positions: number[];
  }): Promise<WhatIfState>;
  /** Tries changes without adopting them. */
  whatIf(request: { interventions: Intervention[]; positions: number[] }): Promise<WhatIfResult>;
  lens(token: number): Promise<LensResult>;
  /** The model's own prediction at any token. */
  predictAt(token: number): Promise<Prediction[]>;
  layerNorms(layer: number): Promise<LayerNorms>;
  describeNode(place: { layer: number; tree: number; node: number }): Promise<NodeCard>;
  nearBoundary(request: { precision: 'fp16' | 'bf16'; noise: number }): Promise<NearBoundary>;
  /** The whole usage map made by *Map Usage*, if there is one. */
  usage(): Promise<UsageMap | null>;
  /** Runs *Map Usage*: the user picks what to map. */
  mapUsage(): Promise<void>;
  /** Runs *Compare with Previous Trace*; `false` ends the comparison. */
  compare(on: boolean): Promise<void>;
  /** Asks the user where to save a picture or a table, and saves it; false when the user changed their mind. */
  exportFile(file: {
    suggestedName: string;
    kind: 'svg' | 'png' | 'csv' | 'json';
    data: string | Uint8Array;
  }): Promise<boolean>;
  /** Saves the shown trace as a `.ffftrace` file; false when the user changed their mind. */
  exportTrace(): Promise<boolean>;
}

/** Events the host sends to visible views, beyond `ViewEvents` itself. */
export interface InsightViewEvents {
  /** Changes made in another view. */
  interventions: WhatIfState;
  usage: UsageNote | null;
  compared: Compared | null;
}

// ---------------------------------------------------------------------------------------------------------------------
// Benchmark: plans, results and their panel (both hops)
// ---------------------------------------------------------------------------------------------------------------------

/** A complete plan; `runner/benchmark/plan.schema.json` describes every part. */
export interface BenchmarkPlan {
  version: 1;
  name: string;
  engines: string[];
  widths: number[];
  depths: number[];
  batches: number[];
  threads: number[];
  distributions: BenchmarkDistribution[];
  weights: ('warm' | 'cold')[];
  source?: { model: string; text: string; layers?: number[] };
}

export type BenchmarkDistribution = 'spread' | 'skewed' | 'hidden-states' | 'repeated';

/** What one thing is measured on. */
export interface BenchmarkCell {
  width: number;
  depth: number;
  batch: number;
  /** 0: all cores. */
  threads: number;
  distribution: BenchmarkDistribution;
  weights: 'warm' | 'cold';
  /** Layer of the source's model; null for synthetic weights. */
  layer: number | null;
}

/** A ratio of medians and its 95 % interval. */
export interface RatioInterval {
  median: number;
  low: number;
  high: number;
}

export interface Percentiles {
  median: number;
  p5: number;
  p95: number;
}

/** One engine on one cell; `runner/benchmark/result.ts` explains each part. */
export interface BenchmarkRow {
  /** A file of another version or machine may name engines this one does not know. */
  engine: string;
  precision: string;
  implementation: string;
  batch: number;
  width: number;
  nodes: number;
  levels: number;
  microsecondsPerToken: Percentiles;
  ratioToBestDense: RatioInterval | null;
  ratioToBest3072: RatioInterval | null;
  distinctLeaves: number;
  bytesTouched: number;
  verified: boolean;
  threads: number;
  cellThreads: number;
  distribution: BenchmarkDistribution;
  weights: 'warm' | 'cold';
  layer: number | null;
  distinctLeavesInAll: number;
  pathFlips: { flips: number; tokens: number } | null;
  worstError: number;
  pairs: number;
  settled: boolean;
}

export interface BenchmarkSamples {
  /** Index into `rows`. */
  row: number;
  callsPerSample: number;
  rounds: number[];
  microsecondsPerToken: number[];
}

export interface BenchmarkSelfTest {
  cell: BenchmarkCell;
  engine: string;
  ratio: RatioInterval;
  passed: boolean;
}

export type BenchmarkRung = 'fff' | 'twin' | 'dense3072' | 'withoutFeedforward';

/** A whole encoder for one sequence: the layer's gain never stands alone. */
export interface BenchmarkLadder {
  tokens: number;
  layers: number;
  width: number;
  nodes: number;
  heads: number;
  threads: number;
  implementation: string;
  milliseconds: Record<BenchmarkRung, Percentiles>;
  gainOverTwin: RatioInterval;
  ceilingOverTwin: RatioInterval;
  gainOver3072: RatioInterval;
  ceilingOver3072: RatioInterval;
  feedforwardShare: Record<Exclude<BenchmarkRung, 'withoutFeedforward'>, number>;
}

export interface BenchmarkEnvironment {
  recordedAt: string;
  cpu: string;
  logicalCores: number;
  simd: string[];
  /** Bytes. */
  caches: { l1d: number | null; l2: number | null; l3: number | null };
  memoryBytes: number;
  os: string;
  architecture: string;
  loadAverage: number | null;
  nodeVersion: string;
  onnxruntimeVersion: string | null;
  kernelImplementation: string | null;
  modelHash: string | null;
  version: string | null;
  commit: string | null;
  remarks: string[];
  /** Results of a graphics card name it here. */
  gpu?: string;
}

/** What a `.fffbench` file holds. Parts this extension does not read travel along unchanged. */
export interface BenchmarkResult {
  format: 'fffbench';
  version: 1;
  plan: BenchmarkPlan;
  environment: BenchmarkEnvironment;
  rows: BenchmarkRow[];
  samples: BenchmarkSamples[];
  selfTests: BenchmarkSelfTest[];
  excluded: { engine: string; cell: BenchmarkCell; reason: string }[];
  missing: { engine: string; reason: string }[];
  ladder: BenchmarkLadder[];
  unfinished: { cell: BenchmarkCell; reason: string }[];
}

export interface BenchmarkProgress {
  /** Cells done and to do; the lengths of the whole encoder count as cells. */
  done: number;
  total: number;
  /** Part of the current cell, 0..1. */
  part: number;
  what: string;
  /** Null before the first cell is done. */
  remainingMs: number | null;
}

export interface BenchmarkPreset {
  name: string;
  title: string;
  /** What it answers, in one sentence. */
  purpose: string;
  /** Null for `selection`, which needs a text first. */
  plan: BenchmarkPlan | null;
}

/** What can be measured, in the engine's own words. */
export interface BenchmarkCatalogue {
  presets: BenchmarkPreset[];
  engines: { name: string; kind: string; weak: boolean; meaning: string }[];
}

/** Part of the runner's API. One benchmark runs at a time, in a runner that does nothing else. */
export interface BenchmarkRunnerApi {
  benchmarkCatalogue(): Promise<BenchmarkCatalogue>;
  /** A preset with the text it needs. BAD_INPUT for one that does not exist. */
  benchmarkPreset(name: string, source: { model: string; text: string }): Promise<BenchmarkPlan>;
  /** Completes a plan a person wrote. BAD_INPUT in one sentence that names the place and the cause. */
  checkBenchmarkPlan(json: string): Promise<BenchmarkPlan>;
  /**
   * Runs a plan; `resume` is an earlier result of it, whose finished cells are taken over. Ends with what was measured
   * when `controlBenchmark` ends it; cancelling the request instead loses what came after the last `benchmarkResult`.
   */
  runBenchmark(request: { id: string; plan: BenchmarkPlan; resume: BenchmarkResult | null }): Promise<BenchmarkResult>;
  /**
   * `pause` holds the run after the round being measured, `go` lets it go on, `end` ends it after the sample being
   * taken. A pause that says `disturbed` has the round thrown away: somebody else needed the machine during it.
   */
  controlBenchmark(request: { id: string; action: 'pause' | 'go' | 'end'; disturbed: boolean }): Promise<void>;
}

export interface BenchmarkRunnerEvents {
  benchmarkProgress: { id: string; progress: BenchmarkProgress };
  /** Rows of the cell being measured, so far. */
  benchmarkRows: { id: string; rows: BenchmarkRow[] };
  /** Everything measured so far, after each cell; what is left to do is listed as unfinished. */
  benchmarkResult: { id: string; result: BenchmarkResult };
}

/** How a run in the history came to its end. */
export type BenchmarkEnding =
  | { kind: 'running' }
  | { kind: 'finished' }
  | { kind: 'cancelled' }
  /** The runner died, or the window closed. */
  | { kind: 'interrupted'; reason: string }
  /** Read from a file. */
  | { kind: 'recorded'; file: string };

/** One result the panel can show. */
export interface BenchmarkEntry {
  id: string;
  name: string;
  /** ISO 8601. */
  recordedAt: string;
  /** `environment.gpu` or `.cpu`. */
  machine: string;
  /** False where it was measured on another machine than this one. */
  thisMachine: boolean;
  ending: BenchmarkEnding;
  /** Rows, and cells left unmeasured. */
  rows: number;
  unfinished: number;
}

export interface ShownBenchmark {
  entry: BenchmarkEntry;
  result: BenchmarkResult;
}

export type BenchmarkRunState =
  | { kind: 'idle' }
  | {
      kind: 'running';
      id: string;
      name: string;
      /** Null until the engine says what it does. */
      progress: BenchmarkProgress | null;
      /** Who holds it: the user, or an inspection that needs the machine; null while it measures. */
      paused: 'user' | 'inspection' | null;
      /** Cancelled, and waiting for the call being measured to return. */
      ending: boolean;
    }
  | { kind: 'failed'; error: WireError; /** Of a result that can be gone on with. */ resumable: string | null };

/** Everything the benchmark's page needs to draw itself from nothing. */
export interface BenchmarkViewState {
  /** `file`: one recorded result; `panel`: everything. */
  mode: 'panel' | 'file';
  catalogue: BenchmarkCatalogue | null;
  run: BenchmarkRunState;
  /** Rows of the cell being measured; shown with the running result only. */
  liveRows: BenchmarkRow[];
  shown: ShownBenchmark | null;
  /** What the shown result is compared with. */
  baseline: ShownBenchmark | null;
  history: BenchmarkEntry[];
  /** What happened to the run that must be known to read it, each in one sentence. */
  notices: string[];
}

export type BenchmarkChoice = { preset: string } | { json: string };

export interface BenchmarkViewApi {
  /** First call of the page: the host answers with the whole state and starts sending events. */
  ready(): Promise<BenchmarkViewState>;
  /** BAD_INPUT for a plan that cannot run, or a selection that holds no text. */
  start(choice: BenchmarkChoice): Promise<void>;
  /** What is wrong with a plan, in one sentence; null where nothing is. */
  check(json: string): Promise<string | null>;
  pause(paused: boolean): Promise<void>;
  cancel(): Promise<void>;
  /** Goes on with a result that was not measured to the end. */
  resume(id: string): Promise<void>;
  show(id: string): Promise<void>;
  /** Null: with none. */
  compare(id: string | null): Promise<void>;
  remove(id: string): Promise<void>;
  /** Opens a result file beside the others. */
  openFile(): Promise<void>;
  /** Saves the shown result; the user picks format and place. */
  exportResult(): Promise<void>;
  /** Saves a picture; the user picks format and place. */
  exportPicture(picture: { name: string; svg: string; png: Uint8Array }): Promise<void>;
  showLog(): Promise<void>;
}

export interface BenchmarkViewEvents {
  catalogue: BenchmarkCatalogue;
  run: BenchmarkRunState;
  liveRows: BenchmarkRow[];
  shown: ShownBenchmark | null;
  baseline: ShownBenchmark | null;
  history: BenchmarkEntry[];
  notices: string[];
}
