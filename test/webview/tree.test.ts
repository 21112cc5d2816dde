import { afterEach, describe, expect, it, vi } from 'vitest';
import { firstOfLevel, nodeCount } from '../../extension/tree';
import { draw as drawNodeLink } from '../../webview/charts/nodeLink';
import { draw as drawTreeMap, type TreeData, type TreeOptions } from '../../webview/charts/treeMap';
import type { RadialScene } from '../../webview/charts/nodeLinkScene';
import { tips, type PathEnd } from '../../webview/charts/nodeLinkTips';
import { badgeBeside } from '../../webview/charts/treeMarks';
import { leafGroups } from '../../webview/charts/treeMapScene';
import { visibleText } from '../../webview/format';
import { TraceView } from '../../webview/routing';
import { TRAFFIC_STEPS } from '../../webview/theme';
import { container, lightTheme, listenersLeftBy } from './support/page';
import { recorder, type Recorder } from './support/recorder';
import { sampleTrace, type SampleOptions } from './support/sampleTrace';

afterEach(() => document.body.replaceChildren());

const nothing = (): void => undefined;

function dataOf(options: SampleOptions = {}, change: Partial<TreeData> = {}): TreeData {
  const trace = sampleTrace({ layers: 1, ...options });
  const view = new TraceView(trace).layer(0)!;
  const labels = trace.tokens.map(({ text }) => text);
  return { view, tree: 0, token: 3, pinned: null, hovered: null, labels, colourLevel: 3, ...change };
}

function optionsWith(drawn: Recorder, change: Partial<TreeOptions> = {}): TreeOptions {
  return {
    theme: lightTheme,
    fallbackWidth: 2048,
    height: 312,
    painter: () => drawn,
    onHover: nothing,
    onPick: nothing,
    ...change,
  };
}

/** Rectangles of one level other than the empty row below them. */
function cells(drawn: Recorder, level: number, row: number): Recorder['rects'] {
  return drawn.rects.filter(({ y, fill }) => y === level * row && fill !== lightTheme().empty);
}

describe.each<SampleOptions>([
  { depth: 11 },
  { depth: 4, trees: 8 },
  { depth: 0 },
  { depth: 15, tokens: 512 },
  { depth: 11, tokens: 512 },
])('tree map of %o', (shape) => {
  const data = dataOf(shape);
  const row = Math.max(12, Math.min(28, Math.floor(312 / data.view.levels)));

  it('draws exactly the visited cells of each level that is wide enough', () => {
    const drawn = recorder();
    drawTreeMap(container(), data, optionsWith(drawn));
    const traffic = data.view.traffic(0);
    expect(drawn.rects.filter(({ fill }) => fill === lightTheme().empty)).toHaveLength(data.view.levels);
    for (let level = 0; level <= Math.min(10, data.view.depth); level++) {
      const visited = [...traffic.slice(firstOfLevel(level), firstOfLevel(level + 1))];
      const expected = visited.flatMap((count, ordinal) => (count > 0 ? [(ordinal * 2048) / 2 ** level] : []));
      expect(cells(drawn, level, row).map(({ x }) => x)).toEqual(expected);
    }
  });

  it('carries the focused path as data and as a line through its cells', () => {
    const body = container();
    drawTreeMap(body, data, optionsWith(recorder()));
    const path = data.view.path(3, 0);
    const { dataset } = body.querySelector<HTMLElement>('.tree-map')!;
    expect(dataset['path']).toBe(path.join(','));
    expect(dataset['leaf']).toBe(String(data.view.leaf(3, 0)));
    expect(dataset['nodes']).toBe(String(nodeCount(data.view.depth)));
    const points = body.querySelector('.path-line')!.getAttribute('points')!.split(' ');
    expect(points).toHaveLength(path.length);
    const [x] = points.at(-1)!.split(',').map(Number) as [number];
    const leafCentre = ((data.view.leaf(3, 0) + 0.5) / 2 ** data.view.depth) * 2048;
    expect(Math.abs(x - leafCentre)).toBeLessThan(0.06);
  });
});

describe('tree map', () => {
  it('colours by sub-tree and traffic', () => {
    const drawn = recorder();
    const data = dataOf();
    drawTreeMap(container(), data, optionsWith(drawn));
    const theme = lightTheme();
    expect(cells(drawn, 0, 26)[0]!.fill).toBe(theme.traffic(null, 8, TRAFFIC_STEPS - 1));
    const tokens = data.view.tokens;
    const node = 7;
    const count = data.view.traffic(0)[node]!;
    const step = count <= 1 ? 0 : Math.round((Math.log(count) / Math.log(tokens)) * (TRAFFIC_STEPS - 1));
    expect(cells(drawn, 3, 26)[0]!.fill).toBe(theme.traffic(0, 8, step));
  });

  it('repaints the mass for another layer or zoom, not for another token', () => {
    const drawn = recorder();
    const data = dataOf();
    const body = container();
    const chart = drawTreeMap(body, data, optionsWith(drawn));
    chart.update({ ...data, token: 5, hovered: 2, pinned: 1 });
    expect(drawn.frames).toBe(1);
    expect(body.querySelectorAll('.hovered, .pinned')).toHaveLength(2);
    chart.update(dataOf({ seed: 9 }));
    expect(drawn.frames).toBe(2);
  });

  it('picks by arithmetic, and snaps to what is drawn where nodes are thinner than a pointer is steady', () => {
    const onPick = vi.fn();
    const body = container();
    const data = dataOf();
    drawTreeMap(body, data, optionsWith(recorder(), { onPick }));
    const overlay = body.querySelector('.overlay')!;
    const click = (clientX: number, clientY: number): void => {
      overlay.dispatchEvent(new MouseEvent('click', { bubbles: true, clientX, clientY }));
    };
    click(1500, 30);
    const leaf = data.view.leaf(3, 0);
    click(leaf + 2.5, 11 * 26 + 5);
    click(1500, 12 * 26 + 5);
    expect(onPick.mock.calls.map(([node]: number[]) => node)).toEqual([2, expect.any(Number)]);
    const picked = (onPick.mock.calls[1] as [number])[0];
    expect(data.view.traffic(0)[picked]).toBeGreaterThan(0);
    expect(Math.abs(picked - firstOfLevel(11) - leaf)).toBeLessThanOrEqual(5);
  });

  it('zooms to a node without moving others out of order, and back', () => {
    vi.stubGlobal('matchMedia', () => ({ matches: true }));
    const drawn = recorder();
    const body = container();
    const data = dataOf();
    const chart = drawTreeMap(body, data, optionsWith(drawn));
    chart.frame(2046);
    const zoom = Number(body.querySelector<HTMLElement>('.tree-map')!.dataset['zoom']);
    expect(zoom).toBeGreaterThan(100);
    expect(drawn.frames).toBeGreaterThan(1);
    const whole = cells(drawn, 0, 26);
    expect(whole).toHaveLength(1);
    expect([whole[0]!.x, whole[0]!.width]).toEqual([0, 2048]);
    chart.reset();
    expect(body.querySelector<HTMLElement>('.tree-map')!.dataset['zoom']).toBe('1.000');
    chart.zoomBy(2);
    expect(body.querySelector<HTMLElement>('.tree-map')!.dataset['zoom']).toBe('2.000');
    vi.unstubAllGlobals();
  });

  it('groups the tokens of a leaf under one label', () => {
    const trace = sampleTrace({ depth: 0, text: 'a a b' });
    const viewOf = () => new TraceView(trace).layer(0)!;
    expect(leafGroups(viewOf(), 0, ['a', 'a', 'b', '<sep>'])).toEqual([
      { leaf: 0, tokens: [0, 1, 2, 3], text: 'a +3' },
    ]);
    expect(leafGroups(viewOf(), 0, ['a', 'a', 'a', 'a'])[0]!.text).toBe('a ×4');
  });

  it('gives paths of other tokens stops wherever their line would cross a number', () => {
    const drawn = recorder();
    const data = dataOf({}, { marks: { others: [6, 9], changedLeaf: null, interventions: [] } });
    const body = container();
    drawTreeMap(body, data, optionsWith(drawn, { fallbackWidth: 640 }));
    const stops = [...body.querySelectorAll('.station text')].map(({ textContent }) => textContent);
    const paths = [3, 6, 9].map((token) => data.view.path(token, 0));
    // Numbers stand at the centres of cells, where the lines run.
    const inTree = drawn.texts.filter(({ y, style }) => style.align === 'center' && y < 312);
    const numbered = inTree.filter(({ text }) => /^\d+( · \d+)?$/.test(text));
    const crossed = numbered.map(({ text }) => text).filter((text) => paths.flat().includes(Number.parseInt(text, 10)));
    expect(crossed.length).toBeGreaterThan(paths[0]!.length / 2);
    expect(crossed.filter((text) => !stops.includes(text))).toEqual([]);
    expect(new Set(stops).size).toBe(stops.length);
  });

  it('names other paths beside their leaves, tokens of one text and leaf once', () => {
    const all = dataOf();
    const leafOf = (token: number): number => all.view.leaf(token, 0);
    const others = [...all.labels.keys()].filter((token) => token !== 3);
    const body = container();
    drawTreeMap(body, { ...all, marks: { others, changedLeaf: null, interventions: [] } }, optionsWith(recorder()));
    const names = [...body.querySelectorAll('.path-name')].map(({ textContent }) => textContent);
    const expected = new Set(others.map((token) => `${leafOf(token)} ${all.labels[token]}`));
    expect(others.length).toBeGreaterThan(expected.size);
    expect(names).toHaveLength(expected.size);
  });

  it('says in words what the focus is on', () => {
    const body = container();
    const data = dataOf({ depth: 4 });
    const chart = drawTreeMap(body, data, optionsWith(recorder()));
    const leaf = data.view.leaf(3, 0);
    const bits = leaf.toString(2).padStart(4, '0');
    expect(body.querySelector('.readout')!.textContent).toContain(`reaches leaf ${leaf} by ${bits}`);
    chart.update({ ...data, hovered: 0 });
    expect(body.querySelector('.readout')!.textContent).toContain(`44 of 44 tokens`);
  });
});

describe('nodes and links', () => {
  it('draws a disc for each visited node and a curve for each visited link', () => {
    const drawn = recorder();
    const data = dataOf();
    drawNodeLink(container(), data, optionsWith(drawn, { fallbackWidth: 600 }));
    const visited = data.view.distinctNodes(0);
    expect(drawn.discsDrawn.reduce((sum, { flat }) => sum + flat.length / 3, 0)).toBe(visited);
    const colours = new Set(drawn.discsDrawn.map(({ fill }) => fill));
    const links = drawn.curvesDrawn.filter(({ stroke }) => colours.has(stroke));
    expect(links.reduce((sum, { flat }) => sum + flat.length / 8, 0)).toBe(visited - 1);
  });

  it('marks paths of other tokens at every number they cross, and names their ends where there is room', () => {
    const marks = { others: [6, 9], changedLeaf: null, interventions: [] };
    const data = dataOf({}, { marks });
    const drawn = recorder();
    const body = container();
    drawNodeLink(body, data, optionsWith(drawn, { fallbackWidth: 600 }));
    const stops = [...body.querySelectorAll('.station')].map((stop) => Number(stop.getAttribute('data-node')));
    const nodes = new Set([3, 6, 9].flatMap((token) => data.view.path(token, 0)));
    const numbered = drawn.texts.map(({ text }) => Number(text)).filter((node) => nodes.has(node));
    expect(numbered.length).toBeGreaterThan(6);
    expect([...stops].sort((one, other) => one - other)).toEqual(numbered.sort((one, other) => one - other));
    const tips = [...body.querySelectorAll('.tip')].map((tip) => [tip.textContent, tip.classList.contains('other')]);
    expect(tips).toEqual([3, 6, 9].map((token) => [visibleText(data.labels[token]!), token !== 3]));
  });

  it('keeps names inside the picture, and apart where leaves are neighbours', () => {
    const data = dataOf();
    const leaves = Array.from({ length: 2 ** data.view.depth }, (_, leaf) => firstOfLevel(data.view.depth) + leaf);
    const scene: RadialScene = {
      ...{ view: data.view, tree: 0, colourLevel: 3, heat: null, width: 300, height: 300 },
      ...{ centre: { x: 150, y: 150 }, radius: 136, moving: false },
    };
    const spanOf = (tip: SVGTextElement): [number, number, number] => {
      const [x, y] = ['x', 'y'].map((name) => Number(tip.getAttribute(name))) as [number, number];
      const width = tip.textContent.length * 7.3;
      return tip.getAttribute('text-anchor') === 'end' ? [x - width, x, y] : [x, x + width, y];
    };
    for (const leaf of leaves) {
      const [from, to] = spanOf(tips(scene, [{ leaf, label: 'function' }])[0]!);
      expect([from >= 0, to <= 300]).toEqual([true, true]);
    }
    const near = leaves.slice(500, 504).map((leaf) => ({ leaf, label: `name ${leaf}` }));
    const [twice] = near as [PathEnd];
    const spans = tips(scene, [...near, twice]).map(spanOf);
    expect(spans).toHaveLength(4);
    spans.forEach(([from, to, y], index) => {
      for (const [left, right, line] of spans.slice(index + 1)) {
        expect(Math.abs(line - y) >= 12.9 || to <= left || from >= right).toBe(true);
      }
    });
  });

  it('picks the node under the pointer', () => {
    const onPick = vi.fn();
    const body = container();
    drawNodeLink(body, dataOf({ depth: 1 }), optionsWith(recorder(), { fallbackWidth: 400, onPick }));
    const overlay = body.querySelector('.overlay')!;
    // A tree of depth 1: the left child sits on the right of the root (clockwise from the top), the right child left.
    for (const clientX of [200, 386, 14]) {
      overlay.dispatchEvent(new MouseEvent('click', { bubbles: true, clientX, clientY: 200 }));
    }
    expect(onPick.mock.calls.map(([node]: number[]) => node)).toEqual([0, 1, 2]);
  });

  it.each([0, 15])('draws depth %i', (depth) => {
    const drawn = recorder();
    const body = container();
    drawNodeLink(body, dataOf({ depth }), optionsWith(drawn));
    expect(body.querySelector<HTMLElement>('.node-link')!.dataset['path']!.split(',')).toHaveLength(depth + 1);
    expect(drawn.discsDrawn.length).toBeGreaterThan(0);
  });
});

describe.each([
  ['tree map', drawTreeMap],
  ['nodes and links', drawNodeLink],
])('%s', (_, draw) => {
  it('leaves no listener and no element behind', () => {
    const body = container();
    const left = listenersLeftBy(() => {
      const data = dataOf();
      const chart = draw(body, data, optionsWith(recorder()));
      chart.update({ ...data, token: 4 });
      chart.update(dataOf({ seed: 3 }));
      chart.dispose();
    });
    expect(left).toEqual([]);
    expect(body.childElementCount).toBe(0);
  });
});

describe('the badge of an intervention', () => {
  it('stands beside the node, where there is room, and covers neither it nor the edge', () => {
    expect(badgeBeside(100, 20, 400)).toBeGreaterThanOrEqual(100 + 20 + 7.5);
    const atEdge = badgeBeside(380, 20, 400);
    expect(atEdge).toBeLessThanOrEqual(380 - 20 - 7.5);
    expect(atEdge).toBeGreaterThan(300);
  });
});
