/** Finding tokens by their text: `/` opens a line to type in, Enter goes from one to the next. */
import { button } from './controls';
import { el } from './dom';
import { plural } from './format';
import { findTokens } from './routing';
import type { Store } from './store';

export interface Search {
  element: HTMLElement;
  open(): void;
  /** Opens it, or closes it where it is open. */
  toggle(): void;
  /** Call after the trace changed. */
  update(): void;
}

export function search(store: Store): Search {
  const input = el('input', {
    type: 'search',
    placeholder: 'Find a token',
    'aria-label': 'Find a token',
    'data-testid': 'search-input',
  });
  const count = el('span', { class: 'count', role: 'status', 'data-testid': 'search-count' });
  const selectAll = button({
    label: 'Select all',
    appearance: 'secondary',
    testId: 'search-select',
    onClick: () => store.select(found),
  });
  const element = el('div', { class: 'search', role: 'search', 'data-testid': 'search' }, input, count, selectAll);
  element.hidden = true;
  let found: number[] = [];

  function look(): void {
    found = findTokens(store.state.trace?.tokens.map(({ text }) => text) ?? [], input.value);
    const at = found.indexOf(store.pinned.token);
    count.textContent =
      input.value.trim() === ''
        ? ''
        : at >= 0
          ? `${at + 1} of ${plural(found.length, 'token')}`
          : plural(found.length, 'token');
    element.dataset['found'] = found.join(',');
    selectAll.hidden = found.length === 0;
  }

  /** Goes to the next token found after the focused one, or before it, around the end. */
  function go(by: 1 | -1): void {
    const { token } = store.pinned;
    const next = by > 0 ? found.find((one) => one > token) : found.filter((one) => one < token).at(-1);
    const target = next ?? (by > 0 ? found[0] : found.at(-1));
    if (target !== undefined) {
      store.pin({ token: target });
    }
  }

  function close(): void {
    element.hidden = true;
    input.value = '';
    look();
    input.blur();
  }

  input.addEventListener('input', () => {
    look();
    if (found.length > 0 && !found.includes(store.pinned.token)) {
      go(1);
    }
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      go(event.shiftKey ? -1 : 1);
    } else if (event.key === 'Escape') {
      close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  function open(): void {
    element.hidden = false;
    input.focus();
    input.select();
  }

  return {
    element,
    open,
    toggle: () => (element.hidden ? open() : close()),
    update() {
      if (!element.hidden) {
        look();
      }
    },
  };
}
