/**
 * Entry of the runner's process. It owns nothing but the channel: requests go to `RunnerService`, and the process ends
 * when its owner is gone.
 */
import { toDisposable } from '../disposable';
import { isCancellation } from '../errors';
import { describeThrown } from '../log';
import type { RunnerApi, RunnerEvents } from '../protocol';
import { Rpc, type Channel, type None } from '../rpc';
import { RunnerService } from './runnerService';

function parentChannel(): Channel {
  return {
    // A parent that went away is noticed through `disconnect`; a failed send needs no second notice.
    send: (message) => void process.send?.(message, undefined, undefined, () => undefined),
    onMessage: (listener) => {
      process.on('message', listener);
      return toDisposable(() => process.off('message', listener));
    },
    onClose: (listener) => {
      process.on('disconnect', listener);
      return toDisposable(() => process.off('disconnect', listener));
    },
  };
}

if (process.send === undefined) {
  process.stderr.write(
    'The runner is started by the extension. From a terminal use: fff-explorer trace --text "..."\n',
  );
  process.exit(2);
}

process.on('disconnect', () => process.exit(0));

// Loaded on the handshake: where a native library is missing, the owner gets an answer that says so.
const service = new RunnerService(
  async () => (await import('./engine')).loadEngine(),
  (name, payload) => rpc.emit(name, payload),
);
const rpc: Rpc<RunnerApi, None, RunnerEvents> = new Rpc<RunnerApi, None, RunnerEvents>(
  parentChannel(),
  service.handlers,
  (where, thrown) => {
    // What could not be sent cannot be reported over the same channel either.
    if (where.startsWith('sending')) {
      process.stderr.write(`${where}: ${describeThrown(thrown)}\n`);
    } else if (!isCancellation(thrown)) {
      rpc.emit('log', { level: 'error', message: `${where}: ${describeThrown(thrown)}` });
    }
  },
);
