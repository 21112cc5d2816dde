/**
 * What one view knows: the host's state, the local preview under the pointer, and how the view is set up. Panes read it
 * and are told, at most once a frame, what changed. Hover never leaves the view; pinning goes to the host, which tells
 * the other views.
 */
import type { Focus, Intervention, ViewApi, ViewState, WireError } from '../extension/protocol';
import { wireErrorOf, type Host } from './host';
import { Insight } from './insight';
import { mergeTiming } from '../extension/gains';
import { TraceView } from './routing';
import { readSetup, type Setup } from './setup';

/** `insight`: an answer came, or interventions, usage map or comparison changed. */
export type Change = 'trace' | 'status' | 'focus' | 'timings' | 'theme' | 'setup' | 'insight';

const EMPTY: ViewState = {
  trace: null,
  source: null,
  status: { kind: 'idle' },
  runner: { kind: 'stopped' },
  focus: { token: 0, layer: 0, tree: 0, node: null },
  timings: [],
  passTiming: null,
  whatIf: { interventions: [], result: null },
  usage: null,
  compared: null,
  contexts: null,
};

export class Store {
  state: ViewState = EMPTY;
  view: TraceView | null = null;
  setup: Setup;
  /** True once the host answered `ready`. */
  hydrated = false;
  /** A call of this view that failed, until the next success. */
  localError: WireError | null = null;
  /** Figure that is to be brought into sight with the next repaint. */
  reveal: string | null = null;
  /** Tokens looked at beside the focused one, ascending; their paths are drawn too. */
  selected: readonly number[] = [];
  readonly insight: Insight;
  /** Changes last asked for, until the host answers; the next gesture adds to these, however quickly it follows. */
  private trial: Intervention[] | null = null;
  private hover: Partial<Focus> | null = null;
  private readonly listeners = new Set<(changes: ReadonlySet<Change>) => void>();
  private changes = new Set<Change>();
  private frame: number | null = null;
  private focusToSend: Focus | null = null;
  private sendingFocus = false;

  constructor(private readonly host: Host) {
    this.setup = readSetup(host.saved);
    this.insight = new Insight(
      async (method, parameters) => (await host.rpc.call(method, parameters as never)) as never,
      () => this.changed('insight'),
    );
  }

  /** Subscribes to the host and fetches the whole state. */
  async start(): Promise<void> {
    const { rpc } = this.host;
    rpc.on('traced', ({ trace, source, focus }) => {
      this.hover = null;
      const whatIf = { interventions: [], result: null };
      this.replace({ ...this.state, trace, source, focus, timings: [], passTiming: null, whatIf, compared: null });
    });
    rpc.on('status', (status) => {
      this.state = { ...this.state, status };
      this.localError = null;
      this.changed('status');
    });
    rpc.on('runner', (runner) => {
      this.state = { ...this.state, runner };
      this.changed('status');
    });
    rpc.on('focus', (focus) => {
      // While our own focus is under way the host still echoes older ones; the last one we send wins.
      if (!this.sendingFocus) {
        this.state = { ...this.state, focus };
        this.changed('focus');
      }
    });
    rpc.on('timing', (timing) => {
      this.state = { ...this.state, timings: mergeTiming(this.state.timings, timing) };
      this.changed('timings');
    });
    rpc.on('passTiming', (passTiming) => {
      this.state = { ...this.state, passTiming };
      this.changed('timings');
    });
    rpc.on('interventions', (whatIf) => this.learn({ whatIf }));
    rpc.on('usage', (usage) => {
      this.insight.forgetUsage();
      this.learn({ usage });
      this.noticeNews();
    });
    rpc.on('compared', (compared) => {
      this.learn({ compared });
      this.noticeNews();
    });
    rpc.on('contexts', (contexts) => {
      this.learn({ contexts });
      this.noticeContexts();
    });
    rpc.on('state', (state) => this.hydrate(state));
    const state = await this.call('ready', []);
    // Null: it was told already. A page that did not hear it, as it was not loaded yet, is told now.
    const missed = state === null && !this.hydrated ? await this.call('ready', []) : state;
    if (missed != null) {
      this.hydrate(missed);
    }
  }

  private hydrate(state: ViewState): void {
    this.hydrated = true;
    this.replace(state);
    this.noticeNews();
    this.noticeContexts();
  }

  /** What is looked at now: the pinned focus, overlaid with the preview under the pointer, kept within the trace. */
  get sight(): Focus {
    return this.clamp({ ...this.state.focus, ...this.hover });
  }

  get pinned(): Focus {
    return this.clamp(this.state.focus);
  }

  /** The node under the pointer, if any. */
  get hoveredNode(): number | null {
    return this.hover?.node ?? null;
  }

  /** Changes under trial, those the host has still to answer included. */
  get interventions(): readonly Intervention[] {
    return this.trial ?? this.state.whatIf.interventions;
  }

  pin(change: Partial<Focus>): void {
    const moved = { ...this.state.focus, ...change };
    // A node belongs to one layer's tree; it does not follow to another.
    if (change.node === undefined && (moved.layer !== this.state.focus.layer || moved.tree !== this.state.focus.tree)) {
      moved.node = null;
    }
    this.hover = null;
    this.state = { ...this.state, focus: this.clamp(moved) };
    this.changed('focus');
    this.focusToSend = this.state.focus;
    void this.sendFocus();
  }

  preview(hover: Partial<Focus> | null): void {
    if (JSON.stringify(hover) !== JSON.stringify(this.hover)) {
      this.hover = hover;
      this.changed('focus');
    }
  }

  /** Adds a token to those looked at, or takes it away. */
  select(tokens: readonly number[]): void {
    this.selected = [...new Set(tokens)].sort((a, b) => a - b);
    this.changed('focus');
  }

  toggleSelected(token: number): void {
    const others = this.selected.filter((one) => one !== token);
    this.select(others.length < this.selected.length ? others : [...others, token]);
  }

  /**
   * Puts changes under trial in place of those there were; a failure is shown and leaves things as they are. Newer
   * changes supersede a trial under way: that the host gave it up is then no failure to show.
   */
  async tryOut(changes: readonly Intervention[]): Promise<void> {
    const { trace } = this.state;
    if (trace === null) {
      return;
    }
    const masked = trace.predictions.map(({ index }) => index);
    const positions = [...new Set([...masked, this.pinned.token])].sort((a, b) => a - b);
    const interventions = [...changes];
    this.trial = interventions;
    const isLast = (): boolean => this.trial === interventions;
    try {
      const whatIf = await this.host.rpc.call('setInterventions', [{ interventions, positions }]);
      if (this.state.trace === trace) {
        this.learn({ whatIf });
      }
    } catch (thrown) {
      if (isLast()) {
        this.fail(thrown);
      }
    }
    if (isLast()) {
      this.trial = null;
    }
  }

  arrange(change: Partial<Setup>): void {
    this.setup = { ...this.setup, ...change };
    this.host.save({ ...this.setup });
    this.changed('setup');
  }

  /** Calls the host; a failure is shown in the view instead of thrown, and answers undefined. */
  async call<Key extends keyof ViewApi>(
    method: Key,
    parameters: Parameters<ViewApi[Key]>,
  ): Promise<Awaited<ReturnType<ViewApi[Key]>> | undefined> {
    try {
      const result: unknown = await this.host.rpc.call(method, parameters as never);
      return result as Awaited<ReturnType<ViewApi[Key]>>;
    } catch (thrown) {
      this.fail(thrown);
      return undefined;
    }
  }

  /** Shows a failure of this view. */
  fail(thrown: unknown): void {
    this.localError = wireErrorOf(thrown);
    this.changed('status');
  }

  onChange(listener: (changes: ReadonlySet<Change>) => void): void {
    this.listeners.add(listener);
  }

  changed(what: Change): void {
    this.changes.add(what);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      const changes = this.changes;
      this.changes = new Set();
      for (const listener of this.listeners) {
        listener(changes);
      }
    });
  }

  /**
   * A new usage map or comparison is what the user just asked for: it goes on the tree and its figure opens, also where
   * this view was hidden when it came. Later the user's own choice stands.
   */
  private noticeNews(): void {
    const { usage, compared } = this.state;
    const shownUsage = usage === null ? '' : String(usage.runId);
    const shownComparison = compared === null ? '' : `${compared.trace.runId}/${this.state.trace?.runId ?? ''}`;
    const { shownUsage: oldUsage, shownComparison: oldComparison, open } = this.setup;
    if (shownUsage !== oldUsage || shownComparison !== oldComparison) {
      const traffic =
        shownComparison !== oldComparison && compared !== null
          ? ('difference' as const)
          : shownUsage !== oldUsage && usage !== null
            ? ('corpus' as const)
            : this.setup.traffic;
      const figure = { corpus: ['usage'], difference: ['compare'], trace: [] }[traffic];
      this.arrange({ shownUsage, shownComparison, traffic, open: [...new Set([...open, ...figure])] });
    }
  }

  /** The same for a word's contexts, which are brought into sight too: they lie far below. */
  private noticeContexts(): void {
    const { contexts } = this.state;
    const shownContexts = contexts === null ? '' : String(contexts.runId);
    if (shownContexts !== this.setup.shownContexts) {
      const opened = contexts === null ? [] : ['contexts', 'occurrences'];
      this.reveal = opened[0] ?? null;
      this.arrange({ shownContexts, open: [...new Set([...this.setup.open, ...opened])] });
    }
  }

  private learn(change: Partial<ViewState>): void {
    this.state = { ...this.state, ...change };
    this.changed('insight');
  }

  private replace(state: ViewState): void {
    const traced = state.trace !== this.state.trace;
    this.state = state;
    if (traced) {
      this.insight.forget();
      this.trial = null;
      this.selected = [];
      this.view = state.trace === null ? null : new TraceView(state.trace);
    }
    for (const what of ['trace', 'status', 'focus', 'timings', 'insight'] as const) {
      this.changed(what);
    }
  }

  private async sendFocus(): Promise<void> {
    if (this.sendingFocus) {
      return;
    }
    this.sendingFocus = true;
    while (this.focusToSend !== null) {
      const focus = this.focusToSend;
      this.focusToSend = null;
      await this.call('setFocus', [focus]);
    }
    this.sendingFocus = false;
  }

  private clamp(focus: Focus): Focus {
    const { trace } = this.state;
    if (trace === null || this.view === null) {
      return focus;
    }
    const within = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));
    return {
      token: within(focus.token, trace.tokens.length),
      layer: within(focus.layer, trace.layers.length),
      tree: within(focus.tree, this.view.trees),
      node: focus.node,
    };
  }
}
