/** Hop 2, extension host <-> webview: the methods and events of the sidebar and the trace panel. */
import type { WireError } from '../errors';
import type { InsightViewApi, InsightViewEvents, InsightViewState } from './insightViews';
import type { RunnerState } from './runner';
import type { LayerTiming, PassTiming, Trace } from './trace';

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
  /** Null until every layer and the rest of the pass were measured. */
  passTiming: PassTiming | null;
}

/** Methods a webview may call on the host. */
export interface ViewApi extends InsightViewApi {
  /**
   * First call of every page: the host answers with the whole state and starts sending events. Null where the event
   * `state` has told this page everything already; a page that never heard it asks again.
   */
  ready(): Promise<ViewState | null>;
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
  /** Everything, told ahead to a view that becomes visible: it waits with the editor while the page loads. */
  state: ViewState;
  /** A new trace has no interventions and no comparison yet; views forget the old ones by themselves. */
  traced: { trace: Trace; source: TraceSource; focus: Focus };
  status: RunStatus;
  runner: RunnerState;
  focus: Focus;
  timing: LayerTiming;
  passTiming: PassTiming;
}
