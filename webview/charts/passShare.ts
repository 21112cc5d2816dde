/**
 * Where this run's forward pass spent its time, as one stacked bar with its figures, and the sentence that says what the
 * FFF's gain is worth to the whole. Stands beside every layer timing, so that a layer's gain never stands alone.
 */
import {
  feedforwardShare,
  isVerified,
  ladderOf,
  passMs,
  routedMs,
  type Measured as PassShareData,
} from '../../extension/gains';
import type { RatioInterval } from '../../extension/protocol';
import { Disposer, el } from '../dom';
import { formatDuration, formatFactor, formatPercent, formatThree, plural } from '../format';
import type { Chart } from './chart';

export type { PassShareData };

interface Part {
  name: string;
  key: string;
  ms: number;
}

export function draw(container: HTMLElement, initial: PassShareData): Chart<PassShareData> {
  const disposer = new Disposer();
  const bar = el('div', { class: 'stack', role: 'img' });
  const legend = el('ul', { class: 'legend' });
  const sentence = el('p', { class: 'sentence', 'data-testid': 'ladder' });
  const root = el('div', { class: 'pass-share', 'data-testid': 'pass-share' }, bar, legend, sentence);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(data: PassShareData): void {
    const { trace } = data;
    const { phases } = trace;
    const feedforward = trace.model.feedforward.kind === 'fff' ? 'FFF' : 'dense feedforward';
    const parts: Part[] = [
      { name: 'embedding', key: 'embedding', ms: phases.embeddingMs },
      { name: 'attention and norms', key: 'attention', ms: phases.attentionMs },
      { name: feedforward, key: 'feedforward', ms: phases.feedforwardMs },
      { name: 'head', key: 'head', ms: phases.headMs },
    ];
    const total = passMs(trace);
    bar.replaceChildren(
      ...parts.map(({ key, ms }) => {
        const piece = el('span', { class: `piece ${key}` });
        piece.style.flexGrow = String(total > 0 ? ms / total : 0);
        return piece;
      }),
    );
    bar.setAttribute(
      'aria-label',
      `Forward pass ${formatDuration(total * 1e3)}: ${parts.map(({ name, ms }) => `${name} ${formatPercent(ms / total)}`).join(', ')}`,
    );
    legend.replaceChildren(
      ...parts.map(({ name, key, ms }) =>
        el(
          'li',
          { class: key },
          el('span', { class: 'swatch', 'aria-hidden': 'true' }),
          `${name} `,
          el('span', { class: 'number' }, `${formatDuration(ms * 1e3)} · ${formatPercent(ms / total)}`),
        ),
      ),
    );
    sentence.textContent = ladderSentence(data);
    const measured = ladderOf(data)?.pass;
    root.dataset['share'] = String(feedforwardShare(trace));
    root.dataset['passGain'] = String(measured?.pass.median ?? '');
    root.dataset['ceiling'] = String(measured?.ceiling.median ?? '');
  }

  paint(initial);
  return { update: paint, dispose: () => disposer.dispose() };
}

/** The ladder in a few sentences, never a layer's gain without the pass's share. Intervals are 95 % ones. */
export function ladderSentence(data: PassShareData): string {
  const { trace, timings } = data;
  if (trace.model.feedforward.kind === 'dense') {
    return `This model’s feedforward is dense: it takes ${formatPercent(feedforwardShare(trace))} of the forward pass and has no paths to show.`;
  }
  const share = `The FFF is ${formatPercent(routedMs(trace) / passMs(trace))} of this run’s forward pass (${formatDuration(passMs(trace) * 1e3)}).`;
  const differing = timings.filter((timing) => !isVerified(timing)).length;
  if (differing > 0) {
    return `${share} In ${plural(differing, 'layer')} its output differs from the twin’s, so no gain is claimed.`;
  }
  const ladder = ladderOf(data);
  if (ladder === null) {
    return share;
  }
  const { pass, layerGain, measured, routed } = ladder;
  if (pass === null) {
    return `${share} Against its dense twin it is ${formatFactor(layerGain)} as fast in the ${measured} of ${routed} layers measured so far.`;
  }
  const rest = pass.restMicroseconds;
  return (
    `${share} Against its dense twin it is ${withInterval(pass.layers)} as fast; for the whole pass that makes ` +
    `${withInterval(pass.pass)}, and an FFF that cost nothing would make ${withInterval(pass.ceiling)}. Without the FFF ` +
    `the pass takes ${formatDuration(rest.median)}, the median of ${plural(rest.samples, 'warm run')}` +
    `${pass.tokens < trace.tokens.length ? ` over the first ${plural(pass.tokens, 'token')}` : ''}.`
  );
}

/** The ladder in the few words that fit a narrow line. */
export function ladderLine(data: PassShareData): string {
  const { trace } = data;
  if (trace.model.feedforward.kind === 'dense') {
    return `Dense feedforward ${formatDuration(trace.phases.feedforwardMs * 1e3)} = ${formatPercent(feedforwardShare(trace))} of ${formatDuration(passMs(trace) * 1e3)}`;
  }
  const share = `FFF ${formatDuration(routedMs(trace) * 1e3)} = ${formatPercent(routedMs(trace) / passMs(trace))} of ${formatDuration(passMs(trace) * 1e3)}`;
  const ladder = ladderOf(data);
  if (ladder === null) {
    return share;
  }
  const { pass, layerGain, measured, routed } = ladder;
  return pass === null
    ? `${share} · layers ${formatFactor(layerGain)} (${measured}/${routed})`
    : `${share} · layers ${formatFactor(pass.layers.median)} · pass ${withInterval(pass.pass)} of at most ${formatFactor(pass.ceiling.median)}`;
}

function withInterval({ median, low, high }: RatioInterval): string {
  return `${formatFactor(median)} [${formatThree(low)}, ${formatThree(high)}]`;
}
