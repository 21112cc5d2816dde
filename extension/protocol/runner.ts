/** Hop 1, extension host <-> runner: the methods and events of the child process. */
import type { WireError } from '../errors';
import type { BenchmarkRunnerApi, BenchmarkRunnerEvents } from './benchmark';
import type { InsightApi, Intervention } from './insight';
import type { ModelInfo } from './model';
import type { LayerTiming, PassTiming, Trace } from './trace';

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
  /**
   * Times FFF against the dense twin layer by layer; progress arrives as `timing` events, refining, and what it is worth
   * to the whole pass as one `passTiming` before the answer.
   */
  measure(request: MeasureRequest): Promise<LayerTiming[]>;
}

export interface RunnerEvents extends BenchmarkRunnerEvents {
  progress: { runId: number; done: number; total: number; what: string };
  timing: { runId: number; timing: LayerTiming };
  passTiming: { runId: number; passTiming: PassTiming };
  log: { level: 'debug' | 'info' | 'warn' | 'error'; message: string };
}

/** State of the runner as the host sees it. */
export type RunnerState =
  | { kind: 'stopped' }
  | { kind: 'starting' }
  | { kind: 'ready'; hello: RunnerHello }
  | { kind: 'crashed'; error: WireError; willRestart: boolean };
