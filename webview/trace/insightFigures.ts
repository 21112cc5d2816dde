/** The trace panel's figures that are opened on request: node, what-if, lens, usage and comparison. */
import { button, segmented } from '../controls';
import type { Figure, FigureOptions } from '../figure';
import { comparisonTable, lensTable, nodeTable, usageTable, whatIfTable } from '../insightTables';
import { shownLabel, type Pane, type ThemeSource } from '../panes';
import type { Store } from '../store';
import { comparePane, divergencePane, lensPane, nodePane, usageOf, usagePane, whatIfPane } from './insightPanes';

/** Puts a figure on the page. */
export type AddFigure = <Kind extends Pane>(
  options: FigureOptions,
  make: (store: Store, container: HTMLElement, theme: ThemeSource) => Kind,
) => { figure: Figure; pane: Kind };

/** @returns what must be brought up to date besides the panes themselves: tools and captions. */
export function insightFigures(store: Store, add: AddFigure): () => void {
  add(
    {
      id: 'node',
      title: 'Node',
      caption:
        'The input weights decide: tokens whose hidden state lies along them go right. The output weights are what the node adds. Words are those nearest to each direction, by cosine with the embedding.',
      folds: true,
      table: () => {
        const { layer, tree, node } = store.pinned;
        const answer = node === null ? null : store.insight.node(layer, tree, node);
        return answer?.kind === 'ready' ? nodeTable(answer.value) : null;
      },
    },
    nodePane,
  );

  const scope = segmented<'token' | 'all'>('For', 'what-if-scope', (chosen) => store.arrange({ scope: chosen }));
  scope.element.classList.add('quiet');
  const undo = button({
    label: 'Undo',
    appearance: 'secondary',
    testId: 'what-if-undo',
    onClick: () => void store.tryOut(store.state.whatIf.interventions.slice(0, -1)),
  });
  const undoAll = button({
    label: 'Undo all',
    appearance: 'secondary',
    testId: 'what-if-clear',
    onClick: () => void store.tryOut([]),
  });
  add(
    {
      id: 'whatif',
      title: 'What if',
      caption:
        'The model runs again with every change in place. KL: how far the new prediction is from the old one. On the map the dashed line is the path that changed.',
      folds: true,
      tools: [scope.element, undo, undoAll],
      table: () => {
        const { result } = store.state.whatIf;
        return result === null ? null : whatIfTable(result);
      },
    },
    whatIfPane,
  );

  add(
    {
      id: 'lens',
      title: 'Prediction after each layer',
      caption:
        'The model’s own head on the hidden state after every layer (logit lens): what it would say if it ended there. Bits: how undecided it is.',
      folds: true,
      table: () => {
        const answer = store.insight.lens(store.pinned.token);
        return answer.kind === 'ready' ? lensTable(answer.value, shownLabel(store)) : null;
      },
      onPickRow: (row) => {
        const answer = store.insight.lens(store.pinned.token);
        const words = answer.kind === 'ready' ? (answer.value.layers[0]?.top.length ?? 1) : 1;
        store.pin({ layer: Math.floor(row / Math.max(1, words)) });
      },
    },
    lensPane,
  );

  const map = button({
    label: 'Map usage…',
    appearance: 'secondary',
    testId: 'map-usage',
    onClick: () => void store.call('mapUsage', []),
  });
  add(
    {
      id: 'usage',
      title: 'Use by a corpus',
      caption:
        'Entropy: how evenly the leaves are used, at most the depth. Gini: 0 where all leaves are used alike, near 1 where a few take all. The tree shows the corpus as its traffic, if you choose so there.',
      folds: true,
      tools: [map],
      table: () => {
        const usage = usageOf(store);
        const feedforward = store.state.trace?.model.feedforward;
        const { layer, tree } = store.pinned;
        return usage === null || feedforward?.kind !== 'fff' ? null : usageTable(usage, feedforward.depth, layer, tree);
      },
      onPickRow: (row) => {
        const trees = store.view?.trees ?? 1;
        store.pin({ layer: Math.floor(row / trees), tree: row % trees });
      },
    },
    usagePane,
  );

  const start = button({
    label: 'Compare with previous trace',
    appearance: 'secondary',
    testId: 'compare-start',
    onClick: () => void store.call('compare', [true]),
  });
  const end = button({
    label: 'End comparison',
    appearance: 'secondary',
    testId: 'compare-end',
    onClick: () => void store.call('compare', [false]),
  });
  add(
    {
      id: 'compare',
      title: 'Comparison of two traces',
      caption:
        'Tokens are aligned by their text. Overlap: share of the decisions, from the root, before two paths part. The tree shows the difference of the visits as its traffic, if you choose so there.',
      folds: true,
      tools: [start, end],
      table: () => (store.state.compared === null ? null : comparisonTable(store.state.compared, store.pinned.layer)),
      onPickRow: (layer) => store.pin({ layer }),
    },
    comparePane,
  );
  const pairs = add(
    {
      id: 'divergence',
      title: 'Where each token’s path parts',
      caption: 'One row a token that both traces have; the first layer and level at which its paths differ.',
      folds: true,
    },
    divergencePane,
  );

  return () => {
    scope.set(
      [
        { value: 'token', label: 'This token' },
        { value: 'all', label: 'All tokens' },
      ],
      store.setup.scope,
    );
    const { compared, whatIf } = store.state;
    undo.hidden = undoAll.hidden = whatIf.interventions.length === 0;
    start.hidden = compared !== null;
    end.hidden = compared === null;
    pairs.figure.element.hidden = compared === null;
  };
}
