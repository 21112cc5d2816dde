/**
 * Two traces side by side: which tokens belong together and how far their paths agree. Pure functions of traces; no model
 * is run and nothing is drawn here.
 *
 * Paths are compared node by node, which means something only between models of the same trees: two selections, the
 * same text before and after an edit, or one model before and after more training or rounding.
 */
import type { LayerRouting, Trace, TraceToken } from './protocol';
import { divergenceLevel, firstOfLevel, nodeCount, parentOf } from './tree';

/** Trees of a layer. */
export interface Trees {
  depth: number;
  trees: number;
}

/** Comparison of one layer over all aligned tokens. */
export interface LayerComparison {
  /** `[pairs][trees]` level of the first node that differs, 1 .. depth; `depth + 1` where the paths are the same. */
  divergenceLevels: Uint8Array;
  /** Mean share of the decisions, counted from the root, before the paths part: 0..1; NaN without pairs. */
  overlap: number;
  /** Share of the paths that are the same to the leaf: 0..1; NaN without pairs. */
  samePaths: number;
  /** `[trees][nodes]` visits of the second trace's tokens less those of the first, all tokens counted. */
  visitDifference: Int32Array;
}

export interface TraceComparison {
  /** `[pairs][2]` indices of tokens that belong together, in the first and in the second trace, ascending. */
  pairs: Uint32Array;
  /** Tokens without a counterpart. */
  onlyFirst: Uint32Array;
  onlySecond: Uint32Array;
  /** As many as both models have; null where one of the layers is dense or the trees are not of one shape. */
  layers: (LayerComparison | null)[];
}

/** Compares two traces. Tokens are aligned by their text: the longest sequence that both contain in order. */
export function compareTraces(first: Trace, second: Trace): TraceComparison {
  const pairs = alignTokens(first.tokens, second.tokens);
  const layers = Math.min(first.layers.length, second.layers.length);
  const trees = treesOf(first);
  const others = treesOf(second);
  const comparable = trees !== null && trees.depth === others?.depth && trees.trees === others.trees;
  return {
    pairs,
    onlyFirst: unpaired(pairs, 0, first.tokens.length),
    onlySecond: unpaired(pairs, 1, second.tokens.length),
    layers: Array.from({ length: layers }, (_, layer) => {
      const [a, b] = [first.layers[layer], second.layers[layer]];
      return comparable && a && b ? compareLayer(a, b, pairs, trees) : null;
    }),
  };
}

/**
 * Longest common subsequence of two token sequences, by text.
 * @returns `[pairs][2]`.
 */
export function alignTokens(first: readonly TraceToken[], second: readonly TraceToken[]): Uint32Array {
  const same = (a: number, b: number): boolean => first[a]!.text === second[b]!.text;
  const pairs: number[] = [];
  let start = 0;
  const shorter = Math.min(first.length, second.length);
  while (start < shorter && same(start, start)) {
    pairs.push(start, start);
    start++;
  }
  let tail = 0;
  while (tail < shorter - start && same(first.length - 1 - tail, second.length - 1 - tail)) {
    tail++;
  }
  const rows = first.length - tail - start;
  const columns = second.length - tail - start;
  // lengths[c]: longest common subsequence of what is left from the current row and from column c on. One bit a step of
  // the table would do; a byte is simpler and 64 MB at the largest trace there is.
  let lengths = new Uint16Array(columns + 1);
  const steps = new Uint8Array(rows * columns);
  for (let row = rows - 1; row >= 0; row--) {
    const next = lengths;
    lengths = new Uint16Array(columns + 1);
    for (let column = columns - 1; column >= 0; column--) {
      if (same(start + row, start + column)) {
        lengths[column] = next[column + 1]! + 1;
        steps[row * columns + column] = BOTH;
      } else if (next[column]! >= lengths[column + 1]!) {
        lengths[column] = next[column]!;
        steps[row * columns + column] = FIRST;
      } else {
        lengths[column] = lengths[column + 1]!;
        steps[row * columns + column] = SECOND;
      }
    }
  }
  for (let row = 0, column = 0; row < rows && column < columns;) {
    const step = steps[row * columns + column]!;
    if (step === BOTH) {
      pairs.push(start + row, start + column);
    }
    row += step === SECOND ? 0 : 1;
    column += step === FIRST ? 0 : 1;
  }
  for (let back = tail; back > 0; back--) {
    pairs.push(first.length - back, second.length - back);
  }
  return Uint32Array.from(pairs);
}

const BOTH = 0;
const FIRST = 1;
const SECOND = 2;

function compareLayer(first: LayerRouting, second: LayerRouting, pairs: Uint32Array, trees: Trees): LayerComparison {
  const count = pairs.length / 2;
  const divergenceLevels = new Uint8Array(count * trees.trees);
  let [shared, same] = [0, 0];
  divergenceLevels.forEach((_, path) => {
    const pair = Math.floor(path / trees.trees);
    const tree = path % trees.trees;
    const leaf = first.leaves[pairs[2 * pair]! * trees.trees + tree]!;
    const other = second.leaves[pairs[2 * pair + 1]! * trees.trees + tree]!;
    divergenceLevels[path] = divergenceLevel(leaf, other, trees.depth);
    shared += sharedDecisions(leaf, other, trees.depth);
    same += leaf === other ? 1 : 0;
  });
  const before = visitsOf(first, trees);
  return {
    divergenceLevels,
    overlap: shared / divergenceLevels.length,
    samePaths: same / divergenceLevels.length,
    visitDifference: Int32Array.from(visitsOf(second, trees), (visits, at) => visits - before[at]!),
  };
}

/** Share of the decisions two paths have in common before they part, 0..1; a tree without decisions has one path. */
export function sharedDecisions(leaf: number, other: number, depth: number): number {
  return depth === 0 ? 1 : (divergenceLevel(leaf, other, depth) - 1) / depth;
}

/** `[trees][nodes]` visits of all tokens. */
export function visitsOf({ leaves }: LayerRouting, { depth, trees }: Trees): Uint32Array {
  const nodes = nodeCount(depth);
  const visits = new Uint32Array(trees * nodes);
  leaves.forEach((leaf, path) => visits[(path % trees) * nodes + firstOfLevel(depth) + leaf]!++);
  for (let tree = 0; tree < trees; tree++) {
    for (let node = nodes - 1; node > 0; node--) {
      visits[tree * nodes + parentOf(node)]! += visits[tree * nodes + node]!;
    }
  }
  return visits;
}

export function treesOf({ model: { feedforward } }: Trace): Trees | null {
  return feedforward.kind === 'fff' ? { depth: feedforward.depth, trees: feedforward.trees } : null;
}

/** Indices up to `count` that are in no pair. */
function unpaired(pairs: Uint32Array, side: 0 | 1, count: number): Uint32Array {
  const paired = new Set<number>();
  for (let at = side; at < pairs.length; at += 2) {
    paired.add(pairs[at]!);
  }
  return Uint32Array.from([...Array(count).keys()].filter((index) => !paired.has(index)));
}
