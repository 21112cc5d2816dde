import { afterEach, describe, expect, it } from 'vitest';
import { verdictOf } from '../../extension/verdict';
import { compareResults } from '../../webview/benchmark/compare';
import { growthViews } from '../../webview/benchmark/growth';
import { cellKey, engineName, referenceLines, rooflineOf, varying } from '../../webview/benchmark/series';
import { draw as drawComparison } from '../../webview/charts/benchmarkCompare';
import { draw as drawGrowth } from '../../webview/charts/benchmarkGrowth';
import { draw as drawLadder, ladderSentence } from '../../webview/charts/benchmarkLadder';
import { logDomain, logTicks, looksOf } from '../../webview/charts/benchmarkMarks';
import { draw as drawRatio, type RatioData } from '../../webview/charts/benchmarkRatio';
import { draw as drawStrips, type StripsData } from '../../webview/charts/benchmarkStrips';
import { contrast } from '../../webview/theme';
import { container, lightTheme, listenersLeftBy, rounded, THEME_KINDS, themeOf } from './support/page';
import { sampleLadder, sampleResult } from './support/sampleBenchmark';

afterEach(() => {
  document.body.replaceChildren();
});

const OPTIONS = { theme: lightTheme, fallbackWidth: 800 };
const enginesOf = (rows: RatioData['rows']) => rows.map((row) => ({ name: engineName(row), engine: row.engine }));

function ratioData(change: Partial<RatioData> = {}): RatioData {
  const { rows } = sampleResult();
  return {
    rows,
    engines: enginesOf(rows),
    axis: 'batch',
    axisName: 'Tokens in a call',
    against: 'dense',
    roofline: { precision: 'fp32', label: 'roofline of this run' },
    cell: null,
    live: null,
    ...change,
  };
}

describe('ratio chart', () => {
  it('draws every ratio with its interval, and lines for operations, paper and roofline', () => {
    const root = container();
    const picked: string[] = [];
    drawRatio(root, ratioData(), { ...OPTIONS, onPickCell: (key) => picked.push(key) });
    const points = [...root.querySelectorAll<SVGGElement>('[data-testid="ratio-point"]')];
    // Five engines on four cells; the best dense layer against itself is the line at 1.
    expect(points).toHaveLength(16);
    const fff = points.find(({ dataset }) => dataset['engine'] === 'fff (avx512)' && dataset['x'] === '1')!;
    const row = sampleResult().rows[0]!;
    expect(Number(fff.dataset['value'])).toBe(row.ratioToBestDense!.median);
    expect(Number(fff.dataset['low'])).toBe(row.ratioToBestDense!.low);
    expect([...root.querySelectorAll('[data-line]')].map((line) => line.getAttribute('data-line'))).toEqual([
      'unity',
      'ceiling',
      'paper',
      'roofline',
    ]);
    expect([...root.querySelectorAll('.line-label')].map(({ textContent }) => textContent).sort()).toEqual([
      '1× no gain',
      '341× ratio of operations',
      '78× the paper’s',
      'roofline of this run',
    ]);
    fff.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    expect(picked).toEqual([cellKey(row)]);
    expect(root.querySelector('svg')?.getAttribute('aria-label')).toMatch(
      /^Ratio to the best dense layer by tokens in a call\. fff \(avx512\): 265× at 1, /,
    );
  });

  it('puts marks where the scale says: higher ratios higher up, larger batches further right', () => {
    const root = container();
    drawRatio(root, ratioData(), { ...OPTIONS, onPickCell: () => undefined });
    const places = [...root.querySelectorAll('.point[data-engine="fff (avx512)"] .mark')].map((mark) =>
      /translate\(([\d.]+),([\d.]+)\)/
        .exec(mark.getAttribute('transform') ?? '')!
        .slice(1)
        .map(Number),
    );
    expect(places.map(([x]) => x)).toEqual([...places.map(([x]) => x!)].sort((a, b) => a - b));
    // The sample's ratio falls with the batch.
    expect(places.map(([, y]) => y)).toEqual([...places.map(([, y]) => y!)].sort((a, b) => a - b));
  });

  it('leaves a mark hollow and claims nothing where the interval spans 1', () => {
    const root = container();
    const { rows } = sampleResult({ blur: 1000 });
    drawRatio(root, ratioData({ rows }), { ...OPTIONS, onPickCell: () => undefined });
    const point = root.querySelector('[data-engine="fff (avx512)"] .point')!;
    expect(point.getAttribute('data-verdict')).toBe('withheld');
    expect(point.querySelector('.mark')?.getAttribute('fill')).toBe(lightTheme().background);
    expect(point.querySelector('title')?.textContent).toMatch(/no verdict, 95 % interval .* spans 1$/);
  });

  it('shows times without lines, and refines in place', () => {
    const root = container();
    const chart = drawRatio(root, ratioData({ against: 'time' }), { ...OPTIONS, onPickCell: () => undefined });
    expect(root.querySelectorAll('[data-line]')).toHaveLength(0);
    expect(root.querySelectorAll('[data-testid="ratio-point"]')).toHaveLength(20);
    chart.update(ratioData({ rows: sampleResult({ batches: [1] }).rows }));
    expect(root.querySelectorAll('[data-testid="ratio-point"]')).toHaveLength(4);
    expect(root.querySelectorAll('.ratio-chart')).toHaveLength(1);
  });

  it('looks as it looked', () => {
    const root = container();
    drawRatio(root, ratioData({ rows: sampleResult({ batches: [1, 16] }).rows }), {
      ...OPTIONS,
      onPickCell: () => undefined,
    });
    expect(rounded(root.innerHTML)).toMatchSnapshot();
  });
});

describe('the lines of the ratio chart', () => {
  it('follow the tree: nodes over levels in a sweep of depth, 3072 over levels against BERT’s layer', () => {
    const { rows } = sampleResult({ depths: [7, 11], batches: [1] });
    const [ceiling] = referenceLines(rows, 'levels', 'dense');
    expect(ceiling).toMatchObject({ key: 'ceiling', label: 'ratio of operations' });
    expect(ceiling?.points).toEqual([
      { x: 8, y: 255 / 8 },
      { x: 12, y: 4095 / 12 },
    ]);
    expect(referenceLines(sampleResult().rows, 'batch', '3072')[0]?.label).toBe('256× ratio of operations');
  });

  it('say the paper’s factor for PyTorch where its form in PyTorch was measured', () => {
    const { rows } = sampleResult();
    const paper = (all: typeof rows) => referenceLines(all, 'batch', '3072').find(({ key }) => key === 'paper')!;
    expect(paper(rows)).toMatchObject({
      label: '78× the paper’s',
      points: [{ y: 78 }, { y: 78 }, { y: 78 }, { y: 78 }],
    });
    const torch = paper([...rows, { ...rows[0]!, engine: 'paper-fff-torch' }]);
    expect([torch.label, torch.points[0]!.y]).toEqual(['40× the paper’s', 40]);
  });

  it('leave the paper out where its tree was not measured', () => {
    const { rows } = sampleResult({ depths: [7], batches: [1] });
    expect(referenceLines(rows, 'batch', 'dense').map(({ key }) => key)).not.toContain('paper');
  });

  it('never put the roofline below what was reached', () => {
    const { rows } = sampleResult();
    const roofline = new Map(rooflineOf(rows, 'batch', 'dense').map(({ x, y }) => [x, y]));
    const reached = rows.filter(({ engine, precision }) => engine === 'fff' && precision === 'fp32');
    expect(roofline.size).toBe(4);
    for (const row of reached) {
      expect(roofline.get(row.batch)).toBeGreaterThanOrEqual(row.ratioToBestDense!.median * 0.999);
    }
  });

  it('know which sizes vary', () => {
    expect(varying(sampleResult({ depths: [7, 9, 11], batches: [1, 2], weights: ['warm', 'cold'] }).rows)).toEqual([
      'levels',
      'batch',
      'weights',
    ]);
  });
});

describe('distribution strips', () => {
  const data = (change: Partial<StripsData> = {}): StripsData => {
    const result = sampleResult({ batches: [16] });
    return {
      rows: result.rows.map((row, index) => ({ row, samples: result.samples[index]!.microsecondsPerToken })),
      engines: enginesOf(result.rows),
      against: 'dense',
      weak: new Set(['dense-16']),
      live: false,
      ...change,
    };
  };

  it('draws every sample, says what each engine amounts to, and marks what was verified', () => {
    const root = container();
    drawStrips(root, data(), OPTIONS);
    const strips = [...root.querySelectorAll('[data-testid="strip"]')];
    expect(strips.map((strip) => strip.querySelectorAll('.sample').length)).toEqual([30, 30, 30, 30, 30]);
    expect(strips.map((strip) => strip.querySelector('.fate')?.textContent)).toEqual([
      '151×  [147, 156]',
      '246×  [239, 253]',
      'the best dense',
      '1.35×  [1.31, 1.39]',
      '113× (no baseline)',
    ]);
    expect(strips.map((strip) => strip.querySelector('.verified')?.textContent)).toEqual(
      Array.from({ length: 5 }, () => ' ✓'),
    );
  });

  it('shows the spread alone while samples are not there yet', () => {
    const root = container();
    drawStrips(root, data({ rows: data().rows.map(({ row }) => ({ row, samples: [] })), live: true }), OPTIONS);
    expect(root.querySelectorAll('.sample')).toHaveLength(0);
    expect(root.querySelectorAll('.spread')).toHaveLength(5);
  });

  it('gives an engine the same look as the ratio chart', () => {
    const [strips, ratio] = [container(), container()];
    const reversed = data();
    drawStrips(strips, { ...reversed, rows: [...reversed.rows].reverse() }, OPTIONS);
    drawRatio(ratio, ratioData(), { ...OPTIONS, onPickCell: () => undefined });
    const shape = (root: HTMLElement): string | undefined =>
      root
        .querySelector('[data-name="fff exact-low (avx512)"] .mark, [data-engine="fff exact-low (avx512)"] .mark')
        ?.getAttribute('d')
        ?.replace(/[\d.-]+/g, '');
    expect(shape(strips)).toBe(shape(ratio));
  });
});

describe('whole encoder', () => {
  it('says how much of the possible gain is reached', () => {
    const root = container();
    const chart = drawLadder(root, [sampleLadder()]);
    expect([...root.querySelectorAll('.rung')].map((rung) => rung.querySelector('.number')?.textContent)).toEqual([
      '12.4 ms · 4.0 % feedforward',
      '36.9 ms · 68 % feedforward',
      '31.2 ms · 62 % feedforward',
      '11.9 ms',
    ]);
    chart.update([sampleLadder(), { ...sampleLadder(), tokens: 16 }]);
    expect(root.querySelectorAll('.ladder')).toHaveLength(2);
  });

  it('gives no verdict where the interval spans 1', () => {
    const ladder = { ...sampleLadder(), gainOverTwin: { median: 1.02, low: 0.9, high: 1.2 } };
    const undecided = 'against the dense twin no verdict is given [0.90, 1.20]';
    expect(ladderSentence(ladder)).toMatch(
      /^The encoder is \d\S* \[\S+ \S+\] as fast as with 3072 neurons, of at most /,
    );
    expect(ladderSentence(ladder)).toContain(`; ${undecided}.`);
    const neither = { ...ladder, gainOver3072: { median: 0.99, low: 0.8, high: 1.1 } };
    expect(ladderSentence(neither)).toBe(
      `For the encoder, ${undecided}; against 3072 neurons no verdict is given [0.80, 1.10].`,
    );
  });
});

describe('the pictures', () => {
  it('withhold a verdict exactly where the interval holds 1', () => {
    expect(verdictOf({ median: 1, low: 1, high: 1 })).toBe('reference');
    expect(verdictOf({ median: 1.2, low: 1, high: 1.4 })).toBe('withheld');
    expect(verdictOf({ median: 1.2, low: 1.01, high: 1.4 })).toBe('faster');
    expect(verdictOf({ median: 0.8, low: 0.7, high: 0.99 })).toBe('slower');
    expect(verdictOf({ median: NaN, low: NaN, high: NaN })).toBe('withheld');
  });

  it.each(THEME_KINDS)('have marks of at least 3:1 in the %s theme', (kind) => {
    const theme = themeOf(kind);
    const looks = looksOf(enginesOf(sampleResult().rows), theme);
    expect(looks.size).toBe(5);
    for (const { colour } of looks.values()) {
      expect(contrast(colour, theme.background)).toBeGreaterThanOrEqual(3);
    }
  });

  it('tell engines of one colour apart by shape', () => {
    const looks = [...looksOf(enginesOf(sampleResult().rows), lightTheme()).values()];
    expect(new Set(looks.map(({ shape, colour }) => `${shape} ${colour}`)).size).toBe(5);
  });

  it('have round logarithmic axes', () => {
    expect(logTicks([1, 100])).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(logTicks([1, 1e5])).toEqual([1, 10, 100, 1000, 10000, 100000]);
    expect(logDomain([])).toEqual([1, 10]);
    const [low, high] = logDomain([3, NaN, Infinity, 40]);
    expect(low).toBeLessThanOrEqual(3);
    expect(high).toBeGreaterThanOrEqual(40);
  });

  it('leave no listener and no element behind', () => {
    const root = container();
    const left = listenersLeftBy(() => {
      const result = sampleResult({ batches: [1] });
      [
        drawRatio(root, ratioData(), { ...OPTIONS, onPickCell: () => undefined }),
        drawStrips(
          root,
          {
            rows: result.rows.map((row) => ({ row, samples: [] })),
            engines: [],
            against: 'dense',
            weak: new Set(),
            live: false,
          },
          OPTIONS,
        ),
        drawLadder(root, [sampleLadder()]),
        drawGrowth(root, { view: growthViews(sampleResult().rows)[0]!, engines: [] }, OPTIONS),
        drawComparison(root, compareResults(result, sampleResult({ batches: [1], seed: 2 })), OPTIONS),
      ].forEach((chart) => chart.dispose());
    });
    expect(left).toEqual([]);
    expect(root.childElementCount).toBe(0);
  });
});
