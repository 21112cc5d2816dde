import { afterEach, describe, expect, it, vi } from 'vitest';
import { carriers, draw as drawNeurons } from '../../webview/charts/neurons';
import { spineColumns } from '../../webview/charts/layout/spineColumns';
import { draw as drawSpine } from '../../webview/charts/spine';
import { draw as drawTokens, type TokensData } from '../../webview/charts/tokens';
import { stepsOf, TraceView } from '../../webview/routing';
import { container, lightTheme, rounded } from './support/page';
import { sampleTrace } from './support/sampleTrace';

afterEach(() => document.body.replaceChildren());

const nothing = (): void => undefined;
const small = sampleTrace({ depth: 4, layers: 3, dense: [1], text: 'let i = <mask>;' });
const smallView = new TraceView(small);
const texts = (root: ParentNode, selector: string): string[] =>
  [...root.querySelectorAll(selector)].map(({ textContent }) => textContent);

describe('spine', () => {
  const data = { view: smallView.layer(0)!, tree: 0, token: 1, label: 'i', pinned: null, hovered: null };
  const options = { theme: lightTheme, fallbackWidth: 520, onHover: nothing, onPick: nothing };

  it('draws one row a visited node with its numbers', () => {
    const body = container();
    drawSpine(body, data, options);
    const steps = stepsOf(data.view, 1, 0);
    const rows = [...body.querySelectorAll('g.step')];
    expect(rows.map((row) => Number(row.getAttribute('data-node')))).toEqual(steps.map(({ node }) => node));
    const row = rows[1]!;
    expect(row.querySelector('text.node')!.textContent).toBe(String(steps[1]!.node));
    expect(texts(row, 'text.number')[0]).toBe(
      `${steps[1]!.logit > 0 ? '+' : '−'}${Math.abs(steps[1]!.logit).toFixed(3)}`,
    );
    expect(body.querySelector<HTMLElement>('.spine')!.dataset['path']).toBe(data.view.path(1, 0).join(','));
    expect(rounded(body.innerHTML)).toMatchSnapshot();
  });

  it('draws a NaN logit as such, with no bar that would claim a side', () => {
    const routing = small.layers[0]!;
    const logits = routing.logits.slice();
    logits.fill(NaN, 5, 6);
    const view = new TraceView({ ...small, layers: [{ ...routing, logits }] }).layer(0)!;
    const body = container();
    drawSpine(body, { ...data, view }, options);
    const row = body.querySelectorAll('g.step')[0]!;
    expect(row.querySelectorAll('.nan')).toHaveLength(1);
    expect(row.querySelectorAll('.logit, .activation')).toHaveLength(0);
    expect(texts(row, 'text.number').slice(0, 3)).toEqual(['NaN', 'NaN', 'NaN']);
    expect(row.classList).toContain('close');
  });

  it('keeps bars to be seen beside a token of enormous logits', () => {
    const routing = small.layers[0]!;
    const logits = routing.logits.slice();
    logits.set([2, 0.5, 150], 5);
    logits[10] = 150;
    const view = new TraceView({ ...small, layers: [{ ...routing, logits }] }).layer(0)!;
    const body = container();
    drawSpine(body, { ...data, view }, options);
    const widths = [...body.querySelectorAll('rect.logit')].map((bar) => Number(bar.getAttribute('width')));
    expect(view.maxAbsLogit()).toBe(150);
    expect(widths[0]! / widths[2]!).toBeGreaterThan(0.2);
    expect(widths[1]! / widths[0]!).toBeLessThan(0.4);
  });

  it('reports the node under the pointer and the one clicked', () => {
    const body = container();
    const [onHover, onPick] = [vi.fn(), vi.fn()];
    drawSpine(body, data, { ...options, onHover, onPick });
    const row = body.querySelectorAll('g.step')[2]!;
    row.querySelector('.hit')!.dispatchEvent(new Event('pointermove', { bubbles: true }));
    row.querySelector('.hit')!.dispatchEvent(new Event('click', { bubbles: true }));
    const node = data.view.path(1, 0)[2];
    expect(onHover).toHaveBeenCalledWith(node);
    expect(onPick).toHaveBeenCalledWith(node);
  });

  it.each([300, 420, 520, 900])('keeps its columns apart at %i px', (width) => {
    const { node, laneFrom, laneTo, logit, margin, activation, visits } = spineColumns(width, 11);
    const edges = [node, laneFrom, laneTo, logit, margin, activation, visits].filter((edge) => edge !== null);
    expect(edges).toEqual([...edges].sort((a, b) => a - b));
    expect(laneTo - laneFrom).toBeGreaterThan(19);
    expect(edges.at(-1)).toBeLessThanOrEqual(width);
  });
});

describe('neurons', () => {
  const data = { layers: smallView.layers, layer: 0, tree: 0, token: 1, label: 'i', pinned: null };
  const options = { theme: lightTheme, fallbackWidth: 600, onPick: nothing };

  it('shows all layers side by side, dense ones as such', () => {
    const body = container();
    drawNeurons(body, data, options);
    const layers = [...body.querySelectorAll('g.layer')];
    expect(layers.map((layer) => layer.getAttribute('data-nodes'))).toEqual([
      smallView.layer(0)!.path(1, 0).join(','),
      '',
      smallView.layer(2)!.path(1, 0).join(','),
    ]);
    expect(layers[1]!.textContent).toContain('dense');
    expect(rounded(body.innerHTML)).toMatchSnapshot();
  });

  it('follows the token without rebuilding, and shows NaN as such until it is a number again', () => {
    const routing = small.layers[0]!;
    const logits = routing.logits.slice();
    logits.fill(NaN, 2 * 5, 2 * 5 + 1);
    const views = new TraceView({ ...small, layers: [{ ...routing, logits }, null, small.layers[2]!] }).layers;
    const body = container();
    const chart = drawNeurons(body, { ...data, layers: views }, options);
    const first = body.querySelector('g.neuron')!;
    expect([first.querySelector('.nan'), first.getAttribute('data-activation')]).toEqual([
      null,
      expect.stringMatching(/^[+−]\d/),
    ]);
    chart.update({ ...data, layers: views, token: 2 });
    expect(first.isConnected).toBe(true);
    expect(first.querySelectorAll('.nan')).toHaveLength(1);
    expect(first.getAttribute('data-activation')).toBe('NaN');
    chart.update({ ...data, layers: views, token: 3 });
    expect(first.querySelectorAll('.nan')).toHaveLength(0);
    expect(body.querySelector('g.layer')!.getAttribute('data-nodes')).toBe(smallView.layer(0)!.path(3, 0).join(','));
  });

  it('picks layer and node together', () => {
    const body = container();
    const onPick = vi.fn();
    drawNeurons(body, data, { ...options, onPick });
    body
      .querySelectorAll('g.layer')[2]!
      .querySelector('.hit')!
      .dispatchEvent(new Event('click', { bubbles: true }));
    expect(onPick).toHaveBeenCalledWith(2, 0);
  });

  it('counts the fewest nodes that carry 80 %', () => {
    const step = stepsOf(smallView.layer(0)!, 0, 0)[0]!;
    const of = (...activations: number[]): number =>
      carriers(activations.map((activation) => ({ ...step, activation })));
    expect(of(8, 1, 1)).toBe(1);
    expect(of(1, -4, 5)).toBe(2);
    expect(of(1, 1, 1, 1, 1)).toBe(4);
    expect(of(NaN, 3)).toBe(1);
    expect(of()).toBe(0);
  });
});

describe('tokens', () => {
  const tokensData = (trace = small): TokensData => ({
    tokens: trace.tokens,
    windows: trace.windows,
    text: trace.text,
    maskToken: trace.model.maskToken,
    view: new TraceView(trace).layer(0),
    tree: 0,
    colourLevel: 3,
    token: 1,
    shown: 1,
    node: null,
  });
  const options = { theme: lightTheme, onHover: nothing, onPick: nothing, onReveal: nothing };

  it('keeps text that looks like HTML text', () => {
    const evil = '<img src=x onerror=alert(1)>';
    const trace = { ...small, tokens: small.tokens.map((token) => ({ ...token, text: evil })) };
    const body = container();
    drawTokens(body, tokensData(trace), options);
    expect(body.querySelectorAll('img, script')).toHaveLength(0);
    expect(body.querySelector('.chip .label')!.textContent).toBe('<img·src=x·onerror=alert(1)>');
    expect(body.querySelector<HTMLElement>('.chip')!.dataset['text']).toBe(evil);
  });

  it('marks special and mask tokens, and says sub-tree and leaf of each', () => {
    const body = container();
    drawTokens(body, tokensData(), options);
    const chips = [...body.querySelectorAll<HTMLElement>('.chip')];
    expect(chips.map(({ dataset }) => dataset['text'])).toEqual(small.tokens.map(({ text }) => text));
    expect(chips.map(({ dataset }) => dataset['kind'])).toEqual(['text', 'text', 'text', 'mask', 'text', 'special']);
    const view = smallView.layer(0)!;
    expect(chips.map(({ dataset }) => Number(dataset['leaf']))).toEqual(chips.map((_, i) => view.leaf(i, 0)));
    expect(chips.map(({ dataset }) => Number(dataset['subtree']))).toEqual(
      chips.map((_, i) => view.subTree(i, 0, 3).index),
    );
  });

  it('has one tab stop, which follows the pinned token', () => {
    const body = container();
    const chart = drawTokens(body, tokensData(), options);
    const stops = (): string[] =>
      [...body.querySelectorAll<HTMLElement>('.chip[tabindex="0"]')].map((chip) => chip.dataset['index'] ?? '');
    expect(stops()).toEqual(['1']);
    chart.update({ ...tokensData(), view: smallView.layer(0), token: 4, shown: 4 });
    expect(stops()).toEqual(['4']);
    expect(body.querySelectorAll('[aria-selected="true"]')).toHaveLength(1);
  });

  it('fades tokens that do not pass the chosen node, and none for a node nobody visits', () => {
    const body = container();
    const view = smallView.layer(0)!;
    const [leaf] = view.path(2, 0).slice(-1);
    const chart = drawTokens(body, { ...tokensData(), view, node: leaf! }, options);
    const kept = [...body.querySelectorAll<HTMLElement>('.chip:not(.aside)')].map(({ dataset }) => dataset['index']);
    expect(kept).toEqual(view.visitors(leaf!, 0).map(String));
    const unvisited = view.traffic(0).indexOf(0);
    chart.update({ ...tokensData(), view, node: unvisited });
    expect(body.querySelectorAll('.aside')).toHaveLength(0);
  });

  it('lets Shift and click select tokens, and not all text since the last click', () => {
    const body = container();
    const onSelect = vi.fn();
    drawTokens(body, tokensData(), { ...options, onSelect });
    const label = body.querySelectorAll('.chip')[2]!.querySelector('.label')!;
    const press = (shiftKey: boolean): MouseEvent => {
      const event = new MouseEvent('mousedown', { bubbles: true, cancelable: true, shiftKey });
      label.dispatchEvent(event);
      label.dispatchEvent(new MouseEvent('click', { bubbles: true, shiftKey }));
      return event;
    };
    expect(press(true).defaultPrevented).toBe(true);
    expect(onSelect.mock.calls).toEqual([[2]]);
    // Without Shift text can be marked and copied as anywhere.
    expect(press(false).defaultPrevented).toBe(false);
  });

  it('breaks lines where the text does, and at windows', () => {
    const trace = sampleTrace({ depth: 3, tokens: 300 });
    const body = container();
    drawTokens(body, tokensData({ ...trace, text: '' }), options);
    expect(texts(body, '.window')).toEqual(['window 2', 'window 3']);
    body.replaceChildren();
    drawTokens(body, tokensData(sampleTrace({ text: 'a\n  b\n\nc' })), options);
    expect([...body.querySelectorAll('.line')].map(({ textContent }) => textContent)).toEqual(['a', 'b', 'c<sep>']);
    expect(body.querySelectorAll<HTMLElement>('.line')[1]!.style.paddingLeft).toBe('1em');
  });

  it('ends a line with the token that stands for its break', () => {
    const text = 'a;\n  b';
    const token = (entry: string, start: number, end: number) => ({ id: 1, text: entry, start, end });
    const tokens = [token('a', 0, 1), token(';', 1, 2), token('⏎', 4, 5), token('b', 5, 6), token('<sep>', 0, 0)];
    const body = container();
    drawTokens(body, { ...tokensData(), tokens, text, view: null }, options);
    expect([...body.querySelectorAll('.line')].map(({ textContent }) => textContent)).toEqual(['a;⏎', 'b<sep>']);
    expect(body.querySelectorAll<HTMLElement>('.line')[1]!.style.paddingLeft).toBe('1em');
  });

  it('works without routing', () => {
    const body = container();
    drawTokens(body, { ...tokensData(), view: null }, options);
    expect(body.querySelectorAll('.chip.dense')).toHaveLength(small.tokens.length);
  });
});
