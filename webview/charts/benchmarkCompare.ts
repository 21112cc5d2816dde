/**
 * Two results against each other, a row an engine and cell: the ratio of their times with its 95 % interval around the
 * line at 1. Filled marks are differences that mean something; hollow ones claim nothing, and say why.
 */
import { scaleLog } from 'd3-scale';
import type { Comparison, ComparedRow } from '../benchmark/compare';
import { engineName } from '../benchmark/series';
import { Disposer, el, observeWidth, svg } from '../dom';
import { formatCount, formatFactor, formatThree } from '../format';
import { logDomain, logTicks } from './benchmarkMarks';
import type { Chart, ChartOptions } from './chart';

const ROW = 22;
const HEAD = 20;
const AXIS = 26;

export function draw(container: HTMLElement, initial: Comparison, options: ChartOptions): Chart<Comparison> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  const image = svg('svg', { role: 'img' });
  const root = el('div', { class: 'comparison', 'data-testid': 'comparison' }, image);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    const theme = options.theme();
    const narrow = width < 620;
    const longest = Math.max(0, ...data.rows.map((one) => nameOf(one).length));
    const left = narrow ? 8 : Math.min(340, 24 + longest * 6.2);
    const right = width - (narrow ? 8 : 176);
    const rowHeight = narrow ? ROW + 16 : ROW;
    const height = HEAD + rowHeight * data.rows.length + AXIS;
    const ends = data.rows
      .flatMap(({ ratio }) => [ratio.low, ratio.high, ratio.median])
      .filter((value) => value > 0 && value < Infinity);
    const [low, high] = logDomain([...ends, 1 / (1 + data.noise), 1 + data.noise], 8);
    const reach = Math.max(1 / low, high);
    const x = scaleLog([1 / reach, reach], [left + 6, Math.max(left + 40, right - 6)]).clamp(true);
    image.setAttribute('width', String(width));
    image.setAttribute('height', String(height));
    image.setAttribute('aria-label', data.rows.map(comparedSentence).join('. '));
    const axis = svg('g', { class: 'axis' });
    const noise = svg('rect', {
      class: 'noise',
      x: x(1 / (1 + data.noise)),
      y: HEAD,
      width: Math.max(0, x(1 + data.noise) - x(1 / (1 + data.noise))),
      height: height - HEAD - AXIS,
    });
    for (const tick of logTicks(x.domain() as [number, number])) {
      axis.append(
        svg('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: HEAD, y2: height - AXIS }),
        svg(
          'text',
          { x: x(tick), y: height - AXIS + 15, 'text-anchor': 'middle' },
          `${formatThree(tick).replace(/\.?0+$/, '')}×`,
        ),
      );
    }
    const unity = svg('line', { class: 'rule unity', x1: x(1), x2: x(1), y1: HEAD - 4, y2: height - AXIS });
    const head = svg(
      'g',
      { class: 'head' },
      svg('text', { x: x(1) - 8, y: 10, 'text-anchor': 'end' }, '← shown is slower'),
      svg('text', { x: x(1) + 8, y: 10 }, 'shown is faster →'),
    );
    image.replaceChildren(noise, axis, unity, head, ...data.rows.map(row));
    root.dataset['rows'] = String(data.rows.length);
    root.dataset['significant'] = String(data.rows.filter(({ verdict }) => verdict !== 'withheld').length);

    function row(compared: ComparedRow, index: number): SVGGElement {
      const { ratio, verdict } = compared;
      const top = HEAD + index * rowHeight;
      const middle = top + rowHeight - ROW / 2;
      const textY = narrow ? top + 11 : middle;
      const colour = verdict === 'faster' ? theme.positive : verdict === 'slower' ? theme.negative : theme.muted;
      const shape = { d: verdict === 'slower' ? 'M-5,-5H5V5H-5Z' : 'M-5,0A5,5 0 1 1 5,0A5,5 0 1 1 -5,0Z' };
      const fate =
        verdict === 'withheld'
          ? 'no verdict'
          : `${formatFactor(ratio.median)}  [${formatThree(ratio.low)}, ${formatThree(ratio.high)}]`;
      return svg(
        'g',
        {
          class: `compared ${verdict}`,
          'data-testid': 'compared',
          'data-verdict': verdict,
          'data-ratio': ratio.median,
          'data-p': compared.p,
        },
        svg(
          'text',
          { class: 'name', x: narrow ? 2 : left - 10, y: textY, dy: '0.35em', 'text-anchor': narrow ? 'start' : 'end' },
          nameOf(compared),
        ),
        svg('line', { class: 'interval', x1: x(ratio.low), x2: x(ratio.high), y1: middle, y2: middle, stroke: colour }),
        svg('path', {
          class: 'mark',
          ...shape,
          transform: `translate(${x(ratio.median)},${middle})`,
          fill: verdict === 'withheld' ? theme.background : colour,
          stroke: colour,
          'stroke-width': 1.6,
        }),
        svg('text', { class: 'fate', x: width - 2, y: textY, dy: '0.35em', 'text-anchor': 'end' }, fate),
        svg('title', {}, comparedSentence(compared)),
      );
    }
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

function nameOf(compared: ComparedRow): string {
  return `${engineName(compared.row)}, ${placeOf(compared)}`;
}

function placeOf({ row }: ComparedRow): string {
  const layer = row.layer === null ? '' : `, layer ${row.layer}`;
  return `batch ${formatCount(row.batch)}${layer}`;
}

export function comparedSentence(compared: ComparedRow): string {
  const { row, ratio, p, verdict, reason } = compared;
  const where = `${engineName(row)}, ${placeOf(compared)}, ${formatCount(row.width)} wide, ${row.weights} weights`;
  const interval = `95 % interval ${formatThree(ratio.low)} to ${formatThree(ratio.high)}`;
  return verdict === 'withheld'
    ? `${where}: no verdict, ${reason} (${interval})`
    : `${where}: ${formatFactor(ratio.median)} as fast as in the other result, ${interval}, p ${p < 0.001 ? 'below 0.001' : p.toFixed(3)}`;
}
