/**
 * The context test: one word in several sentences, and how far its paths agree wherever it stands. Pure functions of
 * traces; no model is run and nothing is drawn here.
 */
import { sharedDecisions, treesOf, visitsOf, type Trees } from './compare';
import type { ContextTest, LayerRouting, Trace, TraceSource } from './protocol';
import { divergenceLevel, nodeCount } from './tree';

/** A place where a word occurs. */
export interface Occurrence {
  /** Index of the trace. */
  trace: number;
  /** Its tokens that spell the word. */
  tokens: number[];
  /** UTF-16 offsets of the word in the trace's text. */
  start: number;
  end: number;
}

/** How far the paths of all occurrences of a word agree in one layer. */
export interface LayerAgreement {
  /** `[occurrences][occurrences]` overlap of each two, 0..1; symmetric, 1 on the diagonal. */
  overlaps: Float32Array;
  /**
   * `[occurrences][occurrences]` level of the first node in which the paths of each two differ, in whichever token and
   * tree it comes first, 1 .. depth; `depth + 1` where all are the same. A token without a counterpart parts at once.
   */
  divergenceLevels: Uint8Array;
  /** Mean overlap of two different occurrences; NaN with fewer than two. */
  overlap: number;
  /** Share of pairs of occurrences whose paths are the same to the leaf. */
  samePaths: number;
  /** Mean overlap of any two different tokens of the traces: what a word has to beat to mean anything. */
  background: number;
}

/** Occurrences compared with one another; tables of their pairs grow with the square. */
const MOST_OCCURRENCES = 64;

/** What is compared of an occurrence. */
type Place = Pick<Occurrence, 'trace' | 'tokens'>;

/**
 * Where a word is written in a text, whatever its case, not as a part of a longer word.
 * @returns UTF-16 offsets of its first characters.
 */
export function wordStarts(text: string, word: string): number[] {
  const wanted = word.trim().toLowerCase();
  const isWordEnd = (at: number): boolean =>
    !(/[\p{L}\p{N}_]/u.test(text[at - 1] ?? '') && /[\p{L}\p{N}_]/u.test(text[at] ?? ''));
  const starts: number[] = [];
  // Lower-casing may change lengths; comparing piece by piece keeps the offsets those of the text.
  for (let start = 0; wanted !== '' && start + wanted.length <= text.length; start++) {
    const end = start + wanted.length;
    if (text.slice(start, end).toLowerCase() === wanted && isWordEnd(start) && isWordEnd(end)) {
      starts.push(start);
    }
  }
  return starts;
}

/** All places where a word stands in the texts of some traces (`wordStarts`). Only text that was traced is searched. */
export function findWord(traces: readonly Trace[], word: string): Occurrence[] {
  return traces.flatMap(({ text, tokens: all }, trace) =>
    wordStarts(text, word).flatMap((start): Occurrence[] => {
      const end = start + word.trim().toLowerCase().length;
      const tokens = [...all.keys()].filter((token) => {
        const { start: from, end: to } = all[token]!;
        return to > from && from < end && to > start;
      });
      return tokens.length > 0 ? [{ trace, tokens, start, end }] : [];
    }),
  );
}

/**
 * Everything the views and the report show of a word.
 *
 * @param sentences Traces of one model, with the places their texts come from.
 * @param omittedSentences how many more hold the word and were not traced.
 */
export function contextsOf(
  word: string,
  sentences: readonly { trace: Trace; source: TraceSource | null }[],
  omittedSentences: number,
): ContextTest {
  const traces = sentences.map(({ trace }) => trace);
  const found = findWord(traces, word);
  const occurrences = found.slice(0, MOST_OCCURRENCES);
  const model = traces[0]?.model;
  return {
    runId: traces.at(-1)?.runId ?? 0,
    word: word.trim(),
    model: model?.name ?? '',
    depth: model?.feedforward.kind === 'fff' ? model.feedforward.depth : 0,
    sentences: sentences.map(({ trace: { text }, source }) => ({ text, source })),
    occurrences,
    omittedSentences,
    omittedOccurrences: found.length - occurrences.length,
    layers: contextTest(traces, occurrences),
  };
}

/**
 * Does a word take the same path wherever it stands? Occurrences of several tokens are compared token by token; where one
 * has more than another, the rest counts as different.
 *
 * @param traces Traces of one model.
 * @returns One entry a layer; null for dense layers.
 */
export function contextTest(traces: readonly Trace[], occurrences: readonly Place[]): (LayerAgreement | null)[] {
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
  occurrences: readonly Place[],
  trees: Trees,
): LayerAgreement {
  const n = occurrences.length;
  const overlaps = new Float32Array(n * n).fill(1);
  const divergenceLevels = new Uint8Array(n * n).fill(trees.depth + 1);
  let [sum, same] = [0, 0];
  for (let one = 0; one < n; one++) {
    for (let other = one + 1; other < n; other++) {
      const [a, b] = [occurrences[one]!, occurrences[other]!];
      const { overlap, level } = comparePlaces(routings[a.trace]!, a.tokens, routings[b.trace]!, b.tokens, trees);
      overlaps[one * n + other] = overlaps[other * n + one] = overlap;
      divergenceLevels[one * n + other] = divergenceLevels[other * n + one] = level;
      sum += overlap;
      same += overlap === 1 ? 1 : 0;
    }
  }
  const count = (n * (n - 1)) / 2;
  const background = backgroundOverlap(routings, trees);
  return { overlaps, divergenceLevels, overlap: sum / count, samePaths: same / count, background };
}

function comparePlaces(
  first: LayerRouting,
  firstTokens: readonly number[],
  second: LayerRouting,
  secondTokens: readonly number[],
  { depth, trees }: Trees,
): { overlap: number; level: number } {
  const common = Math.min(firstTokens.length, secondTokens.length);
  let shared = 0;
  let level = firstTokens.length === secondTokens.length ? depth + 1 : 1;
  for (let place = 0; place < common; place++) {
    for (let tree = 0; tree < trees; tree++) {
      const leaf = first.leaves[firstTokens[place]! * trees + tree]!;
      const other = second.leaves[secondTokens[place]! * trees + tree]!;
      shared += sharedDecisions(leaf, other, depth);
      level = Math.min(level, divergenceLevel(leaf, other, depth));
    }
  }
  return { overlap: shared / (Math.max(firstTokens.length, secondTokens.length) * trees), level };
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
