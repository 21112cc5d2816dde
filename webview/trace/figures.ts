/** The trace panel's figures: what each is called, how to read it, what its tools do, and their places on the page. */
import { button, dropdown, segmented } from '../controls';
import { el } from '../dom';
import { formatCount, formatPercent } from '../format';
import type { IconName } from '../icons';
import { figure, type Figure } from '../figure';
import {
  heatOf,
  labelsOf,
  predictionsOf,
  predictionsPane,
  shownLabel,
  spinePane,
  treePane,
  type Pane,
  type ThemeSource,
  type TreePane,
} from '../panes';
import { Patience } from '../patience';
import { NOISES, PRECISIONS, type Setup } from '../setup';
import type { Change, Store } from '../store';
import { navigatorTable, neuronsTable, predictionsTable, spineTable, timingsTable, treeTable } from '../tables';
import { insightFigures, type AddFigure } from './insightFigures';
import { boundaryList, boundaryPane, navigatorPane, neuronsPane, normsOf, timingsPane } from './panes';
import { savingOf } from './saving';
import { changedCells } from '../whatIf';

/** Height the tree may take, px: twelve calm rows for the published depth. */
const TREE_HEIGHT = 312;

const NAVIGATOR_CAPTION =
  'A column a token, a row a layer, coloured by sub-tree. The tick inside a cell is the place of its leaf, left to right.';
const CHANGED_CAPTION = 'A cut corner: the path there changed under trial.';

export interface Figures extends Pane {
  element: HTMLElement;
  tree: TreePane;
  /** Paints what is held back out of sight, so that everything has its height. */
  settle(): void;
}

export function figures(store: Store, theme: ThemeSource): Figures {
  const all: { figure: Figure; patience: Patience }[] = [];
  const saving = savingOf(store, theme);
  const add: AddFigure = (options, make) => {
    const made = figure(store, { saving, ...options });
    const pane = make(store, made.body, theme);
    const patience = new Patience(made.element, (changes) => {
      made.refresh();
      if (made.isOpen() && !made.isTable()) {
        pane.update(changes);
      }
    });
    all.push({ figure: made, patience });
    return { figure: made, pane };
  };
  const layerView = (): ReturnType<NonNullable<typeof store.view>['layer']> =>
    store.view?.layer(store.sight.layer) ?? null;

  const form = segmented<'map' | 'nodeLink'>('Form', 'tree-form', (chosen) => store.arrange({ form: chosen }));
  form.element.classList.add('quiet');
  const zoomTool = (label: string, icon: IconName, testId: string, act: () => void): HTMLElement =>
    button({ label, appearance: 'icon', icon, testId, onClick: act });

  const traffic = segmented<Setup['traffic']>('Traffic', 'tree-traffic', (chosen) =>
    store.arrange({ traffic: chosen }),
  );
  const { pane: tree, figure: treeFigure } = add(
    {
      id: 'tree',
      title: 'Tree',
      caption: '',
      tools: [
        traffic.element,
        form.element,
        zoomTool('Zoom in (+)', 'zoomIn', 'zoom-in', () => tree.chart()?.zoomBy(2)),
        zoomTool('Zoom out (−)', 'zoomOut', 'zoom-out', () => tree.chart()?.zoomBy(0.5)),
        zoomTool('Whole tree (0)', 'fit', 'zoom-reset', () => tree.chart()?.reset()),
      ],
      table: () => {
        const view = layerView();
        if (view === null) {
          return null;
        }
        const { tree: chosen } = store.sight;
        return treeTable(view, chosen, store.pinned.node, heatOf(store, view, chosen));
      },
      onPickRow: (row) => {
        const view = layerView();
        const { tree: chosen } = store.sight;
        const node = view === null ? undefined : treeTable(view, chosen, null, heatOf(store, view, chosen)).nodes[row];
        if (node !== undefined) {
          store.pin({ node });
        }
      },
    },
    (...parts) => treePane(...parts, { height: TREE_HEIGHT }),
  );

  add(
    {
      id: 'spine',
      title: 'Path of the token',
      caption:
        'One row a visited node. The dot stands left or right as the decision above it went; the small dot is the sibling not taken, hollow if no token goes there. Pale bar: logit against 0, dark bar: activation, both logarithmic beyond 1. Contribution: norm of what the node adds to the output.',
      table: () => {
        const view = layerView();
        const { token, tree: chosen } = store.sight;
        const norms = store.insight.norms(store.sight.layer)?.outputNorms ?? null;
        return view === null ? null : spineTable(view, token, chosen, shownLabel(store), store.pinned.node, norms);
      },
      onPickRow: (row) => {
        const node = layerView()?.path(store.pinned.token, store.pinned.tree)[row];
        if (node !== undefined) {
          store.pin({ node });
        }
      },
    },
    (...parts) => spinePane(...parts, true),
  );

  const { figure: navigator } = add(
    {
      id: 'navigator',
      title: 'All tokens in all layers',
      caption: NAVIGATOR_CAPTION,
      table: () => (store.view === null ? null : navigatorTable(store.view, store.sight.tree, store.pinned.token)),
      onPickRow: (token) => store.pin({ token }),
    },
    navigatorPane,
  );

  const measure = segmented<Setup['neurons']>('Show', 'neurons-measure', (chosen) =>
    store.arrange({ neurons: chosen }),
  );
  measure.element.classList.add('quiet');
  add(
    {
      id: 'neurons',
      title: 'Activated neurons, layer by layer',
      caption:
        'The focused token’s visited nodes in every layer, root to leaf, on one scale. Below: how few of them make up 80 % of what all contribute, and the sum of the contributions (Σ) against the norm of the layer’s output; where the sum is larger, they cancel.',
      tools: [measure.element],
      table: () => {
        const { token, tree: chosen } = store.sight;
        return store.view === null ? null : neuronsTable(store.view, token, chosen, shownLabel(store), normsOf(store));
      },
    },
    neuronsPane,
  );

  let asked: { run: number; tokens: number[] } = { run: -1, tokens: [] };
  const askedNow = (): number[] => (asked.run === store.state.trace?.runId ? asked.tokens : []);
  const askHere = button({
    label: 'Ask at this token',
    appearance: 'secondary',
    testId: 'predict-here',
    onClick: () => {
      asked = { run: store.state.trace?.runId ?? -1, tokens: [...askedNow(), store.pinned.token] };
      store.changed('insight');
    },
  });
  add(
    {
      id: 'predictions',
      title: 'Predictions',
      caption: 'Most probable words at each masked position, and wherever you ask; a full lane is certainty.',
      tools: [askHere],
      table: () => {
        const predictions = predictionsOf(store, askedNow());
        return predictions.length === 0 ? null : predictionsTable(predictions);
      },
    },
    (...parts) => predictionsPane(...parts, askedNow),
  );

  add(
    {
      id: 'timings',
      title: 'Time: FFF against its dense twin',
      caption:
        'The twin has the same weights and computes every neuron, on this text’s own hidden states. Disc: FFF; square: twin; whiskers: middle 90 % of the samples. The bar is this run’s forward pass.',
      table: () => {
        const { trace, timings } = store.state;
        return trace === null ? null : timingsTable(trace, timings, store.sight.layer);
      },
      onPickRow: (layer) => store.pin({ layer }),
    },
    timingsPane,
  );

  const precision = segmented<Setup['precision']>('Weights', 'boundary-precision', (chosen) =>
    store.arrange({ precision: chosen }),
  );
  const noise = dropdown<number>('Noise', 'boundary-noise', (chosen) => store.arrange({ noise: chosen }));
  add(
    {
      id: 'boundary',
      title: 'Closest decisions',
      caption:
        'Where a small change would have sent a token the other way: the smallest |logit| of all layers. With rounded weights, or noise on the hidden states: which decisions really turn.',
      tools: [precision.element, noise.element],
      table: () => {
        const { table } = boundaryList(store);
        return typeof table === 'string' ? null : table;
      },
    },
    boundaryPane,
  );
  const updateInsight = insightFigures(store, add);

  function updateTools(): void {
    const { usage, compared } = store.state;
    const kinds: { value: Setup['traffic']; label: string }[] = [
      { value: 'trace', label: 'Trace' },
      ...(usage === null ? [] : [{ value: 'corpus' as const, label: 'Corpus' }]),
      ...(compared === null ? [] : [{ value: 'difference' as const, label: 'Difference' }]),
    ];
    traffic.element.hidden = kinds.length === 1;
    traffic.set(kinds, kinds.some(({ value }) => value === store.setup.traffic) ? store.setup.traffic : 'trace');
    measure.set(
      [
        { value: 'activation', label: 'Activation' },
        { value: 'contribution', label: 'Contribution' },
      ],
      store.setup.neurons,
    );
    precision.set(
      PRECISIONS.map((value) => ({ value, label: value })),
      store.setup.precision,
    );
    noise.element.hidden = store.setup.precision === 'fp32';
    noise.set(
      NOISES.map((value) => ({ value, label: value === 0 ? 'none' : formatPercent(value) })),
      store.setup.noise,
    );
  }

  const column = (...ids: string[]): HTMLElement =>
    el('div', { class: 'column' }, ...all.map(({ figure: made }) => made.element).filter(({ id }) => ids.includes(id)));
  const element = el(
    'div',
    { class: 'figures' },
    column('tree', 'navigator', 'neurons', 'usage', 'compare', 'contexts', 'occurrences', 'timings'),
    column('spine', 'node', 'whatif', 'predictions', 'lens', 'boundary', 'divergence'),
  );
  const settle = (): void => all.forEach(({ patience }) => patience.release());
  return {
    element,
    tree,
    settle,
    update(changes: ReadonlySet<Change>) {
      form.set(
        [
          { value: 'map', label: 'Map', title: 'Tree map (1)' },
          { value: 'nodeLink', label: 'Nodes and links', title: 'Nodes and links (2)' },
        ],
        store.setup.form,
      );
      treeFigure.setCaption(treeCaption(store));
      const changed = changedCells(store.state.whatIf.result, store.sight.tree).length > 0;
      navigator.setCaption(changed ? `${NAVIGATOR_CAPTION} ${CHANGED_CAPTION}` : NAVIGATOR_CAPTION);
      updateTools();
      updateInsight();
      for (const { patience } of all) {
        patience.changed(changes);
      }
      if (store.reveal !== null) {
        // Where it lies is known once everything above it has its height; what grows later would move it away again.
        settle();
        all.find(({ figure: { element } }) => element.id === store.reveal)?.figure.element.scrollIntoView();
        store.reveal = null;
      }
    },
  };
}

function treeCaption(store: Store): string {
  const view = store.view?.layer(store.sight.layer);
  if (view === undefined || view === null) {
    return '';
  }
  const nodes = 2 ** view.levels - 1;
  const about = `${nodes === 1 ? 'The only node' : `All ${formatCount(nodes)} nodes`} of layer ${view.layer}${view.trees > 1 ? `, tree ${store.sight.tree}` : ''}`;
  const [place, stronger] =
    store.setup.form === 'map'
      ? ['root on top; every level halves the width', 'Stronger colour']
      : ['root in the middle, leaves clockwise from the top', 'Wider links'];
  const heat = heatOf(store, view, store.sight.tree);
  const whose = {
    trace: `${stronger}: more of the ${labelsOf(store).length} tokens`,
    corpus: `${stronger}: more of the corpus’s ${formatCount(heat?.total ?? 0)} tokens`,
    difference: 'Blue, +: visited more often here; orange, −: more often in the other trace',
  }[heat?.kind ?? 'trace'];
  return `${about}, ${place}. ${whose}. The line is the path of “${shownLabel(store)}”.`;
}
