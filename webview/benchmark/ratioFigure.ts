/** The ratio chart's figure: its controls choose what is compared, along which size, and at which values of the others. */
import { draw as drawRatio, type RatioData } from '../charts/benchmarkRatio';
import { dropdown, segmented, type Picker } from '../controls';
import { el } from '../dom';
import { figure } from '../figure';
import { formatCount } from '../format';
import { mounted, type ThemeSource } from '../panes';
import { arranged, enginesOf, heldValue, liveCell, shownCell } from './arrangement';
import type { Shown } from './figures';
import { saveTool } from './saveTool';
import { AXES, cellKey, DIMENSION_NAMES, DIMENSIONS, valuesOf, varying, type Dimension } from './series';
import type { Against, BenchmarkStore } from './store';
import { rowsTable } from './tables';

export function ratioFigure(store: BenchmarkStore, theme: ThemeSource): Shown {
  const id = 'ratio';
  const title = 'FFF against dense';
  const against = segmented<Against>('Show', 'against', (chosen) => store.arrange({ against: chosen }));
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
    axisPicker.element,
    ...[...pickers.values()].map((picker) => picker.element),
  );
  const made = figure(store, {
    id,
    title,
    caption: '',
    saveTool: saveTool(store, theme, id, title),
    table: () => rowsTable(store.rows, shownCell(store), store.state.shown?.entry.name ?? 'Result'),
    onPickRow: (index) => {
      const row = store.rows[index];
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
      const axes = varying(store.rows).filter((dimension) => AXES.includes(dimension));
      against.set(
        [
          {
            value: 'dense',
            label: 'Ratio to best dense',
            title: 'Against the fastest fp32 layer with as many neurons as the tree has nodes',
          },
          {
            value: '3072',
            label: 'Ratio to best 3072',
            title: 'Against the fastest layer of 3072 neurons, as the paper does',
          },
          { value: 'time', label: 'Time', title: 'Time a token, with the middle 90 % of the samples' },
        ],
        store.setup.against,
      );
      axisPicker.element.hidden = axes.length < 2;
      axisPicker.set(
        axes.map((value) => ({ value, label: DIMENSION_NAMES[value] })),
        axis,
      );
      for (const [dimension, picker] of pickers) {
        picker.element.hidden = !held.includes(dimension);
        if (!picker.element.hidden) {
          const choices = valuesOf(store.rows, dimension).map((value) => ({
            value: String(value),
            label: typeof value === 'number' ? formatCount(value) : value,
          }));
          picker.set(choices, heldValue(store, dimension));
        }
      }
      made.setCaption(RATIO_CAPTIONS[store.setup.against]);
      show(
        rows.length === 0
          ? 'Nothing measured yet.'
          : {
              rows,
              engines: enginesOf(store),
              axis,
              axisName: AXIS_NAMES[axis] ?? DIMENSION_NAMES[axis],
              against: store.setup.against,
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

const RATIO_CAPTIONS: Record<Against, string> = {
  dense:
    'Time of the fastest verified dense layer with as many neurons as the tree has nodes, over the engine’s time; bars are 95 % intervals. A hollow FFF mark has an interval that spans 1: no verdict. A click shows the cell’s samples below.',
  '3072':
    'Time of the fastest verified layer of 3072 neurons over the engine’s time; bars are 95 % intervals. This is the counterpart of the paper’s 78×. A click shows the cell’s samples below.',
  time: 'Median time a token; bars hold the middle 90 % of the samples. A click shows the cell’s samples below.',
};
