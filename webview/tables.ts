/** The numbers behind each picture, as table data. Pure: the same cells serve the table twins and exports. */
import type { LayerTiming, MaskPrediction, Trace } from '../extension/protocol';
import { firstOfLevel, levelOf, nodeCount, pathBits } from '../extension/tree';
import { made, number, share, text, type Cell } from './cells';
import type { TableData } from './charts/table';
import { formatDuration, formatMargin, formatSigned, formatThree, visibleText } from './format';
import { countText, countsOf, totalOf, type Heat } from './heat';
import { stepsOf, type Decision, type LayerView, type TraceView } from './routing';

const signed = (value: number): Cell => [value, formatSigned(value)];
const margin = (value: number | null): Cell => [value, value === null ? '–' : formatMargin(value)];
const duration = (microseconds: number): Cell => [microseconds, formatDuration(microseconds)];
const three = (value: number): Cell => [value, formatThree(value)];
const word = (entry: string): Cell => [entry, visibleText(entry)];

/** The visited nodes of one tree, root first; with another heat, the nodes it visits. */
export function treeTable(
  view: LayerView,
  tree: number,
  selected: number | null,
  heat: Heat | null = null,
): TableData & { nodes: number[] } {
  const shown = { view, tree, colourLevel: 0, heat };
  const counts = countsOf(shown);
  const nodes: number[] = [];
  for (let node = 0; node < nodeCount(view.depth); node++) {
    if ((counts[node] ?? 0) > 0) {
      nodes.push(node);
    }
  }
  const what = { trace: 'Visited nodes', corpus: 'Nodes the corpus visits', difference: 'Nodes visited differently' };
  const table = made(
    `${what[heat?.kind ?? 'trace']} of layer ${view.layer}${view.trees > 1 ? `, tree ${tree}` : ''}: ${nodes.length} of ${nodeCount(view.depth)}`,
    [number('Node'), number('Level'), text('Path'), number(heat?.signed ? 'Difference' : 'Tokens'), number('Share')],
    nodes.map((node) => {
      const level = levelOf(node);
      const count = counts[node] ?? 0;
      const bits = pathBits(node - firstOfLevel(level), level);
      const value = heat?.signed?.[node] ?? count;
      return [node, level, bits, [value, countText({ heat }, node, count)], share(count / totalOf(shown))];
    }),
    selected === null ? null : nodes.indexOf(selected),
  );
  return { ...table, nodes };
}

export function spineTable(
  view: LayerView,
  token: number,
  tree: number,
  label: string,
  selected: number | null,
  outputNorms: Float32Array | null = null,
): TableData {
  const steps = stepsOf(view, token, tree, outputNorms);
  return made(
    `Path of “${label}” through layer ${view.layer}${view.trees > 1 ? `, tree ${tree}` : ''}`,
    [
      number('Level'),
      number('Node'),
      text('Decision'),
      number('Logit'),
      number('Margin'),
      number('Activation'),
      ...(outputNorms === null ? [] : [number('Contribution')]),
      number('Visits'),
      number('Sibling'),
      number('Its visits'),
    ],
    steps.map((step) => [
      step.level,
      step.node,
      step.bit === null ? 'leaf' : step.bit === 1 ? 'right (1)' : 'left (0)',
      signed(step.logit),
      margin(step.bit === null ? null : step.margin),
      signed(step.activation),
      ...(outputNorms === null ? [] : [margin(step.contribution)]),
      step.visits,
      step.sibling,
      step.sibling === null ? null : step.siblingVisits,
    ]),
    selected === null ? null : steps.findIndex(({ node }) => node === selected),
  );
}

/** All layers' visited nodes of one token, one row a node. */
export function neuronsTable(
  view: TraceView,
  token: number,
  tree: number,
  label: string,
  outputNorms: readonly (Float32Array | null)[] = [],
): TableData {
  return made(
    `Activated neurons of “${label}”`,
    [
      number('Layer'),
      number('Level'),
      number('Node'),
      number('Logit'),
      number('Activation'),
      number('Contribution'),
      number('Output of the layer'),
    ],
    view.layers.flatMap((layer, index): Cell[][] =>
      layer === null
        ? [[index, 'dense', null, null, null, null, null]]
        : stepsOf(layer, token, tree, outputNorms[index]).map((step) => [
            index,
            step.level,
            step.node,
            signed(step.logit),
            signed(step.activation),
            margin(step.contribution),
            margin(layer.outputNorm(token)),
          ]),
    ),
  );
}

/** Leaf of every token in every layer. */
export function navigatorTable(view: TraceView, tree: number, token: number): TableData {
  return made(
    'Leaf reached by every token in every layer',
    [number('#'), text('Token'), ...view.layers.map((_, layer) => number(`Layer ${layer}`))],
    view.trace.tokens.map(({ text: label }, index) => [
      index,
      word(label),
      ...view.layers.map((layer) => (layer === null ? 'dense' : layer.leaf(index, tree))),
    ]),
    token,
  );
}

export function predictionsTable(predictions: readonly MaskPrediction[]): TableData {
  return made(
    'Predictions',
    [number('Token'), number('Rank'), text('Word'), number('Probability')],
    predictions.flatMap(({ index, top }) =>
      top.map(({ text: entry, probability }, rank) => [index, rank + 1, word(entry), share(probability)]),
    ),
  );
}

export function timingsTable(trace: Trace, timings: readonly LayerTiming[], layer: number): TableData {
  const byLayer = new Map(timings.map((timing) => [timing.layer, timing]));
  return made(
    'FFF against the dense twin, per layer; times in microseconds',
    [
      number('Layer'),
      number('This run'),
      number('FFF median'),
      number('P5'),
      number('P95'),
      number('Dense median'),
      number('Dense P5'),
      number('Dense P95'),
      number('Ratio'),
      number('95 % interval'),
      number('Samples'),
      number('Largest difference'),
    ],
    trace.layers.map((routing, index) => {
      const once = duration(trace.feedforwardMicroseconds[index] ?? NaN);
      const timing = byLayer.get(index);
      if (timing === undefined) {
        return [index, once, routing === null ? 'dense' : null, ...Array.from({ length: 9 }, () => null)];
      }
      const { fffMicroseconds: fff, denseMicroseconds: dense, ratio } = timing;
      return [
        index,
        once,
        ...[fff.median, fff.p5, fff.p95, dense.median, dense.p5, dense.p95].map(duration),
        three(ratio.median),
        [`${ratio.low}–${ratio.high}`, `${formatThree(ratio.low)}–${formatThree(ratio.high)}`],
        fff.samples,
        margin(timing.verifiedMaxDifference),
      ];
    }),
    layer,
  );
}

/** The closest decisions; also the picture itself, as it is a list. */
export function boundaryTable(decisions: readonly Decision[], labels: readonly string[], trees: number): TableData {
  return made(
    'Closest decisions of this trace',
    [
      number('Margin'),
      text('Token'),
      number('Layer'),
      ...(trees > 1 ? [number('Tree')] : []),
      number('Node'),
      text('Went'),
    ],
    decisions.map(({ margin: distance, token, layer, tree, node, logit }) => [
      margin(distance),
      word(labels[token] ?? ''),
      layer,
      ...(trees > 1 ? [tree] : []),
      node,
      logit > 0 ? 'right' : 'left',
    ]),
  );
}
