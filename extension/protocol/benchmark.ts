/** Benchmark, both hops: plans, results and their panel. */
import type { WireError } from '../errors';
import type { RatioInterval } from './trace';

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
  /** Lengths of the sequences the whole encoder is measured on; empty: it is not. */
  ladder?: { tokens: number[] };
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
  /** Passes the pairs are from, each with engines set up anew; absent in files of versions that had one. */
  passes?: number;
  settled: boolean;
}

export interface BenchmarkSamples {
  /** Index into `rows`. */
  row: number;
  callsPerSample: number;
  rounds: number[];
  /** Passes the samples are from, counted from 0; absent in files of versions that had one. */
  passes?: number[];
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
  /** Passes that came to their end, of so many; absent in files of versions that had one. */
  passes?: BenchmarkPassCount;
}

export interface BenchmarkPassCount {
  complete: number;
  of: number;
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
  /** Null where another program than ours measured, for instance training/fff_training/benchmark. */
  nodeVersion: string | null;
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
  /** `passes` where the cell can be gone on with after its complete ones. */
  unfinished: { cell: BenchmarkCell; reason: string; passes?: BenchmarkPassCount }[];
}

export interface BenchmarkProgress {
  /** Passes over cells, done and to do; the lengths of the whole encoder count as cells. */
  done: number;
  total: number;
  /** Part of the current pass over a cell, 0..1. */
  part: number;
  what: string;
  /** Null before the first is done. */
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
   * Runs a plan; `resume` is an earlier result of it, whose finished cells are taken over and whose others are gone on
   * with after their last complete pass. Ends with what was measured
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
  /** Everything measured so far, after each pass over a cell; what is left to do is listed as unfinished. */
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
  /** Rows, and cells and lengths of the whole encoder that were not measured in full. */
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
