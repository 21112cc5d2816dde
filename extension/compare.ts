/**
 * Two traces side by side, and one word in several places: which tokens belong together and how far their paths agree.
 * Pure functions of traces; no model is run and nothing is drawn here.
 *
 * Paths are compared node by node, which means something only between models of the same trees: two selections, the
 * same text before and after an edit, or one model before and after more training or rounding.
 */
import type { LayerRouting, Trace, TraceToken } from './protocol';
import { divergenceLevel, firstOfLevel, nodeCount, parentOf } from './tree';

/** Trees of a layer. */
interface Trees {
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

/** A place where a word occurs: which trace, and which of its tokens spell it. */
export interface Occurrence {
  trace: number;
  tokens: number[];
}

/** How far the paths of all occurrences of a word agree in one layer. */
export interface LayerAgreement {
  /** `[occurrences][occurrences]` overlap of each two, 0..1; symmetric, 1 on the diagonal. */
  overlaps: Float32Array;
  /** Mean overlap of two different occurrences; NaN with fewer than two. */
  overlap: number;
  /** Share of pairs of occurrences whose paths are the same to the leaf. */
  samePaths: number;
  /** Mean overlap of any two different tokens of the traces: what a word has to beat to mean anything. */
  background: number;
}

/**
 * All places where a word is written in the texts of some traces, whatever its case, not as a part of a longer word.
 * Only text that was traced is searched.
 */
export function findWord(traces: readonly Trace[], word: string): Occurrence[] {
  const wanted = word.trim().toLowerCase();
  if (wanted === '') {
    return [];
  }
  const isWordEnd = (text: string, at: number): boolean =>
    !(/[\p{L}\p{N}_]/u.test(text[at - 1] ?? '') && /[\p{L}\p{N}_]/u.test(text[at] ?? ''));
  return traces.flatMap((trace, index) => {
    // Lower-casing may change lengths; comparing piece by piece keeps the offsets those of the text.
    const found: Occurrence[] = [];
    for (let start = 0; start + wanted.length <= trace.text.length; start++) {
      const end = start + wanted.length;
      if (trace.text.slice(start, end).toLowerCase() !== wanted) {
        continue;
      }
      if (isWordEnd(trace.text, start) && isWordEnd(trace.text, end)) {
        const tokens = [...trace.tokens.keys()].filter((token) => {
          const { start: from, end: to } = trace.tokens[token]!;
          return to > from && from < end && to > start;
        });
        if (tokens.length > 0) {
          found.push({ trace: index, tokens });
        }
      }
    }
    return found;
  });
}

/**
 * The context test: does a word take the same path wherever it stands? Occurrences of several tokens are compared token
 * by token; where one has more than another, the rest counts as different.
 *
 * @param traces Traces of one model.
 * @returns One entry a layer; null for dense layers.
 */
export function contextTest(traces: readonly Trace[], occurrences: readonly Occurrence[]): (LayerAgreement | null)[] {
  const trees = traces[0] === undefined ? null : treesOf(traces[0]);
  return (traces[0]?.layers ?? []).map((_, layer) => {
    const routings = traces.map((trace) => trace.layers[layer] ?? null);
    if (trees === null || !routings.every((routing) => routing !== null)) {
      return null;
    }
    return layerAgreement(routings, occurrences, trees);
  });
}

function layerAgreement(
  routings: readonly LayerRouting[],
  occurrences: readonly Occurrence[],
  trees: Trees,
): LayerAgreement {
  const n = occurrences.length;
  const overlaps = new Float32Array(n * n).fill(1);
  let [sum, same] = [0, 0];
  for (let one = 0; one < n; one++) {
    for (let other = one + 1; other < n; other++) {
      const [a, b] = [occurrences[one]!, occurrences[other]!];
      const overlap = occurrenceOverlap(routings[a.trace]!, a.tokens, routings[b.trace]!, b.tokens, trees);
      overlaps[one * n + other] = overlaps[other * n + one] = overlap;
      sum += overlap;
      same += overlap === 1 ? 1 : 0;
    }
  }
  const count = (n * (n - 1)) / 2;
  return { overlaps, overlap: sum / count, samePaths: same / count, background: backgroundOverlap(routings, trees) };
}

function occurrenceOverlap(
  first: LayerRouting,
  firstTokens: readonly number[],
  second: LayerRouting,
  secondTokens: readonly number[],
  { depth, trees }: Trees,
): number {
  const common = Math.min(firstTokens.length, secondTokens.length);
  let shared = 0;
  for (let place = 0; place < common; place++) {
    for (let tree = 0; tree < trees; tree++) {
      const leaf = first.leaves[firstTokens[place]! * trees + tree]!;
      const other = second.leaves[secondTokens[place]! * trees + tree]!;
      shared += sharedDecisions(leaf, other, depth);
    }
  }
  return shared / (Math.max(firstTokens.length, secondTokens.length) * trees);
}

/**
 * Mean overlap of all pairs of tokens, without looking at each: two paths share as many decisions as there are nodes
 * below the root that both visit.
 */
function backgroundOverlap(routings: readonly LayerRouting[], { depth, trees }: Trees): number {
  const visits = routings.map((routing) => visitsOf(routing, { depth, trees }));
  const nodes = nodeCount(depth);
  const tokens = routings.reduce((sum, { leaves }) => sum + leaves.length / trees, 0);
  const pairs = (tokens * (tokens - 1)) / 2;
  let shared = 0;
  for (let at = 0; at < nodes * trees; at++) {
    const count = visits.reduce((sum, ofTrace) => sum + ofTrace[at]!, 0);
    shared += at % nodes === 0 ? 0 : (count * (count - 1)) / 2;
  }
  return depth === 0 ? 1 : shared / (pairs * trees * depth);
}

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
function sharedDecisions(leaf: number, other: number, depth: number): number {
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

function treesOf({ model: { feedforward } }: Trace): Trees | null {
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
