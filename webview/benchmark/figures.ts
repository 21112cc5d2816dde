/** The benchmark's pictures and their tools: each joins one chart to the store and has its table twin. */
import type { BenchmarkLadder, BenchmarkRow } from '../../extension/protocol';
import { draw as drawComparison } from '../charts/benchmarkCompare';
import { draw as drawLadder } from '../charts/benchmarkLadder';
import { draw as drawStrips, type StripsData } from '../charts/benchmarkStrips';
import type { TableData } from '../charts/table';
import { dropdown } from '../controls';
import { el } from '../dom';
import { figure, type Figure } from '../figure';
import { formatCount } from '../format';
import { mounted, type ThemeSource } from '../panes';
import { compareResults, type Comparison } from './compare';
import { growthFigure } from './growthFigure';
import { ratioFigure } from './ratioFigure';
import type { Part } from './runBar';
import { saveTool } from './saveTool';
import { enginesOf, shownCell } from './arrangement';
import { leftOutSentence, precisionName, shownRows } from './precision';
import { cellKey, engineName } from './series';
import type { BenchmarkStore } from './store';
import { comparisonTable, ladderTable, rowsTable } from './tables';
import { cellLabel, diversitySentence, formatDate } from './words';

/** A figure that repaints itself. */
export interface Shown extends Part {
  figure: Figure;
}

export function benchmarkFigures(store: BenchmarkStore, theme: ThemeSource): Part {
  const all = [
    ratioFigure(store, theme),
    stripsFigure(store, theme),
    ladderFigure(store),
    growthFigure(store, theme),
    compareFigure(store, theme),
  ];
  const element = el('div', { class: 'column' }, ...all.map((one) => one.element));
  return {
    element,
    update() {
      for (const one of all) {
        one.update();
        if (!one.element.hidden) {
          one.figure.refresh();
        }
      }
    },
  };
}

function stripsFigure(store: BenchmarkStore, theme: ThemeSource): Shown {
  const id = 'samples';
  const title = 'Samples of one cell';
  const cells = dropdown<string>('Cell', 'cell', (cell) => store.arrange({ cell }));
  const made = figure(store, {
    id,
    title,
    caption: '',
    saveTool: saveTool(store, theme, id, title, () => precisionName(store)),
    table: () => rowsTable(rowsOfCell(), null, 'Engines of the shown cell'),
  });
  made.element.querySelector('header')?.after(el('div', { class: 'toolbar' }, cells.element));
  const show = mounted<StripsData>(made.body, (body, data) => drawStrips(body, data, { theme }));
  const rowsOfCell = (): BenchmarkStore['rows'] => {
    const cell = shownCell(store);
    return shownRows(store).filter((row) => cellKey(row) === cell);
  };
  return {
    element: made.element,
    figure: made,
    update() {
      const rows = rowsOfCell();
      const byKey = new Map(shownRows(store).map((row) => [cellKey(row), row]));
      cells.element.hidden = byKey.size < 2;
      cells.set(
        [...byKey].map(([value, row]) => ({ value, label: cellLabel(row) })),
        shownCell(store) ?? '',
      );
      const result = store.state.shown?.result;
      // While a later pass is measured, the samples of the earlier ones are there to be seen.
      const samplesOf = (row: (typeof rows)[number]): readonly number[] => {
        const own = result?.rows.indexOf(row) ?? -1;
        // A live row is another object than the kept one of the same engine.
        const index = own >= 0 ? own : (result?.rows.findIndex((one) => isSameEngine(one, row)) ?? -1);
        return result?.samples.find((entry) => entry.row === index)?.microsecondsPerToken ?? [];
      };
      made.element.hidden = rows.length === 0;
      made.setCaption(
        `${diversitySentence(rows)} A tick is one sample, the bar the middle 90 %, the mark the median; ✓ means that the outputs were verified first.${leftOutSentence(store)}`,
      );
      if (rows.length > 0) {
        show({
          rows: [...rows]
            .sort((a, b) => a.microsecondsPerToken.median - b.microsecondsPerToken.median)
            .map((row) => ({ row, samples: samplesOf(row) })),
          engines: enginesOf(store),
          against: store.setup.against === '3072' ? '3072' : 'dense',
          weak: new Set(store.state.catalogue?.engines.filter(({ weak }) => weak).map(({ name }) => name)),
          live: rows.some((row) => store.isLive(row)),
        });
      }
      made.element.dataset['engines'] = rows.map(engineName).join(', ');
    },
  };
}

function isSameEngine(one: BenchmarkRow, other: BenchmarkRow): boolean {
  const keys = ['engine', 'implementation', 'precision', 'threads'] as const;
  return cellKey(one) === cellKey(other) && keys.every((key) => one[key] === other[key]);
}

function ladderFigure(store: BenchmarkStore): Shown {
  const made = figure(store, {
    id: 'encoder',
    title: 'The whole encoder',
    caption:
      'Four encoders that share their attention weights; the filled part of a bar is the feedforward. The last one has none, and gives the most: no feedforward layer, however fast, makes the encoder faster than that.',
    table: (): TableData | null => {
      const ladder = store.state.shown?.result.ladder ?? [];
      return ladder.length === 0 ? null : ladderTable(ladder);
    },
  });
  const show = mounted<readonly BenchmarkLadder[]>(made.body, drawLadder);
  return {
    element: made.element,
    figure: made,
    update() {
      const { shown, run } = store.state;
      const ladder = shown?.result.ladder ?? [];
      const running = run.kind === 'running' && (shown === null || shown.entry.id === run.id);
      const planned = shown?.result.plan.ladder?.tokens.length !== 0;
      show(
        ladder.length > 0
          ? ladder
          : running && planned
            ? 'Measured last. Until then the ratios above are those of single layers, not of a model.'
            : 'Not measured in this run: the ratios above are those of single layers, not of a model.',
      );
    },
  };
}

function compareFigure(store: BenchmarkStore, theme: ThemeSource): Shown {
  const id = 'compare';
  const title = 'Compared with another result';
  const comparison = (): Comparison | null => {
    const { shown, baseline } = store.state;
    return shown === null || baseline === null ? null : compareResults(shown.result, baseline.result);
  };
  const made = figure(store, {
    id,
    title,
    caption: '',
    saveTool: saveTool(store, theme, id, title),
    table: () => {
      const compared = comparison();
      return compared === null ? null : comparisonTable(compared);
    },
  });
  const show = mounted<Comparison>(made.body, (body, data) => drawComparison(body, data, { theme }));
  return {
    element: made.element,
    figure: made,
    update() {
      const { baseline } = store.state;
      const compared = comparison();
      made.element.hidden = baseline === null || compared === null;
      if (baseline === null || compared === null) {
        return;
      }
      const other = `“${baseline.entry.name}” of ${formatDate(baseline.entry.recordedAt)}${baseline.entry.thisMachine ? '' : `, on ${baseline.entry.machine}`}`;
      const unmatched =
        compared.unmatched > 0 ? ` ${formatCount(compared.unmatched)} rows have no counterpart there.` : '';
      made.setCaption(
        `Time in ${other}, over time in the shown result. Filled marks differ: the 95 % interval leaves 1 out, a rank test agrees at 5 % over all rows together, and the difference is larger than the shaded band, by which an engine differed from itself.${unmatched}`,
      );
      show(compared.rows.length === 0 ? `No engine was measured on the same cell in ${other}.` : compared);
    },
  };
}
