/** From a gesture at a node to changes under trial, and what to say where a gesture can do nothing. */
import { levelOf } from '../extension/tree';
import type { Store } from './store';
import { gesture, toggled } from './whatIf';

/** Flips or silences a node of the layer looked at, or takes that back. Without a kind, what the node allows. */
export function intervene(store: Store, node: number, kind?: 'flip' | 'silence'): void {
  const { layer, tree, token } = store.pinned;
  const view = store.view?.layer(layer) ?? null;
  if (view === null) {
    return;
  }
  const change = {
    ...{ layer, tree, node },
    token: store.setup.scope === 'all' ? null : token,
    kind: kind === 'silence' ? kind : gesture(node, view.depth),
  };
  if (!store.setup.open.includes('whatif')) {
    store.arrange({ open: [...store.setup.open, 'whatif'] });
  }
  store.pin({ node });
  void store.tryOut(toggled(store.interventions, change));
}

/**
 * The same at the pinned node, for keys.
 * @returns what the user should know: why nothing happened, or that something else did; null for nothing.
 */
export function interveneAtPinned(store: Store, kind?: 'silence'): string | null {
  const { layer, node } = store.pinned;
  const view = store.view?.layer(layer) ?? null;
  if (view === null) {
    return store.view === null ? null : `Layer ${layer} is dense: it has no decision to flip and no node to silence.`;
  }
  if (node === null) {
    return 'No node is pinned. Click one, or walk along the path with Shift ↓; then f flips it and s silences it.';
  }
  intervene(store, node, kind);
  return kind === undefined && levelOf(node) === view.depth
    ? 'A leaf decides nothing, so its neuron is silenced instead.'
    : null;
}

/** Takes back the last change. @returns as above. */
export function undoLast(store: Store): string | null {
  const { interventions } = store;
  if (interventions.length === 0) {
    return 'There is no change to undo.';
  }
  void store.tryOut(interventions.slice(0, -1));
  return null;
}
