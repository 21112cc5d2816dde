/** The trace panel's figures: what each is called, how to read it, what its tools do, and their places on the page. */
import { button, segmented } from '../controls';
import { el } from '../dom';
import { formatCount } from '../format';
import type { IconName } from '../icons';
import { figure, Patience, type Figure, type FigureOptions } from '../figure';
import {
  labelsOf,
  predictionsPane,
  shownLabel,
  spinePane,
  treePane,
  type Pane,
  type ThemeSource,
  type TreePane,
} from '../panes';
import type { Change, Store } from '../store';
import { navigatorTable, neuronsTable, predictionsTable, spineTable, timingsTable, treeTable } from '../tables';
import { boundaryPane, navigatorPane, neuronsPane, timingsPane } from './panes';

/** Height the tree may take, px: twelve calm rows for the published depth. */
const TREE_HEIGHT = 312;

export interface Figures extends Pane {
  element: HTMLElement;
  tree: TreePane;
}

export function figures(store: Store, theme: ThemeSource): Figures {
  const all: { figure: Figure; patience: Patience }[] = [];
  const add = <Kind extends Pane>(
    options: FigureOptions,
    make: (store: Store, container: HTMLElement, theme: ThemeSource) => Kind,
  ): Kind => {
    const made = figure(store, options);
    const pane = make(store, made.body, theme);
    const patience = new Patience(made.element, (changes) => {
      made.refresh();
      if (!made.isTable()) {
        pane.update(changes);
      }
    });
    all.push({ figure: made, patience });
    return pane;
  };
  const layerView = (): ReturnType<NonNullable<typeof store.view>['layer']> =>
    store.view?.layer(store.sight.layer) ?? null;

  const form = segmented<'map' | 'nodeLink'>('Form', 'tree-form', (chosen) => store.arrange({ form: chosen }));
  form.element.classList.add('quiet');
  const zoomTool = (label: string, icon: IconName, testId: string, act: () => void): HTMLElement =>
    button({ label, appearance: 'icon', icon, testId, onClick: act });

  const tree = add(
    {
      id: 'tree',
      title: 'Tree',
      caption: '',
      tools: [
        form.element,
        zoomTool('Zoom in (+)', 'zoomIn', 'zoom-in', () => tree.chart()?.zoomBy(2)),
        zoomTool('Zoom out (−)', 'zoomOut', 'zoom-out', () => tree.chart()?.zoomBy(0.5)),
        zoomTool('Whole tree (0)', 'fit', 'zoom-reset', () => tree.chart()?.reset()),
      ],
      table: () => {
        const view = layerView();
        return view === null ? null : treeTable(view, store.sight.tree, store.pinned.node);
      },
      onPickRow: (row) => {
        const view = layerView();
        const node = view === null ? undefined : treeTable(view, store.sight.tree, null).nodes[row];
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
        'One row a visited node. The dot stands left or right as the decision above it went; the small dot is the sibling not taken, hollow if no token goes there. Pale bar: logit against 0. Dark bar: activation.',
      table: () => {
        const view = layerView();
        const { token, tree: chosen } = store.sight;
        return view === null ? null : spineTable(view, token, chosen, shownLabel(store), store.pinned.node);
      },
      onPickRow: (row) => {
        const node = layerView()?.path(store.pinned.token, store.pinned.tree)[row];
        if (node !== undefined) {
          store.pin({ node });
        }
      },
    },
    spinePane,
  );

  add(
    {
      id: 'navigator',
      title: 'All tokens in all layers',
      caption:
        'A column a token, a row a layer, coloured by sub-tree. The tick inside a cell is the place of its leaf, left to right.',
      table: () => (store.view === null ? null : navigatorTable(store.view, store.sight.tree, store.pinned.token)),
      onPickRow: (token) => store.pin({ token }),
    },
    navigatorPane,
  );

  add(
    {
      id: 'neurons',
      title: 'Activated neurons, layer by layer',
      caption:
        'The focused token’s visited nodes in every layer, root to leaf, with their activation on one scale. Below: how few of them make up 80 % of the summed magnitude.',
      table: () => {
        const { token, tree: chosen } = store.sight;
        return store.view === null ? null : neuronsTable(store.view, token, chosen, shownLabel(store));
      },
    },
    neuronsPane,
  );

  add(
    {
      id: 'predictions',
      title: 'Predictions',
      caption: 'Most probable words at each masked position; a full lane is certainty.',
      table: () => {
        const { trace } = store.state;
        return trace === null || trace.predictions.length === 0 ? null : predictionsTable(trace);
      },
    },
    predictionsPane,
  );

  add(
    {
      id: 'timings',
      title: 'Time: FFF against its dense twin',
      caption:
        'The twin has the same weights and computes every neuron, on this text’s own hidden states. Disc: FFF; square: twin; whiskers: middle 90 % of the samples. The bar is this run’s forward pass.',
      table: () => {
        const { trace, timings } = store.state;
        return trace === null ? null : timingsTable(trace, timings, store.sight.layer);
      },
      onPickRow: (layer) => store.pin({ layer }),
    },
    timingsPane,
  );

  add(
    {
      id: 'boundary',
      title: 'Closest decisions',
      caption: 'Where a small change would have sent a token the other way: the smallest |logit| of all layers.',
    },
    boundaryPane,
  );

  const column = (...ids: string[]): HTMLElement =>
    el('div', { class: 'column' }, ...all.map(({ figure: made }) => made.element).filter(({ id }) => ids.includes(id)));
  const element = el(
    'div',
    { class: 'figures' },
    column('tree', 'navigator', 'neurons', 'timings'),
    column('spine', 'predictions', 'boundary'),
  );
  return {
    element,
    tree,
    update(changes: ReadonlySet<Change>) {
      form.set(
        [
          { value: 'map', label: 'Map', title: 'Tree map (1)' },
          { value: 'nodeLink', label: 'Nodes and links', title: 'Nodes and links (2)' },
        ],
        store.setup.form,
      );
      all[0]?.figure.setCaption(treeCaption(store));
      for (const { patience } of all) {
        patience.changed(changes);
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
  return store.setup.form === 'map'
    ? `${about}, root on top; every level halves the width. Stronger colour: more of the ${labelsOf(store).length} tokens. The line is the path of “${shownLabel(store)}”.`
    : `${about}, root in the middle, leaves clockwise from the top. Wider links: more of the ${labelsOf(store).length} tokens. The line is the path of “${shownLabel(store)}”.`;
}
