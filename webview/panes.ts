/**
 * Panes that the trace panel and the sidebar share: each joins one chart to the store. A pane knows what its picture
 * needs and what a click in it means; it draws nothing itself.
 */
import type { Chart } from './charts/chart';
import { draw as drawNodeLink } from './charts/nodeLink';
import { draw as drawPredictions, type PredictionsData } from './charts/predictions';
import { draw as drawSpine, type SpineData } from './charts/spine';
import { draw as drawTokens, type TokensData } from './charts/tokens';
import { draw as drawTreeMap, type TreeChart, type TreeData, type TreeOptions } from './charts/treeMap';
import { el, setText } from './dom';
import { visibleText } from './format';
import { corpusHeat, differenceHeat, type Heat } from './heat';
import { intervene } from './intervene';
import { leftOutSentence } from '../extension/leftOut';
import type { MaskPrediction } from '../extension/protocol';
import type { Change, Store } from './store';
import type { Theme } from './theme';
import type { TreeMarks } from './charts/treeMarks';
import { changedLeaf } from './whatIf';
import type { LayerView } from './routing';

export interface Pane {
  update(changes: ReadonlySet<Change>): void;
}

export type ThemeSource = () => Theme;

/** Keeps one chart mounted while there is data for it, and says why there is none otherwise. */
export function mounted<Data>(
  container: HTMLElement,
  make: (container: HTMLElement, data: Data) => Chart<Data>,
): (data: Data | string) => void {
  let chart: Chart<Data> | null = null;
  let note: HTMLElement | null = null;
  return (data) => {
    if (typeof data === 'string') {
      chart?.dispose();
      chart = null;
      note ??= container.appendChild(el('p', { class: 'note' }));
      note.textContent = data;
    } else {
      note?.remove();
      note = null;
      if (chart === null) {
        chart = make(container, data);
      } else {
        chart.update(data);
      }
    }
  };
}

/** True while only the selection or the preview moved: what does not show it need not repaint. */
export function isOnlyFocus(changes: ReadonlySet<Change>): boolean {
  return changes.size === 1 && changes.has('focus');
}

/** The same, for panes that show no answer of the host either. */
export function isOnlyLooking(changes: ReadonlySet<Change>): boolean {
  return [...changes].every((change) => change === 'focus' || change === 'insight');
}

export function labelsOf(store: Store): string[] {
  return store.state.trace?.tokens.map(({ text }) => text) ?? [];
}

export function shownLabel(store: Store): string {
  return visibleText(store.state.trace?.tokens[store.sight.token]?.text ?? '');
}

export const NO_TRACE = 'Nothing traced yet.';

export function denseNote(store: Store): string {
  const { trace } = store.state;
  if (trace === null) {
    return NO_TRACE;
  }
  const { feedforward } = trace.model;
  const width = feedforward.kind === 'dense' ? ` (${feedforward.width} neurons)` : '';
  return `Layer ${store.sight.layer} is dense: every token uses every neuron${width}, so there is no path to show.`;
}

export function tokensPane(store: Store, container: HTMLElement, theme: ThemeSource): Pane {
  const chips = container.appendChild(el('div'));
  const leftOut = container.appendChild(el('p', { class: 'left-out', 'data-testid': 'left-out' }));
  const show = mounted<TokensData>(chips, (body, data) =>
    drawTokens(body, data, {
      theme,
      onHover: (token) => store.preview(token === null ? null : { token }),
      onPick: (token) => store.pin({ token }),
      onSelect: (token) => store.toggleSelected(token),
      onReveal: (token) => void store.call('revealToken', [token]),
    }),
  );
  return {
    update() {
      const { trace } = store.state;
      if (trace === null || store.view === null) {
        return;
      }
      const said = leftOutSentence(trace.leftOutCharacters);
      leftOut.hidden = said === null;
      setText(leftOut, said ?? '');
      const { layer, tree, token } = store.sight;
      show({
        tokens: trace.tokens,
        windows: trace.windows,
        text: trace.text,
        maskToken: trace.model.maskToken,
        view: store.view.layer(layer),
        tree,
        colourLevel: store.setup.colourLevel,
        token: store.pinned.token,
        shown: token,
        node: store.hoveredNode ?? store.pinned.node,
        selected: store.selected,
      });
    },
  };
}

/** Whose visits the tree shows, as chosen and as far as they are there. */
export function heatOf(store: Store, view: LayerView, tree: number): Heat | null {
  const { usage, compared } = store.state;
  switch (store.setup.traffic) {
    case 'trace':
      return null;
    case 'corpus': {
      const answer = usage === null ? null : store.insight.usage();
      const map = answer?.kind === 'ready' ? answer.value : null;
      return map === null ? null : heats.get(map, `${view.layer}/${tree}`, () => corpusHeat(map, view.layer, tree));
    }
    case 'difference':
      return compared === null
        ? null
        : heats.get(compared, `${view.layer}/${tree}`, () => differenceHeat(compared, view, tree));
  }
}

/** A heat is the same object as long as it shows the same: charts repaint when it is another. */
class Heats {
  private readonly known = new WeakMap<object, Map<string, Heat | null>>();

  get(source: object, place: string, make: () => Heat | null): Heat | null {
    const places = this.known.get(source) ?? new Map<string, Heat | null>();
    this.known.set(source, places);
    if (!places.has(place)) {
      places.set(place, make());
    }
    return places.get(place) ?? null;
  }
}

const heats = new Heats();

function marksOf(store: Store, layer: number, tree: number, token: number): TreeMarks {
  const { interventions, result } = store.state.whatIf;
  return {
    others: store.selected,
    changedLeaf: changedLeaf(result, layer, tree, token),
    interventions: interventions.filter((one) => one.layer === layer && one.tree === tree),
  };
}

/** The tree in its two forms; `chart` is the one on screen, for zoom keys and buttons. */
export interface TreePane extends Pane {
  chart(): TreeChart | null;
}

export function treePane(
  store: Store,
  container: HTMLElement,
  theme: ThemeSource,
  size: { height: number; compact?: boolean },
): TreePane {
  let chart: TreeChart | null = null;
  let form: string | null = null;
  const options: TreeOptions = {
    theme,
    ...size,
    onHover: (node) => store.preview(node === null ? null : { node }),
    onPick: (node) => store.pin({ node: store.pinned.node === node ? null : node }),
    onIntervene: (node) => intervene(store, node),
  };
  const show = mounted<TreeData>(container, (body, data) => {
    chart = (form === 'nodeLink' ? drawNodeLink : drawTreeMap)(body, data, options);
    return chart;
  });
  return {
    chart: () => chart,
    update() {
      const { layer, tree, token } = store.sight;
      const view = store.view?.layer(layer) ?? null;
      const wanted = size.compact === true ? 'map' : store.setup.form;
      if (view === null || wanted !== form) {
        show(denseNote(store));
        chart = null;
        form = wanted;
      }
      if (view !== null) {
        const { node } = store.pinned;
        const hovered = store.hoveredNode;
        const { colourLevel } = store.setup;
        const heat = size.compact === true ? null : heatOf(store, view, tree);
        const marks = marksOf(store, layer, tree, token);
        show({ view, tree, token, pinned: node, hovered, labels: labelsOf(store), colourLevel, heat, marks });
      }
    },
  };
}

/** @param contributions whether the norms of the weights are asked for. */
export function spinePane(store: Store, container: HTMLElement, theme: ThemeSource, contributions = false): Pane {
  const show = mounted<SpineData>(container, (body, data) =>
    drawSpine(body, data, {
      theme,
      onHover: (node) => store.preview(node === null ? null : { node }),
      onPick: (node) => store.pin({ node: store.pinned.node === node ? null : node }),
      onIntervene: (node) => intervene(store, node),
    }),
  );
  return {
    update() {
      const { layer, tree, token } = store.sight;
      const view = store.view?.layer(layer) ?? null;
      if (view === null) {
        show(denseNote(store));
        return;
      }
      const [pinned, hovered] = [store.pinned.node, store.hoveredNode];
      const outputNorms = contributions ? (store.insight.norms(layer)?.outputNorms ?? null) : null;
      const intervened = marksOf(store, layer, tree, token).interventions.map(({ node }) => node);
      show({ view, tree, token, label: shownLabel(store), pinned, hovered, outputNorms, intervened });
    },
  };
}

/** What the model expects at the masked positions, and at those that were asked about. */
export function predictionsOf(store: Store, asked: readonly number[] = []): MaskPrediction[] {
  const masked = store.state.trace?.predictions ?? [];
  const more = asked
    .filter((index) => masked.every((prediction) => prediction.index !== index))
    .flatMap((index) => {
      const answer = store.insight.predictAt(index);
      return answer.kind === 'ready' ? [{ index, top: answer.value }] : [];
    });
  return [...masked, ...more].sort((a, b) => a.index - b.index);
}

/** @param asked positions beside the masked ones at which the model is asked. */
export function predictionsPane(
  store: Store,
  container: HTMLElement,
  theme: ThemeSource,
  asked: () => readonly number[] = () => [],
): Pane {
  let shownToken = -1;
  const show = mounted<PredictionsData>(container, (body, data) =>
    drawPredictions(body, data, { theme, onPickToken: (token) => store.pin({ token }) }),
  );
  return {
    update(changes) {
      const { trace } = store.state;
      if (isOnlyFocus(changes) && shownToken === store.pinned.token) {
        return;
      }
      shownToken = store.pinned.token;
      const predictions = predictionsOf(store, asked());
      if (trace === null || predictions.length === 0) {
        const mask = trace?.model.maskToken ?? '<mask>';
        show(
          trace === null
            ? NO_TRACE
            : `No masked position. Put ${mask} into the text to see what the model expects there.`,
        );
      } else {
        show({ predictions, labels: labelsOf(store), token: store.pinned.token });
      }
    },
  };
}
