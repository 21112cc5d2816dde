/** Pictures that are painted anew while somebody clicks, and what a click then means. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { draw as drawLayerBars } from '../../webview/charts/layerBars';
import { draw as drawLens } from '../../webview/charts/lens';
import { draw as drawSpine } from '../../webview/charts/spine';
import { draw as drawTable } from '../../webview/charts/table';
import { draw as drawTimings } from '../../webview/charts/timings';
import { Disposer, el, svg } from '../../webview/dom';
import { itemsIn } from '../../webview/items';
import { repaint } from '../../webview/repaint';
import { TraceView } from '../../webview/routing';
import { container, lightTheme } from './support/page';
import { sampleLens } from './support/sampleInsight';
import { sampleTrace } from './support/sampleTrace';

afterEach(() => document.body.replaceChildren());

const press = (element: Element): boolean =>
  element.dispatchEvent(new MouseEvent('pointerdown', { bubbles: true, button: 0 }));

/**
 * Lets go over an element, as Chromium does: a click on what holds both, or none where what was pressed is gone.
 *
 * @returns true if there was a click.
 */
function release(pressed: Element, over: Element, type: 'click' | 'dblclick' = 'click'): boolean {
  over.dispatchEvent(new MouseEvent('pointerup', { bubbles: true, button: 0 }));
  let common: Element | null = pressed.isConnected ? pressed : null;
  while (common !== null && !common.contains(over)) {
    common = common.parentElement;
  }
  common?.dispatchEvent(new MouseEvent(type, { bubbles: true, detail: type === 'click' ? 1 : 2 }));
  return common !== null;
}

describe('painting anew', () => {
  it('keeps elements, and changes what differs', () => {
    const list = el('ul', { class: 'list' });
    repaint(list, el('li', { class: 'one', 'data-at': '0' }, 'first'), el('li', {}, el('b', {}, 'second')));
    const [one, two] = [...list.children];
    const bold = two!.firstChild;
    repaint(list, el('li', { class: 'changed' }, 'new'), el('li', {}, el('b', {}, 'second'), '!'), 'after');
    expect(list.innerHTML).toBe('<li class="changed">new</li><li><b>second</b>!</li>after');
    expect([...list.children]).toEqual([one, two]);
    expect(two!.firstChild).toBe(bold);
    repaint(list, el('li', {}, 'only'));
    expect(list.innerHTML).toBe('<li>only</li>');
    expect(list.firstChild).toBe(one);
    repaint(list);
    expect(list.childNodes).toHaveLength(0);
  });

  it('keeps what comes after something that is new or gone', () => {
    const image = svg('svg');
    const parts = (lines: number, foot: boolean): SVGElement[] => [
      svg('g', { class: 'head' }),
      ...Array.from({ length: lines }, (_, at) => svg('line', { y1: at })),
      ...(foot ? [svg('text', {}, 'foot')] : []),
      svg('g', { class: 'row' }),
    ];
    repaint(image, ...parts(2, false));
    const row = image.querySelector('.row');
    for (const [lines, foot] of [
      [3, true],
      [1, true],
      [0, false],
    ] as const) {
      repaint(image, ...parts(lines, foot));
      expect(image.querySelector('.row')).toBe(row);
      expect(image.innerHTML).toBe(svg('svg', {}, ...parts(lines, foot)).innerHTML);
    }
  });

  it('changes styles too, without the attribute that the policy forbids', () => {
    const styled = (width: string): HTMLElement => {
      const bar = el('span');
      bar.style.width = width;
      return bar;
    };
    const lane = el('div');
    repaint(lane, styled('10%'));
    const bar = lane.firstElementChild as HTMLElement;
    const setAttribute = vi.spyOn(bar, 'setAttribute');
    repaint(lane, styled('20%'));
    expect(bar.style.width).toBe('20%');
    repaint(lane, el('span'));
    expect(bar.style.width).toBe('');
    expect(setAttribute).not.toHaveBeenCalled();
  });

  it('leaves the keyboard where it was', () => {
    const body = container();
    const lens = sampleLens(sampleTrace(), 3);
    const chart = drawLens(body, { lens, layer: 0 }, { onPickLayer: () => undefined });
    const button = body.querySelectorAll('button')[1]!;
    button.focus();
    chart.update({ lens, layer: 1 });
    expect(document.activeElement).toBe(button);
    expect(button.getAttribute('aria-pressed')).toBe('true');
  });
});

describe('a click while the picture is painted anew', () => {
  const small = sampleTrace({ depth: 4, layers: 3, dense: [1], text: 'let i = <mask>;' });
  const view = new TraceView(small).layer(0)!;
  const theme = lightTheme;
  const nothing = (): void => undefined;

  it('picks the node that was pressed, and intervenes there', () => {
    const body = container();
    const [onPick, onIntervene] = [vi.fn(), vi.fn()];
    const data = { view, tree: 0, token: 1, label: 'i', pinned: null, hovered: null };
    const node = view.path(1, 0)[2]!;
    const chart = drawSpine(body, data, { theme, fallbackWidth: 520, onHover: nothing, onPick, onIntervene });
    const hit = (): Element => body.querySelector(`[data-node="${node}"] .hit`)!;
    for (const type of ['click', 'dblclick'] as const) {
      const pressed = hit();
      press(pressed);
      chart.update({ ...data, hovered: type === 'click' ? node : null });
      expect(release(pressed, hit(), type)).toBe(true);
    }
    expect(onPick.mock.calls).toEqual([[node]]);
    expect(onIntervene.mock.calls).toEqual([[node]]);
  });

  it('picks nothing where another node has come under the pointer', () => {
    const body = container();
    const onPick = vi.fn();
    const data = { view, tree: 0, token: 1, label: 'i', pinned: null, hovered: null };
    const chart = drawSpine(body, data, { theme, fallbackWidth: 520, onHover: nothing, onPick });
    const leaf = (): Element => [...body.querySelectorAll('g.step .hit')].at(-1)!;
    const other = [...small.tokens.keys()].find((token) => view.leaf(token, 0) !== view.leaf(1, 0))!;
    const pressed = leaf();
    press(pressed);
    chart.update({ ...data, token: other });
    expect(release(pressed, leaf())).toBe(true);
    expect(onPick).not.toHaveBeenCalled();
  });

  it('picks nothing where it is pressed on one row and let go on another', () => {
    const body = container();
    const onPick = vi.fn();
    const rows = [0, 1].map((layer) => ({
      layer,
      tree: 0,
      title: `layer ${layer}`,
      bars: [{ share: 0.5, text: 'x' }],
    }));
    const data = { label: 'Bars', name: 'bars', measures: ['share'], rows, layer: 0, tree: 0 };
    const chart = drawLayerBars(body, data, { theme, fallbackWidth: 640, onPick });
    const hits = (): Element[] => [...body.querySelectorAll('.hit')];
    let pressed = hits()[0]!;
    press(pressed);
    chart.update({ ...data, layer: 1 });
    release(pressed, hits()[1]!);
    expect(onPick).not.toHaveBeenCalled();
    pressed = hits()[1]!;
    press(pressed);
    chart.update(data);
    release(pressed, hits()[1]!);
    expect(onPick.mock.calls).toEqual([[{ layer: 1, tree: 0 }]]);
  });

  it('picks the layer while its time is refined, and the row of a table while it is written anew', () => {
    const body = container();
    const [onPickLayer, onPick] = [vi.fn(), vi.fn()];
    const timings = { layers: ['pending', 'dense'] as const, runMicroseconds: [10], layer: 0, measuring: true };
    const timingChart = drawTimings(body, timings, { theme, fallbackWidth: 600, onPickLayer });
    let pressed = body.querySelectorAll('g.row .hit')[1]!;
    press(pressed);
    timingChart.update({ ...timings, runMicroseconds: [20], measuring: false });
    expect(release(pressed, body.querySelectorAll('g.row .hit')[1]!)).toBe(true);
    expect(onPickLayer.mock.calls).toEqual([[1]]);

    const table = { caption: 'Rows', columns: [{ name: 'a' }], rows: [['one'], ['two']], selected: null };
    const tableChart = drawTable(body, table, { onPick });
    pressed = body.querySelectorAll('tbody td')[1]!;
    press(pressed);
    tableChart.update({ ...table, rows: [['uno'], ['due']], selected: 0 });
    expect(release(pressed, body.querySelectorAll('tbody td')[1]!)).toBe(true);
    expect(onPick.mock.calls).toEqual([[1]]);
  });

  it('is taken from the keyboard whatever was pressed before', () => {
    const root = el('div', { 'data-layer': '2' }, el('button', { 'data-at': '7' }, 'seven'), el('p', {}, 'text'));
    document.body.append(el('section', { 'data-at': '1' }, root));
    const disposer = new Disposer();
    const itemAt = itemsIn(root, disposer, 'button, p', 'at', 'layer');
    const seen: unknown[] = [];
    disposer.listen(root, 'click', (event) => seen.push(itemAt(event)));
    press(root.querySelector('p')!);
    // A click of the keyboard has no count.
    root.querySelector('button')!.click();
    // What identifies an item is looked for up to the picture, and no further.
    root.querySelector('p')!.click();
    expect(seen).toEqual([{ at: '7', layer: '2' }, null]);
  });
});
