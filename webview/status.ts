/** What is going on: progress with cancel, failures with their one action, a runner that is away. Shared by the views. */
import type { WireError } from '../extension/protocol';
import { button, progressRing } from './controls';
import { el } from './dom';
import type { Store } from './store';

export interface StatusBar {
  element: HTMLElement;
  update(): void;
}

type Shown =
  | { kind: 'nothing' }
  | { kind: 'running'; label: string; what: string; share: number | null }
  | { kind: 'problem'; error: WireError; restart: boolean };

/** Codes after which only a fresh runner helps. */
const RUNNER_CODES: ReadonlySet<string> = new Set([
  'RUNNER_EXITED',
  'RUNNER_GAVE_UP',
  'CHANNEL_CLOSED',
  'PROTOCOL_MISMATCH',
  'OUT_OF_MEMORY',
  'KERNEL_LOAD_FAILED',
]);

function shownStatus(store: Store): Shown {
  const { status, runner } = store.state;
  const problem = (error: WireError): Shown => ({ kind: 'problem', error, restart: RUNNER_CODES.has(error.code) });
  if (store.localError !== null && store.localError.code !== 'CANCELLED') {
    return problem(store.localError);
  }
  switch (status.kind) {
    case 'running':
      return {
        kind: 'running',
        label: status.label,
        what: status.what,
        share: status.total > 0 ? Math.min(1, status.done / status.total) : null,
      };
    case 'failed':
      return status.error.code === 'CANCELLED' ? { kind: 'nothing' } : problem(status.error);
    case 'idle':
      return runner.kind === 'crashed' && !runner.willRestart ? problem(runner.error) : { kind: 'nothing' };
  }
}

export function statusBar(store: Store): StatusBar {
  const element = el('div', { class: 'status', 'data-testid': 'status' });
  let last = '';

  const label = el('span', { class: 'what' });
  const progress = el('progress', { max: '1', 'aria-label': 'Progress' });
  const running = el('div', { class: 'running', role: 'status' }, progressRing(), label, progress);
  running.append(
    button({
      label: 'Cancel',
      appearance: 'secondary',
      testId: 'cancel',
      onClick: () => void store.call('cancel', []),
    }),
  );

  function problem(error: WireError, restart: boolean): HTMLElement {
    const restartButton = button({
      label: 'Restart runner',
      appearance: 'primary',
      testId: 'restart-runner',
      onClick: () => void store.call('restartRunner', []),
    });
    const logButton = button({
      label: 'Show log',
      appearance: 'secondary',
      testId: 'show-log',
      onClick: () => void store.call('showLog', []),
    });
    return el(
      'div',
      { class: 'problem', role: 'alert', 'data-code': error.code },
      el('p', { class: 'message', 'data-testid': 'error-message' }, error.message),
      ...(error.action === undefined ? [] : [el('p', { class: 'advice' }, error.action)]),
      el('div', { class: 'actions' }, ...(restart ? [restartButton, logButton] : [logButton])),
    );
  }

  return {
    element,
    update() {
      const shown = shownStatus(store);
      element.dataset['kind'] = shown.kind;
      element.hidden = shown.kind === 'nothing';
      if (shown.kind === 'running') {
        label.textContent = shown.what === '' ? shown.label : `${shown.label}: ${shown.what}`;
        if (shown.share === null) {
          progress.removeAttribute('value');
        } else {
          progress.value = shown.share;
        }
      }
      // Progress comes many times a second; what does not change must not lose its focus.
      const key = shown.kind === 'running' ? 'running' : JSON.stringify(shown);
      if (key !== last) {
        last = key;
        element.replaceChildren(
          ...(shown.kind === 'nothing'
            ? []
            : [shown.kind === 'running' ? running : problem(shown.error, shown.restart)]),
        );
      }
    },
  };
}
