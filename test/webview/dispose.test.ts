/** Charts come and go with the trace: none may leave a listener or an element behind. */
import { describe, expect, it } from 'vitest';
import type { Chart } from '../../webview/charts/chart';
import { draw as drawNavigator } from '../../webview/charts/navigator';
import { draw as drawNeurons } from '../../webview/charts/neurons';
import { draw as drawPassShare } from '../../webview/charts/passShare';
import { draw as drawPredictions } from '../../webview/charts/predictions';
import { draw as drawSpine } from '../../webview/charts/spine';
import { draw as drawTable } from '../../webview/charts/table';
import { draw as drawTimings } from '../../webview/charts/timings';
import { draw as drawTokens } from '../../webview/charts/tokens';
import { TraceView } from '../../webview/routing';
import { container, lightTheme, listenersLeftBy } from './support/page';
import { recorder } from './support/recorder';
import { sampleTiming, sampleTrace } from './support/sampleTrace';

const nothing = (): void => undefined;
const theme = lightTheme;
const trace = sampleTrace({ depth: 5, trees: 2 });
const view = new TraceView(trace);
const layer = view.layer(0)!;
const labels = trace.tokens.map(({ text }) => text);

/** Draws, and returns how to draw the same again with another focus. */
const charts: [string, (body: HTMLElement) => { chart: Chart<never>; again: unknown }][] = [
  [
    'spine',
    (body) => {
      const data = { view: layer, tree: 0, token: 1, label: 'x', pinned: 2, hovered: null };
      return {
        chart: drawSpine(body, data, { theme, onHover: nothing, onPick: nothing }),
        again: { ...data, token: 2 },
      };
    },
  ],
  [
    'neurons',
    (body) => {
      const data = { layers: view.layers, layer: 0, tree: 1, token: 1, label: 'x', pinned: null };
      return { chart: drawNeurons(body, data, { theme, onPick: nothing }), again: { ...data, token: 2 } };
    },
  ],
  [
    'tokens',
    (body) => {
      const { tokens, windows, text } = trace;
      const data = {
        ...{ tokens, windows, text, maskToken: '<mask>', view: layer, tree: 0, colourLevel: 3 },
        ...{ token: 0, shown: 0, node: null },
      };
      const chart = drawTokens(body, data, { theme, onHover: nothing, onPick: nothing, onReveal: nothing });
      return { chart, again: { ...data, tokens: [...tokens], node: 0 } };
    },
  ],
  [
    'timings',
    (body) => {
      const data = {
        layers: [sampleTiming(0, 3), 'pending' as const],
        runMicroseconds: [1, 2],
        layer: 0,
        measuring: true,
      };
      return { chart: drawTimings(body, data, { theme, onPickLayer: nothing }), again: { ...data, layer: 1 } };
    },
  ],
  [
    'share of the pass',
    (body) => ({ chart: drawPassShare(body, { trace, timings: [] }), again: { trace, timings: [] } }),
  ],
  [
    'predictions',
    (body) => {
      const data = { predictions: trace.predictions, labels, token: 0 };
      return { chart: drawPredictions(body, data, { theme, onPickToken: nothing }), again: { ...data, token: 3 } };
    },
  ],
  [
    'navigator',
    (body) => {
      const data = { layers: view.layers, labels, tree: 0, colourLevel: 2, token: 0, layer: 0 };
      const options = { theme, painter: () => recorder(), onHover: nothing, onPick: nothing };
      return { chart: drawNavigator(body, data, options), again: { ...data, tree: 1 } };
    },
  ],
  [
    'table',
    (body) => {
      const data = { caption: '', columns: [{ name: 'A' }], rows: [['1']], selected: null };
      return { chart: drawTable(body, data), again: data };
    },
  ],
];

describe.each(charts)('%s', (_, draw) => {
  it('leaves nothing behind', () => {
    const body = container();
    const left = listenersLeftBy(() => {
      const { chart, again } = draw(body);
      expect(body.childElementCount).toBe(1);
      chart.update(again as never);
      chart.dispose();
    });
    expect(left).toEqual([]);
    expect(body.childElementCount).toBe(0);
  });
});
