/** Insight, hop 2: what the trace views ask and are told beyond the trace itself. */
import type { TraceComparison } from '../compare';
import type { LayerAgreement, Occurrence } from '../contexts';
import type { Intervention, LayerNorms, LensResult, NearBoundary, NodeCard, UsageMap, WhatIfResult } from './insight';
import type { Prediction, Trace } from './trace';
import type { TraceSource } from './views';

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

/** One word in several sentences. It is about these sentences; the shown trace may be another one. */
export interface ContextTest {
  /** Run of the last sentence; tells one test from another. */
  runId: number;
  word: string;
  model: string;
  /** Decisions of a path: a level beyond it means that two paths never part. */
  depth: number;
  sentences: { text: string; source: TraceSource | null }[];
  /** `trace` is an index within `sentences`. */
  occurrences: Occurrence[];
  /** Sentences with the word beyond those that were traced, and occurrences beyond those that are compared. */
  omittedSentences: number;
  omittedOccurrences: number;
  /** One entry a layer; null for dense layers. */
  layers: (LayerAgreement | null)[];
}

/** Where one of a node's most frequent tokens occurs in the mapped texts. */
export interface UsageContext {
  /** Which of the node's tokens, counted from its first entry in `UsageMap`. */
  entry: number;
  /** The text's name in `UsageMap.documents`. */
  document: string;
  /** What is written there, white space folded; null where the text changed since it was mapped. */
  excerpt: { before: string; text: string; after: string; line: number } | null;
}

/** What there are written reports of. */
export type ReportKind = 'usage' | 'comparison';

/** Part of every view's state. */
export interface InsightViewState {
  whatIf: WhatIfState;
  usage: UsageNote | null;
  compared: Compared | null;
  contexts: ContextTest | null;
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
  /** Where the most frequent tokens of a node occur in the mapped texts; empty without a map. */
  usageContexts(place: { layer: number; tree: number; node: number }): Promise<UsageContext[]>;
  /** Runs *Map Usage*: the user picks what to map. */
  mapUsage(): Promise<void>;
  /** Opens the written report of the usage map or of the comparison. */
  openReport(kind: ReportKind): Promise<void>;
  /** Runs *Compare with Previous Trace*; `false` ends the comparison. */
  compare(on: boolean): Promise<void>;
  /** Runs *Same Word in Several Sentences*; `false` ends the test. */
  compareContexts(on: boolean): Promise<void>;
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
  contexts: ContextTest | null;
}
