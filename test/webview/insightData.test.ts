/** The rules behind the insight figures: tables as files, heats, interventions, divergences. No page. */
import { describe, expect, it } from 'vitest';
import type { Intervention } from '../../extension/protocol';
import { made, toCsv, toJson } from '../../webview/cells';
import { draw as drawLayerBars } from '../../webview/charts/layerBars';
import { svgPainter } from '../../webview/charts/svgPainter';
import { svg } from '../../webview/dom';
import { corpusHeat, countText, differenceHeat, fillOf } from '../../webview/heat';
import { divergenceTable, firstDivergences, nearBoundaryTable, usageTable } from '../../webview/insightTables';
import { contributionSum, findTokens, stepsOf, TraceView } from '../../webview/routing';
import { readSetup } from '../../webview/setup';
import { contrast } from '../../webview/theme';
import { changedCells, changedLeaf, describeIntervention, gesture, toggled } from '../../webview/whatIf';
import { container, lightTheme, THEME_KINDS, themeOf } from './support/page';
import { sampleBoundary, sampleCompared, sampleNorms, sampleUsage, sampleWhatIf } from './support/sampleInsight';
import { sampleTrace } from './support/sampleTrace';

const trace = sampleTrace({ depth: 5, trees: 2, layers: 3, dense: [1] });
const other = sampleTrace({ depth: 5, trees: 2, layers: 3, dense: [1], seed: 8 });
const view = new TraceView(trace);

describe('tables as files', () => {
  const table = made(
    'Odd',
    [{ name: 'A' }, { name: 'P5', numeric: true }, { name: 'P5', numeric: true }],
    [
      ['say "hi", all', [0.1 + 0.2, '0.3'], [NaN, 'NaN']],
      ['line\nbreak', null, [-Infinity, '−∞']],
    ],
  );

  it('quotes what CSV needs quoted and keeps every digit', () => {
    expect(toCsv(table)).toBe('A,P5,P5\r\n"say ""hi"", all",0.30000000000000004,NaN\r\n"line\nbreak",,-Infinity\r\n');
    expect(table.rows).toEqual([
      ['say "hi", all', '0.3', 'NaN'],
      ['line\nbreak', '–', '−∞'],
    ]);
  });

  it('writes JSON with a name a column, and names for what is no number', () => {
    expect(JSON.parse(toJson(table, { model: 'm' }))).toEqual({
      caption: 'Odd',
      model: 'm',
      rows: [
        { A: 'say "hi", all', P5: 0.30000000000000004, 'P5 P5': 'NaN' },
        { A: 'line\nbreak', P5: null, 'P5 P5': '-Infinity' },
      ],
    });
  });
});

describe('contributions', () => {
  it('take the norms of their own tree, and are unknown without', () => {
    const norms = sampleNorms(trace, 0).outputNorms;
    const layer = view.layer(0)!;
    for (const tree of [0, 1]) {
      for (const { node, activation, contribution } of stepsOf(layer, 3, tree, norms)) {
        expect(contribution).toBeCloseTo(Math.abs(activation) * norms[tree * 63 + node]!, 12);
      }
    }
    expect(contributionSum(stepsOf(layer, 3, 0, norms))).toBeGreaterThan(0);
    expect(contributionSum(stepsOf(layer, 3, 0))).toBeNull();
  });
});

describe('heat', () => {
  it('shows a corpus by its own visits', () => {
    const map = sampleUsage(trace);
    const heat = corpusHeat(map, 0, 1)!;
    expect(heat.counts[0]).toBe(map.tokens);
    expect(heat.total).toBe(map.tokens);
    expect(corpusHeat(map, 1, 0)).toBeNull();
  });

  it('shows a difference by sign, and sums to nothing on every level', () => {
    const heat = differenceHeat(sampleCompared(trace, other), view.layer(2)!, 1)!;
    for (let level = 0; level <= 5; level++) {
      const first = 2 ** level - 1;
      expect(heat.signed!.slice(first, 2 * first + 1).reduce((sum, value) => sum + value, 0)).toBe(0);
    }
    const more = heat.signed!.findIndex((value) => value > 0);
    const fewer = heat.signed!.findIndex((value) => value < 0);
    expect(countText({ heat }, more, heat.counts[more]!)).toBe(`+${heat.counts[more]!}`);
    expect(countText({ heat }, fewer, heat.counts[fewer]!)).toBe(`−${heat.counts[fewer]!}`);
    const shown = { view: view.layer(2)!, tree: 1, colourLevel: 3, heat };
    for (const kind of THEME_KINDS) {
      const theme = themeOf(kind);
      const fills = [more, fewer].map((node) => fillOf(shown, theme, node, heat.counts[node]!));
      expect(fills[0]).not.toBe(fills[1]);
      fills.forEach((fill) => expect(contrast(fill, theme.background)).toBeGreaterThanOrEqual(3));
    }
  });
});

describe('interventions', () => {
  const flip: Intervention = { layer: 0, tree: 1, node: 2, token: 4, kind: 'flip' };

  it('are taken back by the same gesture and replaced by the other', () => {
    expect(toggled([], flip)).toEqual([flip]);
    expect(toggled([flip], { ...flip })).toEqual([]);
    expect(toggled([flip], { ...flip, kind: 'silence' })).toEqual([{ ...flip, kind: 'silence' }]);
    expect(toggled([flip], { ...flip, token: null })).toEqual([flip, { ...flip, token: null }]);
  });

  it('flip decisions and silence leaves', () => {
    expect([0, 30, 31, 62].map((node) => gesture(node, 5))).toEqual(['flip', 'flip', 'silence', 'silence']);
    expect(describeIntervention(flip, 'x', 2)).toBe('Flip node 2 of layer 0, tree 1 for “x” (token 4)');
    expect(describeIntervention({ ...flip, token: null, kind: 'silence' }, '', 1)).toBe(
      'Silence node 2 of layer 0 for all tokens',
    );
  });

  it('lead to the changed leaf of the right layer, tree and token', () => {
    const result = sampleWhatIf(trace, [{ ...flip, node: 0, token: 4 }], []);
    const before = trace.layers[0]!.leaves[4 * 2 + 1]!;
    expect(changedLeaf(result, 0, 1, 4)).toBe(before ^ 16);
    expect([changedLeaf(result, 0, 0, 4), changedLeaf(result, 2, 1, 4), changedLeaf(result, 1, 1, 4)]).toEqual([
      null,
      null,
      null,
    ]);
    expect(changedCells(result, 1)).toEqual([{ token: 4, layer: 0 }]);
    expect(changedCells(result, 0)).toEqual([]);
    expect(changedCells(null, 0)).toEqual([]);
  });
});

describe('comparison', () => {
  it('finds the first layer and level at which any tree parts, skipping dense layers', () => {
    const compared = sampleCompared(trace, other);
    const divergences = firstDivergences(compared.comparison);
    expect(divergences).toHaveLength(trace.tokens.length);
    for (const { second, layer, level } of divergences) {
      const parts = [0, 2].map((candidate) => {
        const levels = compared.comparison.layers[candidate]!.divergenceLevels;
        return Math.min(levels[2 * second]!, levels[2 * second + 1]!);
      });
      const expected = parts[0]! <= 5 ? [0, parts[0]] : parts[1]! <= 5 ? [2, parts[1]] : [null, 0];
      expect([layer, level]).toEqual(expected);
    }
    const same = sampleCompared(trace, trace);
    expect(firstDivergences(same.comparison).every(({ layer }) => layer === null)).toBe(true);
    expect(divergenceTable(same, trace).rows[0]!.slice(3)).toEqual(['never', '–']);
  });
});

describe('lists', () => {
  it('say what rounding and noise do to each decision', () => {
    const list = sampleBoundary(trace, 'fp16', 0.001);
    const { rows, values, columns } = nearBoundaryTable(
      list,
      trace.tokens.map(({ text }) => text),
      2,
    );
    expect(columns.map(({ name }) => name)).toContain('With fp16');
    expect(rows.slice(0, 3).every((row) => /^⇄ flips to (left|right)$/.test(row.at(-1)!))).toBe(true);
    const may = rows.filter((row) => row.at(-1)!.startsWith('may flip')).length;
    expect(may + 3).toBe(list.margins.filter((margin) => margin <= list.noise).length);
    expect(rows.at(-1)!.at(-1)).toMatch(/^stays/);
    expect(values![5]![0]).toBe(list.margins[5]);
  });

  it('give each tree of the corpus a row', () => {
    const table = usageTable(sampleUsage(trace), 5, 2, 1);
    expect(table.rows.map(([layer, tree]) => `${layer}/${tree}`)).toEqual(['0/0', '0/1', '2/0', '2/1']);
    expect(table.selected).toBe(3);
  });

  it('find tokens whatever their case, and none for nothing', () => {
    expect(findTokens(['Array', 'x', '##array'], ' arRAY ')).toEqual([0, 2]);
    expect(findTokens(['a', ' '], '  ')).toEqual([]);
  });

  it('fall back to sound settings', () => {
    const setup = readSetup({ traffic: 'nonsense', noise: 7, open: ['lens', 3], precision: 'bf16' });
    expect(setup).toMatchObject({ traffic: 'trace', noise: 0, open: ['lens'], precision: 'bf16', scope: 'token' });
    expect(readSetup({}).open).toEqual(['node']);
  });
});

describe('bars a layer', () => {
  it('stand side by side with their names on top, and one below the other where that is too narrow', () => {
    const data = {
      ...{ label: 'x', name: 'bars', measures: ['first', 'second'], layer: 1, tree: 0 },
      rows: [0, 1].map((layer) => ({
        ...{ layer, tree: 0, title: `Layer ${layer}` },
        bars: [{ share: 0.25, text: 'quarter' }, null],
      })),
    };
    const widths = [900, 200].map((fallbackWidth) => {
      const body = container();
      drawLayerBars(body, data, { theme: lightTheme, fallbackWidth, onPick: () => undefined });
      expect(body.querySelector('.focused')!.getAttribute('data-layer')).toBe('1');
      const [bar, lane] = ['bar', 'lane'].map((name) => Number(body.querySelector(`.${name}`)!.getAttribute('width')));
      expect(bar! / lane!).toBeCloseTo(0.25, 2);
      return [...body.querySelectorAll('.head, .row:first-of-type .number')].map(({ textContent }) => textContent);
    });
    expect(widths).toEqual([
      ['first', 'second', 'quarter', '–'],
      ['first quarter', 'second –'],
    ]);
  });

  it.each([900, 200])(
    'keep readings and bars inside their row, as far from its top as from its end, at %i px',
    (width) => {
      const bars = [0.25, 0.5].map((share) => ({ share, text: String(share) }));
      const row = { layer: 0, tree: 0, title: 'Layer 0', bars };
      const data = { label: 'x', name: 'bars', measures: ['first', 'second'], rows: [row], layer: 0, tree: 0 };
      const body = container();
      drawLayerBars(body, data, { theme: lightTheme, fallbackWidth: width, onPick: () => undefined });
      const number = (element: Element | null, name: string): number => Number(element!.getAttribute(name));
      const readings = [...body.querySelectorAll('.number')];
      const lanes = [...body.querySelectorAll('.lane')];
      const height = number(body.querySelector('.hit'), 'height');
      // Digits of this size are some 8 px high and stand on `y`.
      const above = Math.min(...readings.map((one) => number(one, 'y') - 8));
      const below = height - Math.max(...lanes.map((one) => number(one, 'y') + number(one, 'height')));
      expect(above).toBeGreaterThanOrEqual(3);
      expect(Math.abs(above - below)).toBeLessThanOrEqual(1);
      readings.forEach((one, at) => expect(number(one, 'y')).toBeLessThan(number(lanes[at]!, 'y')));
    },
  );
});

describe('the painter for export', () => {
  it('writes each shape once, with its colour', () => {
    const group = svg('g');
    const painter = svgPainter(group);
    painter.begin(10, 10);
    painter.rect(0.123456, 1, 2, 3, '#ff0000');
    painter.segments([0, 0, 1, 1, 2, 2, 3, 3], '#00ff00', 1.5);
    painter.segments([], '#00ff00', 1.5);
    painter.curves([0, 1, 2, 3, 4, 5, 6, 7], '#0000ff', 1);
    painter.discs([1, 2, 3, 4, 5, 6], '#abcdef');
    painter.text(5, 6, '<b>', { fill: '#000000', font: '10px Some Font, serif', align: 'center' });
    expect([...group.children].map(({ tagName }) => tagName)).toEqual([
      'rect',
      'path',
      'path',
      'circle',
      'circle',
      'text',
    ]);
    expect(group.querySelector('rect')!.getAttribute('x')).toBe('0.12');
    expect(group.querySelector('path')!.getAttribute('d')).toBe('M0,0L1,1M2,2L3,3');
    const text = group.querySelector('text')!;
    expect([text.textContent, text.getAttribute('font-family'), text.getAttribute('text-anchor')]).toEqual([
      '<b>',
      'Some Font, serif',
      'middle',
    ]);
  });
});
