/**
 * The truth about benchmarks in the extension host: what can be measured, what is being measured, which result is shown
 * and with which it is compared. The panel is a projection of it. Knows no VS Code and no process.
 *
 * Benchmarks have a runner of their own, so that one that dies takes no inspection with it. Neither supersedes the other:
 * while an inspection needs the machine the benchmark is held, the disturbed round is measured again, and the panel says
 * so; afterwards it goes on.
 */
import { Events, type Disposable } from '../disposable';
import { FffError, isCancellation, toWireError } from '../errors';
import { describeThrown } from '../log';
import type {
  BenchmarkCatalogue,
  BenchmarkChoice,
  BenchmarkPlan,
  BenchmarkResult,
  BenchmarkRow,
  BenchmarkRunState,
  BenchmarkViewEvents,
  BenchmarkViewState,
  ShownBenchmark,
} from '../protocol';
import { ActiveRun } from './activeRun';
import type { BenchmarkSessionServices } from './contracts';
import { ResultShelf } from './shelf';

/** A runner that nothing was asked of for so long gives its memory back. */
const IDLE_MS = 60_000;

export class BenchmarkSession implements Disposable {
  private readonly events = new Events<BenchmarkViewEvents>();
  private readonly subscriptions: Disposable[];
  private run: ActiveRun | null = null;
  private runState: BenchmarkRunState = { kind: 'idle' };
  private liveRows: BenchmarkRow[] = [];
  private readonly shelf: ResultShelf;
  private notices: string[] = [];
  private catalogue: BenchmarkCatalogue | null = null;
  private fetching: Promise<void> | null = null;
  private idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly services: BenchmarkSessionServices) {
    const { runner, inspections } = services;
    this.shelf = new ResultShelf(services, this.events);
    this.subscriptions = [
      runner.on('benchmarkProgress', ({ id, progress }) => {
        if (this.run?.id === id) {
          this.run.progress = progress;
          this.enter(this.run.state);
        }
      }),
      runner.on('benchmarkRows', ({ id, rows }) => {
        if (this.run?.id === id) {
          this.tellRows(rows);
        }
      }),
      runner.on('benchmarkResult', ({ id, result }) => {
        if (this.run?.id === id) {
          this.shelf.keep(id, result, { kind: 'running' });
          this.tellRows([]);
        }
      }),
      inspections.on('busy', (busy) => this.run?.inspecting(busy)),
    ];
  }

  get state(): BenchmarkViewState {
    return {
      mode: 'panel',
      catalogue: this.catalogue,
      run: this.runState,
      liveRows: this.liveRows,
      shown: this.shelf.shown,
      baseline: this.shelf.baseline,
      history: this.services.history.entries,
      notices: this.notices,
    };
  }

  on<Name extends keyof BenchmarkViewEvents>(
    name: Name,
    listener: (payload: BenchmarkViewEvents[Name]) => void,
  ): Disposable {
    return this.events.on(name, listener);
  }

  /** Asks the runner what can be measured, once; a failure is in the state. */
  async loadCatalogue(): Promise<void> {
    this.fetching ??= this.use(() => this.services.runner.benchmarkCatalogue()).then(
      (catalogue) => {
        this.catalogue = catalogue;
        this.events.fire('catalogue', catalogue);
      },
      (thrown: unknown) => {
        this.fetching = null;
        this.services.log.warn(`The benchmark's plans could not be read. ${describeThrown(thrown)}`);
        if (this.run === null) {
          this.enter({ kind: 'failed', error: toWireError(thrown), resumable: null });
        }
      },
    );
    await this.fetching;
  }

  /**
   * Begins to measure; resolves when the run has begun, not when it has ended.
   *
   * @throws FffError BAD_INPUT for a plan that cannot run, a selection without text, or while another benchmark runs.
   */
  async start(choice: BenchmarkChoice): Promise<void> {
    this.refuseWhileRunning();
    const plan = await this.use(() => this.planOf(choice));
    this.begin(this.services.newId(), plan, null);
  }

  /** Goes on with a result of the history that was not measured to the end. @throws FffError BAD_INPUT. */
  async resume(id: string): Promise<void> {
    this.refuseWhileRunning();
    const entry = this.services.history.entry(id);
    // A file's plan may name any folder as its model: it is looked at, never run.
    if (entry?.ending.kind === 'recorded') {
      throw new FffError('BAD_INPUT', 'A recorded result cannot be gone on with.', 'Start a plan of your own.');
    }
    const result = await this.services.history.read(id);
    await this.use(() => Promise.resolve());
    this.begin(id, result.plan, result);
    this.shelf.keep(id, result, { kind: 'running' });
  }

  /** What is wrong with a plan, in the engine's sentence; null where nothing is. */
  async check(json: string): Promise<string | null> {
    try {
      await this.use(() => this.services.runner.checkBenchmarkPlan(json));
      return null;
    } catch (thrown) {
      const error = toWireError(thrown);
      if (error.code === 'BAD_INPUT') {
        return error.message;
      }
      throw thrown;
    }
  }

  /** Holds the run after the round being measured, or lets it go on. */
  pause(paused: boolean): void {
    this.run?.pause(paused);
  }

  /** Ends the run; everything measured is kept. */
  cancel(): void {
    this.run?.end();
  }

  show(id: string): Promise<void> {
    return this.shelf.show(id);
  }

  compare(id: string | null): Promise<void> {
    return this.shelf.compare(id);
  }

  load(id: string): Promise<ShownBenchmark> {
    return this.shelf.load(id);
  }

  openFile(): Promise<void> {
    return this.shelf.openFile();
  }

  remove(id: string): void {
    if (this.run?.id === id) {
      throw new FffError('BAD_INPUT', 'This result is being measured.', 'Cancel the run first.');
    }
    this.shelf.remove(id);
    if (this.runState.kind === 'failed' && this.runState.resumable === id) {
      this.enter({ kind: 'idle' });
    }
  }

  dispose(): void {
    this.run?.abort();
    this.run = null;
    clearTimeout(this.idleTimer);
    this.subscriptions.forEach((subscription) => subscription.dispose());
    this.events.clear();
  }

  private refuseWhileRunning(): void {
    if (this.run !== null) {
      throw new FffError('BAD_INPUT', 'A benchmark is running already.', 'Wait for its end, or cancel it.');
    }
  }

  private async planOf(choice: BenchmarkChoice): Promise<BenchmarkPlan> {
    const { runner, source } = this.services;
    if ('json' in choice) {
      return runner.checkBenchmarkPlan(choice.json);
    }
    const known = this.catalogue?.presets.find(({ name }) => name === choice.preset)?.plan;
    return known ?? runner.benchmarkPreset(choice.preset, source());
  }

  private begin(id: string, plan: BenchmarkPlan, resume: BenchmarkResult | null): void {
    this.refuseWhileRunning();
    const run: ActiveRun = new ActiveRun(id, plan, {
      ...this.services,
      changed: () => this.enter(run.state),
      notice: (sentence) => this.tellNotices([...this.notices, sentence]),
    });
    this.run = run;
    this.shelf.clear();
    this.tellRows([]);
    this.tellNotices([]);
    this.enter(run.state);
    const what = resume === null ? 'begins' : `goes on; rows so far: ${resume.rows.length}`;
    this.services.log.info(`Benchmark "${plan.name}" ${what}.`);
    void this.measure(run, resume);
  }

  private async measure(run: ActiveRun, resume: BenchmarkResult | null): Promise<void> {
    let outcome: { result: BenchmarkResult } | { thrown: unknown };
    try {
      outcome = { result: await run.measure(resume, this.services.inspections.busy) };
    } catch (thrown) {
      outcome = { thrown };
    }
    if (this.run !== run) {
      return;
    }
    this.run = null;
    this.tellRows([]);
    if ('result' in outcome) {
      const ending = run.ending ? 'cancelled' : 'finished';
      this.shelf.keep(run.id, outcome.result, { kind: ending });
      this.enter({ kind: 'idle' });
      this.services.log.info(`Benchmark "${run.plan.name}" was ${ending}; rows: ${outcome.result.rows.length}.`);
    } else {
      this.broke(run, outcome.thrown);
    }
    this.restLater();
  }

  /** The run ended without a result of its own: the last one it told is kept. */
  private broke(run: ActiveRun, thrown: unknown): void {
    const { history, log, runner } = this.services;
    const kept = history.entry(run.id);
    const error = toWireError(thrown);
    if (run.ending && isCancellation(thrown)) {
      log.warn(`Benchmark "${run.plan.name}" did not end in time; its runner was ended.`);
      runner.stop();
      this.shelf.amend(run.id, { kind: 'cancelled' });
      this.enter({ kind: 'idle' });
      return;
    }
    log.error(`Benchmark "${run.plan.name}" failed. ${describeThrown(thrown)}`);
    this.shelf.amend(run.id, { kind: 'interrupted', reason: error.message });
    this.enter({ kind: 'failed', error, resumable: kept === undefined ? null : run.id });
  }

  /** Asks something of the runner: one that gave up is started anew, because the user asked for it. */
  private async use<T>(ask: () => Promise<T>): Promise<T> {
    const { runner } = this.services;
    clearTimeout(this.idleTimer);
    if (runner.state.kind === 'crashed' && !runner.state.willRestart) {
      await runner.restart();
    }
    try {
      return await ask();
    } finally {
      this.restLater();
    }
  }

  private restLater(): void {
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => {
      if (this.run === null) {
        this.services.runner.stop();
      }
    }, IDLE_MS);
  }

  private tellRows(rows: BenchmarkRow[]): void {
    this.liveRows = rows;
    this.events.fire('liveRows', rows);
  }

  private tellNotices(notices: string[]): void {
    this.notices = notices;
    this.events.fire('notices', notices);
  }

  private enter(state: BenchmarkRunState): void {
    this.runState = state;
    this.events.fire('run', state);
  }
}
