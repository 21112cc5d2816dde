/** The ratio chart's figure: its controls choose what is compared, along which size, and at which values of the others. */
import { draw as drawRatio, type RatioData } from '../charts/benchmarkRatio';
import { dropdown, segmented, type Picker } from '../controls';
import { el } from '../dom';
import { figure } from '../figure';
import { formatCount } from '../format';
import { mounted, type ThemeSource } from '../panes';
import { arranged, enginesOf, heldValue, liveCell, shownCell } from './arrangement';
import type { Shown } from './figures';
import { ALL, leftOutSentence, precisionChoice, precisionName, shownRows } from './precision';
import { saveTool } from './saveTool';
import { AXES, cellKey, DIMENSION_NAMES, DIMENSIONS, paperFactor, valuesOf, varying, type Dimension } from './series';
import type { Against, BenchmarkStore } from './store';
import { rowsTable } from './tables';

export function ratioFigure(store: BenchmarkStore, theme: ThemeSource): Shown {
  const id = 'ratio';
  const title = 'FFF against dense';
  const against = segmented<Against>('Show', 'against', (chosen) => store.arrange({ against: chosen }));
  const precision = segmented<string>('Precision', 'precision', (chosen) => store.arrange({ precision: chosen }));
  const axisPicker = dropdown<string>('Along', 'axis', (variable) => store.arrange({ variable }));
  const pickers = new Map<Dimension, Picker<string>>(
    DIMENSIONS.map((dimension) => [
      dimension,
      dropdown<string>(DIMENSION_NAMES[dimension], `held-${dimension}`, (value) =>
        store.arrange({ fixed: { ...store.setup.fixed, [dimension]: value }, cell: null }),
      ),
    ]),
  );
  const controls = el(
    'div',
    { class: 'toolbar' },
    against.element,
    precision.element,
    axisPicker.element,
    ...[...pickers.values()].map((picker) => picker.element),
  );
  const made = figure(store, {
    id,
    title,
    caption: '',
    saveTool: saveTool(store, theme, id, title, () => precisionName(store)),
    table: () => {
      const parts = [store.state.shown?.entry.name ?? 'Result', precisionName(store)];
      return rowsTable(shownRows(store), shownCell(store), parts.filter((part) => part !== '').join(', '));
    },
    onPickRow: (index) => {
      const row = shownRows(store)[index];
      if (row !== undefined) {
        store.arrange({ cell: cellKey(row) });
      }
    },
  });
  made.element.querySelector('header')?.after(controls);
  const show = mounted<RatioData>(made.body, (body, data) =>
    drawRatio(body, data, { theme, onPickCell: (cell) => store.arrange({ cell }) }),
  );
  return {
    element: made.element,
    figure: made,
    update() {
      const { axis, rows, held } = arranged(store);
      const { precisions, chosen } = precisionChoice(store);
      const several = precisions.length > 1;
      const axes = varying(shownRows(store)).filter((dimension) => AXES.includes(dimension));
      against.set(
        [
          {
            value: 'dense',
            label: 'Ratio to best dense',
            title: `Against the fastest ${several ? 'layer of the same precision' : 'fp32 layer'} with as many neurons as the tree has nodes`,
          },
          {
            value: '3072',
            label: 'Ratio to best 3072',
            title: `Against the fastest layer of 3072 neurons${several ? ' in the same precision' : ''}, as the paper does`,
          },
          { value: 'time', label: 'Time', title: 'Time a token, with the middle 90 % of the samples' },
        ],
        store.setup.against,
      );
      precision.element.hidden = !several;
      if (several) {
        precision.set(
          [
            { value: ALL, label: 'All', title: 'Every precision, each against dense layers of its own' },
            ...precisions.map((value) => ({
              value,
              label: value,
              title: `Engines compared with dense layers in ${value}, and those layers`,
            })),
          ],
          chosen,
        );
      }
      axisPicker.element.hidden = axes.length < 2;
      axisPicker.set(
        axes.map((value) => ({ value, label: DIMENSION_NAMES[value] })),
        axis,
      );
      for (const [dimension, picker] of pickers) {
        picker.element.hidden = !held.includes(dimension);
        if (!picker.element.hidden) {
          const choices = valuesOf(shownRows(store), dimension).map((value) => ({
            value: String(value),
            label: typeof value === 'number' ? formatCount(value) : value,
          }));
          picker.set(choices, heldValue(store, dimension));
        }
      }
      made.setCaption(`${captionOf(store.setup.against, several, paperFactor(store.rows))}${leftOutSentence(store)}`);
      show(
        rows.length === 0
          ? 'Nothing measured yet.'
          : {
              rows,
              engines: enginesOf(store),
              axis,
              axisName: AXIS_NAMES[axis] ?? DIMENSION_NAMES[axis],
              against: store.setup.against,
              roofline: rooflineShown(precisions, chosen),
              cell: shownCell(store),
              live: liveCell(store),
            },
      );
    },
  };
}

const AXIS_NAMES: Partial<Record<Dimension, string>> = {
  batch: 'Tokens in a call',
  levels: 'Levels of the tree: neurons a token visits',
  threads: 'Threads',
  width: 'Hidden size',
  layer: 'Layer of the model',
};

/** Of several precisions, one has its roofline drawn, by name: the chosen one, or the first. */
function rooflineShown(precisions: readonly string[], chosen: string): RatioData['roofline'] {
  const precision = chosen === ALL ? (precisions[0] ?? 'fp32') : chosen;
  return { precision, label: `${precisions.length > 1 ? `${precision} ` : ''}roofline of this run` };
}

function captionOf(against: Against, several: boolean, factor: number): string {
  const pick = 'A click shows the cell’s samples below.';
  const own = several ? ' of the engine’s own precision' : '';
  switch (against) {
    case 'dense':
      return `Time of the fastest verified dense layer${own} with as many neurons as the tree has nodes, over the engine’s time; bars are 95 % intervals. A hollow FFF mark has an interval that spans 1: no verdict. ${pick}`;
    case '3072':
      return `Time of the fastest verified layer of 3072 neurons${own} over the engine’s time; bars are 95 % intervals. This is the counterpart of the paper’s ${factor}×. ${pick}`;
    case 'time':
      return `Median time a token; bars hold the middle 90 % of the samples. ${pick}`;
  }
}
