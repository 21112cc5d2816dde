/** The panes only the trace panel has: each joins one chart to the store. */
import type { Focus, LayerTiming } from '../../extension/protocol';
import { draw as drawNavigator, type NavigatorData } from '../charts/navigator';
import { draw as drawNeurons, type NeuronsData } from '../charts/neurons';
import { draw as drawPassShare, type PassShareData } from '../charts/passShare';
import { draw as drawTable, type TableData } from '../charts/table';
import { draw as drawTimings, type TimingsData } from '../charts/timings';
import { el } from '../dom';
import { isOnlyFocus, labelsOf, mounted, NO_TRACE, shownLabel, type Pane, type ThemeSource } from '../panes';
import type { Decision } from '../routing';
import type { Store } from '../store';
import { boundaryTable } from '../tables';

/** How many of the closest decisions are listed. */
const CLOSEST = 12;

export function neuronsPane(store: Store, container: HTMLElement, theme: ThemeSource): Pane {
  const show = mounted<NeuronsData>(container, (body, data) =>
    drawNeurons(body, data, { theme, onPick: (layer, node) => store.pin({ layer, node }) }),
  );
  return {
    update() {
      const { layer, tree, token } = store.sight;
      show(
        store.view === null
          ? NO_TRACE
          : { layers: store.view.layers, layer, tree, token, label: shownLabel(store), pinned: store.pinned.node },
      );
    },
  };
}

export function navigatorPane(store: Store, container: HTMLElement, theme: ThemeSource): Pane {
  const show = mounted<NavigatorData>(container, (body, data) =>
    drawNavigator(body, data, {
      theme,
      onHover: (at) => store.preview(at),
      onPick: (at) => store.pin(at),
    }),
  );
  return {
    update() {
      const { layer, tree, token } = store.sight;
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
      if (isOnlyFocus(changes) && store.sight.layer === shownLayer) {
        return;
      }
      const { trace, timings } = store.state;
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
      showShare({ trace, timings });
    },
  };
}

export function boundaryPane(store: Store, container: HTMLElement): Pane {
  let decisions: Decision[] = [];
  const show = mounted<TableData>(container, (body, data) =>
    drawTable(body, data, {
      onPick: (row) => {
        const decision = decisions[row];
        if (decision !== undefined) {
          const { token, layer, tree, node } = decision;
          store.pin({ token, layer, tree, node });
        }
      },
    }),
  );
  let shownFocus: Focus | null = null;
  return {
    update(changes) {
      if (isOnlyFocus(changes) && JSON.stringify(shownFocus) === JSON.stringify(store.pinned)) {
        return;
      }
      shownFocus = store.pinned;
      decisions = store.view?.closestDecisions(CLOSEST) ?? [];
      const { token, layer, tree, node } = store.pinned;
      const selected = decisions.findIndex(
        (decision) =>
          decision.token === token && decision.layer === layer && decision.tree === tree && decision.node === node,
      );
      show(
        decisions.length === 0
          ? 'No decisions in this trace.'
          : { ...boundaryTable(decisions, labelsOf(store), store.view?.trees ?? 1), selected },
      );
    },
  };
}
