/** The trace panel's figures that are opened on request: node, what-if, lens, usage and comparison. */
import { button, dropdown, segmented } from '../controls';
import type { Figure, FigureOptions } from '../figure';
import { agreementTable, occurrencesTable } from '../contextTables';
import { comparisonTable, lensTable, nodeTable, usageTable, whatIfTable } from '../insightTables';
import { labelsOf, shownLabel, type Pane, type ThemeSource } from '../panes';
import type { ReportKind } from '../../extension/protocol';
import type { Store } from '../store';
import { undoTools, whatIfPane } from '../whatIfPane';
import { contextsPane, occurrencesPane, Reference } from './contextPanes';
import { comparePane, corpusAt, divergencePane, lensPane, nodePane, usageOf, usagePane } from './insightPanes';

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
        return answer?.kind === 'ready'
          ? nodeTable(answer.value, labelsOf(store), corpusAt(store, answer.value))
          : null;
      },
    },
    nodePane,
  );

  const scope = segmented<'token' | 'all'>('For', 'what-if-scope', (chosen) => store.arrange({ scope: chosen }));
  scope.element.classList.add('quiet');
  const undo = undoTools(store);
  add(
    {
      id: 'whatif',
      title: 'What if',
      caption:
        'The model runs again with every change in place. KL: how far the new prediction is from the old one. On the map the dashed line is the path that changed.',
      folds: true,
      tools: [scope.element, ...undo.elements],
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

  const report = (kind: ReportKind): HTMLElement =>
    button({
      label: 'Report',
      appearance: 'secondary',
      testId: `report-${kind}`,
      onClick: () => void store.call('openReport', [kind]),
    });
  const [usageReport, comparisonReport] = [report('usage'), report('comparison')];
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
        'Entropy: how evenly the leaves are used, at most the depth. Gini: 0 where all leaves are used alike, near 1 where a few take all. The tree shows the corpus as its traffic while Corpus is chosen there.',
      folds: true,
      tools: [map, usageReport],
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
        'Tokens are aligned by their text. Overlap: share of the decisions, from the root, before two paths part. The tree shows the difference of the visits while Difference is chosen there.',
      folds: true,
      tools: [start, end, comparisonReport],
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

  const test = button({
    label: 'Same word in several sentences…',
    appearance: 'secondary',
    testId: 'contexts-start',
    onClick: () => void store.call('compareContexts', [true]),
  });
  const endTest = button({
    label: 'End test',
    appearance: 'secondary',
    testId: 'contexts-end',
    onClick: () => void store.call('compareContexts', [false]),
  });
  add(
    {
      id: 'contexts',
      title: 'The same word in several sentences',
      caption:
        'Does a word take the same path wherever it stands? Overlap: share of the decisions, from the root, before the paths of two occurrences part, over all pairs. Where context decides the path, it falls towards that of any two tokens.',
      folds: true,
      tools: [test, endTest],
      table: () => {
        const { contexts } = store.state;
        return contexts === null ? null : agreementTable(contexts, store.pinned.layer);
      },
      onPickRow: (layer) => store.pin({ layer }),
    },
    contextsPane,
  );
  const reference = new Reference(store);
  const referenceList = dropdown<number>('Reference', 'contexts-reference', (chosen) => reference.choose(chosen));
  const occurrences = add(
    {
      id: 'occurrences',
      title: 'Where the word stands',
      caption:
        'A row an occurrence: the share of its decisions that it has in common with the reference, in each layer, and where the two paths part first. Click a row to make it the reference.',
      folds: true,
      tools: [referenceList.element],
      table: () => {
        const { contexts } = store.state;
        return contexts === null ? null : occurrencesTable(contexts, reference.of(contexts));
      },
      onPickRow: (row) => reference.choose(row),
    },
    (...parts) => occurrencesPane(...parts, reference),
  );

  return () => {
    scope.set(
      [
        { value: 'token', label: 'This token' },
        { value: 'all', label: 'All tokens' },
      ],
      store.setup.scope,
    );
    const { compared, contexts } = store.state;
    undo.update();
    start.hidden = compared !== null;
    end.hidden = comparisonReport.hidden = compared === null;
    usageReport.hidden = store.state.usage === null;
    pairs.figure.element.hidden = compared === null;
    endTest.hidden = occurrences.figure.element.hidden = contexts === null;
    referenceList.set(
      (contexts?.occurrences ?? []).map((_, value) => ({ value, label: String(value + 1) })),
      contexts === null ? 0 : reference.of(contexts),
    );
  };
}
