/**
 * What the views need to know about a trace beyond its raw arrays: paths, traffic and margins, computed once a layer and
 * kept. Pure data, no DOM. Every number comes from the trace; activations are `gelu(logit)` as the protocol says.
 */
import type { LayerRouting, Trace } from '../extension/protocol';
import { firstOfLevel, gelu, isAncestor, levelOf, nodeCount, pathNode, pathToLeaf } from '../extension/tree';

/** One decision and how close it was. */
export interface Decision {
  token: number;
  layer: number;
  tree: number;
  level: number;
  node: number;
  logit: number;
  /** `|logit|`; NaN where the logit is. */
  margin: number;
}

/** Sum of the contributions of a path; null while one is unknown. */
export function contributionSum(steps: readonly Step[]): number | null {
  return steps.reduce<number | null>(
    (sum, { contribution }) => (sum === null || contribution === null ? null : sum + contribution),
    0,
  );
}

/** Routing of one FFF layer. */
export class LayerView {
  private readonly trafficByTree = new Map<number, Uint32Array>();
  private largest: number | null = null;

  constructor(
    readonly layer: number,
    readonly depth: number,
    readonly trees: number,
    readonly tokens: number,
    private readonly routing: LayerRouting,
  ) {}

  get levels(): number {
    return this.depth + 1;
  }

  leaf(token: number, tree: number): number {
    return this.routing.leaves[token * this.trees + tree] ?? 0;
  }

  /** The `depth + 1` nodes a token visits, root first. */
  path(token: number, tree: number): number[] {
    return pathToLeaf(this.leaf(token, tree), this.depth);
  }

  /** The `depth + 1` logits of a token's path, root first; a view, not a copy. */
  logits(token: number, tree: number): Float32Array {
    const start = (token * this.trees + tree) * this.levels;
    return this.routing.logits.subarray(start, start + this.levels);
  }

  /** Norm of what all trees of this layer added to a token's hidden state; null in traces that do not say. */
  outputNorm(token: number): number | null {
    return this.routing.outputNorms?.[token] ?? null;
  }

  /** How many tokens visit each node, `[2^(depth+1) - 1]`. */
  traffic(tree: number): Uint32Array {
    let counts = this.trafficByTree.get(tree);
    if (counts === undefined) {
      counts = new Uint32Array(nodeCount(this.depth));
      const first = firstOfLevel(this.depth);
      for (let token = 0; token < this.tokens; token++) {
        const leaf = first + this.leaf(token, tree);
        counts[leaf] = (counts[leaf] ?? 0) + 1;
      }
      // A node's visitors are its children's visitors.
      for (let node = first - 1; node >= 0; node--) {
        counts[node] = (counts[2 * node + 1] ?? 0) + (counts[2 * node + 2] ?? 0);
      }
      this.trafficByTree.set(tree, counts);
    }
    return counts;
  }

  /** Tokens that visit a node, in order. */
  visitors(node: number, tree: number): number[] {
    const level = levelOf(node);
    const visitors: number[] = [];
    for (let token = 0; token < this.tokens; token++) {
      if (pathNode(this.leaf(token, tree), level, this.depth) === node) {
        visitors.push(token);
      }
    }
    return visitors;
  }

  /** Number of different leaves reached. */
  distinctLeaves(tree: number): number {
    const leaves = new Set<number>();
    for (let token = 0; token < this.tokens; token++) {
      leaves.add(this.leaf(token, tree));
    }
    return leaves.size;
  }

  /** Number of different nodes visited by all tokens. */
  distinctNodes(tree: number): number {
    return this.traffic(tree).reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  }

  /** Largest finite `|logit|` of the layer, at least 1e-6: a scale that stays put while stepping through tokens. */
  maxAbsLogit(): number {
    if (this.largest === null) {
      let largest = 1e-6;
      for (const logit of this.routing.logits) {
        const magnitude = Math.abs(logit);
        if (magnitude > largest && magnitude < Infinity) {
          largest = magnitude;
        }
      }
      this.largest = largest;
    }
    return this.largest;
  }

  /** Index of a token's sub-tree at a shallow level, and how many sub-trees there are. */
  subTree(token: number, tree: number, level: number): { index: number; count: number } {
    const used = Math.min(level, this.depth);
    return { index: this.leaf(token, tree) >> (this.depth - used), count: 2 ** used };
  }
}

/** Sub-tree a node belongs to at the colouring level; null for nodes above it. */
export function subTreeOfNode(node: number, colourLevel: number): number | null {
  const level = levelOf(node);
  return level < colourLevel ? null : ((node + 1) >> (level - colourLevel)) - 2 ** colourLevel;
}

/** A trace with its layers' views. */
export class TraceView {
  private readonly views: (LayerView | null)[];
  private closest: Decision[] | null = null;

  constructor(readonly trace: Trace) {
    const { feedforward } = trace.model;
    this.views = trace.layers.map((routing, layer) =>
      routing === null || feedforward.kind !== 'fff'
        ? null
        : new LayerView(layer, feedforward.depth, feedforward.trees, trace.tokens.length, routing),
    );
  }

  get layers(): readonly (LayerView | null)[] {
    return this.views;
  }

  layer(index: number): LayerView | null {
    return this.views[index] ?? null;
  }

  get trees(): number {
    const { feedforward } = this.trace.model;
    return feedforward.kind === 'fff' ? feedforward.trees : 1;
  }

  /**
   * The decisions with the smallest margins over all layers, trees and tokens, closest first. NaN comes first of all: a
   * decision without a number is less certain than any other. Leaf logits decide nothing and are left out.
   */
  closestDecisions(limit: number): Decision[] {
    if (this.closest === null || this.closest.length < limit) {
      const all: Decision[] = [];
      for (const view of this.views) {
        for (let token = 0; view !== null && token < view.tokens; token++) {
          for (let tree = 0; tree < view.trees; tree++) {
            const logits = view.logits(token, tree);
            for (let level = 0; level < view.depth; level++) {
              const logit = logits[level] ?? NaN;
              const margin = Math.abs(logit);
              const worst = all.length === limit ? all[limit - 1] : undefined;
              if (worst !== undefined && rank(margin) >= rank(worst.margin)) {
                continue;
              }
              const node = pathNode(view.leaf(token, tree), level, view.depth);
              insertByMargin(all, { token, layer: view.layer, tree, level, node, logit, margin }, limit);
            }
          }
        }
      }
      this.closest = all;
    }
    return this.closest.slice(0, limit);
  }
}

function rank(margin: number): number {
  return Number.isNaN(margin) ? -1 : margin;
}

/** Keeps a short list sorted; the list has tens of entries, the candidates may be a hundred thousand. */
function insertByMargin(list: Decision[], decision: Decision, limit: number): void {
  let at = list.length;
  while (at > 0 && rank((list[at - 1] as Decision).margin) > rank(decision.margin)) {
    at--;
  }
  list.splice(at, 0, decision);
  list.length = Math.min(list.length, limit);
}

/** One visited node of a path, ready to be shown. */
export interface Step {
  level: number;
  node: number;
  logit: number;
  /** Decision taken at this node: 1 right, 0 left; null at the leaf, whose logit decides nothing. */
  bit: 0 | 1 | null;
  /** `|logit|`, the distance to the other decision; NaN where the logit is. */
  margin: number;
  activation: number;
  /** Norm of what the node adds to the output, `|activation| * norm of its output weights`; null while unknown. */
  contribution: number | null;
  /** Sibling of the node, the one not taken; null for the root. */
  sibling: number | null;
  /** Tokens through this node, and through its sibling. */
  visits: number;
  siblingVisits: number;
}

/**
 * The steps of a token's path through one tree.
 *
 * @param outputNorms `[trees][nodes]` norms of the layer's output weights, where they are known.
 */
export function stepsOf(view: LayerView, token: number, tree: number, outputNorms?: Float32Array | null): Step[] {
  const first = tree * nodeCount(view.depth);
  const path = view.path(token, tree);
  const logits = view.logits(token, tree);
  const traffic = view.traffic(tree);
  return path.map((node, level) => {
    const logit = logits[level] ?? NaN;
    const next = path[level + 1];
    const sibling = node === 0 ? null : node % 2 === 1 ? node + 1 : node - 1;
    const activation = gelu(logit);
    const norm = outputNorms?.[first + node];
    return {
      level,
      node,
      logit,
      bit: next === undefined ? null : next === 2 * node + 2 ? 1 : 0,
      margin: Math.abs(logit),
      activation,
      contribution: norm === undefined ? null : Math.abs(activation) * norm,
      sibling,
      visits: traffic[node] ?? 0,
      siblingVisits: sibling === null ? 0 : (traffic[sibling] ?? 0),
    };
  });
}

/** What kind of token this is, for its look and its description. */
export type TokenKind = 'text' | 'special' | 'mask';

/**
 * Vocabulary entries such as `<sep>` or `[CLS]` are special: a word-piece tokenizer splits punctuation off, so that no
 * piece of ordinary text can look like that.
 */
export function tokenKind(text: string, maskToken: string | null): TokenKind {
  if (maskToken !== null && text === maskToken) {
    return 'mask';
  }
  return /^(<\/?[a-z_0-9|]+>|\[[A-Z]+\d*\])$/.test(text) ? 'special' : 'text';
}

/** Tokens whose text contains the query, whatever its case; none for an empty query. */
export function findTokens(texts: readonly string[], query: string): number[] {
  const wanted = query.trim().toLowerCase();
  return wanted === ''
    ? []
    : [...texts.keys()].filter((token) => texts[token]?.toLowerCase().includes(wanted) === true);
}

/** True when a token's path in this layer passes the node. */
export function passes(view: LayerView, token: number, tree: number, node: number): boolean {
  return isAncestor(node, firstOfLevel(view.depth) + view.leaf(token, tree));
}
