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
  type RunnerApi,
  type RunnerHello,
  type RunnerOptions,
  type RunnerState,
} from '../protocol';
import type { MethodName, Parameters_, Result } from '../rpc';
import { closeConnection, openConnection, untilAborted, type Connection, type ReportedEvents } from './connection';
import type { RunnerProcess } from './process';

/** A runner that dies more often than this within the window is left alone until the user restarts it. */
export const MAX_RESTARTS = 3;
export const RESTART_WINDOW_MS = 3 * 60_000;
/** Loading onnxruntime and the kernel takes well under a second; a slow disk may need far longer. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

export interface RunnerClientOptions {
  spawn(): RunnerProcess;
  /** Read at each start. */
  options(): RunnerOptions;
  log: Log;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

export interface RunnerClientEvents extends ReportedEvents {
  state: RunnerState;
  /** Whether any request is under way: the machine is needed. */
  busy: boolean;
}

type OneArgument = Exclude<MethodName<RunnerApi>, 'hello' | 'benchmarkCatalogue' | 'benchmarkPreset'>;

type CrashedState = Extract<RunnerState, { kind: 'crashed' }>;

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

  readonly trace = this.method('trace');
  readonly measure = this.method('measure');
  readonly whatIf = this.method('whatIf');
  readonly lens = this.method('lens');
  readonly layerNorms = this.method('layerNorms');
  readonly describeNode = this.method('describeNode');
  readonly nearBoundary = this.method('nearBoundary');
  readonly mapUsage = this.method('mapUsage');
  readonly checkBenchmarkPlan = this.method('checkBenchmarkPlan');
  readonly runBenchmark = this.method('runBenchmark');
  readonly controlBenchmark = this.method('controlBenchmark');

  benchmarkCatalogue(): Promise<BenchmarkCatalogue> {
    return this.call('benchmarkCatalogue', []);
  }

  benchmarkPreset(name: string, source: { model: string; text: string }): Promise<BenchmarkPlan> {
    return this.call('benchmarkPreset', [name, source]);
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

  /** A method of the runner that takes one argument, as ours. */
  private method<Name extends OneArgument>(
    name: Name,
  ): (request: Parameters<RunnerApi[Name]>[0], signal?: AbortSignal) => Promise<Result<RunnerApi[Name]>> {
    return (request, signal) => this.call(name, [request] as Parameters_<RunnerApi[Name]>, signal);
  }

  /** Asks the runner for something, starting it where there is none. */
  private async call<Name extends MethodName<RunnerApi>>(
    name: Name,
    parameters: Parameters_<RunnerApi[Name]>,
    signal?: AbortSignal,
  ): Promise<Result<RunnerApi[Name]>> {
    this.countRequests(1);
    try {
      const connection = await untilAborted(this.connect(), signal);
      try {
        return await connection.rpc.call(name, parameters, { signal });
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
    const reported: Pick<Events<ReportedEvents>, 'fire'> = this.events;
    const connection: Connection = openConnection(
      this.spawn(),
      (name, payload) => reported.fire(name, payload),
      this.services.log,
      (error) => this.end(connection, error, this.crashed(error, true)),
    );
    this.connection = connection;
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
    closeConnection(connection);
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
