/**
 * The whole encoder beside the layer: bars of time for four encoders that share their attention, and the sentence that
 * says how much of the possible gain is reached. Stands beside every ratio, so that a layer's gain never stands alone.
 */
import type { BenchmarkLadder, BenchmarkRung } from '../../extension/protocol';
import { verdictOf } from '../../extension/verdict';
import { Disposer, el } from '../dom';
import { formatCount, formatDuration, formatFactor, formatPercent, formatThree, plural } from '../format';
import type { Chart } from './chart';

const RUNGS: readonly { rung: BenchmarkRung; name: string }[] = [
  { rung: 'fff', name: 'FFF' },
  { rung: 'twin', name: 'dense twin' },
  { rung: 'dense3072', name: '3072 neurons' },
  { rung: 'withoutFeedforward', name: 'no feedforward' },
];

export function draw(container: HTMLElement, initial: readonly BenchmarkLadder[]): Chart<readonly BenchmarkLadder[]> {
  const disposer = new Disposer();
  const root = el('div', { class: 'encoder-ladder', 'data-testid': 'encoder-ladder' });
  container.append(root);
  disposer.add(() => root.remove());

  function paint(ladders: readonly BenchmarkLadder[]): void {
    root.dataset['count'] = String(ladders.length);
    root.replaceChildren(...ladders.map(one));
  }

  function one(ladder: BenchmarkLadder): HTMLElement {
    const { milliseconds } = ladder;
    const longest = Math.max(...RUNGS.map(({ rung }) => milliseconds[rung].median));
    const bars = RUNGS.map(({ rung, name }) => {
      const { median, p5, p95 } = milliseconds[rung];
      const share = rung === 'withoutFeedforward' ? 0 : ladder.feedforwardShare[rung];
      const bar = el('span', { class: 'bar' });
      bar.style.width = `${(median / longest) * 100}%`;
      const part = el('span', { class: `part ${rung}` });
      part.style.width = `${share * 100}%`;
      bar.append(part);
      const note = rung === 'withoutFeedforward' ? '' : ` · ${formatPercent(share)} feedforward`;
      const line = el(
        'li',
        {
          class: 'rung',
          'data-rung': rung,
          title: `${formatDuration(p5 * 1e3)} to ${formatDuration(p95 * 1e3)} in nine of ten samples`,
        },
        el('span', { class: 'name' }, name),
        el('span', { class: 'lane' }, bar),
        el('span', { class: 'number' }, `${formatDuration(median * 1e3)}${note}`),
      );
      return line;
    });
    const title = `${plural(ladder.layers, 'layer')}, ${formatCount(ladder.width)} wide, ${plural(ladder.tokens, 'token')}, ${plural(ladder.threads, 'thread')}`;
    return el(
      'div',
      { class: 'ladder', 'data-tokens': String(ladder.tokens) },
      el('h3', {}, title),
      el('ul', {}, ...bars),
      el('p', { class: 'sentence' }, ladderSentence(ladder)),
    );
  }

  paint(initial);
  return { update: paint, dispose: () => disposer.dispose() };
}

/** What the encoder gains, of what it could gain at most. */
export function ladderSentence(ladder: BenchmarkLadder): string {
  const sides = [
    { name: 'the dense twin', gain: ladder.gainOverTwin, ceiling: ladder.ceilingOverTwin },
    { name: '3072 neurons', gain: ladder.gainOver3072, ceiling: ladder.ceilingOver3072 },
  ];
  const interval = ({ low, high }: BenchmarkLadder['gainOverTwin']): string =>
    `[${formatThree(low)}, ${formatThree(high)}]`;
  const decided = sides
    .filter(({ gain }) => verdictOf(gain) !== 'withheld')
    .map(
      ({ name, gain, ceiling }) =>
        `${formatFactor(gain.median)} ${interval(gain)} as fast as with ${name}, of at most ${formatFactor(ceiling.median)}`,
    );
  const withheld = sides
    .filter(({ gain }) => verdictOf(gain) === 'withheld')
    .map(({ name, gain }) => `against ${name} no verdict is given ${interval(gain)}`);
  return decided.length === 0
    ? `For the encoder, ${withheld.join('; ')}.`
    : `The encoder is ${[decided.join(', and '), ...withheld].join('; ')}.`;
}
