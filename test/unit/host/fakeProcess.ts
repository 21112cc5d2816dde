/** A runner process in memory: the test is the child. */
import type { Disposable } from '../../../extension/disposable';
import { PROTOCOL_VERSION, type RunnerApi, type RunnerEvents, type RunnerHello } from '../../../extension/protocol';
import { Rpc, type Handlers, type None } from '../../../extension/rpc';
import type { ProcessExit, RunnerProcess } from '../../../extension/runner/process';

export const HELLO: RunnerHello = {
  protocolVersion: PROTOCOL_VERSION,
  pid: 4711,
  nodeVersion: '20.0.0',
  onnxruntimeVersion: '1.30.0',
  kernelImplementation: 'scalar',
  supportedImplementations: ['scalar'],
};

export class FakeProcess implements RunnerProcess {
  readonly kills: ('asked' | 'forced')[] = [];
  /** The child's end; its events reach the client. */
  readonly rpc: Rpc<RunnerApi, None, RunnerEvents>;
  private readonly toHost = new Set<(message: unknown) => void>();
  private readonly toChild = new Set<(message: unknown) => void>();
  private readonly exitListeners = new Set<(exit: ProcessExit) => void>();
  private exit: ProcessExit | null = null;

  /** @param obedient whether it ends when asked to. */
  constructor(
    handlers: Partial<Handlers<RunnerApi>>,
    private readonly obedient = true,
  ) {
    const wait = () => new Promise<never>(() => undefined);
    this.rpc = new Rpc<RunnerApi, None, RunnerEvents>(
      {
        send: (message) => this.deliver(this.toHost, message),
        onMessage: (listener) => this.subscribe(this.toChild, listener),
        onClose: () => ({ dispose: () => undefined }),
      },
      { hello: () => HELLO, loadModel: wait, trace: wait, measure: wait, ...handlers } as Handlers<RunnerApi>,
    );
  }

  /** Ends the process, as the operating system would report it. */
  die(exit: Partial<ProcessExit>): void {
    if (this.exit === null) {
      this.exit = { exitCode: null, signal: null, error: null, ...exit };
      for (const listener of this.exitListeners) {
        listener(this.exit);
      }
    }
  }

  send(message: unknown): void {
    if (this.exit !== null) {
      throw new Error('no process');
    }
    this.deliver(this.toChild, message);
  }

  onMessage(listener: (message: unknown) => void): Disposable {
    return this.subscribe(this.toHost, listener);
  }

  onExit(listener: (exit: ProcessExit) => void): Disposable {
    if (this.exit !== null) {
      listener(this.exit);
    }
    return this.subscribe(this.exitListeners, listener);
  }

  kill(force: boolean): void {
    this.kills.push(force ? 'forced' : 'asked');
    if (force || this.obedient) {
      this.die({ signal: force ? 'SIGKILL' : 'SIGTERM' });
    }
  }

  private deliver(listeners: Set<(message: unknown) => void>, message: unknown): void {
    const copy = structuredClone(message);
    queueMicrotask(() => {
      if (this.exit === null) {
        listeners.forEach((listener) => listener(copy));
      }
    });
  }

  private subscribe<T>(set: Set<T>, listener: T): Disposable {
    set.add(listener);
    return { dispose: () => set.delete(listener) };
  }
}
