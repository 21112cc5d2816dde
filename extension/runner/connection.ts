/**
 * One life of the runner process as the host sees it: the message pump over its channel, what it reports unasked, and
 * its end. Whether and when to start another is the client's business.
 */
import type { Disposable } from '../disposable';
import { FffError } from '../errors';
import { describeThrown, type Log } from '../log';
import type { BenchmarkRunnerEvents, RunnerApi, RunnerEvents } from '../protocol';
import { Rpc, type None } from '../rpc';
import { ownBytes } from './ownBytes';
import type { ProcessExit, RunnerProcess } from './process';

/** After asking, the process has this long to end by itself. */
const KILL_GRACE_MS = 1000;

/** What a child reports and listeners of the client hear. */
export interface ReportedEvents extends BenchmarkRunnerEvents {
  progress: RunnerEvents['progress'];
  timing: RunnerEvents['timing'];
  passTiming: RunnerEvents['passTiming'];
}

export interface Connection {
  process: RunnerProcess;
  rpc: Rpc<None, RunnerApi, None, RunnerEvents>;
  /** Why it is over; set before the channel closes, so that waiting calls are refused with it. */
  ended: FffError | null;
}

/**
 * @param onDied called when the process ended and nobody wanted it to, before waiting calls are refused.
 */
export function openConnection(
  process: RunnerProcess,
  report: <Name extends keyof ReportedEvents>(name: Name, payload: ReportedEvents[Name]) => void,
  log: Log,
  onDied: (error: FffError) => void,
): Connection {
  const closeListeners = new Set<() => void>();
  const rpc: Connection['rpc'] = new Rpc(
    {
      send: (message) => process.send(message),
      onMessage: (listener): Disposable => process.onMessage((message) => listener(ownBytes(message))),
      onClose: (listener) => {
        closeListeners.add(listener);
        return { dispose: () => closeListeners.delete(listener) };
      },
    },
    {},
    (where, thrown) => log.warn(`Runner channel, ${where}: ${describeThrown(thrown)}`),
  );
  const connection: Connection = { process, rpc, ended: null };
  rpc.on('progress', (payload) => report('progress', payload));
  rpc.on('timing', (payload) => report('timing', payload));
  rpc.on('passTiming', (payload) => report('passTiming', payload));
  rpc.on('benchmarkProgress', (payload) => report('benchmarkProgress', payload));
  rpc.on('benchmarkRows', (payload) => report('benchmarkRows', payload));
  rpc.on('benchmarkResult', (payload) => report('benchmarkResult', payload));
  rpc.on('log', ({ level, message }) => log[level](`runner: ${message}`));
  process.onExit((exit) => {
    if (connection.ended === null) {
      const error = new FffError('RUNNER_EXITED', describeExit(exit), 'Try again: the next request starts it anew.');
      log.error(error.message);
      onDied(error);
    }
    closeListeners.forEach((listener) => listener());
  });
  return connection;
}

/** Closes the channel and ends the process: first it is asked to, then it is made to. */
export function closeConnection({ process, rpc }: Connection): void {
  rpc.dispose();
  process.kill(false);
  const timer = setTimeout(() => process.kill(true), KILL_GRACE_MS);
  process.onExit(() => clearTimeout(timer));
}

function describeExit({ exitCode, signal, error }: ProcessExit): string {
  if (error !== null) {
    return `The runner process could not be started: ${error.message}.`;
  }
  return `The runner process ended unexpectedly (${signal === null ? `exit code ${String(exitCode)}` : `signal ${signal}`}).`;
}

/** Waits for a start that goes on without us when the caller loses interest. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
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
