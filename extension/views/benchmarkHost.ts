/**
 * The benchmark page's end of the protocol, in the panel and in the editor of result files alike: a `Rpc` that answers
 * from the truth behind it and passes on what changed. As in `viewHost.ts`, a hidden page gets nothing and asks for
 * everything when it is back.
 */
import { DisposableStore, type Disposable } from '../disposable';
import { describeThrown, type Log } from '../log';
import type { BenchmarkViewApi, BenchmarkViewEvents, BenchmarkViewState } from '../protocol';
import { Rpc, type Handlers, type None } from '../rpc';
import type { MessagePort } from './viewHost';

/** What a page shows: the session, or one file. */
export interface BenchmarkTruth {
  readonly state: BenchmarkViewState;
  on<Name extends keyof BenchmarkViewEvents>(
    name: Name,
    listener: (payload: BenchmarkViewEvents[Name]) => void,
  ): Disposable;
}

export type BenchmarkActions = Omit<Handlers<BenchmarkViewApi>, 'ready'>;

const EVENTS: readonly (keyof BenchmarkViewEvents)[] = [
  'catalogue',
  'run',
  'liveRows',
  'shown',
  'baseline',
  'history',
  'notices',
];

export class BenchmarkHost implements Disposable {
  private readonly store = new DisposableStore();
  private hydrated = false;
  /** Pages that said `ready` so far. */
  private pages = 0;

  /** @param onReady called when the page has asked for its state. */
  constructor(port: MessagePort, truth: BenchmarkTruth, actions: BenchmarkActions, log: Log, onReady: () => void) {
    const rpc: Rpc<BenchmarkViewApi, None, BenchmarkViewEvents> = new Rpc<BenchmarkViewApi, None, BenchmarkViewEvents>(
      {
        // A page that is being thrown away refuses messages; it will ask for everything when it is back. What was meant
        // for it may be refused after that: its successor knows it already.
        send: (message) => {
          const { pages } = this;
          void port.send(message).then(undefined, (thrown: unknown) => {
            this.hydrated &&= this.pages !== pages;
            log.debug(`View benchmark took no message: ${describeThrown(thrown)}`);
          });
        },
        onMessage: (listener) => port.listen(listener),
        onClose: () => ({ dispose: () => undefined }),
      },
      {
        ...actions,
        ready: () => {
          this.hydrated = true;
          this.pages++;
          onReady();
          return truth.state;
        },
      },
      (where, thrown) => log.warn(`View benchmark, ${where}: ${describeThrown(thrown)}`),
    );
    this.store.add(rpc);
    const pass = (name: keyof BenchmarkViewEvents): Disposable =>
      truth.on(name, (payload) => {
        if (this.hydrated) {
          rpc.emit(name, payload);
        }
      });
    EVENTS.forEach((name) => this.store.add(pass(name)));
  }

  /** The page is gone until it says `ready` again. */
  hidden(): void {
    this.hydrated = false;
  }

  dispose(): void {
    this.hydrated = false;
    this.store.dispose();
  }
}
