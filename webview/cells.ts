/** Builds tables out of cells that know both how they are read and what they are worth, so that exports are exact. */
import type { TableData } from './charts/table';
import { formatPercent } from './format';

type Value = string | number | null;
/** A value that is read as it is, or a value and its reading. */
export type Cell = Value | readonly [value: Value, text: string];

export const text = (name: string): { name: string } => ({ name });
export const number = (name: string): { name: string; numeric: boolean } => ({ name, numeric: true });

export function made(
  caption: string,
  columns: TableData['columns'],
  cells: readonly (readonly Cell[])[],
  selected: number | null = null,
): TableData {
  return {
    caption,
    columns,
    rows: cells.map((row) => row.map((cell) => (isPair(cell) ? cell[1] : cell === null ? '–' : String(cell)))),
    values: cells.map((row) => row.map((cell) => (isPair(cell) ? cell[0] : cell))),
    selected,
  };
}

function isPair(cell: Cell): cell is readonly [Value, string] {
  return Array.isArray(cell);
}

export const share = (value: number): Cell => [value, formatPercent(value)];

/** Comma-separated values by RFC 4180, with a line of names. */
export function toCsv({ columns, rows, values = rows }: TableData): string {
  const quote = (value: Value): string => {
    const plain = value === null ? '' : String(value);
    return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  const lines = [columns.map(({ name }) => name), ...values].map((row) => row.map(quote).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

/** A list of objects by column name. Numbers JSON cannot write (NaN, infinities) become their names. */
export function toJson({ caption, columns, rows, values = rows }: TableData, about: Record<string, unknown>): string {
  const names = columns.map(({ name }, at) =>
    columns.findIndex((other) => other.name === name) === at ? name : `${columns[at - 1]?.name ?? ''} ${name}`,
  );
  const plain = (value: Value): Value => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value);
  const list = values.map((row) => Object.fromEntries(row.map((value, at) => [names[at] ?? String(at), plain(value)])));
  return `${JSON.stringify({ caption, ...about, rows: list }, null, 1)}\n`;
}
