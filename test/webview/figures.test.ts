import { afterEach, describe, expect, it, vi } from 'vitest';
import { draw as drawNavigator } from '../../webview/charts/navigator';
import { draw as drawPassShare, ladderLine, ladderSentence } from '../../webview/charts/passShare';
import { draw as drawPredictions } from '../../webview/charts/predictions';
import { draw as drawTable } from '../../webview/charts/table';
import { decadeTicks, domain, draw as drawTimings, type TimingsData } from '../../webview/charts/timings';
import { TraceView } from '../../webview/routing';
import { container, lightTheme, rounded } from './support/page';
import { recorder } from './support/recorder';
import { samplePassTiming, sampleTiming, sampleTrace } from './support/sampleTrace';

afterEach(() => document.body.replaceChildren());

const nothing = (): void => undefined;
const small = sampleTrace({ depth: 4, layers: 3, dense: [1], text: 'let i = <mask>;' });
const texts = (root: ParentNode, selector: string): string[] =>
  [...root.querySelectorAll(selector)].map(({ textContent }) => textContent);

describe('timings', () => {
  const data: TimingsData = {
    layers: [sampleTiming(0, 6), 'dense', 'pending'],
    runMicroseconds: [60, 1500, 70],
    layer: 0,
    measuring: true,
  };
  const options = { theme: lightTheme, fallbackWidth: 640, onPickLayer: nothing };

  it('shows ratio and interval of what is measured, and says what is not', () => {
    const body = container();
    drawTimings(body, data, options);
    const rows = [...body.querySelectorAll<SVGGElement>('g.row')];
    expect(rows.map(({ dataset }) => dataset['state'])).toEqual(['measured', 'dense', 'pending']);
    expect(rows[0]!.dataset['ratio']).toBe(String(sampleTiming(0, 6).ratio.median));
    expect(rows[0]!.querySelector('.ratio')!.textContent).toBe('28.1×  [27.0, 28.9]');
    expect(rows[1]!.textContent).toContain('dense in this model');
    expect(rows[2]!.textContent).toContain('measuring…');
    expect(rounded(body.innerHTML)).toMatchSnapshot();
  });

  it('withholds the verdict while the interval spans 1', () => {
    const timing = { ...sampleTiming(0, 6), ratio: { median: 1.02, low: 0.97, high: 1.08 } };
    const body = container();
    drawTimings(body, { ...data, layers: [timing] }, options);
    expect(body.querySelector('.ratio')!.classList).toContain('unclear');
    expect(body.querySelector('svg')!.getAttribute('aria-label')).toContain('no clear difference');
  });

  it.each([0.5, NaN])('claims no ratio where the outputs differ by %f', (verifiedMaxDifference) => {
    const timing = { ...sampleTiming(0, 6), verifiedMaxDifference };
    const body = container();
    drawTimings(body, { ...data, layers: [timing] }, options);
    expect(body.querySelector('.ratio')!.textContent).toMatch(/^outputs differ by (0\.500|NaN)$/);
    const trace = sampleTrace({ layers: 1 });
    const measured = { trace, timings: [timing], passTiming: samplePassTiming([timing]) };
    expect(ladderSentence(measured)).toContain('no gain is claimed');
    expect(ladderSentence(measured)).not.toContain('×');
    expect(ladderLine(measured)).not.toContain('×');
  });

  it('covers every whisker with a steady axis', () => {
    const [low, high] = domain(data);
    expect(low).toBeLessThanOrEqual(sampleTiming(0, 6).fffMicroseconds.p5);
    expect(high).toBeGreaterThanOrEqual(sampleTiming(0, 6).denseMicroseconds.p95);
    expect(domain({ ...data, layers: [], runMicroseconds: [] })).toEqual([1, 1000]);
    expect(decadeTicks([10, 10_000])).toEqual([10, 100, 1000, 10_000]);
    expect(decadeTicks([10, 100])).toEqual([10, 20, 50, 100]);
  });
});

describe('share of the pass', () => {
  const trace = sampleTrace({ layers: 2 });
  const timings = [sampleTiming(0, 44), sampleTiming(1, 44)];

  const measured = { trace, timings, passTiming: samplePassTiming(timings) };
  const partly = { trace, timings: timings.slice(0, 1), passTiming: null };

  it('shows the gain of the whole pass and its ceiling, with intervals and what the rest took', () => {
    const body = container();
    drawPassShare(body, measured);
    const [rest, fff, dense] = [10_010, 58 + 64, 1630 + 1671];
    const { dataset } = body.querySelector<HTMLElement>('.pass-share')!;
    expect(Number(dataset['passGain'])).toBeCloseTo((rest + dense) / (rest + fff), 10);
    expect(Number(dataset['ceiling'])).toBeCloseTo((rest + dense) / rest, 10);
    expect(Number(dataset['share'])).toBeCloseTo(0.27 / 10.28, 10);
    expect(body.querySelector('.sentence')!.textContent).toBe(
      'The FFF is 2.6 % of this run’s forward pass (10.3 ms). Against its dense twin it is 27.1× [26.5, 27.6] as fast; ' +
        'for the whole pass that makes 1.31× [1.29, 1.34], and an FFF that cost nothing would make 1.33× [1.30, 1.36]. ' +
        'Without the FFF the pass takes 10.0 ms, the median of 12 warm runs.',
    );
  });

  it('says so where only the first tokens were measured', () => {
    const long = { ...measured, trace: sampleTrace({ layers: 2, tokens: 600 }) };
    expect(ladderSentence(long)).toContain('12 warm runs over the first 44 tokens.');
  });

  it('never names a layer gain without the share of the pass', () => {
    for (const some of [measured, partly]) {
      for (const text of [ladderSentence(some), ladderLine(some)]) {
        expect(text).toContain('2.6 %');
        expect(text).toMatch(/\d×/);
      }
    }
    expect(ladderSentence({ trace, timings: [], passTiming: null })).not.toContain('×');
    expect(ladderSentence(partly)).toContain('1 of 2 layers measured so far');
    expect(ladderSentence({ ...measured, passTiming: null })).toContain('2 of 2 layers measured so far');
  });

  it('says of a dense model that there is nothing to gain', () => {
    const dense = {
      ...trace,
      model: { ...trace.model, feedforward: { kind: 'dense' as const, width: 3072, activation: 'gelu', gated: false } },
      layers: [null, null],
    };
    const nothingYet = { trace: dense, timings: [], passTiming: null };
    expect(ladderSentence(nothingYet)).toContain('dense');
    expect(ladderLine(nothingYet)).toMatch(/^Dense feedforward 270 µs/);
  });
});

describe('predictions', () => {
  it('show each position in its place with bars as wide as the probability', () => {
    const body = container();
    const labels = small.tokens.map(({ text }) => text);
    const onPickToken = vi.fn();
    drawPredictions(body, { predictions: small.predictions, labels, token: 0 }, { theme: lightTheme, onPickToken });
    expect(texts(body, '.context .slot')).toEqual(['<mask>']);
    const items = [...body.querySelectorAll<HTMLElement>('li')];
    expect(items.map(({ dataset }) => dataset['text'])).toEqual(small.predictions[0]!.top.map(({ text }) => text));
    expect(items[0]!.querySelector<HTMLElement>('.bar')!.style.width).toBe('71%');
    expect(items[0]!.querySelector('.number')!.textContent).toBe('71 %');
    body.querySelector<HTMLElement>('.context')!.click();
    expect(onPickToken).toHaveBeenCalledWith(3);
  });
});

describe('navigator', () => {
  const trace = sampleTrace({ layers: 16, tokens: 512, dense: [3] });
  const view = new TraceView(trace);
  const data = {
    layers: view.layers,
    labels: trace.tokens.map(({ text }) => text),
    tree: 0,
    colourLevel: 3,
    token: 5,
    layer: 2,
  };

  it('draws one cell a token and layer in its sub-tree colour, and a bar for a dense layer', () => {
    const body = container();
    const drawn = recorder();
    drawNavigator(body, data, {
      theme: lightTheme,
      fallbackWidth: 900,
      painter: () => drawn,
      onHover: nothing,
      onPick: nothing,
    });
    expect(drawn.rects).toHaveLength(15 * 512 + 1);
    const { index, count } = view.layer(0)!.subTree(7, 0, 3);
    expect(drawn.rects[7]!.fill).toBe(lightTheme().subTree(index, count));
  });

  it('repaints the cells for another trace, not for another focus', () => {
    const drawn = recorder();
    const chart = drawNavigator(container(), data, {
      theme: lightTheme,
      painter: () => drawn,
      onHover: nothing,
      onPick: nothing,
    });
    chart.update({ ...data, token: 9 });
    expect(drawn.frames).toBe(1);
    chart.update({ ...data, layers: new TraceView(trace).layers });
    expect(drawn.frames).toBe(2);
  });

  it('picks token and layer under the pointer', () => {
    const onPick = vi.fn();
    const body = container();
    drawNavigator(
      body,
      { ...data, labels: data.labels.slice(0, 10) },
      {
        theme: lightTheme,
        fallbackWidth: 458,
        painter: () => recorder(),
        onHover: nothing,
        onPick,
      },
    );
    const overlay = body.querySelector('.overlay')!;
    // 10 tokens of 40 px; labels above take 58 px, layers are 18 px high.
    overlay.dispatchEvent(new MouseEvent('click', { bubbles: true, clientX: 3 * 40 + 5, clientY: 58 + 18 * 4 + 2 }));
    overlay.dispatchEvent(new MouseEvent('click', { bubbles: true, clientX: 401, clientY: 70 }));
    expect(onPick.mock.calls).toEqual([[{ token: 3, layer: 4 }]]);
  });
});

describe('table', () => {
  const table = (rows: number): Parameters<typeof drawTable>[1] => ({
    caption: 'Rows',
    columns: [{ name: 'A' }, { name: 'B', numeric: true }],
    rows: Array.from({ length: rows }, (_, i) => [`<b>${i}</b>`, String(i)]),
    selected: 1,
  });

  it('shows short tables whole and text as text', () => {
    const body = container();
    const onPick = vi.fn();
    drawTable(body, table(3), { onPick });
    expect(texts(body, 'tbody tr td:first-child')).toEqual(['<b>0</b>', '<b>1</b>', '<b>2</b>']);
    expect(body.querySelectorAll('b')).toHaveLength(0);
    expect(body.querySelector('[aria-current]')!.getAttribute('data-row')).toBe('1');
    body.querySelectorAll<HTMLElement>('tr[data-row] td')[4]!.click();
    expect(onPick).toHaveBeenCalledWith(2);
  });

  it('draws a part of long ones and says how many rows there are', () => {
    const body = container();
    drawTable(body, table(5000));
    expect(body.querySelector('table')!.getAttribute('aria-rowcount')).toBe('5001');
    expect(body.querySelectorAll('tr[data-row]')).toHaveLength(40);
    const scroller = body.querySelector('.table')!;
    scroller.scrollTop = 22 * 3000;
    scroller.dispatchEvent(new Event('scroll'));
    expect(body.querySelector('tr[data-row]')!.getAttribute('data-row')).toBe('2990');
    scroller.scrollTop = 22 * 5000;
    scroller.dispatchEvent(new Event('scroll'));
    expect([...body.querySelectorAll('tr[data-row]')].at(-1)!.getAttribute('data-row')).toBe('4999');
  });
});
