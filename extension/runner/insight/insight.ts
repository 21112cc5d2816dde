/**
 * Everything that can be asked about a loaded model beyond a trace: what-if, logit lens, norms, node cards, decisions
 * near their boundary, usage. The parts live beside this file; here they get the model, the last run and the weights.
 */
import { FffError } from '../../errors';
import type {
  Intervention,
  LayerNorms,
  LensRequest,
  LensResult,
  NearBoundary,
  NearBoundaryRequest,
  NodeCard,
  NodeRequest,
  Trace,
  UsageMap,
  UsageRequest,
  WhatIfRequest,
  WhatIfResult,
} from '../../protocol';
import { throwIfCancelled } from '../encoder/cancellation';
import { readFff } from '../encoder/weights';
import { examineBoundaries } from './examineBoundaries';
import { checkIndex, checkInterventions, InterventionPlan } from './interventions';
import { lens } from './lens';
import type { InsightModel } from './model';
import { describeWeights, tokensVisiting, vocabularyOf, weightNorms, type Vocabulary } from './nodeCard';
import { Rereadable } from './rereadable';
import { TracePass } from './tracePass';
import { UsageMapper, type UsageHooks } from './usage/usageMapper';
import { whatIf } from './whatIf';
import { RunStates } from './windowStates';

/** Lists on a card or of predictions longer than this are a mistake. */
const MAX_TOP = 1000;

export class Insight {
  private readonly unloading = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  private readonly weights = new Rereadable((layer: number) => readFff(this.model.checkpoint, layer));
  private readonly vocabulary = new Rereadable<'words', Vocabulary>(async () =>
    vocabularyOf(await this.model.checkpoint.readWordEmbedding()),
  );
  private readonly norms = new Map<number, LayerNorms>();
  private usage: UsageMapper | null = null;
  private states: RunStates | null = null;

  constructor(private readonly model: InsightModel) {}

  /** Prepares a trace: checks and loads its interventions. @throws FffError BAD_INPUT. */
  async startTrace(interventions: readonly Intervention[] | undefined, tokens: number): Promise<TracePass> {
    return new TracePass(this.model.info, interventions ?? [], await this.planOf(interventions ?? [], tokens), tokens);
  }

  /**
   * Completes a trace and makes it the last run.
   * @param ffnInputs [keptTokens, H] a layer, of its first tokens.
   */
  remember(traced: Trace, pass: TracePass, ffnInputs: readonly Float32Array[]): Trace {
    const trace = pass.finish(traced);
    this.states = new RunStates(this.model, { trace, ffnInputs }, pass.plan);
    return trace;
  }

  /** Runs with changes in place and compares. @throws FffError BAD_INPUT, CANCELLED. */
  whatIf(request: WhatIfRequest, signal: AbortSignal): Promise<WhatIfResult> {
    return this.track(signal, async (own) => {
      const states = this.statesOf(request.runId);
      checkTop(request.top);
      const plan = await this.planOf(request.interventions, states.run.trace.tokens.length);
      return whatIf(this.model, states, request, plan ?? (await InterventionPlan.open([], this.weightsOf)), own);
    });
  }

  lens(request: LensRequest, signal: AbortSignal): Promise<LensResult> {
    return this.track(signal, async (own) => {
      checkTop(request.top);
      const result = await lens(this.model, this.statesOf(request.runId), request);
      throwIfCancelled(own);
      return result;
    });
  }

  /** Computed once a layer and kept: 32 KB for the default model. @throws FffError BAD_INPUT. */
  layerNorms(layer: number, signal: AbortSignal): Promise<LayerNorms> {
    return this.track(signal, async () => {
      this.checkFffLayer(layer);
      let norms = this.norms.get(layer);
      if (norms === undefined) {
        norms = { layer, ...weightNorms(await this.weights.get(layer)) };
        this.norms.set(layer, norms);
      }
      return norms;
    });
  }

  /** @throws FffError BAD_INPUT. */
  describeNode(request: NodeRequest, signal: AbortSignal): Promise<NodeCard> {
    return this.track(signal, async (own) => {
      const { layer, tree, node, top } = request;
      checkTop(top);
      this.checkFffLayer(layer);
      checkInterventions([{ layer, tree, node, token: null, kind: 'silence' }], this.model.info, 0);
      const weights = await this.weights.get(layer);
      const vocabulary = await this.vocabulary.get('words');
      throwIfCancelled(own);
      const trace = this.states?.run.trace;
      return {
        layer,
        tree,
        node,
        ...describeWeights(weights, tree, node, vocabulary, top, (id) => this.model.labelOf(id)),
        runId: trace?.runId ?? null,
        tokens: trace ? tokensVisiting(trace, layer, tree, node) : new Uint32Array(),
      };
    });
  }

  /** @throws FffError BAD_INPUT, CANCELLED. */
  nearBoundary(request: NearBoundaryRequest, signal: AbortSignal): Promise<NearBoundary> {
    return this.track(signal, (own) =>
      examineBoundaries(this.model, this.statesOf(request.runId), request, this.weightsOf, own),
    );
  }

  /** @throws FffError BAD_INPUT, TOKENIZER_INVALID, CANCELLED. */
  mapUsage(request: UsageRequest, hooks: UsageHooks): Promise<UsageMap> {
    return this.track(hooks.signal, (own) => {
      this.usage ??= new UsageMapper(this.model);
      return this.usage.map(request, {
        ...hooks,
        signal: own,
        // Whoever unloads the model waits for this; it must not wait for them in turn.
        giveWay: () => untilAborted(hooks.giveWay(), own),
      });
    });
  }

  /** Ends what runs (CANCELLED) and waits for it; the checkpoint may be closed afterwards. */
  async dispose(): Promise<void> {
    this.unloading.abort();
    await Promise.allSettled(this.running);
    this.states = null;
  }

  private readonly weightsOf = (layer: number) => this.weights.get(layer);

  private async planOf(interventions: readonly Intervention[], tokens: number): Promise<InterventionPlan | null> {
    checkInterventions(interventions, this.model.info, tokens);
    return interventions.length === 0 ? null : InterventionPlan.open(interventions, this.weightsOf);
  }

  private statesOf(runId: number): RunStates {
    if (this.states?.run.trace.runId !== runId) {
      throw new FffError('BAD_INPUT', `Run ${runId} is not the last one.`, 'Trace it again.');
    }
    return this.states;
  }

  private checkFffLayer(layer: number): void {
    checkIndex('layer', layer, this.model.info.layers);
    if (this.model.info.feedforward.kind !== 'fff') {
      throw new FffError('BAD_INPUT', `Layer ${layer} is dense, so it has no nodes.`);
    }
  }

  private async track<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = AbortSignal.any([signal, this.unloading.signal]);
    throwIfCancelled(own);
    const running = work(own);
    this.running.add(running);
    try {
      return await running;
    } finally {
      this.running.delete(running);
    }
  }
}

function checkTop(top: number): void {
  if (!Number.isInteger(top) || top < 0 || top > MAX_TOP) {
    throw new FffError('BAD_INPUT', `The number of entries must be a whole number from 0 to ${MAX_TOP}, not ${top}.`);
  }
}

/** Waits, but no longer than the signal allows. @throws FffError CANCELLED. */
async function untilAborted(waiting: Promise<void>, signal: AbortSignal): Promise<void> {
  throwIfCancelled(signal);
  let abort: () => void = () => undefined;
  const aborted = new Promise<void>((resolve) => (abort = resolve));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([waiting, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  throwIfCancelled(signal);
}
