/**
 * The traced text as chips, in the lines of the text. Each chip is coloured by the sub-tree its token takes in the
 * focused layer and carries a ruler with a tick at its leaf, so that colour is never the only sign. One tab stop; the
 * arrow keys move within.
 */
import type { TraceToken, TraceWindow } from '../../extension/protocol';
import { Disposer, el } from '../dom';
import { visibleText } from '../format';
import { itemsIn } from '../items';
import { passes, tokenKind, type LayerView } from '../routing';
import type { Chart, ChartOptions } from './chart';

export interface TokensData {
  tokens: readonly TraceToken[];
  windows: readonly TraceWindow[];
  text: string;
  maskToken: string | null;
  /** Null where the focused layer is dense. */
  view: LayerView | null;
  tree: number;
  colourLevel: number;
  /** Pinned token, and the one shown for now. */
  token: number;
  shown: number;
  /** Tokens that pass this node are emphasised. */
  node: number | null;
  /** Tokens looked at beside the pinned one. */
  selected?: readonly number[];
}

export interface TokensOptions extends ChartOptions {
  onHover(token: number | null): void;
  onPick(token: number): void;
  /** Shift and click. */
  onSelect?(token: number): void;
  onReveal(token: number): void;
}

export function draw(container: HTMLElement, initial: TokensData, options: TokensOptions): Chart<TokensData> {
  const disposer = new Disposer();
  let data = initial;
  let chips: HTMLElement[] = [];
  const root = el('div', { class: 'tokens', role: 'listbox', 'aria-label': 'Tokens', 'data-testid': 'tokens' });
  container.append(root);
  disposer.add(() => root.remove());

  function build(): void {
    const { tokens, text, maskToken, windows } = data;
    const starts = new Map(windows.slice(1).map((window, i) => [window.firstToken, i + 2]));
    let line = el('div', { class: 'line' });
    const lines = [line];
    let end = 0;
    // Text since the last token that shows something. A token for the line break itself closes its line.
    let gap = '';
    chips = tokens.map((token, index) => {
      const window = starts.get(index);
      const kind = tokenKind(token.text, maskToken);
      const own = text.slice(token.start, token.end);
      const isBlank = own !== '' && own.trim() === '';
      gap += own === '' ? '' : text.slice(end, token.start);
      end = Math.max(end, token.end);
      const breaks = !isBlank && gap.includes('\n') && line.childElementCount > 0;
      if (window !== undefined || breaks) {
        line = el('div', { class: 'line' });
        lines.push(line);
      }
      if (window !== undefined) {
        line.append(el('span', { class: 'window' }, `window ${window}`));
      } else if (breaks) {
        const indent = gap.slice(gap.lastIndexOf('\n') + 1).replace(/\t/g, '    ').length;
        line.style.paddingLeft = `${Math.min(indent, 24) * 0.5}em`;
      }
      gap = isBlank ? gap + own : own === '' ? gap : '';
      const chip = buildChip(token, index, kind);
      line.append(chip);
      return chip;
    });
    root.replaceChildren(...lines);
  }

  function buildChip(token: TraceToken, index: number, kind: string): HTMLElement {
    const continues = token.text.startsWith('##') && token.text.length > 2 && kind === 'text';
    const label = el('span', { class: 'label' });
    if (continues) {
      label.append(el('span', { class: 'prefix' }, '##'));
    }
    label.append(visibleText(continues ? token.text.slice(2) : token.text));
    return el(
      'div',
      {
        class: `chip ${kind}${continues ? ' continues' : ''}`,
        role: 'option',
        'data-testid': 'token',
        'data-index': String(index),
        'data-id': String(token.id),
        'data-text': token.text,
        'data-kind': kind,
      },
      label,
    );
  }

  /** Colours and ticks: depends on layer, tree and theme, not on focus. */
  function colour(): void {
    const { view, tree, colourLevel } = data;
    const theme = options.theme();
    for (const [index, chip] of chips.entries()) {
      if (view === null) {
        chip.style.removeProperty('--tree');
        chip.classList.add('dense');
        delete chip.dataset['subtree'];
        continue;
      }
      const { index: subTree, count } = view.subTree(index, tree, colourLevel);
      chip.classList.remove('dense');
      chip.style.setProperty('--tree', theme.subTree(subTree, count));
      chip.dataset['subtree'] = String(subTree);
      chip.dataset['leaf'] = String(view.leaf(index, tree));
      chip.style.setProperty('--leaf', String((view.leaf(index, tree) + 0.5) / 2 ** view.depth));
    }
  }

  function focus(before: TokensData | null): void {
    const { view, tree, token, shown, node } = data;
    // Stepping and hovering touch the chips they leave and reach, not all 512.
    const moved = before === null ? chips.keys() : new Set([before.token, before.shown, token, shown]);
    for (const index of moved) {
      const chip = chips[index];
      const isPinned = index === token;
      chip?.classList.toggle('pinned', isPinned);
      chip?.classList.toggle('shown', index === shown && !isPinned);
      chip?.setAttribute('aria-selected', String(isPinned));
      chip?.setAttribute('tabindex', isPinned ? '0' : '-1');
    }
    if (before?.selected !== data.selected) {
      const selected = new Set(data.selected);
      for (const [index, chip] of chips.entries()) {
        chip.classList.toggle('selected', selected.has(index));
        chip.toggleAttribute('data-selected', selected.has(index));
      }
    }
    const routed = before?.view !== view || before.tree !== tree;
    if (routed || before.node !== node) {
      // A node nobody visits dims nobody: fading the whole text would say nothing.
      const selective = node !== null && view !== null && (view.traffic(tree)[node] ?? 0) > 0;
      for (const [index, chip] of chips.entries()) {
        chip.classList.toggle('aside', selective && !passes(view, index, tree, node));
      }
    }
    if (routed) {
      for (const [index, chip] of chips.entries()) {
        const kind = chip.dataset['kind'] === 'text' ? '' : `, ${chip.dataset['kind']} token`;
        const leaf = view === null ? '' : `, leaf ${view.leaf(index, tree)}`;
        chip.setAttribute('aria-label', `${index}: ${chip.dataset['text'] ?? ''}${kind}${leaf}`);
      }
    }
    root.dataset['token'] = String(token);
    const chip = chips[token];
    if (chip === undefined || before?.token === token) {
      return;
    }
    if (root.contains(document.activeElement)) {
      chip.focus({ preventScroll: true });
    }
    // Only the list scrolls, never the page: whoever steps through tokens is looking at a picture further down.
    const top = chip.getBoundingClientRect().top - root.getBoundingClientRect().top + root.scrollTop;
    const bottom = top + chip.offsetHeight;
    if (top < root.scrollTop) {
      root.scrollTop = top;
    } else if (bottom > root.scrollTop + root.clientHeight) {
      root.scrollTop = bottom - root.clientHeight;
    }
  }

  const chipAt = itemsIn(root, disposer, '.chip', 'index');
  const indexOf = (event: Event): number | null => {
    const at = chipAt(event);
    return at === null ? null : Number(at.index);
  };
  disposer.listen(root, 'pointerover', (event) => options.onHover(indexOf(event)));
  disposer.listen(root, 'pointerleave', () => options.onHover(null));
  disposer.listen(root, 'mousedown', (event) => {
    // With shift a browser would mark all text from the last click to here.
    if (event.shiftKey && indexOf(event) !== null) {
      event.preventDefault();
    }
  });
  disposer.listen(root, 'click', (event) => {
    const index = indexOf(event);
    if (index !== null && event.shiftKey) {
      options.onSelect?.(index);
    } else if (index !== null) {
      options.onPick(index);
    }
  });
  disposer.listen(root, 'dblclick', (event) => {
    const index = indexOf(event);
    if (index !== null) {
      options.onReveal(index);
    }
  });

  build();
  colour();
  focus(null);
  let theme = options.theme();
  return {
    update(next) {
      const before = data;
      data = next;
      const rebuilt = before.tokens !== next.tokens;
      if (rebuilt) {
        build();
      }
      const themed = theme !== options.theme();
      theme = options.theme();
      if (
        rebuilt ||
        themed ||
        before.view !== next.view ||
        before.tree !== next.tree ||
        before.colourLevel !== next.colourLevel
      ) {
        colour();
      }
      focus(rebuilt ? null : before);
    },
    dispose: () => disposer.dispose(),
  };
}
