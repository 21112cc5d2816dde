/**
 * Where this run's forward pass spent its time, as one stacked bar with its figures, and the sentence that says what the
 * FFF's gain is worth to the whole. Stands beside every layer timing, so that a layer's gain never stands alone.
 */
import type { LayerTiming, Trace } from '../../extension/protocol';
import { Disposer, el } from '../dom';
import { formatDuration, formatFactor, formatPercent, plural } from '../format';
import { feedforwardShare, isVerified, ladderOf, passMs, routedMs } from '../ladder';
import type { Chart } from './chart';

export interface PassShareData {
  trace: Trace;
  timings: readonly LayerTiming[];
}

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

  function paint({ trace, timings }: PassShareData): void {
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
    sentence.textContent = ladderSentence(trace, timings);
    const ladder = ladderOf(trace, timings);
    root.dataset['share'] = String(feedforwardShare(trace));
    root.dataset['passGain'] = String(ladder?.passGain ?? '');
    root.dataset['ceiling'] = String(ladder?.ceiling ?? '');
  }

  paint(initial);
  return { update: paint, dispose: () => disposer.dispose() };
}

/** The ladder in one or two sentences, never a layer's gain without the pass's share. */
export function ladderSentence(trace: Trace, timings: readonly LayerTiming[]): string {
  if (trace.model.feedforward.kind === 'dense') {
    return `This model's feedforward is dense: it takes ${formatPercent(feedforwardShare(trace))} of the forward pass and has no paths to show.`;
  }
  const share = `The FFF is ${formatPercent(routedMs(trace) / passMs(trace))} of this run's forward pass (${formatDuration(passMs(trace) * 1e3)}).`;
  const differing = timings.filter((timing) => !isVerified(timing)).length;
  if (differing > 0) {
    return `${share} In ${plural(differing, 'layer')} its output differs from the twin's, so no gain is claimed.`;
  }
  const ladder = ladderOf(trace, timings);
  if (ladder === null) {
    return share;
  }
  const layer = `Against its dense twin it is ${formatFactor(ladder.layerGain)} as fast`;
  if (ladder.passGain === null || ladder.ceiling === null) {
    return `${share} ${layer} in the ${ladder.measured} of ${ladder.routed} layers measured so far.`;
  }
  return `${share} ${layer}; for the whole pass that makes ${formatFactor(ladder.passGain)}, and an FFF that cost nothing would make ${formatFactor(ladder.ceiling)}.`;
}

/** The ladder in the few words that fit a narrow line. */
export function ladderLine(trace: Trace, timings: readonly LayerTiming[]): string {
  if (trace.model.feedforward.kind === 'dense') {
    return `Dense feedforward ${formatDuration(trace.phases.feedforwardMs * 1e3)} = ${formatPercent(feedforwardShare(trace))} of ${formatDuration(passMs(trace) * 1e3)}`;
  }
  const share = `FFF ${formatDuration(routedMs(trace) * 1e3)} = ${formatPercent(routedMs(trace) / passMs(trace))} of ${formatDuration(passMs(trace) * 1e3)}`;
  const ladder = timings.every(isVerified) ? ladderOf(trace, timings) : null;
  if (ladder === null) {
    return share;
  }
  if (ladder.passGain === null || ladder.ceiling === null) {
    return `${share} · layers ${formatFactor(ladder.layerGain)} (${ladder.measured}/${ladder.routed})`;
  }
  return `${share} · layers ${formatFactor(ladder.layerGain)} · pass ${formatFactor(ladder.passGain)} of at most ${formatFactor(ladder.ceiling)}`;
}
