/** One line that answers a key which could do nothing, also aloud. It stays until the next key or click. */
import { el } from './dom';

export interface Hint {
  element: HTMLElement;
  /** @param text null for nothing to say. */
  say(text: string | null): void;
}

export function hintLine(): Hint {
  const element = el('p', { class: 'hint', role: 'status', 'data-testid': 'hint' });
  document.addEventListener('pointerdown', () => {
    element.textContent = '';
  });
  return {
    element,
    say(text) {
      element.textContent = text ?? '';
    },
  };
}
