/**
 * Time of one call against one size, with the law fitted to each engine's medians as a line, and the laws in words. Both
 * axes are logarithmic but that of levels, which are logarithms already: what doubles with the size rises at one slope.
 */
import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import type { GrowthView } from '../benchmark/growth';
import { Disposer, el, observeWidth, svg } from '../dom';
import { formatCount, formatDuration } from '../format';
import { sizeAxes } from './benchmarkAxes';
import { logDomain, looksOf, mark, swatch } from './benchmarkMarks';
import type { Chart, ChartOptions } from './chart';

export interface GrowthData {
  view: GrowthView;
  /** Every engine of the result, so that it looks the same in every picture. */
  engines: readonly { name: string; engine: string }[];
}

const HEIGHT = 260;
const TOP = 12;
const BOTTOM = 40;
const LEFT = 54;
const RIGHT = 16;

export function draw(container: HTMLElement, initial: GrowthData, options: ChartOptions): Chart<GrowthData> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  const image = svg('svg', { role: 'img' });
  const laws = el('ul', { class: 'laws' });
  const root = el('div', { class: 'growth-chart', 'data-testid': 'growth-chart' }, image, laws);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    const theme = options.theme();
    const { view } = data;
    const looks = looksOf([...data.engines, ...view.lines], theme);
    const xs = [...new Set(view.lines.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
    const ends: [number, number] = [xs[0] ?? 1, xs.at(-1) ?? 1];
    const right = width - RIGHT;
    const range: [number, number] = [LEFT + 14, Math.max(LEFT + 40, right - 14)];
    const x = view.size === 'levels' ? scaleLinear(ends, range) : scaleLog(ends, range);
    const times = view.lines.flatMap(({ points }) => points.map(({ microseconds }) => microseconds));
    // Laws may leave the points a little; one that leaves them far is cut off at the frame.
    const [least, most] = [Math.min(...times) / 4, Math.max(...times) * 4];
    const laid = view.lines.flatMap(({ law }) => law.map(({ microseconds }) => microseconds));
    const domain = logDomain([...times, ...laid.filter((value) => value >= least && value <= most)]);
    const y = scaleLog(domain, [HEIGHT - BOTTOM, TOP]).clamp(true);
    image.setAttribute('width', String(width));
    image.setAttribute('height', String(HEIGHT));
    image.setAttribute('aria-label', `Time of one call by ${view.axisName.toLowerCase()}.`);
    image.replaceChildren(
      sizeAxes({
        x,
        y,
        xs,
        left: LEFT,
        right,
        bottom: HEIGHT - BOTTOM,
        height: HEIGHT,
        title: view.axisName,
        label: (tick) => formatDuration(tick).replace(/\.0+ /, ' '),
      }),
      ...view.lines.map(({ name, points, law }) => {
        const look = looks.get(name)!;
        const path = line()(law.map((at) => [x(at.x), y(at.microseconds)] as [number, number]));
        return svg(
          'g',
          { class: 'series', 'data-engine': name },
          svg('path', { class: 'law', d: path ?? '', stroke: look.colour, 'stroke-dasharray': look.dash }),
          ...points.map((point) => {
            const dot = mark(look, x(point.x), y(point.microseconds), 4, theme.background);
            dot.append(svg('title', {}, `${name}, ${formatCount(point.x)}: ${formatDuration(point.microseconds)}`));
            dot.dataset['x'] = String(point.x);
            return dot;
          }),
        );
      }),
    );
    laws.replaceChildren(
      ...view.lines.map(({ name, sentence, r2 }) =>
        el(
          'li',
          { 'data-testid': 'law', 'data-engine': name, 'data-r2': r2.toFixed(3) },
          swatch(looks.get(name)!, theme.background),
          el('span', {}, el('strong', {}, name), `: ${sentence}`),
        ),
      ),
    );
    root.dataset['size'] = view.size;
    root.dataset['engines'] = String(view.lines.length);
  }

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
