/**
 * The truth in the extension host: what is being inspected, the last trace, what all views look at, and the timings.
 * Views are projections of it. Knows no VS Code and no process; both are handed in.
 */
import { Events, type Disposable } from './disposable';
import { FffError, isCancellation, toWireError } from './errors';
import { clampFocus, firstInteresting } from './focus';
import { mergeTiming } from './gains';
import { describeThrown, type Log } from './log';
import { StatusLine, type Running } from './statusLine';
import type {
  Focus,
  InsightViewEvents,
  InsightViewState,
  LayerTiming,
  MeasureRequest,
  PassTiming,
  RunnerEvents,
  RunnerState,
  Trace,
  TraceRequest,
  TraceSource,
  ViewEvents,
  ViewState,
} from './protocol';

/** The part of the runner's client the session uses. */
export interface SessionRunner {
  readonly state: RunnerState;
  on(name: 'state', listener: (state: RunnerState) => void): Disposable;
  on(name: 'progress', listener: (progress: RunnerEvents['progress']) => void): Disposable;
  on(name: 'timing', listener: (timing: RunnerEvents['timing']) => void): Disposable;
  on(name: 'passTiming', listener: (timing: RunnerEvents['passTiming']) => void): Disposable;
  trace(request: TraceRequest, signal: AbortSignal): Promise<Trace>;
  measure(request: MeasureRequest, signal: AbortSignal): Promise<LayerTiming[]>;
}

export interface SessionServices {
  runner: SessionRunner;
  /** Read at each run. */
  settings(): { modelDirectory: string; topPredictions: number; measureBudgetMsPerLayer: number };
  /** Whether somebody will say `painted`. */
  hasVisibleView(): boolean;
  log: Log;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

/** Text to inspect and where it came from. */
export interface Inspection {
  text: string;
  source: TraceSource;
}

/** One selection's way to the screen, for the log and the tests. */
export interface Latency {
  runId: number;
  tokens: number;
  /** From the command to having the trace. */
  traceMs: number;
  /** From the command to the view saying that it painted. */
  pictureMs: number;
}

/** Who moved the focus; that view needs no echo. */
export type FocusChange = { focus: Focus; origin: unknown };

/** What a view is told by the session; the rest is told by `insight/insights.ts`. */
export type SessionState = Omit<ViewState, keyof InsightViewState>;

export type SessionEvents = Omit<ViewEvents, 'focus' | keyof InsightViewEvents> & {
  focus: FocusChange;
  /** A view shows the last trace. */
  painted: Latency;
  /** The trace of this run is on screen, or nobody painted it in time: what the picture must not wait for may begin. */
  settled: number;
};

/** Measuring must not compete with the first picture, but a view that never paints must not hold it up either. */
const PAINT_TIMEOUT_MS = 2000;
const UNSEEN_DELAY_MS = 200;
const KEPT_LATENCIES = 500;

interface Run {
  id: number;
  inspection: Inspection;
  startedAt: number;
  tracedAt: number;
  controller: AbortController;
  /** Called when a view painted the trace, or when waiting for it is over. */
  painted: () => void;
}

export class Session implements Disposable {
  private readonly events = new Events<SessionEvents>();
  private readonly subscriptions: Disposable[];
  private lastRunId = 0;
  /** The newest run, while it traces, waits to be painted or measures. */
  private run: Run | null = null;
  private inspection: Inspection | null = null;
  private trace: Trace | null = null;
  private source: TraceSource | null = null;
  private readonly status: StatusLine;
  private focus: Focus = { token: 0, layer: 0, tree: 0, node: null };
  private timings: LayerTiming[] = [];
  private passTiming: PassTiming | null = null;
  /** The newest last. */
  readonly latencies: Latency[] = [];

  constructor(private readonly services: SessionServices) {
    const { runner } = services;
    this.status = new StatusLine((status) => this.events.fire('status', status), services.now);
    this.subscriptions = [
      runner.on('state', (state) => this.events.fire('runner', state)),
      runner.on('progress', (progress) => this.progressed(progress)),
      runner.on('timing', ({ runId, timing }) => this.timed(runId, timing)),
      runner.on('passTiming', ({ runId, passTiming }) => this.timedPass(runId, passTiming)),
    ];
  }

  get state(): SessionState {
    return {
      trace: this.trace,
      source: this.source,
      status: this.status.current,
      runner: this.services.runner.state,
      focus: this.focus,
      timings: this.timings,
      passTiming: this.passTiming,
    };
  }

  /** What was inspected last, also when that failed. */
  get lastInspection(): Inspection | null {
    return this.inspection;
  }

  /** Whether a run is under way whose trace is not there yet. */
  get isTracing(): boolean {
    return this.run !== null && this.status.current.kind === 'running';
  }

  on<Name extends keyof SessionEvents>(name: Name, listener: (payload: SessionEvents[Name]) => void): Disposable {
    return this.events.on(name, listener);
  }

  /**
   * Traces a text; a run still under way is given up. Measuring goes on in the background after this has returned.
   *
   * @param startedAt when the user asked, on the clock of `services.now`.
   * @returns the trace, or null when the run was cancelled or superseded.
   * @throws FffError when the run failed; the status says so too.
   */
  async inspect(inspection: Inspection, startedAt = this.services.now()): Promise<Trace | null> {
    this.run?.controller.abort();
    const run: Run = {
      id: this.newRunId(),
      inspection,
      startedAt,
      tracedAt: startedAt,
      controller: new AbortController(),
      painted: () => undefined,
    };
    this.run = run;
    this.inspection = inspection;
    this.status.running(runningStatus(run, 0, 0, 'Starting'), startedAt);
    const { modelDirectory, topPredictions } = this.services.settings();
    let trace: Trace;
    try {
      trace = await this.services.runner.trace(
        { runId: run.id, model: modelDirectory, input: { text: inspection.text }, topPredictions },
        run.controller.signal,
      );
    } catch (thrown) {
      return this.failed(run, thrown);
    }
    if (this.run !== run || run.controller.signal.aborted) {
      return null;
    }
    this.traced(run, trace);
    void this.measureAfterPaint(run);
    return trace;
  }

  /** A number for a run that somebody else starts; no two runs of this window share one. */
  newRunId(): number {
    return ++this.lastRunId;
  }

  /** Inspects the last text again, for instance with another model; null when there is none. */
  async inspectAgain(): Promise<Trace | null> {
    return this.inspection === null ? null : this.inspect(this.inspection);
  }

  /** Gives up the run under way. */
  cancel(): void {
    const run = this.run;
    this.run = null;
    run?.controller.abort();
    if (this.status.current.kind === 'running') {
      this.status.enter({ kind: 'idle' });
    }
  }

  /** Moves what all views look at; what lies outside the trace is pulled into it. */
  setFocus(focus: Focus, origin: unknown = null): void {
    if (this.trace !== null) {
      this.focus = clampFocus(focus, this.trace);
      this.events.fire('focus', { focus: this.focus, origin });
    }
  }

  /** A view shows the trace of this run. Only the first view counts. */
  painted(runId: number): void {
    const run = this.run;
    if (run?.id !== runId || this.trace?.runId !== runId || this.latencies.at(-1)?.runId === runId) {
      return;
    }
    const latency: Latency = {
      runId,
      tokens: this.trace.tokens.length,
      traceMs: run.tracedAt - run.startedAt,
      pictureMs: this.services.now() - run.startedAt,
    };
    this.latencies.push(latency);
    this.latencies.splice(0, this.latencies.length - KEPT_LATENCIES);
    this.services.log.info(
      `Selection to picture: ${latency.pictureMs.toFixed(1)} ms ` +
        `(${latency.tokens} tokens, trace ${latency.traceMs.toFixed(1)} ms, run ${runId})`,
    );
    this.events.fire('painted', latency);
    run.painted();
  }

  dispose(): void {
    this.cancel();
    this.subscriptions.forEach((subscription) => subscription.dispose());
    this.events.clear();
  }

  private traced(run: Run, trace: Trace): void {
    run.tracedAt = this.services.now();
    this.trace = trace;
    this.source = run.inspection.source;
    this.timings = [];
    this.passTiming = null;
    this.focus = clampFocus({ ...this.focus, token: firstInteresting(trace), node: null }, trace);
    this.events.fire('traced', { trace, source: this.source, focus: this.focus });
    this.status.enter({ kind: 'idle' });
  }

  private async measureAfterPaint(run: Run): Promise<void> {
    const { runner, settings, hasVisibleView, log } = this.services;
    const { measureBudgetMsPerLayer } = settings();
    const { signal } = run.controller;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, hasVisibleView() ? PAINT_TIMEOUT_MS : UNSEEN_DELAY_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      run.painted = done;
      signal.addEventListener('abort', done, { once: true });
    });
    if (this.trace?.runId === run.id) {
      this.events.fire('settled', run.id);
    }
    if (this.run !== run || signal.aborted || measureBudgetMsPerLayer === 0) {
      return;
    }
    try {
      const timings = await runner.measure({ runId: run.id, budgetMsPerLayer: measureBudgetMsPerLayer }, signal);
      timings.forEach((timing) => this.timed(run.id, timing));
    } catch (thrown) {
      if (this.run === run && !isCancellation(thrown)) {
        log.warn(`Measuring run ${run.id} failed. ${describeThrown(thrown)}`);
        this.status.enter({ kind: 'failed', error: toWireError(thrown) });
      }
    }
  }

  /** A failure of a run that was given up is nobody's concern any more. */
  private failed(run: Run, thrown: unknown): null {
    if (this.run !== run) {
      return null;
    }
    this.run = null;
    if (isCancellation(thrown)) {
      // Not by this session, which would have forgotten the run before: whoever wonders finds out in the log.
      this.services.log.info(`Run ${run.id} (${run.inspection.source.label}) was given up. ${describeThrown(thrown)}`);
      this.status.enter({ kind: 'idle' });
      return null;
    }
    const error = toWireError(thrown);
    this.services.log.error(`Run ${run.id} (${run.inspection.source.label}) failed. ${describeThrown(thrown)}`);
    this.status.enter({ kind: 'failed', error });
    throw FffError.fromWire(error);
  }

  private progressed({ runId, done, total, what }: RunnerEvents['progress']): void {
    const run = this.run;
    if (run?.id === runId && this.status.current.kind === 'running') {
      this.status.running(runningStatus(run, done, total, what), run.startedAt);
    }
  }

  private timed(runId: number, timing: LayerTiming): void {
    if (this.run?.id !== runId || this.trace?.runId !== runId) {
      return;
    }
    this.timings = mergeTiming(this.timings, timing);
    this.events.fire('timing', timing);
  }

  private timedPass(runId: number, passTiming: PassTiming): void {
    if (this.run?.id === runId && this.trace?.runId === runId) {
      this.passTiming = passTiming;
      this.events.fire('passTiming', passTiming);
    }
  }
}

function runningStatus(run: Run, done: number, total: number, what: string): Running {
  return { kind: 'running', runId: run.id, label: run.inspection.source.label, done, total, what };
}
