/**
 * A plain table for any picture's numbers: its twin for screen readers, keyboards and copying. Long tables show the rows
 * around the scroll position only; `aria-rowcount` says how many there are.
 */
import { Disposer, el } from '../dom';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import type { Chart } from './chart';

export interface TableData {
  caption: string;
  columns: readonly { name: string; numeric?: boolean }[];
  rows: readonly (readonly string[])[];
  /** The same cells as exact values, for export. */
  values?: readonly (readonly (string | number | null)[])[];
  /** Row shown as selected, or null. */
  selected: number | null;
}

export interface TableOptions {
  onPick?(row: number): void;
}

const ROW = 22;
/** Longer tables are drawn in part. */
const WHOLE_LIMIT = 200;
const VISIBLE = 40;

export function draw(container: HTMLElement, initial: TableData, options: TableOptions = {}): Chart<TableData> {
  const disposer = new Disposer();
  let data = initial;
  const caption = el('caption');
  const head = el('thead');
  const body = el('tbody');
  const table = el('table', {}, caption, head, body);
  const root = el('div', { class: 'table', tabindex: '0', 'data-testid': 'table' }, table);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    caption.textContent = data.caption;
    root.setAttribute('aria-label', data.caption);
    root.setAttribute('role', 'region');
    table.setAttribute('aria-rowcount', String(data.rows.length + 1));
    repaint(
      head,
      el(
        'tr',
        {},
        ...data.columns.map(({ name, numeric }) =>
          el('th', { scope: 'col', class: numeric === true ? 'numeric' : '' }, name),
        ),
      ),
    );
    paintRows();
  }

  function paintRows(): void {
    const total = data.rows.length;
    const whole = total <= WHOLE_LIMIT;
    const from = whole ? 0 : Math.max(0, Math.min(total - VISIBLE, Math.floor(root.scrollTop / ROW) - 10));
    const to = whole ? total : Math.min(total, from + VISIBLE);
    const rows = data.rows.slice(from, to).map((cells, i) => {
      const index = from + i;
      const row = el('tr', { 'aria-rowindex': String(index + 2), 'data-row': String(index) });
      if (index === data.selected) {
        row.setAttribute('aria-current', 'true');
      }
      row.append(
        ...cells.map((text, column) =>
          el('td', { class: data.columns[column]?.numeric === true ? 'numeric' : '' }, text),
        ),
      );
      return row;
    });
    repaint(body, ...spacer(from), ...rows, ...spacer(total - to));
  }

  function spacer(rows: number): HTMLElement[] {
    if (rows <= 0) {
      return [];
    }
    const cell = el('td', { colspan: String(data.columns.length) });
    cell.style.height = `${rows * ROW}px`;
    return [el('tr', { 'aria-hidden': 'true', class: 'spacer' }, cell)];
  }

  disposer.listen(root, 'scroll', () => {
    if (data.rows.length > WHOLE_LIMIT) {
      paintRows();
    }
  });
  const rowAt = itemsIn(root, disposer, 'tr', 'row');
  disposer.listen(root, 'click', (event) => {
    const at = rowAt(event);
    if (at !== null) {
      options.onPick?.(Number(at.row));
    }
  });
  paint();

  return {
    update(next) {
      data = next;
      paint();
    },
    dispose: () => disposer.dispose(),
  };
}
