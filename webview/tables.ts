/** The numbers behind each picture, as table data. Pure: the same strings serve the table twins and exports. */
import type { LayerTiming, Trace } from '../extension/protocol';
import { firstOfLevel, levelOf, nodeCount, pathBits } from '../extension/tree';
import type { TableData } from './charts/table';
import { formatDuration, formatMargin, formatPercent, formatSigned, formatThree, visibleText } from './format';
import { stepsOf, type Decision, type LayerView, type TraceView } from './routing';

const text = (name: string): { name: string } => ({ name });
const number = (name: string): { name: string; numeric: boolean } => ({ name, numeric: true });

/** The visited nodes of one tree, root first. */
export function treeTable(view: LayerView, tree: number, selected: number | null): TableData & { nodes: number[] } {
  const traffic = view.traffic(tree);
  const nodes: number[] = [];
  for (let node = 0; node < nodeCount(view.depth); node++) {
    if ((traffic[node] ?? 0) > 0) {
      nodes.push(node);
    }
  }
  return {
    caption: `Visited nodes of layer ${view.layer}${view.trees > 1 ? `, tree ${tree}` : ''}: ${nodes.length} of ${nodeCount(view.depth)}`,
    columns: [number('Node'), number('Level'), text('Path'), number('Tokens'), number('Share')],
    rows: nodes.map((node) => {
      const level = levelOf(node);
      const count = traffic[node] ?? 0;
      const bits = pathBits(node - firstOfLevel(level), level);
      return [String(node), String(level), bits, String(count), formatPercent(count / view.tokens)];
    }),
    selected: selected === null ? null : nodes.indexOf(selected),
    nodes,
  };
}

export function spineTable(
  view: LayerView,
  token: number,
  tree: number,
  label: string,
  selected: number | null,
): TableData {
  const steps = stepsOf(view, token, tree);
  return {
    caption: `Path of “${label}” through layer ${view.layer}${view.trees > 1 ? `, tree ${tree}` : ''}`,
    columns: [
      number('Level'),
      number('Node'),
      text('Decision'),
      number('Logit'),
      number('Margin'),
      number('Activation'),
      number('Visits'),
      number('Sibling'),
      number('Its visits'),
    ],
    rows: steps.map((step) => [
      String(step.level),
      String(step.node),
      step.bit === null ? 'leaf' : step.bit === 1 ? 'right (1)' : 'left (0)',
      formatSigned(step.logit),
      step.bit === null ? '–' : formatMargin(step.margin),
      formatSigned(step.activation),
      String(step.visits),
      step.sibling === null ? '–' : String(step.sibling),
      step.sibling === null ? '–' : String(step.siblingVisits),
    ]),
    selected: selected === null ? null : steps.findIndex(({ node }) => node === selected),
  };
}

/** All layers' visited nodes of one token, one row a node. */
export function neuronsTable(view: TraceView, token: number, tree: number, label: string): TableData {
  const rows = view.layers.flatMap((layer, index) =>
    layer === null
      ? [[String(index), 'dense', '–', '–', '–']]
      : stepsOf(layer, token, tree).map((step) => [
          String(index),
          String(step.level),
          String(step.node),
          formatSigned(step.logit),
          formatSigned(step.activation),
        ]),
  );
  return {
    caption: `Activated neurons of “${label}”`,
    columns: [number('Layer'), number('Level'), number('Node'), number('Logit'), number('Activation')],
    rows,
    selected: null,
  };
}

/** Leaf of every token in every layer. */
export function navigatorTable(view: TraceView, tree: number, token: number): TableData {
  const { tokens } = view.trace;
  return {
    caption: 'Leaf reached by every token in every layer',
    columns: [number('#'), text('Token'), ...view.layers.map((_, layer) => number(`Layer ${layer}`))],
    rows: tokens.map(({ text: label }, index) => [
      String(index),
      visibleText(label),
      ...view.layers.map((layer) => (layer === null ? 'dense' : String(layer.leaf(index, tree)))),
    ]),
    selected: token,
  };
}

export function predictionsTable(trace: Trace): TableData {
  return {
    caption: 'Predictions',
    columns: [number('Token'), number('Rank'), text('Word'), number('Probability')],
    rows: trace.predictions.flatMap(({ index, top }) =>
      top.map(({ text: word, probability }, rank) => [
        String(index),
        String(rank + 1),
        visibleText(word),
        formatPercent(probability),
      ]),
    ),
    selected: null,
  };
}

export function timingsTable(trace: Trace, timings: readonly LayerTiming[], layer: number): TableData {
  const byLayer = new Map(timings.map((timing) => [timing.layer, timing]));
  return {
    caption: 'FFF against the dense twin, per layer',
    columns: [
      number('Layer'),
      number('This run'),
      number('FFF median'),
      number('P5'),
      number('P95'),
      number('Dense median'),
      number('P5'),
      number('P95'),
      number('Ratio'),
      number('95 % interval'),
      number('Samples'),
      number('Largest difference'),
    ],
    rows: trace.layers.map((routing, index) => {
      const once = formatDuration(trace.feedforwardMicroseconds[index] ?? NaN);
      const timing = byLayer.get(index);
      if (timing === undefined) {
        const state = routing === null ? 'dense' : '–';
        return [String(index), once, state, ...Array.from({ length: 9 }, () => '–')];
      }
      const { fffMicroseconds: fff, denseMicroseconds: dense, ratio } = timing;
      return [
        String(index),
        once,
        ...[fff.median, fff.p5, fff.p95, dense.median, dense.p5, dense.p95].map(formatDuration),
        formatThree(ratio.median),
        `${formatThree(ratio.low)}–${formatThree(ratio.high)}`,
        String(fff.samples),
        formatMargin(timing.verifiedMaxDifference),
      ];
    }),
    selected: layer,
  };
}

/** The closest decisions; also the picture itself, as it is a list. */
export function boundaryTable(decisions: readonly Decision[], labels: readonly string[], trees: number): TableData {
  return {
    caption: 'Closest decisions of this trace',
    columns: [
      number('Margin'),
      text('Token'),
      number('Layer'),
      ...(trees > 1 ? [number('Tree')] : []),
      number('Node'),
      text('Went'),
    ],
    rows: decisions.map(({ margin, token, layer, tree, node, logit }) => [
      formatMargin(margin),
      visibleText(labels[token] ?? ''),
      String(layer),
      ...(trees > 1 ? [String(tree)] : []),
      String(node),
      logit > 0 ? 'right' : 'left',
    ]),
    selected: null,
  };
}
