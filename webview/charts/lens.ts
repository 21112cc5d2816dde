/**
 * Logit lens: what the model would predict at one token if it ended after each layer. A row a layer: the leading words
 * with their probabilities as bars, how undecided it is, and where the final word stands.
 */
import type { LensLayer, LensResult } from '../../extension/protocol';
import { Disposer, el } from '../dom';
import { formatCount, formatPercent, formatThree, visibleText } from '../format';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import type { Chart } from './chart';

export interface LensData {
  lens: LensResult;
  layer: number;
}

export interface LensOptions {
  onPickLayer(layer: number): void;
}

/** Words shown a layer. */
const WORDS = 3;

export function draw(container: HTMLElement, initial: LensData, options: LensOptions): Chart<LensData> {
  const disposer = new Disposer();
  const root = el('div', { class: 'lens', 'data-testid': 'lens' });
  container.append(root);
  disposer.add(() => root.remove());

  function paint({ lens, layer }: LensData): void {
    const final = lens.layers.at(-1)?.top[0];
    root.dataset['token'] = String(lens.token);
    root.dataset['final'] = final?.text ?? '';
    const head = el(
      'div',
      { class: 'lens-row head', 'aria-hidden': 'true' },
      el('span', {}, 'layer'),
      el('span', { class: 'wide' }, 'most expected'),
      el('span', { class: 'number' }, 'bits'),
      el('span', {}, `final word “${visibleText(final?.text ?? '')}”`),
    );
    repaint(root, head, el('ol', {}, ...lens.layers.map((one, index) => row(one, index, index === layer))));
  }

  function row({ top, entropyBits, finalWordRank, finalWordProbability }: LensLayer, layer: number, focused: boolean) {
    const words = top
      .slice(0, WORDS)
      .map(({ text, probability, id }) =>
        el(
          'span',
          { class: 'guess', 'data-id': String(id), 'data-text': text, 'data-probability': String(probability) },
          el('span', { class: 'word' }, visibleText(text)),
          lane(probability),
          el('span', { class: 'number' }, formatPercent(probability)),
        ),
      );
    return el(
      'li',
      {
        class: `lens-row${focused ? ' focused' : ''}`,
        'data-layer': String(layer),
        'data-testid': 'lens-layer',
        'data-entropy': String(entropyBits),
        'data-rank': String(finalWordRank),
      },
      el(
        'button',
        { type: 'button', class: 'name', 'aria-label': `Layer ${layer}`, 'aria-pressed': String(focused) },
        String(layer),
      ),
      el('span', { class: 'guesses' }, ...words),
      el('span', { class: 'number' }, formatThree(entropyBits)),
      el(
        'span',
        { class: 'guess final' },
        el('span', { class: 'number' }, `#${formatCount(finalWordRank + 1)}`),
        lane(finalWordProbability),
        el('span', { class: 'number' }, formatPercent(finalWordProbability)),
      ),
    );
  }

  function lane(probability: number): HTMLElement {
    const bar = el('span', { class: 'bar' });
    bar.style.width = `${Math.max(0, Math.min(1, probability)) * 100 || 0}%`;
    return el('span', { class: 'lane' }, bar);
  }

  const rowAt = itemsIn(root, disposer, 'li', 'layer');
  disposer.listen(root, 'click', (event) => {
    const at = rowAt(event);
    if (at !== null) {
      options.onPickLayer(Number(at.layer));
    }
  });
  paint(initial);
  return { update: paint, dispose: () => disposer.dispose() };
}
