/** Predicted words at masked positions, each with its place in the text and bars of probability. */
import type { MaskPrediction, Prediction } from '../../extension/protocol';
import { Disposer, el } from '../dom';
import { formatPercent, visibleText } from '../format';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import type { Chart, ChartOptions } from './chart';

export interface PredictionsData {
  predictions: readonly MaskPrediction[];
  /** Texts of all tokens, for the surroundings of each position. */
  labels: readonly string[];
  token: number;
}

export interface PredictionsOptions extends ChartOptions {
  onPickToken(token: number): void;
}

/** Tokens of context shown on either side. */
const CONTEXT = 4;

export function draw(
  container: HTMLElement,
  initial: PredictionsData,
  options: PredictionsOptions,
): Chart<PredictionsData> {
  const disposer = new Disposer();
  const root = el('div', { class: 'predictions', 'data-testid': 'predictions' });
  container.append(root);
  disposer.add(() => root.remove());

  function paint(data: PredictionsData): void {
    repaint(
      root,
      ...data.predictions.map((prediction) =>
        el(
          'div',
          {
            class: `prediction${prediction.index === data.token ? ' focused' : ''}`,
            'data-index': String(prediction.index),
          },
          context(prediction, data.labels),
          words(prediction.top),
        ),
      ),
    );
  }

  function context(prediction: MaskPrediction, labels: readonly string[]): HTMLElement {
    const { index } = prediction;
    const before = labels
      .slice(Math.max(0, index - CONTEXT), index)
      .map(visibleText)
      .join(' ');
    const after = labels
      .slice(index + 1, index + 1 + CONTEXT)
      .map(visibleText)
      .join(' ');
    const button = el(
      'button',
      { class: 'context', type: 'button', 'aria-label': `Token ${index}: ${before} ${labels[index] ?? ''} ${after}` },
      el('span', { class: 'before' }, before),
      el('span', { class: 'slot' }, visibleText(labels[index] ?? '')),
      el('span', { class: 'after' }, after),
    );
    return button;
  }

  function words(top: readonly Prediction[]): HTMLElement {
    const list = el('ol', { class: 'words' });
    // Bars fill their lane at probability 1, so that positions can be compared with each other.
    for (const { text, probability, id } of top) {
      const bar = el('span', { class: 'bar' });
      bar.style.width = `${Math.max(0, Math.min(1, probability)) * 100 || 0}%`;
      list.append(
        el(
          'li',
          { 'data-id': String(id), 'data-text': text, 'data-probability': String(probability) },
          el('span', { class: 'word' }, visibleText(text)),
          el('span', { class: 'lane' }, bar),
          el('span', { class: 'number' }, formatPercent(probability)),
        ),
      );
    }
    return list;
  }

  const contextAt = itemsIn(root, disposer, 'button.context', 'index');
  disposer.listen(root, 'click', (event) => {
    const at = contextAt(event);
    if (at !== null) {
      options.onPickToken(Number(at.index));
    }
  });
  paint(initial);
  return { update: paint, dispose: () => disposer.dispose() };
}
