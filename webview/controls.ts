/**
 * The only file that knows the UI toolkit. The toolkit (pinned, unmaintained) gives buttons and the progress ring; its
 * dropdown (contrast below 3:1) and data grid are not used: selects are native, tables are ours. Replacing the toolkit
 * means rewriting this file alone.
 */
import { provideVSCodeDesignSystem, vsCodeButton, vsCodeProgressRing } from '@vscode/webview-ui-toolkit';
import { el } from './dom';
import { icon, type IconName } from './icons';

/** Registers the custom elements; once a page. */
export function registerControls(): void {
  provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeProgressRing());
}

export interface ButtonOptions {
  label: string;
  appearance: 'primary' | 'secondary' | 'icon';
  /** Shown instead of the label, which stays for screen readers and the tooltip. */
  icon?: IconName;
  testId?: string;
  onClick(): void;
}

export function button({ label, appearance, icon: glyph, testId, onClick }: ButtonOptions): HTMLElement {
  const element = document.createElement('vscode-button');
  element.setAttribute('appearance', appearance);
  if (testId !== undefined) {
    element.dataset['testid'] = testId;
  }
  if (glyph === undefined) {
    element.append(label);
  } else {
    element.setAttribute('aria-label', label);
    element.title = label;
    element.append(icon(glyph));
  }
  element.addEventListener('click', onClick);
  return element;
}

export function progressRing(): HTMLElement {
  const ring = document.createElement('vscode-progress-ring');
  ring.setAttribute('aria-label', 'Running');
  return ring;
}

export interface Choice<Value> {
  value: Value;
  label: string;
  title?: string;
}

/** One choice out of few, all visible. */
export interface Picker<Value> {
  element: HTMLElement;
  set(choices: readonly Choice<Value>[], chosen: Value): void;
}

/** Where the keys go in a row of choices, as in every group of radio buttons. */
const STEPS: Readonly<Partial<Record<string, number>>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** A row of choices, one of them taken: Tab reaches that one, arrow keys take another. */
export function segmented<Value>(label: string, testId: string, onChoose: (value: Value) => void): Picker<Value> {
  const caption = el('span', { class: 'control-label', 'aria-hidden': 'true' }, label);
  const group = el('div', { class: 'segments', role: 'radiogroup', 'aria-label': label });
  const element = el('div', { class: 'control', 'data-testid': testId }, caption, group);
  let shown = '';
  let said = '';
  let taken: Value | undefined;
  let current: readonly Choice<Value>[] = [];
  group.addEventListener('click', (event) => {
    const segment = event.target instanceof Element ? event.target.closest('button') : null;
    const choice = current[Number(segment?.dataset['at'])];
    if (choice !== undefined) {
      onChoose(choice.value);
    }
  });
  group.addEventListener('keydown', (event) => {
    const by = STEPS[event.key];
    const from = event.target instanceof HTMLElement ? Number(event.target.dataset['at']) : NaN;
    const at = (from + (by ?? NaN) + current.length) % current.length;
    const choice = current[at];
    if (choice !== undefined && !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      group.querySelector<HTMLElement>(`[data-at="${at}"]`)?.focus();
      onChoose(choice.value);
    }
  });
  return {
    element,
    set(choices, chosen) {
      current = choices;
      const key = choices.map((choice) => choice.label).join('\n');
      const titles = choices.map((choice) => choice.title ?? `${label} ${choice.label}`);
      if (key === shown && chosen === taken && titles.join('\n') === said) {
        return;
      }
      taken = chosen;
      said = titles.join('\n');
      if (key !== shown) {
        shown = key;
        group.replaceChildren(
          ...choices.map((choice, at) =>
            el('button', { type: 'button', role: 'radio', 'data-at': String(at) }, choice.label),
          ),
        );
      }
      for (const [at, segment] of [...group.children].entries()) {
        const isTaken = choices[at]?.value === chosen;
        segment.setAttribute('title', titles[at] ?? '');
        segment.setAttribute('aria-checked', String(isTaken));
        segment.setAttribute('tabindex', isTaken ? '0' : '-1');
      }
      element.dataset['value'] = String(chosen);
    },
  };
}

/** A native select, for many choices. */
export function dropdown<Value>(label: string, testId: string, onChoose: (value: Value) => void): Picker<Value> {
  const select = el('select', { 'aria-label': label });
  const element = el(
    'label',
    { class: 'control', 'data-testid': testId },
    el('span', { class: 'control-label', 'aria-hidden': 'true' }, label),
    select,
  );
  let shown = '';
  let current: readonly Choice<Value>[] = [];
  select.addEventListener('change', () => {
    const choice = current[select.selectedIndex];
    if (choice !== undefined) {
      onChoose(choice.value);
    }
  });
  return {
    element,
    set(choices, chosen) {
      current = choices;
      const key = choices.map((choice) => choice.label).join('\n');
      if (key !== shown) {
        shown = key;
        select.replaceChildren(...choices.map((choice) => el('option', {}, choice.label)));
      }
      select.selectedIndex = choices.findIndex(({ value }) => value === chosen);
      element.dataset['value'] = String(chosen);
    },
  };
}
