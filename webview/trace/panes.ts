/** The panes only the trace panel has: each joins one chart to the store. */
import type { Focus, LayerTiming, NearBoundary } from '../../extension/protocol';
import { draw as drawNavigator, type NavigatorData } from '../charts/navigator';
import { draw as drawNeurons, type NeuronsData } from '../charts/neurons';
import { draw as drawPassShare, type PassShareData } from '../charts/passShare';
import { draw as drawTable, type TableData } from '../charts/table';
import { draw as drawTimings, type TimingsData } from '../charts/timings';
import { el } from '../dom';
import { formatCount, formatPercent, plural } from '../format';
import { noteOf } from '../insight';
import { nearBoundaryTable } from '../insightTables';
import {
  isOnlyFocus,
  isOnlyLooking,
  labelsOf,
  mounted,
  NO_TRACE,
  shownLabel,
  type Pane,
  type ThemeSource,
} from '../panes';
import type { Decision } from '../routing';
import type { Store } from '../store';
import { boundaryTable } from '../tables';
import { changedCells } from '../whatIf';

/** How many of the closest decisions are listed. */
const CLOSEST = 12;

export function neuronsPane(store: Store, container: HTMLElement, theme: ThemeSource): Pane {
  const show = mounted<NeuronsData>(container, (body, data) =>
    drawNeurons(body, data, { theme, onPick: (layer, node) => store.pin({ layer, node }) }),
  );
  let shown = '';
  return {
    update(changes) {
      const { layer, tree, token } = store.sight;
      const place = [layer, tree, token, store.pinned.node].join();
      if (isOnlyFocus(changes) && place === shown) {
        return;
      }
      shown = place;
      show(
        store.view === null
          ? NO_TRACE
          : {
              ...{ layers: store.view.layers, layer, tree, token, label: shownLabel(store), pinned: store.pinned.node },
              measure: store.setup.neurons,
              outputNorms: normsOf(store),
            },
      );
    },
  };
}

/** Norms of the output weights of all layers that route, as far as they are known; those that are not are asked for. */
export function normsOf(store: Store): (Float32Array | null)[] {
  const layers = store.view?.layers ?? [];
  return layers.map((view, layer) => (view === null ? null : (store.insight.norms(layer)?.outputNorms ?? null)));
}

export function navigatorPane(store: Store, container: HTMLElement, theme: ThemeSource): Pane {
  const show = mounted<NavigatorData>(container, (body, data) =>
    drawNavigator(body, data, {
      theme,
      onHover: (at) => store.preview(at),
      onPick: (at) => store.pin(at),
    }),
  );
  let shown = '';
  return {
    update(changes) {
      const { layer, tree, token } = store.sight;
      const place = [layer, tree, token].join();
      if (isOnlyFocus(changes) && place === shown) {
        return;
      }
      shown = place;
      show(
        store.view === null
          ? NO_TRACE
          : {
              layers: store.view.layers,
              labels: labelsOf(store),
              tree,
              colourLevel: store.setup.colourLevel,
              token,
              layer,
              changed: changedCells(store.state.whatIf.result, tree),
            },
      );
    },
  };
}

export function timingsPane(store: Store, container: HTMLElement, theme: ThemeSource): Pane {
  let shownLayer = -1;
  const chartBody = container.appendChild(el('div'));
  const shareBody = container.appendChild(el('div'));
  const showTimings = mounted<TimingsData>(chartBody, (body, data) =>
    drawTimings(body, data, { theme, onPickLayer: (layer) => store.pin({ layer }) }),
  );
  const showShare = mounted<PassShareData>(shareBody, drawPassShare);
  return {
    update(changes) {
      if (isOnlyLooking(changes) && store.sight.layer === shownLayer) {
        return;
      }
      const { trace, timings, passTiming } = store.state;
      shownLayer = store.sight.layer;
      if (trace === null) {
        showTimings(NO_TRACE);
        showShare(NO_TRACE);
        return;
      }
      const byLayer = new Map<number, LayerTiming>(timings.map((timing) => [timing.layer, timing]));
      showTimings({
        layers: trace.layers.map((routing, layer) => byLayer.get(layer) ?? (routing === null ? 'dense' : 'pending')),
        runMicroseconds: trace.feedforwardMicroseconds,
        layer: shownLayer,
        measuring: timings.length > 0,
      });
      showShare({ trace, timings, passTiming });
    },
  };
}

/** A place the list of decisions leads to. */
type Place = Pick<Focus, 'token' | 'layer' | 'tree'> & { node: number };

/** The closest decisions; with rounded weights or noise, those the host finds with them. */
export function boundaryPane(store: Store, container: HTMLElement): Pane {
  let places: Place[] = [];
  const summary = container.appendChild(el('p', { class: 'sentence', 'data-testid': 'boundary-summary' }));
  const show = mounted<TableData>(container, (body, data) =>
    drawTable(body, data, {
      onPick: (row) => {
        const place = places[row];
        if (place !== undefined) {
          store.pin(place);
        }
      },
    }),
  );
  let shownFocus: Focus | null = null;
  return {
    update(changes) {
      const rounded = store.setup.precision !== 'fp32';
      if (
        (rounded ? isOnlyFocus : isOnlyLooking)(changes) &&
        JSON.stringify(shownFocus) === JSON.stringify(store.pinned)
      ) {
        return;
      }
      shownFocus = store.pinned;
      const { table, said, places: listed } = boundaryList(store);
      places = listed;
      summary.hidden = said === '';
      summary.textContent = said;
      const { token, layer, tree, node } = store.pinned;
      const selected = places.findIndex(
        (place) => place.token === token && place.layer === layer && place.tree === tree && place.node === node,
      );
      show(typeof table === 'string' ? table : { ...table, selected });
    },
  };
}

export interface BoundaryList {
  table: TableData | string;
  /** What the list amounts to; empty for the plain list. */
  said: string;
  places: Place[];
}

export function boundaryList(store: Store): BoundaryList {
  const { precision, noise } = store.setup;
  const trees = store.view?.trees ?? 1;
  if (precision === 'fp32') {
    const decisions: Decision[] = store.view?.closestDecisions(CLOSEST) ?? [];
    const table =
      decisions.length === 0 ? 'No decisions in this trace.' : boundaryTable(decisions, labelsOf(store), trees);
    return { table, said: '', places: decisions };
  }
  const answer = store.insight.boundary(precision, noise);
  if (answer.kind !== 'ready') {
    return { table: noteOf(answer), said: '', places: [] };
  }
  const { value } = answer;
  return {
    table: nearBoundaryTable(value, labelsOf(store), trees),
    said: boundarySentence(value),
    places: [...value.nodes.keys()].map((row) => ({
      token: value.tokens[row] ?? 0,
      layer: value.layers[row] ?? 0,
      tree: value.trees[row] ?? 0,
      node: value.nodes[row] ?? 0,
    })),
  };
}

function boundarySentence({
  precision,
  decisions,
  flippedByRounding,
  flippableByNoise,
  noise,
  rerouted,
}: NearBoundary) {
  const lost = rerouted.reduce((sum, tokens) => sum + tokens, 0);
  const flips = `${formatCount(flippedByRounding)} of ${plural(decisions, 'decision')} flip with ${precision} weights; ${plural(lost, 'path')} change.`;
  return noise === 0
    ? flips
    : `${flips} A disturbance of ${formatPercent(noise)} could flip ${formatCount(flippableByNoise)}.`;
}
