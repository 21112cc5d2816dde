import { describe, expect, it } from 'vitest';
import manifest from '../../../package.json';
import { pathMarkdown, pathSteps, plain } from '../../../extension/pathTable';
import { MARKS, markOf, markedRanges } from '../../../extension/routingColours';
import { gelu } from '../../../extension/tree';
import { MODEL, traceOf } from './fakes';

/** WCAG contrast ratio of two `#rrggbb` colours. */
function contrast(one: string, other: string): number {
  const luminance = (hex: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = parseInt(hex.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

describe('marks in the editor', () => {
  const marks = Array.from({ length: MARKS }, (_, index) => markOf(index));

  it('differ in line alone, and have a colour that package.json contributes', () => {
    expect(new Set(marks.map(({ style, width }) => `${style} ${width}`)).size).toBe(MARKS);
    expect(marks.map(({ colorId }) => colorId)).toEqual(manifest.contributes.colors.map(({ id }) => id));
  });

  it('stand out 3:1 from the editor of all four themes', () => {
    const backgrounds = { light: '#ffffff', dark: '#1f1f1f', highContrast: '#000000', highContrastLight: '#ffffff' };
    for (const { defaults } of manifest.contributes.colors) {
      for (const [theme, background] of Object.entries(backgrounds)) {
        expect(contrast(defaults[theme as keyof typeof backgrounds], background)).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it('stay visible on a selection in the dark high contrast theme, which is white, or grey while another view is used', () => {
    for (const { defaults } of manifest.contributes.colors) {
      expect(contrast(defaults.highContrast, '#ffffff')).toBeGreaterThanOrEqual(4);
      expect(contrast(defaults.highContrast, '#b2b2b2')).toBeGreaterThanOrEqual(2);
    }
  });

  it('are those of the sub-tree at the chosen depth, for written tokens only', () => {
    const trace = traceOf(1, 'a bc d e');
    expect(markedRanges(trace, 0, 0, 2)).toEqual([
      { start: 0, end: 1, token: 0, mark: 0 },
      { start: 2, end: 4, token: 1, mark: 2 },
      { start: 5, end: 6, token: 2, mark: 4 },
      { start: 7, end: 8, token: 3, mark: 6 },
    ]);
    expect(markedRanges(trace, 0, 0, 1).map(({ mark }) => mark)).toEqual([0, 0, 4, 4]);
    // The tree has two levels of decisions and no more.
    expect(markedRanges(trace, 0, 0, 3)).toEqual(markedRanges(trace, 0, 0, 2));
  });

  it('read the tree they are asked for, and none in a dense layer', () => {
    const trace = traceOf(1, 'a b');
    trace.model = { ...MODEL, feedforward: { kind: 'fff', depth: 2, trees: 2, nodesPerTree: 7 } };
    trace.layers = [{ leaves: Uint16Array.of(0, 3, 1, 2, 0, 0), logits: new Float32Array(18) }, null];
    expect(markedRanges(trace, 0, 1, 2).map(({ mark }) => mark)).toEqual([6, 4]);
    expect(markedRanges(trace, 1, 0, 2)).toEqual([]);
  });
});

describe('path of a token', () => {
  it('has every visited node with what it decided', () => {
    const trace = traceOf(1, 'a b c');
    trace.layers[1]!.leaves[1] = 2;
    trace.layers[1]!.logits.set([1.5, -0.25, 2], 3);
    expect(pathSteps(trace, 1, 1, 0)).toEqual([
      { level: 0, node: 0, logit: 1.5, activation: gelu(1.5), turn: 'right' },
      { level: 1, node: 2, logit: -0.25, activation: gelu(-0.25), turn: 'left' },
      { level: 2, node: 5, logit: 2, activation: gelu(2), turn: null },
    ]);
  });

  it('goes where the token went, also against the logit of a flipped node', () => {
    const trace = traceOf(1, 'a');
    trace.layers[0]!.leaves[0] = 0;
    trace.layers[0]!.logits.set([1, 1, 1]);
    expect(pathSteps(trace, 0, 0, 0).map(({ turn }) => turn)).toEqual(['left', 'left', null]);
  });

  it('is a table whatever the token is', () => {
    const trace = traceOf(1, 'a');
    trace.tokens[0]!.text = '|`<b>';
    const lines = pathMarkdown(trace, 0, 1, 0).split('\n');
    expect(lines[0]).toBe('**\\|\\`\\<b\\>**, layer 1');
    expect(lines.slice(2)).toHaveLength(2 + 3);
    const cells = (line = ''): string[] =>
      line
        .replaceAll('&nbsp;', '')
        .split(/\s*\|\s*/)
        .slice(1, -1);
    expect(cells(lines[4])).toEqual(['0', '0', '+0.500', 'left', '+0.346']);
    expect(cells(lines.at(-1))).toEqual(['2', '3', '+0.500', 'leaf', '+0.346']);
    trace.layers[1]!.logits.set([-1.5, -5, 0]);
    const negative = pathMarkdown(trace, 0, 1, 0).split('\n').slice(4).map(cells);
    expect(negative.map(([, , logit, , activation]) => [logit, activation])).toEqual([
      ['−1.500', '−0.100'],
      ['−5.000', '−0.000'],
      ['+0.000', '+0.000'],
    ]);
  });

  it('leaves no Markdown in a text', () => {
    expect(plain('a\n[x](y) *b* $(zap) http://c')).toBe('a \\[x\\]\\(y\\) \\*b\\* \\$\\(zap\\) http\\:\\/\\/c');
  });
});
