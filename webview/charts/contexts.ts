/**
 * A word where it stands: a row an occurrence, with the words around it, how many decisions its path shares with the
 * reference's in each layer, and where the two part first. In narrow places the numbers stand below the words.
 */
import { Disposer, el, observeWidth, svg } from '../dom';
import type { OccurrenceRow } from '../contextTables';
import { formatPercent } from '../format';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import type { Chart, ChartOptions } from './chart';

export interface ContextsData {
  word: string;
  rows: readonly OccurrenceRow[];
  /** The row all others are compared with. */
  reference: number;
  layers: number;
  layer: number;
}

export interface ContextsOptions extends ChartOptions {
  onPick(row: number): void;
}

const ROW = 26;
const HEAD = 20;
const GUTTER = 24;
/** Room for `layer 10, level 11`. */
const TAIL = 104;
/** Narrower than this the words have a line of their own, px. */
const STACKED = 620;
const CHARACTER = 6.7;

interface Layout {
  stacked: boolean;
  /** Of one row, px. */
  height: number;
  /** Width of the words, from the gutter on. */
  words: number;
  /** Left edge of the first layer's cell, and the cells' width. */
  cells: number;
  cell: number;
  width: number;
}

export function contextsLayout(width: number, layers: number): Layout {
  const stacked = width < STACKED;
  const room = width - GUTTER - TAIL;
  const cell = Math.max(6, Math.min(72, (stacked ? room : room * 0.55) / Math.max(1, layers)));
  const words = stacked ? width - GUTTER : room - cell * layers - 16;
  const cells = stacked ? GUTTER : GUTTER + words + 16;
  return { stacked, height: stacked ? 2 * ROW + 4 : ROW, words, cells, cell, width };
}

export function draw(container: HTMLElement, initial: ContextsData, options: ContextsOptions): Chart<ContextsData> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  const image = svg('svg', { role: 'img' });
  const root = el('div', { class: 'occurrences', 'data-testid': 'occurrences' }, image);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    const { rows, reference, word, layers } = data;
    const layout = contextsLayout(width, layers);
    root.dataset['reference'] = String(reference);
    root.dataset['word'] = word;
    image.setAttribute('width', String(width));
    image.setAttribute('height', String(HEAD + layout.height * rows.length));
    image.setAttribute('aria-label', `“${word}” where it stands: ${rows.map(describe).join('; ')}.`);
    repaint(image, head(layout), ...rows.map((row, index) => paintRow(row, index, layout)));
  }

  function describe({ place, before, word, after, shares, parts }: OccurrenceRow, index: number): string {
    const sentence = `${place}, ${before}${word}${after}`;
    return index === data.reference
      ? `${sentence}: the reference`
      : `${sentence}: ${shares.map((one, layer) => `layer ${layer} ${one === null ? 'dense' : formatPercent(one)}`).join(', ')}, ${parts === null ? 'never parts' : `parts first at ${partsText(parts)}`}`;
  }

  const partsText = (parts: OccurrenceRow['parts']): string =>
    parts === null ? 'never' : `layer ${parts.layer}, level ${parts.level}`;

  function head({ cells, cell, stacked }: Layout): SVGGElement {
    const group = svg('g', { class: 'head' });
    for (let layer = 0; layer < data.layers; layer++) {
      const name = cell >= 44 ? `layer ${layer}` : String(layer);
      group.append(svg('text', { class: layer === data.layer ? 'focused' : '', x: cells + cell * layer, y: 11 }, name));
    }
    group.append(
      svg('text', { x: width - 2, y: 11, 'text-anchor': 'end' }, stacked ? 'part at' : 'paths part first at'),
    );
    return group;
  }

  function paintRow(row: OccurrenceRow, index: number, layout: Layout): SVGGElement {
    const { stacked, height, cells } = layout;
    const isReference = index === data.reference;
    const below = stacked ? ROW : 0;
    const group = svg(
      'g',
      {
        class: isReference ? 'row focused' : 'row',
        transform: `translate(0,${HEAD + height * index})`,
        'data-row': index,
        'data-shares': row.shares.map((one) => one ?? '').join(','),
        'data-parts': row.parts === null ? '' : `${row.parts.layer},${row.parts.level}`,
      },
      svg('rect', { class: 'hit', x: 0, y: 0, width: layout.width, height: height - 1, rx: 3 }),
      svg('text', { class: 'name', x: GUTTER - 8, y: ROW / 2, dy: '0.35em', 'text-anchor': 'end' }, String(index + 1)),
      ...words(row, layout),
      svg('title', {}, `${row.place}: ${row.before}${row.word}${row.after}`),
    );
    if (isReference) {
      group.append(svg('text', { class: 'soft', x: cells, y: below + ROW / 2, dy: '0.35em' }, 'reference'));
      return group;
    }
    row.shares.forEach((one, layer) => group.append(...cellOf(one, layer, layout, below)));
    const at = { x: layout.width - 2, y: below + ROW / 2, dy: '0.35em', 'text-anchor': 'end' };
    group.append(svg('text', { class: row.parts === null ? 'soft' : '', ...at }, partsText(row.parts)));
    return group;
  }

  /** The word in the middle, in one column over all rows; its surroundings cut off where they do not fit. */
  function words({ before, word, after }: OccurrenceRow, layout: Layout): SVGElement[] {
    const letters = Math.max(0, Math.floor(layout.words / CHARACTER));
    const shown = word.length > letters ? `${word.slice(0, Math.max(1, letters - 1))}…` : word;
    const side = Math.floor((letters - shown.length) / 2) - 1;
    const middle = GUTTER + layout.words / 2;
    const half = (shown.length * CHARACTER) / 2;
    const [left, right] = [before.trimEnd(), after.trimStart()];
    const gap = (spaced: boolean): number => (spaced ? CHARACTER : 1);
    const line = { y: ROW / 2, dy: '0.35em' };
    return [
      svg(
        'text',
        { class: 'around', x: (middle - half - gap(left !== before)).toFixed(1), ...line, 'text-anchor': 'end' },
        left.length <= side ? left : side < 2 ? '' : `…${left.slice(1 - side)}`,
      ),
      svg('text', { class: 'word', x: middle.toFixed(1), ...line, 'text-anchor': 'middle' }, shown),
      svg(
        'text',
        { class: 'around', x: (middle + half + gap(right !== after)).toFixed(1), ...line },
        right.length <= side ? right : side < 2 ? '' : `${right.slice(0, side - 1)}…`,
      ),
    ];
  }

  function cellOf(one: number | null, layer: number, { cells, cell }: Layout, below: number): SVGElement[] {
    const x = cells + cell * layer;
    const room = cell - 6;
    const parts: SVGElement[] = [];
    if (cell >= 38) {
      const label = one === null ? 'dense' : formatPercent(one);
      parts.push(svg('text', { class: 'number', x: x.toFixed(1), y: below + 10 }, label));
    }
    if (one !== null) {
      const at = { x: x.toFixed(1), y: below + 15, height: 6 };
      parts.push(
        svg('rect', { class: 'lane', ...at, width: room.toFixed(1) }),
        svg('rect', { class: 'bar', ...at, width: (room * Math.max(0, Math.min(1, one)) || 0).toFixed(1) }),
      );
    }
    return parts;
  }

  const rowAt = itemsIn(image, disposer, 'g.row', 'row');
  disposer.listen(image, 'click', (event) => {
    const at = rowAt(event);
    if (at !== null) {
      options.onPick(Number(at.row));
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
