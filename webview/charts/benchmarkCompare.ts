/**
 * Two results against each other, a row an engine and cell: the ratio of their times with its 95 % interval around the
 * line at 1. Filled marks are differences that mean something; hollow ones claim nothing, and say why.
 */
import type { Comparison, ComparedRow } from '../benchmark/compare';
import { engineName } from '../benchmark/series';
import { svg } from '../dom';
import { formatCount, formatFactor, formatThree } from '../format';
import type { Theme } from '../theme';
import { logDomain } from './benchmarkMarks';
import { axisOf, placeRows, rowsChart, wordsOf, type RowsPlace } from './benchmarkRows';
import type { Chart, ChartOptions } from './chart';

const ROW = 22;

export function draw(container: HTMLElement, initial: Comparison, options: ChartOptions): Chart<Comparison> {
  return rowsChart(container, { class: 'comparison', testId: 'comparison' }, initial, options, (data, width, root) => {
    const theme = options.theme();
    const ends = data.rows
      .flatMap(({ ratio }) => [ratio.low, ratio.high, ratio.median])
      .filter((value) => value > 0 && value < Infinity);
    const [low, high] = logDomain([...ends, 1 / (1 + data.noise), 1 + data.noise], 8);
    const reach = Math.max(1 / low, high);
    const place = placeRows(width, {
      ...{ row: ROW, names: data.rows.map(nameOf), domain: [1 / reach, reach] },
      ...{ letter: 6.2, indent: 24, mostRoom: 340, fateRoom: 176 },
    });
    const { x, top, bottom } = place;
    root.dataset['rows'] = String(data.rows.length);
    root.dataset['significant'] = String(data.rows.filter(({ verdict }) => verdict !== 'withheld').length);
    return {
      place,
      label: data.rows.map(comparedSentence).join('. '),
      content: [
        svg('rect', {
          class: 'noise',
          x: x(1 / (1 + data.noise)),
          y: top,
          width: Math.max(0, x(1 + data.noise) - x(1 / (1 + data.noise))),
          height: bottom - top,
        }),
        axisOf(place, (tick) => `${formatThree(tick).replace(/\.?0+$/, '')}×`),
        svg('line', { class: 'rule unity', x1: x(1), x2: x(1), y1: top - 4, y2: bottom }),
        svg(
          'g',
          { class: 'head' },
          svg('text', { x: x(1) - 8, y: 10, 'text-anchor': 'end' }, '← shown is slower'),
          svg('text', { x: x(1) + 8, y: 10 }, 'shown is faster →'),
        ),
        ...data.rows.map((compared, index) => rowOf(compared, index, place, theme)),
      ],
    };
  });
}

function rowOf(compared: ComparedRow, index: number, place: RowsPlace, theme: Theme): SVGGElement {
  const { ratio, verdict } = compared;
  const { x } = place;
  const middle = place.marksAt(index);
  const colour = verdict === 'faster' ? theme.positive : verdict === 'slower' ? theme.negative : theme.muted;
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
    ...wordsOf(place, index, [nameOf(compared)], fate),
    svg('line', { class: 'interval', x1: x(ratio.low), x2: x(ratio.high), y1: middle, y2: middle, stroke: colour }),
    svg('path', {
      class: 'mark',
      d: verdict === 'slower' ? 'M-5,-5H5V5H-5Z' : 'M-5,0A5,5 0 1 1 5,0A5,5 0 1 1 -5,0Z',
      transform: `translate(${x(ratio.median)},${middle})`,
      fill: verdict === 'withheld' ? theme.background : colour,
      stroke: colour,
      'stroke-width': 1.6,
    }),
    svg('title', {}, comparedSentence(compared)),
  );
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
