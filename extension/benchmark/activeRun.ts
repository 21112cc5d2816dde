/**
 * One benchmark under way: who holds it, whether it is being ended, and whether the machine slept. Talks to the runner;
 * what its result means is the session's business.
 */
import { describeThrown, type Log } from '../log';
import type {
  BenchmarkPlan,
  BenchmarkProgress,
  BenchmarkResult,
  BenchmarkRunnerApi,
  BenchmarkRunState,
} from '../protocol';

type Requests = BenchmarkRunnerApi;

/** The part of the runner's client a run uses. */
export interface RunningRunner {
  runBenchmark(request: Parameters<Requests['runBenchmark']>[0], signal: AbortSignal): Promise<BenchmarkResult>;
  controlBenchmark(request: Parameters<Requests['controlBenchmark']>[0]): Promise<void>;
}

export interface ActiveRunServices {
  runner: RunningRunner;
  /** Milliseconds of the calendar. */
  wallMs(): number;
  log: Log;
  /** The state is another now. */
  changed(): void;
  /** Something happened that must be known to read the result, in one sentence. */
  notice(sentence: string): void;
}

/** An inspection is traced, then painted, then measured: the gaps in between are no reason to go on. */
const QUIET_MS = 1500;
/** A call that takes longer is not waited for: the request is given up, and what was measured is kept. */
export const END_TIMEOUT_MS = 30_000;
const HEARTBEAT_MS = 5000;
/** A heartbeat this late means that the machine slept. */
const SLEPT_MS = 30_000;

export class ActiveRun {
  progress: BenchmarkProgress | null = null;
  private readonly controller = new AbortController();
  private heldByUser = false;
  private heldByInspection = false;
  private isEnding = false;
  private over = false;
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private giveUp: ReturnType<typeof setTimeout> | undefined;
  private heartbeat: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: string,
    readonly plan: BenchmarkPlan,
    private readonly services: ActiveRunServices,
  ) {}

  /** True once the user has cancelled. */
  get ending(): boolean {
    return this.isEnding;
  }

  get state(): Extract<BenchmarkRunState, { kind: 'running' }> {
    return {
      kind: 'running',
      id: this.id,
      name: this.plan.name,
      progress: this.progress,
      paused: this.heldByUser ? 'user' : this.heldByInspection ? 'inspection' : null,
      ending: this.isEnding,
    };
  }

  /**
   * Measures; rejects as the runner does.
   *
   * @param busy an inspection needs the machine already.
   */
  async measure(resume: BenchmarkResult | null, busy: boolean): Promise<BenchmarkResult> {
    this.watchForSleep();
    const { id, plan } = this;
    const measured = this.services.runner.runBenchmark({ id, plan, resume }, this.controller.signal);
    if (busy) {
      this.inspecting(true);
    }
    try {
      return await measured;
    } finally {
      this.dispose();
    }
  }

  pause(paused: boolean): void {
    this.heldByUser = paused;
    this.apply(false);
  }

  /** An inspection needs the machine, or does not any more. */
  inspecting(busy: boolean): void {
    clearTimeout(this.quiet);
    if (!busy) {
      this.quiet = setTimeout(() => {
        this.heldByInspection = false;
        this.apply(false);
      }, QUIET_MS);
    } else if (!this.heldByInspection) {
      this.heldByInspection = true;
      this.apply(true);
    }
  }

  /** Ends the run with what was measured; gives it up when that takes too long. */
  end(): void {
    if (!this.isEnding) {
      this.isEnding = true;
      this.services.changed();
      this.send('end', false);
      this.giveUp = setTimeout(() => this.controller.abort(), END_TIMEOUT_MS);
    }
  }

  /** Gives the run up at once. */
  abort(): void {
    this.controller.abort();
    this.dispose();
  }

  private dispose(): void {
    this.over = true;
    [this.quiet, this.giveUp, this.heartbeat].forEach(clearTimeout);
  }

  private apply(disturbed: boolean): void {
    if (!this.isEnding && !this.over) {
      this.services.changed();
      this.send(this.heldByUser || this.heldByInspection ? 'pause' : 'go', disturbed);
    }
  }

  private send(action: 'pause' | 'go' | 'end', disturbed: boolean): void {
    this.services.runner.controlBenchmark({ id: this.id, action, disturbed }).catch((thrown: unknown) => {
      // A runner that died says so where the run is awaited.
      this.services.log.debug(`Benchmark, ${action}: ${describeThrown(thrown)}`);
    });
  }

  /** Timers stand still while the machine sleeps, so that the first one afterwards is late. */
  private watchForSleep(): void {
    const lastMs = this.services.wallMs();
    this.heartbeat = setTimeout(() => {
      const sleptMs = this.services.wallMs() - lastMs - HEARTBEAT_MS;
      if (sleptMs > SLEPT_MS) {
        const minutes = Math.max(1, Math.round(sleptMs / 60_000));
        this.services.notice(
          `The machine slept for about ${minutes === 1 ? 'a minute' : `${minutes} minutes`}; the round being measured then was thrown away, and the run went on.`,
        );
      }
      this.watchForSleep();
    }, HEARTBEAT_MS);
  }
}
