/** How figures of the trace panel are saved, and what their files say about where the numbers came from. */
import type { FigureOptions } from '../figure';
import type { ThemeSource } from '../panes';
import type { Store } from '../store';

export function savingOf(store: Store, theme: ThemeSource): NonNullable<FigureOptions['saving']> {
  return {
    about: () => aboutTrace(store),
    background: () => theme().background,
    // Labels look like `range.ts:1`; file systems take less.
    name: () => (store.state.source?.label ?? 'trace').replace(/[^\p{L}\p{N}._-]+/gu, '-'),
    save: async (file) => {
      await store.call('exportFile', [file]);
    },
    failed: (thrown) => store.fail(thrown),
  };
}

function aboutTrace({ state, pinned }: Store): Record<string, unknown> {
  const { trace, source, whatIf } = state;
  return {
    source: source?.label ?? null,
    model: trace?.model.name ?? null,
    weightsHash: trace?.model.weightsHash ?? null,
    tokens: trace?.tokens.length ?? 0,
    focus: pinned,
    interventions: whatIf.interventions,
  };
}
