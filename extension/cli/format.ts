/** Numbers, tables and colour for people. Pure functions. */
import type { RatioInterval } from '../protocol';

export interface Column {
  title: string;
  align: 'left' | 'right';
}

/** Styles of the terminal; without colour each returns its text. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

export function styleFor(color: boolean): Style {
  const wrap = (on: number, off: number) => (text: string) => (color ? `\u001b[${on}m${text}\u001b[${off}m` : text);
  return { bold: wrap(1, 22), dim: wrap(2, 22), good: wrap(32, 39), bad: wrap(31, 39) };
}

/** Aligned columns, two spaces apart, the titles first; no line ends in a space. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], style: Style): string {
  const widths = columns.map((column, i) =>
    rows.reduce((width, row) => Math.max(width, displayWidth(row[i] ?? '')), displayWidth(column.title)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? '';
        const space = ' '.repeat(widths[i]! - displayWidth(cell));
        return column.align === 'left' ? cell + space : space + cell;
      })
      .join('  ')
      .trimEnd();
  const titles = style.dim(line(columns.map((column) => column.title)));
  return [titles, ...rows.map(line)].map((text) => `  ${text}\n`).join('');
}

/** Columns a text takes in a terminal: wide characters two, marks that combine with the one before none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (!/^\p{Mark}$/u.test(character)) {
      width +=
        /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uff01-\uff60]$/u.test(
          character,
        )
          ? 2
          : 1;
    }
  }
  return width;
}

/** A piece of text on one line: control characters, line ends and lone surrogates become visible escapes. */
export function visible(text: string): string {
  return text.replace(/[\p{Control}\p{Surrogate}\u2028\u2029]/gu, (character) =>
    JSON.stringify(character)
      .slice(1, -1)
      .replace(/^[^\\]/, (raw) => `\\u${raw.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** 1234567 as `1,234,567`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** Microseconds with three significant digits, in the unit that fits. */
export function duration(microseconds: number): string {
  if (microseconds < 1000) {
    return `${significant(microseconds)} µs`;
  }
  return microseconds < 1e6 ? `${significant(microseconds / 1000)} ms` : `${significant(microseconds / 1e6)} s`;
}

/** Bytes in the decimal unit that fits. */
export function bytes(value: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : significant(value)} ${units[unit]!}`;
}

/** Three significant digits without an exponent for values a person reads. */
export function significant(value: number): string {
  if (!Number.isFinite(value) || value === 0) {
    return String(value);
  }
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 20));
}

/** `12.3x (12.0 to 12.6)`. */
export function ratioText(ratio: RatioInterval): string {
  return `${significant(ratio.median)}x ${intervalText(ratio)}`;
}

/** `(12.0 to 12.6)`. */
export function intervalText({ low, high }: RatioInterval): string {
  return `(${significant(low)} to ${significant(high)})`;
}

/** `1 token`, `2 tokens`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}
