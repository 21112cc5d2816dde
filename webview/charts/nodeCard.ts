/**
 * The card of one node: both weight vectors as small pictures with norm and largest components, the words nearest to
 * them, and the tokens that come by. Left: what the node looks for; right: what it adds.
 */
import type { Component, NodeCard, NodeDirection, UsageContext, WordSimilarity } from '../../extension/protocol';
import { Disposer, el, svg } from '../dom';
import { formatCount, formatMargin, formatPercent, formatSigned, plural, visibleText } from '../format';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import type { Chart } from './chart';

export interface NodeCardData {
  card: NodeCard;
  /** Texts of the trace's tokens. */
  labels: readonly string[];
  /** The mapped corpus at this node, most frequent tokens first; null without a map. */
  corpus: {
    visits: number;
    tokens: number;
    /** With the places where they occur, as far as they are known. */
    words: readonly { text: string; count: number; places: readonly UsageContext[] }[];
  } | null;
}

export interface NodeCardOptions {
  onPickToken(token: number): void;
}

/** Tokens named one by one. */
const NAMED = 24;
const PICTURE_HEIGHT = 40;

export function draw(container: HTMLElement, initial: NodeCardData, options: NodeCardOptions): Chart<NodeCardData> {
  const disposer = new Disposer();
  const root = el('div', { class: 'node-card', 'data-testid': 'node-card' });
  container.append(root);
  disposer.add(() => root.remove());

  function paint({ card, labels, corpus }: NodeCardData): void {
    root.dataset['node'] = String(card.node);
    root.dataset['layer'] = String(card.layer);
    root.dataset['tokens'] = [...card.tokens].join(',');
    const bias = `bias ${formatSigned(card.bias)}`;
    repaint(
      root,
      el(
        'div',
        { class: 'directions' },
        direction('input', 'Looks for', card.input, bias, 'pushes right', 'pushes left'),
        direction('output', 'Adds', card.output, null, 'along', 'against'),
      ),
      visitors(card, labels),
      ...(corpus === null ? [] : [ofCorpus(corpus)]),
    );
  }

  function direction(
    name: string,
    title: string,
    { weights, norm, largest, along, against }: NodeDirection,
    extra: string | null,
    towards: string,
    away: string,
  ): HTMLElement {
    const size = `norm ${formatMargin(norm)}${extra === null ? '' : ` · ${extra}`}`;
    return el(
      'div',
      { class: 'direction', 'data-testid': `node-${name}`, 'data-norm': String(norm) },
      el('h3', {}, title),
      el('p', { class: 'size' }, size),
      picture(weights, largest, `${title}: ${weights.length} weights, ${size}`),
      el('p', { class: 'components' }, largest.map(component).join('\u00a0· ')),
      el('div', { class: 'poles' }, words(towards, along, 'along'), words(away, against, 'against')),
    );
  }

  // Index and value stay on one line.
  const component = ({ index, value }: Component): string => `${index}:\u00a0${formatSigned(value, true)}`;

  /** One hair a weight, up for positive and down for negative, on the scale of the largest. */
  function picture(weights: Float32Array, largest: readonly Component[], label: string): SVGSVGElement {
    const limit = Math.max(1e-12, Math.abs(largest[0]?.value ?? 0), ...weights.map(Math.abs).filter(Number.isFinite));
    const middle = PICTURE_HEIGHT / 2;
    const hairs = { positive: '', negative: '' };
    for (const [at, weight] of weights.entries()) {
      if (Number.isFinite(weight)) {
        const sign = weight > 0 ? 'positive' : 'negative';
        hairs[sign] += `M${at + 0.5},${middle}v${((-weight / limit) * (middle - 1)).toFixed(1)}`;
      }
    }
    return svg(
      'svg',
      {
        class: 'weights',
        role: 'img',
        'aria-label': label,
        viewBox: `0 0 ${weights.length} ${PICTURE_HEIGHT}`,
        preserveAspectRatio: 'none',
        height: PICTURE_HEIGHT,
      },
      svg('path', { class: 'positive', d: hairs.positive }),
      svg('path', { class: 'negative', d: hairs.negative }),
    );
  }

  function words(title: string, list: readonly WordSimilarity[], name: string): HTMLElement {
    return el(
      'div',
      { class: `pole ${name}` },
      el('h4', {}, title),
      el(
        'ol',
        {},
        ...list.map(({ id, text, cosine }) =>
          el(
            'li',
            { 'data-id': String(id), 'data-text': text, 'data-cosine': String(cosine) },
            el('span', { class: 'word' }, visibleText(text)),
            el('span', { class: 'number' }, formatSigned(cosine, true)),
          ),
        ),
      ),
    );
  }

  function visitors({ tokens }: NodeCard, labels: readonly string[]): HTMLElement {
    const named = [...tokens].slice(0, NAMED).map((token) => {
      const text = visibleText(labels[token] ?? '');
      return el('button', { type: 'button', class: 'visitor', 'data-token': String(token) }, text);
    });
    const rest = tokens.length - named.length;
    const who =
      tokens.length === 0 ? 'No token of this trace comes here.' : `${plural(tokens.length, 'token')} of this trace:`;
    return el(
      'div',
      { class: 'visitors', 'data-testid': 'node-visitors' },
      el('span', { class: 'who' }, who),
      ...named,
      ...(rest > 0 ? [`and ${formatCount(rest)} more`] : []),
    );
  }

  function ofCorpus({ visits, tokens, words: list }: NonNullable<NodeCardData['corpus']>): HTMLElement {
    const share = `${plural(visits, 'token')} of the corpus (${formatPercent(visits / tokens)})`;
    return el(
      'div',
      { class: 'visitors corpus', 'data-testid': 'node-corpus', 'data-visits': String(visits) },
      el('span', { class: 'who' }, `${share}${list.length > 0 ? ', mostly:' : ''}`),
      el('ol', { class: 'corpus-words' }, ...list.map(corpusWord)),
    );
  }

  function corpusWord({ text, count, places }: NonNullable<NodeCardData['corpus']>['words'][number]): HTMLElement {
    return el(
      'li',
      { 'data-text': text, 'data-count': String(count) },
      el('span', { class: 'visitor' }, `${visibleText(text)} ×${formatCount(count)}`),
      el('div', { class: 'places' }, ...places.map(placeOf)),
    );
  }

  /** One line of the text around the token, and where that is. */
  function placeOf({ document: name, excerpt }: UsageContext): HTMLElement {
    return excerpt === null
      ? el('p', { class: 'place', 'data-testid': 'usage-context' }, `${name} changed since it was mapped`)
      : el(
          'p',
          { class: 'place', 'data-testid': 'usage-context', title: `${name}, line ${excerpt.line}` },
          el('span', { class: 'before' }, excerpt.before),
          el('strong', {}, excerpt.text),
          el('span', { class: 'after' }, excerpt.after),
          el('span', { class: 'where' }, `${name.split('/').at(-1) ?? name}:${excerpt.line}`),
        );
  }

  const visitorAt = itemsIn(root, disposer, 'button.visitor', 'token');
  disposer.listen(root, 'click', (event) => {
    const at = visitorAt(event);
    if (at !== null) {
      options.onPickToken(Number(at.token));
    }
  });
  paint(initial);
  return { update: paint, dispose: () => disposer.dispose() };
}
