/**
 * What the benchmark's page knows: the host's state and how the page is set up. Parts of the page read it and are told,
 * at most once a frame, that something changed.
 */
import type {
  BenchmarkRow,
  BenchmarkViewApi,
  BenchmarkViewEvents,
  BenchmarkViewState,
  WireError,
} from '../../extension/protocol';
import { wireErrorOf, type Host } from '../host';
import { cellKey } from './series';

export type Against = 'dense' | '3072' | 'time';

/** How the page is set up; kept by VS Code while it is hidden. */
export interface BenchmarkSetup {
  tables: readonly string[];
  /** Chosen preset, or `custom`. */
  preset: string;
  /** The custom plan as typed. */
  json: string;
  against: Against;
  /** Chosen precision, or `all`; null: what can be read. */
  precision: string | null;
  /** Name of the size along the axis; null: the one that varies most. */
  variable: string | null;
  /** Chosen values of the other sizes that vary. */
  fixed: Readonly<Record<string, string>>;
  /** Key of the sweep whose growth is shown; null: the first. */
  growth: string | null;
  /** Key of the cell whose samples are shown; null: the newest. */
  cell: string | null;
}

const EMPTY: BenchmarkViewState = {
  mode: 'panel',
  catalogue: null,
  run: { kind: 'idle' },
  liveRows: [],
  shown: null,
  baseline: null,
  history: [],
  notices: [],
};

export class BenchmarkStore {
  state: BenchmarkViewState = EMPTY;
  setup: BenchmarkSetup;
  /** True once the host answered `ready`. */
  hydrated = false;
  /** A call of this page that failed, until the next one. */
  localError: WireError | null = null;
  private readonly listeners = new Set<() => void>();
  private frame: number | null = null;

  constructor(private readonly host: Host<BenchmarkViewApi, BenchmarkViewEvents>) {
    this.setup = readSetup(host.saved);
  }

  /** Subscribes to the host and fetches the whole state. */
  async start(): Promise<void> {
    const { rpc } = this.host;
    const take = (name: keyof BenchmarkViewEvents): void => {
      rpc.on(name, (payload) => {
        this.state = { ...this.state, [name]: payload };
        if (this.state.run.kind === 'failed' && name === 'run') {
          // The newest failure is the one to see: an earlier refusal must not hide it.
          this.localError = null;
        }
        this.changed();
      });
    };
    (['catalogue', 'run', 'liveRows', 'shown', 'baseline', 'history', 'notices'] as const).forEach(take);
    const state = await this.call('ready', []);
    if (state !== undefined) {
      this.hydrated = true;
      this.state = state;
      this.changed();
    }
  }

  /** Rows of the shown result; where it is the one that runs, those of the cell being measured are the newest ones. */
  get rows(): readonly BenchmarkRow[] {
    const { shown, run, liveRows } = this.state;
    const rows = shown?.result.rows ?? [];
    if (run.kind !== 'running' || (shown !== null && shown.entry.id !== run.id)) {
      return rows;
    }
    const live = new Set(liveRows.map(cellKey));
    const at = rows.findIndex((row) => live.has(cellKey(row)));
    const others = rows.filter((row) => !live.has(cellKey(row)));
    // A cell that was measured in earlier passes keeps its place.
    return at < 0 ? [...rows, ...liveRows] : others.toSpliced(at, 0, ...liveRows);
  }

  /** True for rows that still change. */
  isLive(row: BenchmarkRow): boolean {
    return this.state.liveRows.includes(row);
  }

  arrange(change: Partial<BenchmarkSetup>): void {
    this.setup = { ...this.setup, ...change };
    this.host.save({ ...this.setup });
    this.changed();
  }

  /** Calls the host; a refusal is shown, and undefined returned. */
  async call<Name extends keyof BenchmarkViewApi>(
    method: Name,
    parameters: Parameters<BenchmarkViewApi[Name]>,
  ): Promise<Awaited<ReturnType<BenchmarkViewApi[Name]>> | undefined> {
    type Answer = Awaited<ReturnType<BenchmarkViewApi[Name]>>;
    try {
      // The pump infers a method's parameters by itself, and the compiler cannot see that they are the same.
      const answer = (await this.host.rpc.call(method, parameters as never)) as Answer;
      if (this.localError !== null && method !== 'check') {
        this.localError = null;
        this.changed();
      }
      return answer;
    } catch (thrown) {
      this.localError = wireErrorOf(thrown);
      this.changed();
      return undefined;
    }
  }

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  changed(): void {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.listeners.forEach((listener) => listener());
    });
  }
}

/** Saved data of an earlier version may be anything. */
function readSetup(saved: Record<string, unknown>): BenchmarkSetup {
  const text = (name: string): string | null => (typeof saved[name] === 'string' ? saved[name] : null);
  const { tables, fixed, against } = saved;
  return {
    tables: Array.isArray(tables) ? tables.filter((name) => typeof name === 'string') : [],
    preset: text('preset') ?? 'default',
    json: text('json') ?? '',
    against: against === '3072' || against === 'time' ? against : 'dense',
    precision: text('precision'),
    variable: text('variable'),
    fixed:
      typeof fixed === 'object' && fixed !== null
        ? Object.fromEntries(Object.entries(fixed).filter(([, value]) => typeof value === 'string'))
        : {},
    growth: text('growth'),
    cell: text('cell'),
  };
}
