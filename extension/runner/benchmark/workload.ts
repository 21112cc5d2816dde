/** Builds the layers and tokens that all engines of a group of cells share. */
import { FffError } from '../../errors';
import type { FffWeights } from '../contracts';
import { poolTokens, randomDenseWeights, randomFffWeights, syntheticTokens, twinOf } from './distributions';
import type { DenseWeights } from './distributions';
import type { Cell, Plan } from './plan';
import type { Workload } from './engines/engine';
import { routeTokens } from './routing';
import { denseReferenceOf } from './verify';
import type { Reference } from './verify';

/** Tokens that are routed to tell how diverse their paths are; a call of more tokens is routed whole. */
const ROUTED_TOKENS = 8192;

/** A model and a text as the benchmark sees them; the runner provides it, tests fake it. */
export interface HiddenStateSource {
  layers: number;
  width: number;
  depth: number;
  /** Tokens of the text. */
  tokens: number;
  /** Hash of the model's weights. */
  modelHash: string;
  /** [tokens, width]: what the layer's feedforward reads. */
  inputOf(layer: number): Promise<Float32Array>;
  weightsOf(layer: number): Promise<FffWeights>;
}

/** The workload of all cells that differ in nothing but the batch. */
export class PreparedWorkload implements Workload {
  readonly width: number;
  readonly depth: number;
  readonly trees: number;
  readonly tokens: number;
  private readonly denseLayers = new Map<number, readonly DenseWeights[]>();
  private readonly references = new WeakMap<object, Reference>();
  private routed: Int32Array = new Int32Array(0);
  /** Alone in its buffer: references are remembered by a token's place in it. */
  private tokenPool: Float32Array;

  private constructor(
    readonly layers: readonly FffWeights[],
    pool: Float32Array,
    private readonly seed: number,
  ) {
    this.tokenPool = pool.byteOffset === 0 ? pool : pool.slice();
    const { width, depth, trees } = layers[0]!;
    this.width = width;
    this.depth = depth;
    this.trees = trees;
    this.tokens = pool.length / width;
  }

  /** @param batches All batches the pool must serve. */
  static async build(
    plan: Plan,
    cell: Cell,
    batches: readonly number[],
    source: HiddenStateSource | null,
  ): Promise<PreparedWorkload> {
    const { width, depth, distribution, weights, layer } = cell;
    const count = weights === 'cold' ? plan.coldLayers : 1;
    try {
      if (distribution === 'hidden-states') {
        if (source === null || layer === null) {
          throw new FffError('BAD_INPUT', 'Hidden states need a model and a text.', 'Give the plan a source.');
        }
        const layers: FffWeights[] = [];
        for (let i = 0; i < count; i++) {
          layers.push(await source.weightsOf((layer + i) % source.layers));
        }
        return new PreparedWorkload(layers, await source.inputOf(layer), plan.seed);
      }
      const tokens = Math.max(...batches.map((batch) => poolTokens(width, batch)));
      const layers = Array.from({ length: count }, (_, i) => randomFffWeights(width, depth, plan.seed, i));
      return new PreparedWorkload(layers, syntheticTokens(distribution, width, tokens, plan.seed), plan.seed);
    } catch (cause) {
      if (cause instanceof RangeError) {
        throw new FffError(
          'OUT_OF_MEMORY',
          'There is not enough memory for the weights and tokens of the plan.',
          'Choose a smaller batch or shape.',
          { cause },
        );
      }
      throw cause;
    }
  }

  get pool(): Float32Array {
    return this.tokenPool;
  }

  /** Lays the tokens elsewhere in memory, for engines that are prepared afterwards. Where there is no room they stay. */
  moveTokens(): void {
    try {
      this.tokenPool = this.tokenPool.slice();
    } catch (cause) {
      if (!(cause instanceof RangeError)) {
        throw cause;
      }
    }
  }

  dense(neurons: number): readonly DenseWeights[] {
    let layers = this.denseLayers.get(neurons);
    if (layers === undefined) {
      layers = this.layers.map((_, layer) => randomDenseWeights(this.width, neurons, this.seed, layer));
      this.denseLayers.set(neurons, layers);
    }
    return layers;
  }

  /** The dense twins of the layers; the same objects at every call. */
  readonly twins = (): readonly DenseWeights[] => {
    const layers = this.denseLayers.get(0) ?? this.layers.map(twinOf);
    this.denseLayers.set(0, layers);
    return layers;
  };

  /** What `weights` must compute; remembers the dense outputs it has worked out. */
  referenceOf(weights: DenseWeights): Reference {
    const reference = this.references.get(weights) ?? denseReferenceOf(weights);
    this.references.set(weights, reference);
    return reference;
  }

  /** Leaves [tokens, trees] of the pool's first tokens through the first layer, a whole number of calls. */
  leaves(batch: number): Int32Array {
    const tokens = Math.min(this.tokens, Math.max(1, Math.floor(ROUTED_TOKENS / batch)) * batch);
    if (this.routed.length < tokens * this.trees) {
      this.routed = routeTokens(this.layers[0]!, this.pool, tokens);
    }
    return this.routed.subarray(0, tokens * this.trees);
  }
}
