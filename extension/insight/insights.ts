/**
 * What is known about the shown trace beyond itself: changes under trial, the usage map, and the trace it is compared
 * with. Shared by all views, like the session's own state; asks the runner, and knows no VS Code.
 */
import { compareTraces } from '../compare';
import { Events, type Disposable } from '../disposable';
import { FffError } from '../errors';
import type {
  Compared,
  ContextTest,
  InsightApi,
  InsightViewEvents,
  InsightViewState,
  Intervention,
  LayerNorms,
  LensResult,
  NearBoundary,
  NodeCard,
  Prediction,
  RunnerApi,
  Trace,
  TraceSource,
  UsageContext,
  UsageMap,
  WhatIfResult,
  WhatIfState,
} from '../protocol';
import type { Session } from '../session';
import { usageContexts, type TextOf } from './usageContexts';

/** Entries in each list of a node card. */
const CARD_ENTRIES = 12;
/** Words of a prediction where the settings ask for none. */
const DEFAULT_WORDS = 5;

type WithSignal<Method> = Method extends (request: infer Request) => infer Answer
  ? (request: Request, signal?: AbortSignal) => Answer
  : never;

/** The part of the runner's client that is used. */
export type InsightRunner = {
  [Name in keyof InsightApi]: WithSignal<InsightApi[Name]>;
} & { trace: WithSignal<RunnerApi['trace']> };

export interface InsightServices {
  session: Pick<Session, 'state' | 'on' | 'newRunId'>;
  runner: InsightRunner;
  settings(): { topPredictions: number };
}

/** Who changed it; that view needs no echo. */
export interface InterventionsChange {
  whatIf: WhatIfState;
  origin: unknown;
}

export type InsightEvents = Omit<InsightViewEvents, 'interventions'> & { interventions: InterventionsChange };

export interface WhatIfQuestion {
  interventions: Intervention[];
  positions: number[];
}

/** What a view may ask; a recorded trace answers most of it with a refusal. */
export interface InsightTruth {
  readonly state: InsightViewState;
  readonly usage: UsageMap | null;
  on<Name extends keyof InsightEvents>(name: Name, listener: (payload: InsightEvents[Name]) => void): Disposable;
  setInterventions(request: WhatIfQuestion, origin: unknown): Promise<WhatIfState>;
  whatIf(request: WhatIfQuestion): Promise<WhatIfResult>;
  lens(token: number): Promise<LensResult>;
  predictAt(token: number): Promise<Prediction[]>;
  layerNorms(layer: number): Promise<LayerNorms>;
  describeNode(place: { layer: number; tree: number; node: number }): Promise<NodeCard>;
  nearBoundary(request: { precision: 'fp16' | 'bf16'; noise: number }): Promise<NearBoundary>;
  usageContexts(place: { layer: number; tree: number; node: number }): Promise<UsageContext[]>;
  /** @throws FffError BAD_INPUT where there is nothing to compare with. */
  compareWithPrevious(): void;
  endComparison(): void;
  endContexts(): void;
}

const NO_CHANGES: WhatIfState = { interventions: [], result: null };

export class Insights implements InsightTruth, Disposable {
  private readonly events = new Events<InsightEvents>();
  private readonly subscription: Disposable;
  private changes: WhatIfState = NO_CHANGES;
  /** What was under trial before, the newest last. */
  private undoable: WhatIfQuestion[] = [];
  private asked: WhatIfQuestion = { interventions: [], positions: [] };
  private asking: AbortController | null = null;
  private map: { usage: UsageMap; label: string; textOf: TextOf } | null = null;
  private compared: Compared | null = null;
  private contexts: ContextTest | null = null;
  private shown: { trace: Trace; source: TraceSource } | null = null;
  private previous: { trace: Trace; source: TraceSource } | null = null;
  private runsAside = 0;

  constructor(private readonly services: InsightServices) {
    this.subscription = services.session.on('traced', ({ trace, source }) => this.traced(trace, source));
  }

  get state(): InsightViewState {
    const { changes, map, compared, contexts } = this;
    return {
      whatIf: changes,
      usage:
        map === null
          ? null
          : {
              runId: map.usage.runId,
              documents: map.usage.documents.length,
              tokens: map.usage.tokens,
              label: map.label,
            },
      compared,
      contexts,
    };
  }

  get usage(): UsageMap | null {
    return this.map?.usage ?? null;
  }

  on<Name extends keyof InsightEvents>(name: Name, listener: (payload: InsightEvents[Name]) => void): Disposable {
    return this.events.on(name, listener);
  }

  /**
   * Puts other changes under trial; a trial still under way is given up.
   * @throws FffError CANCELLED where other changes or another trace came in between; else the runner's error.
   */
  async setInterventions(request: WhatIfQuestion, origin: unknown = null): Promise<WhatIfState> {
    const before = this.asked;
    const state = await this.try(request, origin);
    this.undoable.push(before);
    return state;
  }

  /** Goes back to the changes before the last ones. @throws FffError BAD_INPUT where there are none. */
  async undoIntervention(): Promise<void> {
    const before = this.undoable.at(-1);
    if (before === undefined) {
      throw new FffError('BAD_INPUT', 'There is no change to undo in this trace.');
    }
    await this.try(before, null);
    this.undoable.pop();
  }

  async whatIf({ interventions, positions }: WhatIfQuestion): Promise<WhatIfResult> {
    return this.services.runner.whatIf({ runId: this.runId, interventions, positions, top: this.words });
  }

  async lens(token: number): Promise<LensResult> {
    return this.services.runner.lens({ runId: this.runId, token, top: this.words });
  }

  /** The last layer seen through the lens is the model's own prediction. */
  async predictAt(token: number): Promise<Prediction[]> {
    const { layers } = await this.lens(token);
    return layers.at(-1)?.top ?? [];
  }

  async layerNorms(layer: number): Promise<LayerNorms> {
    return this.services.runner.layerNorms({ model: this.trace.model.directory, layer });
  }

  async describeNode(place: { layer: number; tree: number; node: number }): Promise<NodeCard> {
    return this.services.runner.describeNode({ ...place, model: this.trace.model.directory, top: CARD_ENTRIES });
  }

  async nearBoundary(request: { precision: 'fp16' | 'bf16'; noise: number }): Promise<NearBoundary> {
    return this.services.runner.nearBoundary({ ...request, runId: this.runId });
  }

  /**
   * Traces a text without showing it. The runner remembers it as its last run, so whoever does this inspects what is to
   * be shown afterwards.
   */
  async traceAside(model: string, text: string, signal?: AbortSignal): Promise<Trace> {
    const { runner, session } = this.services;
    const request = { runId: session.newRunId(), model, input: { text }, topPredictions: this.words };
    this.runsAside++;
    try {
      return await runner.trace(request, signal);
    } finally {
      this.runsAside--;
    }
  }

  /** Whether a text is traced aside, which another run would end. */
  get isTracingAside(): boolean {
    return this.runsAside > 0;
  }

  /** Shows the usage of many texts on the maps of all views. */
  setUsage(usage: UsageMap, label: string, textOf: TextOf): void {
    this.map = { usage, label, textOf };
    this.events.fire('usage', this.state.usage);
  }

  async usageContexts(place: { layer: number; tree: number; node: number }): Promise<UsageContext[]> {
    return this.map === null ? [] : usageContexts(this.map.usage, place, this.map.textOf);
  }

  compareWithPrevious(): void {
    if (this.shown === null || this.previous === null) {
      throw new FffError('BAD_INPUT', 'There is no earlier trace to compare with; inspect two selections first.');
    }
    this.compareWith(this.previous.trace, this.previous.source);
  }

  /** Compares another trace, as the first, with the shown one. */
  compareWith(trace: Trace, source: TraceSource | null): Compared {
    this.compared = { trace, source, comparison: compareTraces(trace, this.trace) };
    this.events.fire('compared', this.compared);
    return this.compared;
  }

  endComparison(): void {
    this.compared = null;
    this.events.fire('compared', null);
  }

  /** Shows a word in its sentences until another word is tested; other traces do not end it. */
  setContexts(contexts: ContextTest | null): void {
    this.contexts = contexts;
    this.events.fire('contexts', contexts);
  }

  endContexts(): void {
    this.setContexts(null);
  }

  dispose(): void {
    this.asking?.abort();
    this.subscription.dispose();
    this.events.clear();
  }

  private async try(request: WhatIfQuestion, origin: unknown): Promise<WhatIfState> {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    const { interventions, positions } = request;
    const result =
      interventions.length === 0
        ? null
        : await this.services.runner.whatIf(
            { runId: this.runId, interventions, positions, top: this.words },
            asking.signal,
          );
    if (this.asking !== asking) {
      throw new FffError('CANCELLED', 'Other changes were made meanwhile.');
    }
    this.asking = null;
    this.asked = request;
    this.changes = { interventions, result };
    this.events.fire('interventions', { whatIf: this.changes, origin });
    return this.changes;
  }

  /** Changes and comparisons are about one trace; the usage map is about one model. */
  private traced(trace: Trace, source: TraceSource): void {
    const isSame =
      this.shown?.trace.text === trace.text && this.shown.trace.model.weightsHash === trace.model.weightsHash;
    if (!isSame) {
      this.previous = this.shown;
    }
    this.shown = { trace, source };
    this.asking?.abort();
    this.asking = null;
    this.changes = NO_CHANGES;
    this.undoable = [];
    this.asked = { interventions: [], positions: [] };
    this.compared = null;
    if (this.map !== null && this.map.usage.model.weightsHash !== trace.model.weightsHash) {
      this.map = null;
      this.events.fire('usage', null);
    }
  }

  private get trace(): Trace {
    const { trace } = this.services.session.state;
    if (trace === null) {
      throw new FffError('BAD_INPUT', 'Nothing has been inspected yet.', 'Inspect a selection first.');
    }
    return trace;
  }

  private get runId(): number {
    return this.trace.runId;
  }

  private get words(): number {
    const { topPredictions } = this.services.settings();
    return topPredictions === 0 ? DEFAULT_WORDS : topPredictions;
  }
}
