/** Two ends of one channel in memory. What is sent is cloned and arrives later, as it would from another process. */
import type { Channel, Disposable } from '../../../extension/rpc';

export interface LoopbackEnd extends Channel {
  /** Delivers a message to this end as if the other side had sent it. */
  inject(message: unknown): void;
  /** Everything this end sent. */
  readonly sent: unknown[];
}

export interface Loopback {
  left: LoopbackEnd;
  right: LoopbackEnd;
  /** Closes both ends. */
  close(): void;
  /** Resolves when everything sent so far has arrived. */
  settle(): Promise<void>;
}

export function loopback(): Loopback {
  const ends = [end(), end()] as const;
  ends[0].deliverTo(ends[1]);
  ends[1].deliverTo(ends[0]);
  return {
    left: ends[0],
    right: ends[1],
    close: () => ends.forEach((each) => each.close()),
    settle: async () => {
      // Answers and what follows from them take a turn each; turns are served in order, timers are not.
      for (let turn = 0; turn < 8; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

function end(): LoopbackEnd & { deliverTo(other: LoopbackEnd): void; close(): void } {
  const messageListeners = new Set<(message: unknown) => void>();
  const closeListeners = new Set<() => void>();
  const sent: unknown[] = [];
  let other: LoopbackEnd | undefined;
  let closed = false;
  const subscribe = <T>(set: Set<T>, listener: T): Disposable => {
    set.add(listener);
    return { dispose: () => set.delete(listener) };
  };
  return {
    sent,
    deliverTo: (target) => {
      other = target;
    },
    send: (message) => {
      if (closed) {
        throw new Error('closed');
      }
      const copy = structuredClone(message);
      sent.push(copy);
      setImmediate(() => other?.inject(copy));
    },
    inject: (message) => messageListeners.forEach((listener) => listener(message)),
    onMessage: (listener) => subscribe(messageListeners, listener),
    onClose: (listener) => subscribe(closeListeners, listener),
    close: () => {
      closed = true;
      closeListeners.forEach((listener) => listener());
    },
  };
}
