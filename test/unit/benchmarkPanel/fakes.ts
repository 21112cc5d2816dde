/** A benchmark's runner one controls, a history in memory, and results to put in. */
import { Events } from '../../../extension/disposable';
import { FffError } from '../../../extension/errors';
import type {
  BenchmarkEntry,
  BenchmarkPlan,
  BenchmarkResult,
  BenchmarkRunnerEvents,
  RunnerState,
} from '../../../extension/protocol';
import { History, type HistoryStorage } from '../../../extension/benchmark/history';
import type {
  BenchmarkRunner,
  BenchmarkSessionServices,
  InteractiveRunner,
} from '../../../extension/benchmark/contracts';
import { BenchmarkSession } from '../../../extension/benchmark/session';
import { SAMPLE_CATALOGUE, SAMPLE_CPU, samplePlan, sampleResult } from '../../webview/support/sampleBenchmark';
import { memoryLog } from '../host/fakes';

type RunRequest = Parameters<BenchmarkRunner['runBenchmark']>[0];

export class FakeBenchmarkRunner implements BenchmarkRunner {
  readonly events = new Events<BenchmarkRunnerEvents>();
  readonly runs: {
    request: RunRequest;
    signal: AbortSignal;
    resolve(result: BenchmarkResult): void;
    reject(error: unknown): void;
  }[] = [];
  readonly controls: string[] = [];
  state: RunnerState = { kind: 'stopped' };
  restarts = 0;
  stops = 0;
  /** What the catalogue's request is refused with. */
  refusal: FffError | null = null;
  readonly presets: { name: string; source: { model: string; text: string } }[] = [];

  on: BenchmarkRunner['on'] = (name, listener) => this.events.on(name, listener);

  benchmarkCatalogue(): ReturnType<BenchmarkRunner['benchmarkCatalogue']> {
    return this.refusal === null ? Promise.resolve(SAMPLE_CATALOGUE) : Promise.reject(this.refusal);
  }

  benchmarkPreset(name: string, source: { model: string; text: string }): Promise<BenchmarkPlan> {
    this.presets.push({ name, source });
    return Promise.resolve({ ...samplePlan(name), source });
  }

  checkBenchmarkPlan(json: string): Promise<BenchmarkPlan> {
    return json.includes('"engines"')
      ? Promise.resolve(JSON.parse(json) as BenchmarkPlan)
      : Promise.reject(new FffError('BAD_INPUT', 'The plan: "engines" is missing.'));
  }

  runBenchmark(request: RunRequest, signal: AbortSignal): Promise<BenchmarkResult> {
    return new Promise((resolve, reject) => {
      this.runs.push({ request, signal, resolve, reject });
      signal.addEventListener('abort', () => reject(new FffError('CANCELLED', 'The run was cancelled.')));
    });
  }

  controlBenchmark({ action, disturbed }: Parameters<BenchmarkRunner['controlBenchmark']>[0]): Promise<void> {
    this.controls.push(`${action}${disturbed ? ' disturbed' : ''}`);
    return Promise.resolve();
  }

  restart(): Promise<void> {
    this.restarts++;
    this.state = { kind: 'stopped' };
    return Promise.resolve();
  }

  stop(): void {
    this.stops++;
  }
}

export class FakeInspections implements InteractiveRunner {
  private readonly events = new Events<{ busy: boolean }>();
  busy = false;
  on: InteractiveRunner['on'] = (name, listener) => this.events.on(name, listener);

  set(busy: boolean): void {
    this.busy = busy;
    this.events.fire('busy', busy);
  }
}

/** A disk that outlives a session. */
export class MemoryStorage implements HistoryStorage {
  index: BenchmarkEntry[] = [];
  readonly files = new Map<string, string>();
  /** Every write fails while set. */
  broken = false;

  readIndex(): BenchmarkEntry[] {
    return this.index;
  }

  async writeIndex(entries: BenchmarkEntry[]): Promise<void> {
    this.index = structuredClone(entries);
    return Promise.resolve();
  }

  read(id: string): Promise<string> {
    const text = this.files.get(id);
    return text === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(text);
  }

  write(id: string, text: string): Promise<void> {
    if (this.broken) {
      return Promise.reject(new Error('ENOSPC'));
    }
    this.files.set(id, text);
    return Promise.resolve();
  }

  remove(id: string): Promise<void> {
    this.files.delete(id);
    return Promise.resolve();
  }
}

export interface Bench {
  session: BenchmarkSession;
  runner: FakeBenchmarkRunner;
  inspections: FakeInspections;
  storage: MemoryStorage;
  history: History;
  log: ReturnType<typeof memoryLog>;
}

export function bench(changes: Partial<BenchmarkSessionServices> = {}, storage = new MemoryStorage()): Bench {
  const runner = new FakeBenchmarkRunner();
  const inspections = new FakeInspections();
  const log = memoryLog();
  const history = new History(storage, log);
  let ids = storage.index.length;
  const session = new BenchmarkSession({
    runner,
    inspections,
    history,
    source: () => ({ model: '/m', text: 'some words' }),
    pickFile: () => Promise.resolve(null),
    cpu: SAMPLE_CPU,
    newId: () => `run-${++ids}`,
    wallMs: () => Date.now(),
    log,
    ...changes,
  });
  return { session, runner, inspections, storage, history, log };
}

/** What is there after some cells, the others listed as unfinished. */
export function partial(batches: number[]): BenchmarkResult {
  const result = sampleResult({ batches, ladder: false });
  const rest = [1, 16, 128, 1024].filter((batch) => !batches.includes(batch));
  result.unfinished = rest.map((batch) => ({
    cell: { width: 768, depth: 11, batch, threads: 1, distribution: 'spread', weights: 'warm', layer: null },
    reason: 'not measured yet',
  }));
  return result;
}
