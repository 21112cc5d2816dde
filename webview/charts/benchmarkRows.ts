/**
 * What the benchmark's pictures with a row an engine have in common: the name to the left, marks on a logarithmic axis,
 * the verdict in words to the right. Where there is no room beside the marks, the words stand above them.
 */
import { scaleLog, type ScaleLogarithmic } from 'd3-scale';
import { Disposer, el, observeWidth, svg } from '../dom';
import { logTicks } from './benchmarkMarks';
import type { Chart, ChartOptions } from './chart';

const HEAD = 20;
const AXIS = 26;
/** Narrower pictures have no room beside the marks, px. */
const NARROW = 620;
/** What the words take where they stand above the marks, px. */
const WORDS = 16;

export interface RowsPlace {
  width: number;
  narrow: boolean;
  /** In the narrowest pictures what came out stands below the name. */
  stacked: boolean;
  /** Where the marks begin, px. */
  left: number;
  /** Top and bottom of the plot. */
  top: number;
  bottom: number;
  x: ScaleLogarithmic<number, number>;
  /** Height of the middle of a row's marks, and of its words. */
  marksAt(index: number): number;
  wordsAt(index: number): number;
}

export interface RowsShape {
  /** Height of a row without words above it, px. */
  row: number;
  names: readonly string[];
  /** Room for the longest name, px a letter and in all. */
  letter: number;
  indent: number;
  mostRoom: number;
  /** Room for the words to the right, px. */
  fateRoom: number;
  domain: [number, number];
}

export function placeRows(width: number, shape: RowsShape): RowsPlace {
  const { row, names, letter, indent, mostRoom, fateRoom, domain } = shape;
  const narrow = width < NARROW;
  const longest = Math.max(0, ...names.map((name) => name.length));
  const left = narrow ? 8 : Math.min(mostRoom, indent + longest * letter);
  const right = width - (narrow ? 8 : fateRoom);
  const stacked = narrow && longest * letter + fateRoom > width;
  const height = row + (narrow ? WORDS : 0) + (stacked ? WORDS : 0);
  const marksAt = (index: number): number => HEAD + (index + 1) * height - row / 2;
  return {
    ...{ width, narrow, stacked, left, top: HEAD, bottom: HEAD + height * names.length, marksAt },
    x: scaleLog(domain, [left + 6, Math.max(left + 40, right - 6)]).clamp(true),
    wordsAt: (index) => (narrow ? HEAD + index * height + 12 : marksAt(index)),
  };
}

/** Lines of the grid and what they stand for. @param keep which of the ticks there is room for. */
export function axisOf(
  { x, top, bottom }: RowsPlace,
  format: (tick: number) => string,
  keep: (index: number, count: number) => boolean = () => true,
): SVGGElement {
  const ticks = logTicks(x.domain() as [number, number]);
  return svg(
    'g',
    { class: 'axis' },
    ...ticks
      .filter((_, index) => keep(index, ticks.length))
      .flatMap((tick) => [
        svg('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: top, y2: bottom }),
        svg('text', { x: x(tick), y: bottom + 15, 'text-anchor': 'middle' }, format(tick)),
      ]),
  );
}

/** A row's words: its name and what came out. */
export function wordsOf(place: RowsPlace, index: number, name: readonly (string | Node)[], fate: string): Node[] {
  const { narrow, stacked, left, width } = place;
  const y = place.wordsAt(index);
  const anchor = narrow ? 'start' : 'end';
  const outcome = stacked ? { x: 2, y: y + WORDS, 'text-anchor': 'start' } : { x: width - 2, y, 'text-anchor': 'end' };
  return [
    svg('text', { class: 'name', x: narrow ? 2 : left - 11, y, dy: '0.35em', 'text-anchor': anchor }, ...name),
    svg('text', { class: 'fate', ...outcome, dy: '0.35em' }, fate),
  ];
}

/**
 * A picture that is drawn anew for every width it gets.
 * @param paint draws at a width and returns what the picture shows and says; the height follows from the place.
 */
export function rowsChart<Data>(
  container: HTMLElement,
  name: { class: string; testId: string },
  initial: Data,
  options: ChartOptions,
  paint: (data: Data, width: number, root: HTMLElement) => { place: RowsPlace; label: string; content: Node[] },
): Chart<Data> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  const image = svg('svg', { role: 'img' });
  const root = el('div', { class: name.class, 'data-testid': name.testId }, image);
  container.append(root);
  disposer.add(() => root.remove());
  const repaint = (): void => {
    const { place, label, content } = paint(data, width, root);
    image.setAttribute('width', String(width));
    image.setAttribute('height', String(place.bottom + AXIS));
    image.setAttribute('aria-label', label);
    image.replaceChildren(...content);
  };
  disposer.add(
    observeWidth(root, options.fallbackWidth ?? 640, (next) => {
      width = next;
      repaint();
    }),
  );
  return {
    update(next) {
      data = next;
      repaint();
    },
    dispose: () => disposer.dispose(),
  };
}
