/**
 * The residual stream of a window, layer by layer, with or without interventions: what the logit lens reads and what a
 * what-if starts from, so that only the layers from the first change on run again.
 */
import { leafOfNode } from '../../tree';
import type { TraceWindow } from '../../protocol';
import type { EncoderBatch, FeedforwardStep } from '../contracts';
import type { InterventionPlan } from './interventions';
import type { InsightModel, LastRun } from './model';

/** S tokens of one window. */
export interface WindowStates {
  /** [S, H] a layer, the residual stream after it. */
  hidden: Float32Array[];
  /** [S * trees] a layer, leaf ordinals; null for dense layers. */
  leaves: (Uint32Array | null)[];
}

/** More windows than this are not kept; at the published size one takes about 6 MB. */
const KEPT_WINDOWS = 4;

/** States of the windows of one run, computed when asked for; the few used last are kept. */
export class RunStates {
  private readonly kept = new Map<string, Promise<WindowStates>>();

  constructor(
    private readonly model: InsightModel,
    readonly run: LastRun,
    /** The interventions the run itself had, or null. */
    private readonly ownPlan: InterventionPlan | null,
  ) {}

  /** Index of the window that holds a token. */
  windowOf(token: number): number {
    return this.run.trace.windows.findIndex(
      ({ firstToken, tokenCount }) => token >= firstToken && token < firstToken + tokenCount,
    );
  }

  window(index: number): TraceWindow {
    return this.run.trace.windows[index]!;
  }

  /** The window as the unchanged model computes it. */
  plain(index: number): Promise<WindowStates> {
    return this.remembered(`plain ${index}`, () => this.compute(index, null));
  }

  /** The window as the run computed it, its own interventions in place. */
  traced(index: number): Promise<WindowStates> {
    const { ownPlan } = this;
    return ownPlan === null
      ? this.plain(index)
      : this.remembered(`traced ${index}`, () => this.compute(index, ownPlan));
  }

  /** The window with changes in place; layers before the first changed one are those of the unchanged model. */
  async changed(index: number, plan: InterventionPlan, signal: AbortSignal): Promise<WindowStates> {
    const base = await this.plain(index);
    return this.compute(index, plan, { base, signal });
  }

  /** What each layer's feedforward read in the run, [tokenCount, H] a layer; not kept. */
  async feedforwardInputs(firstToken: number, tokenCount: number, signal: AbortSignal): Promise<Float32Array[]> {
    const { layers } = await this.model.encoder.forward(this.batchOf(firstToken, tokenCount), {
      signal,
      onFeedforward: (step) => this.ownPlan?.apply(step, firstToken),
    });
    return layers.map(({ ffnInput }) => ffnInput);
  }

  private batchOf(firstToken: number, tokenCount: number): EncoderBatch {
    const tokens = this.run.trace.tokens.slice(firstToken, firstToken + tokenCount);
    return { ids: Int32Array.from(tokens, ({ id }) => id), mask: null, rows: 1, positions: tokenCount };
  }

  private async compute(
    index: number,
    plan: InterventionPlan | null,
    { base, signal }: { base?: WindowStates; signal?: AbortSignal } = {},
  ): Promise<WindowStates> {
    const { firstToken, tokenCount } = this.window(index);
    const from = base === undefined || plan === null ? 0 : plan.firstLayer;
    const states: WindowStates = {
      hidden: base?.hidden.slice(0, from) ?? [],
      leaves: base?.leaves.slice(0, from) ?? [],
    };
    await this.model.encoder.forward(this.batchOf(firstToken, tokenCount), {
      ...(signal ? { signal } : {}),
      ...(from > 0 ? { resume: { layer: from, hidden: states.hidden[from - 1]! } } : {}),
      onFeedforward: (step) => {
        plan?.apply(step, firstToken);
        states.hidden.push(step.attended.map((value, i) => value + step.output[i]!));
        states.leaves.push(this.leavesOf(step));
      },
    });
    return states;
  }

  private leavesOf({ fff }: FeedforwardStep): Uint32Array | null {
    const { feedforward } = this.model.info;
    if (fff === null || feedforward.kind !== 'fff') {
      return null;
    }
    const { depth } = feedforward;
    const levels = depth + 1;
    return Uint32Array.from({ length: fff.nodes.length / levels }, (_, path) =>
      leafOfNode(fff.nodes[path * levels + depth]!, depth),
    );
  }

  /** Shared by everyone who asks, hence never cancelled by one of them. A failed computation is not kept. */
  private remembered(key: string, compute: () => Promise<WindowStates>): Promise<WindowStates> {
    let states = this.kept.get(key);
    this.kept.delete(key);
    if (states === undefined) {
      states = compute();
      states.catch(() => this.kept.delete(key));
    }
    this.kept.set(key, states);
    for (const oldest of [...this.kept.keys()].slice(0, -KEPT_WINDOWS)) {
      this.kept.delete(oldest);
    }
    return states;
  }
}
