/** The numbers behind the insight figures, as table data. Pure. */
import type {
  Compared,
  LensResult,
  NearBoundary,
  NodeCard,
  Trace,
  UsageMap,
  WhatIfResult,
} from '../extension/protocol';
import { made, number, share, text, type Cell } from './cells';
import type { NodeCardData } from './charts/nodeCard';
import type { TableData } from './charts/table';
import { formatMargin, formatSigned, formatThree, visibleText } from './format';

const word = (entry: string): Cell => [entry, visibleText(entry)];
const bits = (value: number): Cell => [value, formatThree(value)];
const nats = (value: number): Cell => [value, formatMargin(value)];

/** Decisions near their boundary with rounded weights. */
export function nearBoundaryTable(list: NearBoundary, labels: readonly string[], trees: number): TableData {
  return made(
    `Closest decisions, ${list.precision}`,
    [
      number('Relative margin'),
      text('Token'),
      number('Layer'),
      ...(trees > 1 ? [number('Tree')] : []),
      number('Node'),
      number('Logit'),
      number(`With ${list.precision}`),
      text('Then'),
    ],
    [...list.nodes.keys()].map((row) => {
      const logit = list.logits[row] ?? NaN;
      const side = logit > 0 ? 'right' : 'left';
      const other = logit > 0 ? 'left' : 'right';
      return [
        nats(list.margins[row] ?? NaN),
        word(labels[list.tokens[row] ?? 0] ?? ''),
        list.layers[row] ?? null,
        ...(trees > 1 ? [list.trees[row] ?? null] : []),
        list.nodes[row] ?? null,
        [logit, formatSigned(logit)],
        [list.roundedLogits[row] ?? NaN, formatSigned(list.roundedLogits[row] ?? NaN)],
        list.flips[row] === 1
          ? `⇄ flips to ${other}`
          : (list.margins[row] ?? NaN) <= list.noise
            ? `may flip to ${other}`
            : `stays ${side}`,
      ];
    }),
  );
}

export function lensTable({ layers }: LensResult, label: string): TableData {
  return made(
    `What the model expects at “${label}” after each layer`,
    [
      number('Layer'),
      number('Rank'),
      text('Word'),
      number('Probability'),
      number('Entropy, bits'),
      number('KL to the end, nats'),
      number('Rank of the final word'),
      number('Probability of the final word'),
    ],
    layers.flatMap(({ top, entropyBits, klToFinalNats, finalWordRank, finalWordProbability }, layer) =>
      top.map(({ text: entry, probability }, rank) => [
        layer,
        rank + 1,
        word(entry),
        share(probability),
        bits(entropyBits),
        nats(klToFinalNats),
        finalWordRank + 1,
        share(finalWordProbability),
      ]),
    ),
  );
}

/**
 * @param labels texts of the trace's tokens.
 * @param corpus the mapped corpus at this node; null without a map.
 */
export function nodeTable(card: NodeCard, labels: readonly string[], corpus: NodeCardData['corpus']): TableData {
  const rows = (['input', 'output'] as const).flatMap((name): Cell[][] => {
    const { largest, along, against, norm } = card[name];
    return [
      [name, 'norm', null, nats(norm)],
      ...largest.map(({ index, value }): Cell[] => [name, 'component', index, [value, formatSigned(value)]]),
      ...along.map(({ text: entry, cosine }): Cell[] => [name, 'along', word(entry), [cosine, formatSigned(cosine)]]),
      ...against.map(({ text: entry, cosine }): Cell[] => [
        name,
        'against',
        word(entry),
        [cosine, formatSigned(cosine)],
      ]),
    ];
  });
  return made(
    `Node ${card.node} of layer ${card.layer}`,
    [text('Weights'), text('What'), text('Which'), number('Value')],
    [
      ...rows,
      ['input', 'bias', null, [card.bias, formatSigned(card.bias)]],
      ...[...card.tokens].map((token): Cell[] => ['visits', 'token of this trace', word(labels[token] ?? ''), token]),
      ...(corpus?.words ?? []).flatMap(({ text: entry, count, places }): Cell[][] => [
        ['visits', 'token of the corpus', word(entry), count],
        ...places.map(({ document, excerpt }): Cell[] => [
          'visits',
          `in ${document}`,
          excerpt === null ? 'changed since' : `${excerpt.before}${excerpt.text}${excerpt.after}`,
          excerpt === null ? null : [excerpt.line, `line ${excerpt.line}`],
        ]),
      ]),
    ],
  );
}

export function whatIfTable({ predictions }: WhatIfResult): TableData {
  return made(
    'Predictions without and with the changes',
    [
      number('Token'),
      number('KL, nats'),
      number('Rank'),
      text('Before'),
      number('P'),
      text('After'),
      number('P after'),
    ],
    predictions.flatMap(({ index, klDivergenceNats, baseline, changed }) =>
      Array.from({ length: Math.max(baseline.length, changed.length) }, (_, rank): Cell[] => {
        const [before, after] = [baseline[rank], changed[rank]];
        return [
          index,
          nats(klDivergenceNats),
          rank + 1,
          before === undefined ? null : word(before.text),
          before === undefined ? null : share(before.probability),
          after === undefined ? null : word(after.text),
          after === undefined ? null : share(after.probability),
        ];
      }),
    ),
  );
}

/** How the corpus uses each tree. */
export function usageTable(map: UsageMap, depth: number, layer: number, tree: number): TableData {
  const places = map.layers.flatMap((trees, index) => trees.map((usage, at) => ({ index, at, usage })));
  return made(
    'Use of each tree by the corpus',
    [
      number('Layer'),
      number('Tree'),
      number('Entropy, bits'),
      number('Of at most'),
      number('Gini'),
      number('Leaves reached'),
      number('Share'),
      number('Sub-trees never reached'),
    ],
    places.map(({ index, at, usage }) => [
      index,
      at,
      bits(usage.entropyBits),
      depth,
      bits(usage.gini),
      usage.leavesReached,
      share(usage.leavesReached / 2 ** depth),
      usage.unreached.length,
    ]),
    places.findIndex(({ index, at }) => index === layer && at === tree),
  );
}

export function comparisonTable({ comparison }: Compared, layer: number): TableData {
  return made(
    'Paths of the tokens both traces have, per layer',
    [number('Layer'), number('Overlap'), number('Same path'), number('Nodes visited differently')],
    comparison.layers.map((compared, index) =>
      compared === null
        ? [index, null, null, null]
        : [
            index,
            share(compared.overlap),
            share(compared.samePaths),
            compared.visitDifference.reduce((sum, difference) => sum + (difference === 0 ? 0 : 1), 0),
          ],
    ),
    layer,
  );
}

/** One row a pair of tokens: in which layer and at which level their paths part first. */
export function divergenceTable({ trace, comparison }: Compared, shown: Trace): TableData {
  return made(
    'Where the paths of each token part first',
    [number('Token'), text('Text'), number('In the other'), number('Layer'), number('Level')],
    [...firstDivergences(comparison)].map(({ first, second, layer, level }) => [
      second,
      word(shown.tokens[second]?.text ?? trace.tokens[first]?.text ?? ''),
      first,
      layer ?? [null, 'never'],
      layer === null ? null : level,
    ]),
  );
}

export interface Divergence {
  first: number;
  second: number;
  /** Null where all paths are the same. */
  layer: number | null;
  level: number;
}

export function firstDivergences({ pairs, layers }: Compared['comparison']): Divergence[] {
  return Array.from({ length: pairs.length / 2 }, (_, pair) => {
    const [first, second] = [pairs[2 * pair] ?? 0, pairs[2 * pair + 1] ?? 0];
    for (const [layer, compared] of layers.entries()) {
      const trees = compared === null ? 0 : compared.divergenceLevels.length / (pairs.length / 2);
      const levels = compared?.divergenceLevels.subarray(pair * trees, (pair + 1) * trees) ?? new Uint8Array();
      const depth = compared === null ? 0 : Math.log2(compared.visitDifference.length / Math.max(1, trees) + 1) - 1;
      const level = Math.min(...levels, depth + 1);
      if (level <= depth) {
        return { first, second, layer, level };
      }
    }
    return { first, second, layer: null, level: 0 };
  });
}
