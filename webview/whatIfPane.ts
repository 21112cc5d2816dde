/** Changes under trial and what they change, with the buttons that take them back: the trace panel and the sidebar. */
import { draw as drawWhatIf, type WhatIfData } from './charts/whatIf';
import { button } from './controls';
import { undoLast } from './intervene';
import { isOnlyFocus, labelsOf, mounted, type Pane } from './panes';
import type { Store } from './store';
import { without } from './whatIf';

export function whatIfPane(store: Store, container: HTMLElement): Pane {
  /** The list drawn may be behind the one asked for, so what goes is the change in the row, not the row's number. */
  const remove = (index: number): void => {
    const change = store.state.whatIf.interventions[index];
    if (change !== undefined) {
      void store.tryOut(without(store.interventions, change));
    }
  };
  const show = mounted<WhatIfData>(container, (body, data) =>
    drawWhatIf(body, data, {
      onRemove: remove,
      onPickToken: (token) => store.pin({ token }),
      onPickLayer: (layer) => store.pin({ layer }),
    }),
  );
  let shownLayer = -1;
  return {
    update(changes) {
      if (isOnlyFocus(changes) && shownLayer === store.sight.layer) {
        return;
      }
      shownLayer = store.sight.layer;
      const { whatIf: state } = store.state;
      show(
        state.interventions.length === 0
          ? 'Double click a node, or pin it and press f, to send the token the other way; s silences it. The rest of the model runs again with the change.'
          : { state, labels: labelsOf(store), trees: store.view?.trees ?? 1, layer: shownLayer },
      );
    },
  };
}

/** Undo and Undo all; hidden while there is nothing to undo. */
export function undoTools(store: Store): { elements: HTMLElement[]; update(): void } {
  const tool = (label: string, testId: string, onClick: () => void): HTMLElement =>
    button({ label, appearance: 'secondary', testId, onClick });
  const elements = [
    tool('Undo', 'what-if-undo', () => void undoLast(store)),
    tool('Undo all', 'what-if-clear', () => void store.tryOut([])),
  ];
  return {
    elements,
    update() {
      for (const element of elements) {
        element.hidden = store.state.whatIf.interventions.length === 0;
      }
    },
  };
}
