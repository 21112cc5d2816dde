/**
 * The runner's process as its owner sees it: four methods, so that unit tests put a fake in its place.
 */
import { fork } from 'node:child_process';
import * as path from 'node:path';
import { toDisposable, type Disposable } from '../disposable';
import { FffError } from '../errors';
import type { Log } from '../log';

/** How a process ended; exactly one of the three says why. */
export interface ProcessExit {
  exitCode: number | null;
  signal: string | null;
  /** It could not be started at all. */
  error: Error | null;
}

export interface RunnerProcess {
  /** @throws when the channel is gone. */
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): Disposable;
  /** Called exactly once, also when the process could not be started. */
  onExit(listener: (exit: ProcessExit) => void): Disposable;
  /** Asks the process to end, or with `force` ends it. */
  kill(force: boolean): void;
}

/** A child whose channel closed is of no use; it gets this long to end by itself, so that its exit code is seen. */
const LINGER_MS = 1000;

/**
 * Starts the bundled runner.
 *
 * @param file the runner's bundle, `dist/runner.js`.
 */
export function forkRunner(file: string, log: Log): RunnerProcess {
  const child = fork(file, [], {
    cwd: path.dirname(file),
    // Typed arrays arrive as plain objects without it.
    serialization: 'advanced',
    silent: true,
    // The host's --inspect must not make the child fight for the same port.
    execArgv: [],
    // Where the extension host is Electron, this makes its executable a plain Node.
    env: process.versions['electron'] === undefined ? process.env : { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
  });
  forwardLines(child.stdout, (line) => log.info(`runner: ${line}`));
  forwardLines(child.stderr, (line) => log.warn(`runner: ${line}`));

  let exit: ProcessExit | undefined;
  let linger: ReturnType<typeof setTimeout> | undefined;
  const exitListeners = new Set<(exit: ProcessExit) => void>();
  const ended = (how: ProcessExit): void => {
    clearTimeout(linger);
    if (exit === undefined) {
      exit = how;
      exitListeners.forEach((listener) => listener(how));
    }
  };
  child.on('exit', (exitCode, signal) => ended({ exitCode, signal, error: null }));
  child.on('error', (error) => {
    log.error(`runner: ${error.message}`);
    if (child.pid === undefined) {
      ended({ exitCode: null, signal: null, error });
    }
  });
  child.on('disconnect', () => {
    linger = setTimeout(() => child.kill('SIGKILL'), LINGER_MS);
  });

  return {
    send: (message) => {
      if (!child.connected) {
        throw new FffError(
          'RUNNER_EXITED',
          'The runner process has ended.',
          'Try again: the next request starts it anew.',
        );
      }
      // A send that fails later is followed by the exit, which settles everything that waits.
      child.send(message as object, () => undefined);
    },
    onMessage: (listener) => {
      child.on('message', listener);
      return toDisposable(() => child.off('message', listener));
    },
    onExit: (listener) => {
      if (exit !== undefined) {
        listener(exit);
        return toDisposable(() => undefined);
      }
      exitListeners.add(listener);
      return toDisposable(() => exitListeners.delete(listener));
    },
    kill: (force) => void child.kill(force ? 'SIGKILL' : 'SIGTERM'),
  };
}

/** Output arrives in pieces that end anywhere; the log gets whole lines. */
function forwardLines(stream: NodeJS.ReadableStream | null, write: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (piece: string) => {
    const lines = (rest + piece).split(/\r?\n/);
    rest = lines.pop() ?? '';
    lines.filter((line) => line !== '').forEach(write);
  });
  stream?.on('end', () => {
    if (rest !== '') {
      write(rest);
    }
  });
}
