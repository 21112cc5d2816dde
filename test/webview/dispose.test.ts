/** Charts come and go with the trace: none may leave a listener or an element behind. */
import { describe, expect, it } from 'vitest';
import type { Chart } from '../../webview/charts/chart';
import { draw as drawLayerBars } from '../../webview/charts/layerBars';
import { draw as drawLens } from '../../webview/charts/lens';
import { draw as drawNavigator } from '../../webview/charts/navigator';
import { draw as drawNeurons } from '../../webview/charts/neurons';
import { draw as drawNodeCard } from '../../webview/charts/nodeCard';
import { draw as drawPassShare } from '../../webview/charts/passShare';
import { draw as drawPredictions } from '../../webview/charts/predictions';
import { draw as drawSpine } from '../../webview/charts/spine';
import { draw as drawTable } from '../../webview/charts/table';
import { draw as drawTimings } from '../../webview/charts/timings';
import { draw as drawTokens } from '../../webview/charts/tokens';
import { draw as drawWhatIf } from '../../webview/charts/whatIf';
import { TraceView } from '../../webview/routing';
import { container, lightTheme, listenersLeftBy } from './support/page';
import { recorder } from './support/recorder';
import { sampleCard, sampleLens, sampleWhatIf } from './support/sampleInsight';
import { sampleTiming, sampleTrace } from './support/sampleTrace';

const nothing = (): void => undefined;
const theme = lightTheme;
const trace = sampleTrace({ depth: 5, trees: 2 });
const view = new TraceView(trace);
const layer = view.layer(0)!;
const labels = trace.tokens.map(({ text }) => text);
const unmeasured = { trace, timings: [], passTiming: null };

/** Draws, and returns how to draw the same again with another focus. */
const charts: [string, (body: HTMLElement) => { chart: Chart<never>; again: unknown }][] = [
  [
    'node card',
    (body) => {
      const data = { card: sampleCard(trace, 0, 1, 2), labels, corpus: null };
      const again = { ...data, corpus: { visits: 3, tokens: 9, words: [{ text: 'x', count: 3, places: [] }] } };
      return { chart: drawNodeCard(body, data, { onPickToken: nothing }), again };
    },
  ],
  [
    'lens',
    (body) => {
      const chart = drawLens(body, { lens: sampleLens(trace, 1), layer: 0 }, { onPickLayer: nothing });
      return { chart, again: { lens: sampleLens(trace, 2), layer: 1 } };
    },
  ],
  [
    'what if',
    (body) => {
      const interventions = [{ layer: 0, tree: 1, node: 0, token: null, kind: 'flip' as const }];
      const data = {
        state: { interventions, result: sampleWhatIf(trace, interventions, [1]) },
        labels,
        trees: 2,
        layer: 0,
      };
      const options = {
        onRemove: nothing,
        onPickToken: nothing,
        onPickLayer: nothing,
      };
      const chart = drawWhatIf(body, data, options);
      return { chart, again: { ...data, state: { interventions: [], result: null } } };
    },
  ],
  [
    'layer bars',
    (body) => {
      const rows = [{ layer: 0, tree: 0, title: 'Layer 0', bars: [{ share: 0.5, text: 'half' }, null] }];
      const data = { label: 'x', name: 'x', measures: ['a', 'b'], rows, layer: 0, tree: 0 };
      return { chart: drawLayerBars(body, data, { theme, onPick: nothing }), again: { ...data, layer: 1 } };
    },
  ],
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
  ['share of the pass', (body) => ({ chart: drawPassShare(body, unmeasured), again: unmeasured })],
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
