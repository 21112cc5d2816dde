/**
 * The extension host's side of the runner: starts the child when it is first needed, shakes hands, passes requests on,
 * and says what happened when the child dies. It never restarts a child nobody asked anything of.
 *
 * Knows the process only through the four methods of `RunnerProcess`, and knows no VS Code.
 */
import { Events, type Disposable } from '../disposable';
import { FffError, toWireError } from '../errors';
import { describeThrown, type Log } from '../log';
import {
  PROTOCOL_VERSION,
  type BenchmarkCatalogue,
  type BenchmarkPlan,
  type BenchmarkResult,
  type BenchmarkRunnerApi,
  type BenchmarkRunnerEvents,
  type LayerTiming,
  type MeasureRequest,
  type RunnerApi,
  type RunnerEvents,
  type RunnerHello,
  type RunnerOptions,
  type RunnerState,
  type Trace,
  type TraceRequest,
} from '../protocol';
import { Rpc, type None } from '../rpc';
import { ownBytes } from './ownBytes';
import type { ProcessExit, RunnerProcess } from './process';

/** A runner that dies more often than this within the window is left alone until the user restarts it. */
export const MAX_RESTARTS = 3;
export const RESTART_WINDOW_MS = 3 * 60_000;
/** Loading onnxruntime and the kernel takes well under a second; a slow disk may need far longer. */
const HANDSHAKE_TIMEOUT_MS = 30_000;
/** After asking, the process has this long to end by itself. */
const KILL_GRACE_MS = 1000;

export interface RunnerClientOptions {
  spawn(): RunnerProcess;
  /** Read at each start. */
  options(): RunnerOptions;
  log: Log;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

export interface RunnerClientEvents extends BenchmarkRunnerEvents {
  state: RunnerState;
  progress: RunnerEvents['progress'];
  timing: RunnerEvents['timing'];
  /** Whether any request is under way: the machine is needed. */
  busy: boolean;
}

type RunnerRpc = Rpc<None, RunnerApi, None, RunnerEvents>;

type CrashedState = Extract<RunnerState, { kind: 'crashed' }>;

/** One life of the child. */
interface Connection {
  process: RunnerProcess;
  rpc: RunnerRpc;
  /** Why it is over; set before the channel closes, so that waiting calls are refused with it. */
  ended: FffError | null;
}

export class RunnerClient implements Disposable {
  private readonly events = new Events<RunnerClientEvents>();
  private current: RunnerState = { kind: 'stopped' };
  private connection: Connection | null = null;
  private connecting: Promise<Connection> | null = null;
  /** When children that followed a crash were started. */
  private restarts: number[] = [];
  private disposed = false;
  private requests = 0;

  constructor(private readonly services: RunnerClientOptions) {}

  get busy(): boolean {
    return this.requests > 0;
  }

  get state(): RunnerState {
    return this.current;
  }

  on<Name extends keyof RunnerClientEvents>(
    name: Name,
    listener: (payload: RunnerClientEvents[Name]) => void,
  ): Disposable {
    return this.events.on(name, listener);
  }

  trace(request: TraceRequest, signal?: AbortSignal): Promise<Trace> {
    return this.request(signal, (rpc) => rpc.call('trace', [request], { signal }));
  }

  measure(request: MeasureRequest, signal?: AbortSignal): Promise<LayerTiming[]> {
    return this.request(signal, (rpc) => rpc.call('measure', [request], { signal }));
  }

  benchmarkCatalogue(): Promise<BenchmarkCatalogue> {
    return this.request(undefined, (rpc) => rpc.call('benchmarkCatalogue', []));
  }

  benchmarkPreset(name: string, source: { model: string; text: string }): Promise<BenchmarkPlan> {
    return this.request(undefined, (rpc) => rpc.call('benchmarkPreset', [name, source]));
  }

  checkBenchmarkPlan(json: string): Promise<BenchmarkPlan> {
    return this.request(undefined, (rpc) => rpc.call('checkBenchmarkPlan', [json]));
  }

  runBenchmark(
    request: Parameters<BenchmarkRunnerApi['runBenchmark']>[0],
    signal?: AbortSignal,
  ): Promise<BenchmarkResult> {
    return this.request(signal, (rpc) => rpc.call('runBenchmark', [request], { signal }));
  }

  controlBenchmark(request: Parameters<BenchmarkRunnerApi['controlBenchmark']>[0]): Promise<void> {
    return this.request(undefined, (rpc) => rpc.call('controlBenchmark', [request]));
  }

  /** Ends the child, forgets earlier crashes and starts a new one. */
  async restart(): Promise<RunnerHello> {
    this.stop();
    this.restarts = [];
    await this.connect();
    if (this.current.kind !== 'ready') {
      throw new FffError('RUNNER_EXITED', 'The runner stopped right after it was started.', 'Open the log.');
    }
    return this.current.hello;
  }

  /** Ends the child, if there is one; the next request starts a new one. */
  stop(): void {
    if (this.connection !== null) {
      this.end(this.connection, new FffError('CANCELLED', 'The runner was stopped.'), { kind: 'stopped' });
    } else {
      this.enter({ kind: 'stopped' });
    }
  }

  dispose(): void {
    this.disposed = true;
    this.stop();
    this.events.clear();
  }

  private async request<T>(signal: AbortSignal | undefined, call: (rpc: RunnerRpc) => Promise<T>): Promise<T> {
    this.countRequests(1);
    try {
      const connection = await untilAborted(this.connect(), signal);
      try {
        return await call(connection.rpc);
      } catch (thrown) {
        // The pump only knows that its channel closed; we know why.
        throw connection.ended !== null && toWireError(thrown).code === 'CHANNEL_CLOSED' ? connection.ended : thrown;
      }
    } finally {
      this.countRequests(-1);
    }
  }

  private countRequests(change: 1 | -1): void {
    const before = this.busy;
    this.requests += change;
    if (this.busy !== before) {
      this.events.fire('busy', this.busy);
    }
  }

  /** The running child's connection, starting one where there is none. */
  private connect(): Promise<Connection> {
    if (this.disposed) {
      return Promise.reject(new FffError('CHANNEL_CLOSED', 'FFF Explorer is shutting down.'));
    }
    if (this.connecting === null) {
      const state = this.current;
      if (state.kind === 'crashed') {
        if (!state.willRestart) {
          return Promise.reject(FffError.fromWire(state.error));
        }
        this.restarts.push(this.services.now());
      }
      const starting = this.start();
      this.connecting = starting;
      starting.catch(() => {
        if (this.connecting === starting) {
          this.connecting = null;
        }
      });
    }
    return this.connecting;
  }

  private async start(): Promise<Connection> {
    const { log } = this.services;
    const startedAt = this.services.now();
    this.enter({ kind: 'starting' });
    const connection = this.open();
    try {
      const hello = await connection.rpc.call('hello', [this.services.options()], { timeoutMs: HANDSHAKE_TIMEOUT_MS });
      if (hello.protocolVersion !== PROTOCOL_VERSION) {
        throw new FffError(
          'PROTOCOL_MISMATCH',
          `The runner speaks protocol ${String(hello.protocolVersion)} and the extension ${PROTOCOL_VERSION}, so one of them is left from another version.`,
          'Reload the window.',
        );
      }
      log.info(
        `Runner ready in ${Math.round(this.services.now() - startedAt)} ms: process ${hello.pid}, Node ${hello.nodeVersion}, ` +
          `onnxruntime ${hello.onnxruntimeVersion}, kernel ${hello.kernelImplementation} (of ${hello.supportedImplementations.join(', ')})`,
      );
      this.enter({ kind: 'ready', hello });
      return connection;
    } catch (thrown) {
      if (connection.ended !== null) {
        throw connection.ended;
      }
      const error = FffError.fromWire(toWireError(thrown));
      log.error(`The runner could not be started. ${describeThrown(thrown)}`);
      // A runner that answers "I cannot" will say the same again; one that says nothing may just have been slow.
      throw this.end(connection, error, this.crashed(error, error.code === 'TIMED_OUT'));
    }
  }

  private open(): Connection {
    const { log } = this.services;
    const process = this.spawn();
    const closeListeners = new Set<() => void>();
    const rpc: RunnerRpc = new Rpc(
      {
        send: (message) => process.send(message),
        onMessage: (listener) => process.onMessage((message) => listener(ownBytes(message))),
        onClose: (listener) => {
          closeListeners.add(listener);
          return { dispose: () => closeListeners.delete(listener) };
        },
      },
      {},
      (where, thrown) => log.warn(`Runner channel, ${where}: ${describeThrown(thrown)}`),
    );
    const connection: Connection = { process, rpc, ended: null };
    this.connection = connection;
    rpc.on('progress', (progress) => this.events.fire('progress', progress));
    rpc.on('timing', (timing) => this.events.fire('timing', timing));
    rpc.on('benchmarkProgress', (payload) => this.events.fire('benchmarkProgress', payload));
    rpc.on('benchmarkRows', (payload) => this.events.fire('benchmarkRows', payload));
    rpc.on('benchmarkResult', (payload) => this.events.fire('benchmarkResult', payload));
    rpc.on('log', ({ level, message }) => log[level](`runner: ${message}`));
    process.onExit((exit) => {
      if (connection.ended === null) {
        const error = new FffError('RUNNER_EXITED', describeExit(exit), 'Try again: the next request starts it anew.');
        log.error(error.message);
        this.end(connection, error, this.crashed(error, true));
      }
      closeListeners.forEach((listener) => listener());
    });
    return connection;
  }

  private spawn(): RunnerProcess {
    try {
      return this.services.spawn();
    } catch (thrown) {
      const error = new FffError('RUNNER_EXITED', `The runner process could not be started: ${messageOf(thrown)}.`);
      this.services.log.error(describeThrown(thrown));
      const state = this.crashed(error, true);
      this.enter(state);
      throw FffError.fromWire(state.error);
    }
  }

  /** The state after a death: a fourth restart within three minutes would not help either. */
  private crashed(error: FffError, mayRestart: boolean): CrashedState {
    const since = this.services.now() - RESTART_WINDOW_MS;
    this.restarts = this.restarts.filter((at) => at > since);
    if (mayRestart && this.restarts.length >= MAX_RESTARTS) {
      const gaveUp = new FffError(
        'RUNNER_GAVE_UP',
        `The runner was restarted ${MAX_RESTARTS} times within three minutes and stopped again, so it is not started any more. ${error.message}`,
        'Restart the runner.',
      );
      this.services.log.error(gaveUp.message);
      return { kind: 'crashed', error: gaveUp.toWire(), willRestart: false };
    }
    return { kind: 'crashed', error: error.toWire(), willRestart: mayRestart };
  }

  /**
   * Lets go of a child for good: the process ends, and waiting calls are refused with what is returned, which is the
   * error of the state entered.
   */
  private end(connection: Connection, error: FffError, next: RunnerState): FffError {
    const ended = next.kind === 'crashed' ? FffError.fromWire(next.error) : error;
    connection.ended = ended;
    if (this.connection === connection) {
      this.connection = null;
      this.connecting = null;
    }
    connection.rpc.dispose();
    connection.process.kill(false);
    const timer = setTimeout(() => connection.process.kill(true), KILL_GRACE_MS);
    connection.process.onExit(() => clearTimeout(timer));
    this.enter(next);
    return ended;
  }

  private enter(state: RunnerState): void {
    if (state.kind !== 'stopped' || this.current.kind !== 'stopped') {
      this.current = state;
      this.events.fire('state', state);
    }
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function describeExit({ exitCode, signal, error }: ProcessExit): string {
  if (error !== null) {
    return `The runner process could not be started: ${error.message}.`;
  }
  return `The runner process ended unexpectedly (${signal === null ? `exit code ${String(exitCode)}` : `signal ${signal}`}).`;
}

/** Waits for a start that goes on without us when the caller loses interest. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return promise;
  }
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new FffError('CANCELLED', 'The run was cancelled.'));
    if (signal.aborted) {
      abort();
    }
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
