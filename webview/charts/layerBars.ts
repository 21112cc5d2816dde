/** A row a layer (and tree), a column a measure between 0 and 1: bars with their reading. For usage and comparison. */
import { Disposer, el, observeWidth, svg } from '../dom';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import type { Chart, ChartOptions } from './chart';

export interface LayerBarsData {
  /** Said to screen readers, and the picture's test id. */
  label: string;
  name: string;
  measures: readonly string[];
  rows: readonly {
    layer: number;
    tree: number;
    title: string;
    /** Null where the layer has none, for instance because it is dense. */
    bars: readonly ({ share: number; text: string } | null)[];
  }[];
  layer: number;
  tree: number;
}

export interface LayerBarsOptions extends ChartOptions {
  onPick(at: { layer: number; tree: number }): void;
}

const ROW = 26;
/** In a row: where the reading stands, and the bar below it, px. */
const READING = 11;
const BAR = { y: 16, height: 6 };
/** Above and below the measures of a row that stand one below the other, px. */
const MARGIN = 4;
const HEAD = 22;
const GUTTER = 62;
const GAP = 18;
/** Narrower columns cannot hold what is written in them, px. */
const SMALLEST_COLUMN = 120;

interface Layout {
  stacked: boolean;
  column: number;
  /** Of a row and of the line of names, px. */
  height: number;
  head: number;
}

export function draw(container: HTMLElement, initial: LayerBarsData, options: LayerBarsOptions): Chart<LayerBarsData> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  const image = svg('svg', { role: 'img' });
  const root = el('div', { class: 'layer-bars' }, image);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    const { measures, rows } = data;
    root.dataset['testid'] = data.name;
    const side = (width - GUTTER) / Math.max(1, measures.length);
    // Where measures do not fit side by side they stand one below the other, each with its name.
    const stacked = side < SMALLEST_COLUMN;
    const layout: Layout = {
      stacked,
      column: stacked ? width - GUTTER : side,
      height: stacked ? ROW * measures.length + 2 * MARGIN : ROW,
      head: stacked ? 0 : HEAD,
    };
    image.setAttribute('width', String(width));
    image.setAttribute('height', String(layout.head + layout.height * rows.length));
    image.setAttribute('aria-label', `${data.label}: ${rows.map(describe).join('; ')}.`);
    repaint(
      image,
      ...(stacked ? [] : measures).map((name, at) =>
        svg('text', { class: 'head', x: GUTTER + layout.column * at, y: 12 }, name),
      ),
      ...rows.map((row, at) => paintRow(row, at, layout)),
    );
  }

  function describe({ title, bars }: LayerBarsData['rows'][number]): string {
    const said = bars.map((bar, at) => `${data.measures[at] ?? ''} ${bar?.text ?? 'none'}`);
    return `${title}: ${said.join(', ')}`;
  }

  function paintRow({ layer, tree, title, bars }: LayerBarsData['rows'][number], at: number, layout: Layout) {
    const { stacked, column, height, head } = layout;
    const focused = layer === data.layer && tree === data.tree;
    const group = svg(
      'g',
      {
        class: focused ? 'row focused' : 'row',
        transform: `translate(0,${head + height * at})`,
        'data-layer': layer,
        'data-tree': tree,
        'data-values': bars.map((bar) => bar?.share ?? '').join(','),
      },
      svg('rect', { class: 'hit', x: 0, y: 0, width, height, rx: 3 }),
      svg(
        'text',
        { class: 'name', x: 6, ...(stacked ? { y: MARGIN + READING } : { y: ROW / 2, dy: '0.35em' }) },
        title,
      ),
    );
    bars.forEach((bar, place) => {
      const x = GUTTER + (stacked ? 0 : column * place);
      const y = stacked ? MARGIN + ROW * place : 0;
      const room = Math.max(20, column - GAP);
      const text = { x, y: y + READING, class: 'number' };
      const name = stacked ? `${data.measures[place] ?? ''} ` : '';
      if (bar === null) {
        group.append(svg('text', text, `${name}–`));
        return;
      }
      const length = room * Math.max(0, Math.min(1, bar.share)) || 0;
      const at = { x: x.toFixed(1), y: y + BAR.y, height: BAR.height };
      group.append(
        svg('text', text, name + bar.text),
        svg('rect', { class: 'lane', ...at, width: room.toFixed(1) }),
        svg('rect', { class: 'bar', ...at, width: length.toFixed(1) }),
      );
    });
    return group;
  }

  const rowAt = itemsIn(image, disposer, 'g.row', 'layer', 'tree');
  disposer.listen(image, 'click', (event) => {
    const at = rowAt(event);
    if (at !== null) {
      options.onPick({ layer: Number(at.layer), tree: Number(at.tree) });
    }
  });
  disposer.add(
    observeWidth(root, options.fallbackWidth ?? 640, (next) => {
      width = next;
      paint();
    }),
  );
  return {
    update(next) {
      data = next;
      paint();
    },
    dispose: () => disposer.dispose(),
  };
}
