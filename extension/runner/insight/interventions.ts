/**
 * What-if: changes to single nodes while the model runs.
 *
 * The kernel knows no such thing and need not: the few paths that a change touches are walked again here, beside it,
 * from the checkpoint's weights (model-spec section 2, step 4), and the tokens' outputs are summed anew in float64, in
 * the order of trees and levels, and rounded once. Nodes visited before the first change keep the kernel's numbers.
 */
import { FffError } from '../../errors';
import type { FeedforwardInfo, Intervention } from '../../protocol';
import { firstOfLevel, gelu, nodeCount } from '../../tree';
import type { FeedforwardStep, FffWeights } from '../contracts';
import { neuronLogit, neuronOf } from './fffMath';

/** @throws FffError BAD_INPUT naming what does not exist. */
export function checkInterventions(
  interventions: readonly Intervention[],
  model: { layers: number; feedforward: FeedforwardInfo },
  tokens: number,
): void {
  const { feedforward } = model;
  if (interventions.length > 0 && feedforward.kind !== 'fff') {
    throw new FffError('BAD_INPUT', 'This model has dense layers, which have no nodes to change.');
  }
  if (feedforward.kind !== 'fff') {
    return;
  }
  for (const { layer, tree, node, token, kind } of interventions) {
    checkIndex('layer', layer, model.layers);
    checkIndex('tree', tree, feedforward.trees);
    checkIndex('node', node, feedforward.nodesPerTree);
    if (token !== null) {
      checkIndex('token', token, tokens);
    }
    if (kind === 'flip' && node >= firstOfLevel(feedforward.depth)) {
      throw new FffError('BAD_INPUT', `Node ${node} is a leaf, which decides nothing.`, 'Silence it instead.');
    }
  }
}

export function checkIndex(what: string, index: number, count: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new FffError('BAD_INPUT', `There is no ${what} ${index}; there are ${count}, counted from 0.`);
  }
}

interface Change {
  /** Place in the list the user made. */
  index: number;
  node: number;
  token: number | null;
  kind: Intervention['kind'];
}

interface LayerPlan {
  weights: FffWeights;
  /** One list a tree. */
  trees: Change[][];
}

/** Interventions with the weights they need, ready to be applied between a layer's kernel and its residual. */
export class InterventionPlan {
  /** For each intervention, tokens that visited its node. */
  readonly visits: Uint32Array;

  private constructor(
    readonly interventions: readonly Intervention[],
    private readonly layers: ReadonlyMap<number, LayerPlan>,
  ) {
    this.visits = new Uint32Array(interventions.length);
  }

  /** @param interventions Checked ones. */
  static async open(
    interventions: readonly Intervention[],
    weightsOf: (layer: number) => Promise<FffWeights>,
  ): Promise<InterventionPlan> {
    const layers = new Map<number, LayerPlan>();
    for (const [index, { layer, tree, node, token, kind }] of interventions.entries()) {
      let plan = layers.get(layer);
      if (plan === undefined) {
        const weights = await weightsOf(layer);
        plan = { weights, trees: Array.from({ length: weights.trees }, () => []) };
        layers.set(layer, plan);
      }
      plan.trees[tree]!.push({ index, node, token, kind });
    }
    return new InterventionPlan(interventions, layers);
  }

  /** The first layer that changes. */
  get firstLayer(): number {
    return Math.min(...this.layers.keys());
  }

  /** Whether a token of this range is changed directly. */
  touches(firstToken: number, tokenCount: number): boolean {
    return this.interventions.some(
      ({ token }) => token === null || (token >= firstToken && token < firstToken + tokenCount),
    );
  }

  /**
   * Changes paths and output of one layer in place.
   * @param firstToken Index, in the interventions' counting, of the step's first token.
   */
  apply(step: FeedforwardStep, firstToken: number): void {
    const plan = this.layers.get(step.layer);
    if (plan === undefined || step.fff === null) {
      return;
    }
    const tokens = step.input.length / plan.weights.width;
    for (let token = 0; token < tokens; token++) {
      let changed = false;
      for (const [tree, all] of plan.trees.entries()) {
        const changes = all.filter((change) => change.token === null || change.token === firstToken + token);
        if (changes.length > 0) {
          changed = this.redirect(plan.weights, step, token, tree, changes) || changed;
        }
      }
      if (changed) {
        sumOutput(plan.weights, step, token);
      }
    }
  }

  /** Walks one path with the changes in place and rewrites its record; true when a change was met. */
  private redirect(
    weights: FffWeights,
    step: FeedforwardStep,
    token: number,
    tree: number,
    changes: readonly Change[],
  ): boolean {
    const { nodes, logits, activations } = step.fff!;
    const { depth, trees } = weights;
    const first = (token * trees + tree) * (depth + 1);
    let node = 0;
    let met = false;
    for (let level = 0; level <= depth; level++) {
      const at = first + level;
      if (nodes[at] !== node) {
        nodes[at] = node;
        logits[at] = neuronLogit(weights, neuronOf(weights, tree, node), step.input, token);
        activations[at] = gelu(logits[at]);
      }
      const here = changes.filter((change) => change.node === node);
      here.forEach(({ index }) => this.visits[index]!++);
      met ||= here.length > 0;
      if (here.some(({ kind }) => kind === 'silence')) {
        activations[at] = 0;
      }
      const flipped = here.some(({ kind }) => kind === 'flip');
      node = 2 * node + 1 + (logits[at]! > 0 !== flipped ? 1 : 0);
    }
    return met;
  }
}

/** Sums a token's output anew from its recorded paths. */
function sumOutput(weights: FffWeights, step: FeedforwardStep, token: number): void {
  const { width, depth, trees, outputWeights } = weights;
  const { nodes, activations } = step.fff!;
  const neurons = trees * nodeCount(depth);
  const levels = depth + 1;
  const sum = new Float64Array(width);
  for (let path = token * trees; path < (token + 1) * trees; path++) {
    for (let at = path * levels; at < (path + 1) * levels; at++) {
      const neuron = neuronOf(weights, path - token * trees, nodes[at]!);
      const activation = activations[at]!;
      for (let i = 0; i < width; i++) {
        sum[i]! += activation * outputWeights[i * neurons + neuron]!;
      }
    }
  }
  step.output.set(sum, token * width);
}
