/** What the benchmark's session works with; the real ones are built in `wiring.ts`, tests hand in others. */
import type { Disposable } from '../disposable';
import type { Log } from '../log';
import type {
  BenchmarkCatalogue,
  BenchmarkPlan,
  BenchmarkResult,
  BenchmarkRunnerEvents,
  RunnerState,
} from '../protocol';
import type { RunningRunner } from './activeRun';
import type { History } from './history';

/** The part of the runner's client that is used. */
export interface BenchmarkRunner extends RunningRunner {
  readonly state: RunnerState;
  on<Name extends keyof BenchmarkRunnerEvents>(
    name: Name,
    listener: (payload: BenchmarkRunnerEvents[Name]) => void,
  ): Disposable;
  benchmarkCatalogue(): Promise<BenchmarkCatalogue>;
  benchmarkPreset(name: string, source: { model: string; text: string }): Promise<BenchmarkPlan>;
  checkBenchmarkPlan(json: string): Promise<BenchmarkPlan>;
  restart(): Promise<unknown>;
  stop(): void;
}

/** The runner that answers the user's inspections. */
export interface InteractiveRunner {
  readonly busy: boolean;
  on(name: 'busy', listener: (busy: boolean) => void): Disposable;
}

export interface BenchmarkSessionServices {
  runner: BenchmarkRunner;
  inspections: InteractiveRunner;
  history: History;
  /** Text and model for *This selection on this model*. @throws FffError BAD_INPUT when there is nothing to read. */
  source(): { model: string; text: string };
  /** Lets the user pick a result file; null when they changed their mind. @throws FffError BAD_INPUT. */
  pickFile(): Promise<{ file: string; result: BenchmarkResult } | null>;
  /** Name of this machine's processor, as results record it. */
  cpu: string;
  newId(): string;
  /** Milliseconds of the calendar. */
  wallMs(): number;
  log: Log;
}
