/** Which rows are shown where: the size along the axis, the values the others are held at, and the cell looked into. */
import type { BenchmarkRow } from '../../extension/protocol';
import { shownRows } from './precision';
import { AXES, cellKey, engineName, valueOf, valuesOf, varying, type Dimension } from './series';
import type { BenchmarkStore } from './store';

/** Rows the ratio chart shows, and the choices that led to them. */
export function arranged(store: BenchmarkStore): {
  axis: Dimension;
  rows: readonly BenchmarkRow[];
  held: Dimension[];
} {
  const { setup } = store;
  const dimensions = varying(shownRows(store));
  const axes = dimensions.filter((dimension) => AXES.includes(dimension));
  const axis = axes.find((dimension) => dimension === setup.variable) ?? axes[0] ?? 'batch';
  const held = dimensions.filter((dimension) => dimension !== axis);
  return { axis, held, rows: rowsHeld(store, held) };
}

function rowsHeld(store: BenchmarkStore, held: readonly Dimension[]): readonly BenchmarkRow[] {
  return held.reduce<readonly BenchmarkRow[]>((rows, dimension) => {
    const chosen = heldValue(store, dimension);
    return rows.filter((row) => String(valueOf(row, dimension)) === chosen);
  }, shownRows(store));
}

/** The value a size is held at: chosen, or the one with the most cells. */
export function heldValue(store: BenchmarkStore, dimension: Dimension): string {
  const rows = shownRows(store);
  const values = valuesOf(rows, dimension).map(String);
  const chosen = store.setup.fixed[dimension];
  if (chosen !== undefined && values.includes(chosen)) {
    return chosen;
  }
  const count = (value: string): number => rows.filter((row) => String(valueOf(row, dimension)) === value).length;
  return values.reduce((best, value) => (count(value) > count(best) ? value : best), values[0] ?? '');
}

/**
 * Key of the cell whose samples are shown: the chosen one, or the last of the chart. In a first pass that is the one being
 * measured; in later ones the picture stays where it is instead of jumping from cell to cell.
 */
export function shownCell(store: BenchmarkStore): string | null {
  const keys = new Set(shownRows(store).map(cellKey));
  if (store.setup.cell !== null && keys.has(store.setup.cell)) {
    return store.setup.cell;
  }
  const last = arranged(store).rows.at(-1);
  return last === undefined ? null : cellKey(last);
}

/** Every engine of the shown result, in its order: what gives each its look. */
export function enginesOf(store: BenchmarkStore): { name: string; engine: string }[] {
  return store.rows.map((row) => ({ name: engineName(row), engine: row.engine }));
}

export function liveCell(store: BenchmarkStore): string | null {
  const [row] = store.state.liveRows;
  return row === undefined ? null : cellKey(row);
}
