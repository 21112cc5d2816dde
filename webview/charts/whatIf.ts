/** Changes under trial and what they do: the list, the predictions before and after, the paths that moved. */
import type { Prediction, PredictionChange, WhatIfState } from '../../extension/protocol';
import { Disposer, el } from '../dom';
import { formatMargin, formatPercent, plural, visibleText } from '../format';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import { describeIntervention } from '../whatIf';
import type { Chart } from './chart';

export interface WhatIfData {
  state: WhatIfState;
  labels: readonly string[];
  trees: number;
  layer: number;
}

export interface WhatIfOptions {
  onRemove(index: number): void;
  onPickToken(token: number): void;
  onPickLayer(layer: number): void;
}

/** Words shown a position. */
const WORDS = 5;
/** How a word's place among the first ones changed, as a sign beside it. */
const MOVES = { same: '', up: ' ↑', down: ' ↓', new: ' ＋' } as const;

export function draw(container: HTMLElement, initial: WhatIfData, options: WhatIfOptions): Chart<WhatIfData> {
  const disposer = new Disposer();
  const list = el('ol', { class: 'interventions' });
  const effects = el('div', { class: 'effects' });
  const root = el('div', { class: 'what-if', 'data-testid': 'what-if' }, list, effects);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(data: WhatIfData): void {
    const { interventions, result } = data.state;
    root.dataset['interventions'] = String(interventions.length);
    repaint(list, ...interventions.map((one, index) => entry(data, one, index)));
    repaint(
      effects,
      ...(result === null ? [] : [paths(data), ...result.predictions.map((change) => position(change, data.labels))]),
    );
  }

  function entry(
    { state, labels, trees }: WhatIfData,
    intervention: WhatIfState['interventions'][number],
    index: number,
  ): HTMLElement {
    const text = describeIntervention(intervention, visibleText(labels[intervention.token ?? -1] ?? ''), trees);
    const visits = state.result?.visits[index];
    const effect = visits === undefined ? '' : visits === 0 ? 'no token comes by: no effect' : plural(visits, 'visit');
    const remove = el(
      'button',
      { type: 'button', class: 'remove', 'aria-label': `Take back: ${text}`, 'data-index': String(index) },
      '×',
    );
    return el(
      'li',
      { 'data-testid': 'intervention', 'data-kind': intervention.kind, 'data-node': String(intervention.node) },
      el('span', {}, text),
      el('span', { class: 'number' }, effect),
      remove,
    );
  }

  /** How many tokens took another path, layer by layer. */
  function paths({ state, layer }: WhatIfData): HTMLElement {
    const counts =
      state.result?.layers.map((changes) => (changes === null ? null : new Set(changes.tokens).size)) ?? [];
    const all = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
    root.dataset['changedPaths'] = String(all);
    return el(
      'p',
      { class: 'moved', 'data-testid': 'what-if-paths' },
      all === 0 ? 'No token takes another path.' : 'Tokens on another path: ',
      ...(all === 0 ? [] : counts).map((count, index) =>
        el(
          'button',
          {
            type: 'button',
            class: index === layer ? 'focused' : '',
            'data-layer': String(index),
            'data-count': String(count ?? ''),
          },
          `layer ${index}: ${count ?? 'dense'}`,
        ),
      ),
    );
  }

  function position({ index, klDivergenceNats, baseline, changed }: PredictionChange, labels: readonly string[]) {
    const context = (from: number, to: number): string =>
      labels.slice(Math.max(0, from), Math.max(0, to)).map(visibleText).join(' ');
    return el(
      'div',
      {
        class: 'change',
        'data-testid': 'prediction-change',
        'data-index': String(index),
        'data-kl': String(klDivergenceNats),
      },
      el(
        'button',
        { type: 'button', class: 'context', 'data-token': String(index) },
        el('span', { class: 'before' }, context(index - 4, index)),
        el('span', { class: 'slot' }, visibleText(labels[index] ?? '')),
        el('span', { class: 'after' }, context(index + 1, index + 4)),
        el('span', { class: 'kl' }, `KL ${formatMargin(klDivergenceNats)} nats`),
      ),
      el('div', { class: 'sides' }, side('before', baseline, baseline), side('after', changed, baseline)),
    );
  }

  function side(name: string, list: readonly Prediction[], before: readonly Prediction[]): HTMLElement {
    const words = el(
      'ol',
      { class: `words ${name}`, 'aria-label': name },
      ...list.slice(0, WORDS).map(({ id, text, probability }, rank) => {
        const was = before.findIndex((one) => one.id === id);
        const same = name === 'before' || was === rank;
        const move: keyof typeof MOVES = same ? 'same' : was < 0 ? 'new' : was > rank ? 'up' : 'down';
        const bar = el('span', { class: 'bar' });
        bar.style.width = `${Math.max(0, Math.min(1, probability)) * 100 || 0}%`;
        return el(
          'li',
          { 'data-move': move, 'data-text': text, 'data-probability': String(probability) },
          el('span', { class: 'word' }, `${visibleText(text)}${MOVES[move]}`),
          el('span', { class: 'lane' }, bar),
          el('span', { class: 'number' }, formatPercent(probability)),
        );
      }),
    );
    return el('div', {}, el('p', { class: 'side-name', 'aria-hidden': 'true' }, name), words);
  }

  const removedAt = itemsIn(list, disposer, '.remove', 'index');
  const tokenAt = itemsIn(effects, disposer, 'button.context', 'token');
  const layerAt = itemsIn(effects, disposer, '.moved button', 'layer');
  disposer.listen(root, 'click', (event) => {
    const [removed, token, layer] = [removedAt(event), tokenAt(event), layerAt(event)];
    if (removed !== null) {
      options.onRemove(Number(removed.index));
    } else if (token !== null) {
      options.onPickToken(Number(token.token));
    } else if (layer !== null) {
      options.onPickLayer(Number(layer.layer));
    }
  });
  paint(initial);
  return { update: paint, dispose: () => disposer.dispose() };
}
