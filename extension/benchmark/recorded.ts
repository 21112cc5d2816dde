/**
 * One result file as its editor shows it: nothing runs here; it can be compared with the results of the history. A file
 * that is no result is its error alone.
 */
import { Events, type Disposable } from '../disposable';
import type { BenchmarkResult, BenchmarkViewEvents, BenchmarkViewState, ShownBenchmark, WireError } from '../protocol';
import { entryOf } from './resultFile';
import type { BenchmarkSession } from './session';

export class RecordedBenchmark implements Disposable {
  private readonly events = new Events<BenchmarkViewEvents>();
  private readonly subscriptions: Disposable[];
  private readonly shown: ShownBenchmark;
  private baseline: ShownBenchmark | null = null;

  /** @param file name for display. */
  constructor(
    private readonly session: Pick<BenchmarkSession, 'state' | 'on' | 'load'>,
    file: string,
    result: BenchmarkResult,
    cpu: string,
  ) {
    this.shown = { entry: entryOf(`file:${file}`, result, { kind: 'recorded', file }, cpu), result };
    this.subscriptions = [
      session.on('history', (entries) => this.events.fire('history', entries)),
      session.on('catalogue', (catalogue) => this.events.fire('catalogue', catalogue)),
    ];
  }

  get state(): BenchmarkViewState {
    const { catalogue, history } = this.session.state;
    return {
      mode: 'file',
      catalogue,
      run: { kind: 'idle' },
      liveRows: [],
      shown: this.shown,
      baseline: this.baseline,
      history,
      notices: [],
    };
  }

  on<Name extends keyof BenchmarkViewEvents>(
    name: Name,
    listener: (payload: BenchmarkViewEvents[Name]) => void,
  ): Disposable {
    return this.events.on(name, listener);
  }

  async compare(id: string | null): Promise<void> {
    this.baseline = id === null ? null : await this.session.load(id);
    this.events.fire('baseline', this.baseline);
  }

  dispose(): void {
    this.subscriptions.forEach((subscription) => subscription.dispose());
    this.events.clear();
  }
}

/** What is shown in the place of a file that is no result; it never changes. */
export function unreadable(error: WireError): { readonly state: BenchmarkViewState; on(): Disposable } {
  return {
    state: {
      mode: 'file',
      catalogue: null,
      run: { kind: 'failed', error, resumable: null },
      liveRows: [],
      shown: null,
      baseline: null,
      history: [],
      notices: [],
    },
    on: () => ({ dispose: () => undefined }),
  };
}
