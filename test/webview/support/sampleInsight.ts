/**
 * Made-up answers to what views ask about a trace, for layout work and tests: seeded, consistent with the trace they are
 * about where a test can tell (visitors, changed paths, counts), never part of the product.
 */
import type {
  Compared,
  ContextTest,
  Intervention,
  LayerNorms,
  LensResult,
  NearBoundary,
  NodeCard,
  NodeDirection,
  PathChanges,
  Prediction,
  Trace,
  TraceComparison,
  UsageContext,
  UsageMap,
  ViewApi,
  WhatIfResult,
  WordSimilarity,
} from '../../../extension/protocol';
import { contextsOf } from '../../../extension/contexts';
import { divergenceLevel, firstOfLevel, levelOf, nodeCount, parentOf, pathNode } from '../../../extension/tree';
import { random } from './sampleTrace';

const WORDS = ['length', 'push', 'size', 'map', 'join', 'item', 'get', 'value', 'return', 'index'];

/** Answers a view's question; undefined for what has none. */
export type Answers = { [Key in keyof ViewApi]?: (...parameters: Parameters<ViewApi[Key]>) => unknown };

function shapeOf({ model }: Trace): { depth: number; trees: number } {
  return model.feedforward.kind === 'fff' ? model.feedforward : { depth: 0, trees: 0 };
}

export function sampleAnswers(trace: Trace): Answers {
  return {
    layerNorms: (layer) => sampleNorms(trace, layer),
    describeNode: ({ layer, tree, node }) => sampleCard(trace, layer, tree, node),
    lens: (token) => sampleLens(trace, token),
    predictAt: (token) => samplePredictions(token, 5),
    nearBoundary: ({ precision, noise }) => sampleBoundary(trace, precision, noise),
    usage: () => sampleUsage(trace),
    usageContexts: () => sampleUsageContexts(trace),
    setInterventions: ({ interventions, positions }) => ({
      interventions,
      result: interventions.length === 0 ? null : sampleWhatIf(trace, interventions, positions),
    }),
    exportFile: () => true,
    openReport: () => undefined,
    exportTrace: () => true,
  };
}

export function samplePredictions(seed: number, count: number): Prediction[] {
  return Array.from({ length: count }, (_, rank) => ({
    id: 100 + ((rank + seed) % WORDS.length),
    text: WORDS[(rank + seed) % WORDS.length] ?? '',
    probability: 0.58 * 0.42 ** rank,
  }));
}

export function sampleNorms(trace: Trace, layer: number): LayerNorms {
  const { depth, trees } = shapeOf(trace);
  const uniform = random(91 + layer);
  const norms = (): Float32Array => Float32Array.from({ length: trees * nodeCount(depth) }, () => 0.6 + uniform());
  return { layer, inputNorms: norms(), outputNorms: norms() };
}

function sampleDirection(trace: Trace, seed: number): NodeDirection {
  const uniform = random(seed);
  const weights = Float32Array.from({ length: trace.model.hiddenSize }, () => (uniform() + uniform() - 1) * 0.12);
  const largest = [...weights]
    .map((value, index) => ({ index, value }))
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, 5);
  const words = (sign: number): WordSimilarity[] =>
    WORDS.slice(0, 6).map((_, rank) => ({
      id: 100 + ((seed + 3 * sign + rank + 9) % 10),
      text: WORDS[(seed + 3 * sign + rank + 9) % 10] ?? '',
      cosine: sign * (0.42 - 0.04 * rank),
    }));
  return { weights, norm: Math.hypot(...weights), largest, along: words(1), against: words(-1) };
}

export function sampleCard(trace: Trace, layer: number, tree: number, node: number): NodeCard {
  const { depth, trees } = shapeOf(trace);
  const leaves = trace.layers[layer]?.leaves;
  const comesBy = (token: number): boolean =>
    pathNode(leaves?.[token * trees + tree] ?? 0, levelOf(node), depth) === node;
  return {
    ...{ layer, tree, node, runId: trace.runId, bias: -0.031 },
    input: sampleDirection(trace, 5 + node),
    output: sampleDirection(trace, 6 + node),
    tokens: Uint32Array.from([...trace.tokens.keys()].filter(comesBy)),
  };
}

export function sampleLens(trace: Trace, token: number): LensResult {
  const count = trace.layers.length;
  const final = samplePredictions(token, 5);
  return {
    runId: trace.runId,
    token,
    layers: trace.layers.map((_, layer) => ({
      top: layer === count - 1 ? final : samplePredictions(token + count - 1 - layer, 5),
      entropyBits: 9.5 - (6 * layer) / count,
      klToFinalNats: layer === count - 1 ? 0 : 2.4 - (2 * layer) / count,
      finalWordRank: layer === count - 1 ? 0 : 3 * (count - 1 - layer),
      finalWordProbability: 0.58 * ((layer + 1) / count) ** 2,
    })),
  };
}

export function sampleBoundary(trace: Trace, precision: 'fp16' | 'bf16', noise: number): NearBoundary {
  const { depth, trees } = shapeOf(trace);
  const all = trace.layers.flatMap((routing, layer) =>
    routing === null
      ? []
      : trace.tokens.flatMap((_, token) =>
          Array.from({ length: depth }, (_none, level) => ({
            ...{ layer, token, level },
            node: pathNode(routing.leaves[token * trees] ?? 0, level, depth),
            logit: routing.logits[token * trees * (depth + 1) + level] ?? NaN,
          })),
        ),
  );
  const list = all.sort((a, b) => Math.abs(a.logit) - Math.abs(b.logit)).slice(0, 60);
  const flips = list.map((_, row) => (row < 3 ? 1 : 0));
  const margins = Float32Array.from(list, ({ logit }) => Math.abs(logit) / 24);
  return {
    ...{ runId: trace.runId, precision, noise, decisions: all.length, flippedByRounding: 3 },
    flippableByNoise: margins.filter((margin) => margin <= noise).length,
    rerouted: Uint32Array.from(trace.layers, (_, layer) => (layer === 0 ? 2 : 0)),
    layers: Uint16Array.from(list, ({ layer }) => layer),
    tokens: Uint32Array.from(list, ({ token }) => token),
    trees: new Uint16Array(list.length),
    levels: Uint8Array.from(list, ({ level }) => level),
    nodes: Uint32Array.from(list, ({ node }) => node),
    logits: Float32Array.from(list, ({ logit }) => logit),
    roundedLogits: Float32Array.from(list, ({ logit }, row) => (row < 3 ? -logit : logit)),
    margins,
    flips: Uint8Array.from(flips),
  };
}

/** Flips move the concerned tokens to the mirrored leaf below the node, in that layer; every later layer moves token 0. */
export function sampleWhatIf(trace: Trace, interventions: Intervention[], positions: number[]): WhatIfResult {
  const { depth, trees } = shapeOf(trace);
  const concerned = ({ layer, tree, node, token }: Intervention): number[] =>
    [...sampleCard(trace, layer, tree, node).tokens].filter((one) => token === null || one === token);
  const layers = trace.layers.map((routing, layer): PathChanges | null => {
    if (routing === null) {
      return null;
    }
    const rows = interventions
      .filter((one) => one.layer === layer && one.kind === 'flip')
      .flatMap((one) =>
        concerned(one).map((token) => {
          const before = routing.leaves[token * trees + one.tree] ?? 0;
          return { token, tree: one.tree, before, after: before ^ (1 << (depth - 1 - levelOf(one.node))) };
        }),
      )
      .sort((a, b) => a.token - b.token);
    return {
      tokens: Uint32Array.from(rows, ({ token }) => token),
      trees: Uint16Array.from(rows, ({ tree }) => tree),
      before: Uint32Array.from(rows, ({ before }) => before),
      after: Uint32Array.from(rows, ({ after }) => after),
      divergenceLevels: Uint8Array.from(rows, ({ before, after }) => divergenceLevel(before, after, depth)),
    };
  });
  return {
    runId: trace.runId,
    interventions,
    visits: Uint32Array.from(interventions, (one) => concerned(one).length),
    predictions: positions.map((index) => ({
      index,
      klDivergenceNats: 0.037 * interventions.length,
      baseline: samplePredictions(index, 5),
      changed: samplePredictions(index + 1, 5),
    })),
    layers,
  };
}

/** A corpus of 40 copies of every token of the trace, its first token 1,000 times. */
export function sampleUsage(trace: Trace): UsageMap {
  const { depth, trees } = shapeOf(trace);
  const nodes = nodeCount(depth);
  const words = [...new Set(trace.tokens.map(({ text }) => text))].map((text, id) => ({ id, text }));
  const copies = (token: number): number => (token === 0 ? 1000 : 40);
  const tokens = trace.tokens.reduce((sum, _, token) => sum + copies(token), 0);
  return {
    ...{ runId: 77, model: trace.model, tokens, contextsPerToken: 1, words },
    documents: [{ name: 'range.ts', hash: 'a', tokens, fromCache: false, omitted: false }],
    layers: trace.layers.map((routing) =>
      Array.from({ length: routing === null ? 0 : trees }, (_, tree) => {
        const visits = new Uint32Array(nodes);
        trace.tokens.forEach((_token, token) => {
          visits[firstOfLevel(depth) + (routing?.leaves[token * trees + tree] ?? 0)]! += copies(token);
        });
        const leaves = visits.slice(firstOfLevel(depth));
        for (let node = nodes - 1; node > 0; node--) {
          visits[parentOf(node)]! += visits[node]!;
        }
        const shares = [...leaves].filter((count) => count > 0).map((count) => count / tokens);
        return {
          visits,
          entropyBits: -shares.reduce((sum, share) => sum + share * Math.log2(share), 0),
          gini: 0.93,
          leavesReached: shares.length,
          unreached: Uint32Array.from([...visits.keys()].filter((n) => visits[n] === 0 && visits[parentOf(n)]! > 0)),
          tokenOffsets: Uint32Array.from({ length: nodes + 1 }, (_none, node) => Math.min(node, 1) * 2),
          tokenWords: Uint32Array.from([0, 1]),
          tokenCounts: Uint32Array.from([1000, 40]),
          contexts: new Uint32Array(6),
        };
      }),
    ),
  };
}

/** A comparison with a trace of the same tokens and the same model. */
export function sampleCompared(shown: Trace, other: Trace): Compared {
  const { depth, trees } = shapeOf(shown);
  const nodes = nodeCount(depth);
  const layers = shown.layers.map((routing, layer): TraceComparison['layers'][number] => {
    const first = other.layers[layer];
    if (routing === null || first === null || first === undefined) {
      return null;
    }
    const divergenceLevels = Uint8Array.from(routing.leaves, (leaf, at) =>
      divergenceLevel(first.leaves[at] ?? 0, leaf, depth),
    );
    const visitDifference = new Int32Array(trees * nodes);
    routing.leaves.forEach((leaf, at) => {
      for (let level = 0; level <= depth; level++) {
        const tree = (at % trees) * nodes;
        visitDifference[tree + pathNode(leaf, level, depth)]!++;
        visitDifference[tree + pathNode(first.leaves[at] ?? 0, level, depth)]!--;
      }
    });
    const paths = divergenceLevels.length;
    return {
      divergenceLevels,
      overlap: divergenceLevels.reduce((sum, level) => sum + (level - 1) / depth, 0) / paths,
      samePaths: divergenceLevels.filter((level) => level > depth).length / paths,
      visitDifference,
    };
  });
  const pairs = Uint32Array.from({ length: 2 * shown.tokens.length }, (_, at) => at >> 1);
  return {
    trace: other,
    source: { label: 'range.ts:1 (before)', uri: null, offset: 0 },
    comparison: { pairs, onlyFirst: new Uint32Array(), onlySecond: new Uint32Array(), layers },
  };
}

/** The first place of each of a node's two words; the second word's text changed. */
export function sampleUsageContexts(trace: Trace): UsageContext[] {
  const { start = 0, end = 0 } = trace.tokens[0] ?? {};
  return [
    {
      entry: 0,
      document: 'src/go/range.ts',
      excerpt: {
        before: 'a line that goes on for a while before the word ',
        text: trace.text.slice(start, end),
        after: trace.text.slice(end, end + 48).replace(/\s+/g, ' '),
        line: 12,
      },
    },
    { entry: 1, document: 'old.ts', excerpt: null },
  ];
}

/** A word of the trace, in the trace itself and in as many others of the same text with other paths. */
export function sampleContexts(word: string, traces: readonly Trace[]): ContextTest {
  const sentences = traces.map((trace, index) => ({
    trace,
    source: { label: `notes.md:${index + 1}`, uri: null, offset: 0 },
  }));
  return contextsOf(word, sentences, 0);
}
