/** What a view shows before the first trace: one sentence, one button. */
import { button } from './controls';
import { el } from './dom';
import type { Store } from './store';

export interface Welcome {
  element: HTMLElement;
  update(): void;
}

export function welcome(store: Store): Welcome {
  const element = el(
    'div',
    { class: 'welcome', 'data-testid': 'welcome' },
    el('h1', {}, 'Which neurons does this text use?'),
    el(
      'p',
      {},
      'Select some text in an editor and inspect it. A fast feedforward layer sends each token down a binary tree and computes only the nodes on its path; here you see every path, and what that saves.',
    ),
    button({
      label: 'Inspect selection',
      appearance: 'primary',
      testId: 'inspect-welcome',
      onClick: () => void store.call('inspectSelection', []),
    }),
  );
  element.hidden = true;
  return {
    element,
    update() {
      element.hidden = !store.hydrated || store.state.trace !== null || store.state.status.kind === 'running';
    },
  };
}
