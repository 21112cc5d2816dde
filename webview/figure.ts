/** The frame of one picture: title, caption, tools and the switch to its table twin. */
import { draw as drawTable, type TableData } from './charts/table';
import type { Chart } from './charts/chart';
import { button } from './controls';
import { el, setText } from './dom';
import { saveMenu, type SaveOptions } from './saveMenu';

/** Whoever remembers which figures are shown as tables, and which of those that fold are open. */
export interface TableChoice {
  readonly setup: { readonly tables: readonly string[]; readonly open?: readonly string[] };
  arrange(change: { tables?: readonly string[]; open?: readonly string[] }): void;
}

export interface FigureOptions {
  id: string;
  title: string;
  /** How to read the picture, one or two sentences. */
  caption: string;
  tools?: HTMLElement[];
  /** The picture's numbers; null while there are none. */
  table?: () => TableData | null;
  onPickRow?: (row: number) => void;
  /** Shown as its title alone until it is opened. */
  folds?: boolean;
  /** How the figure is saved; absent: not from here, or with a button of its own. */
  saving?: Omit<SaveOptions, 'id' | 'title' | 'body' | 'table'>;
  saveTool?: HTMLElement;
}

/** A figure on the page. Its body holds either the picture or the table. */
export interface Figure {
  element: HTMLElement;
  body: HTMLElement;
  /** True while the table stands in for the picture. */
  isTable(): boolean;
  /** False while it is folded: nothing in it needs to be painted, or asked for. */
  isOpen(): boolean;
  /** Repaints the table where it is shown. Call after the data changed. */
  refresh(): void;
  setCaption(text: string): void;
}

export function figure(store: TableChoice, options: FigureOptions): Figure {
  const { id, title, table } = options;
  const body = el('div', { class: 'figure-body' });
  const tableBody = el('div', { class: 'figure-table' });
  const caption = el('p', { class: 'caption' }, options.caption);
  const tools = el('div', { class: 'tools' }, ...(options.tools ?? []));
  // Every figure has these two at its right edge, whatever wraps.
  const keeping = el('div', { class: 'tools keeping' });
  const isOpen = (): boolean => options.folds !== true || store.setup.open?.includes(id) === true;
  const fold = el(
    'button',
    { class: 'fold', type: 'button', 'aria-controls': `${id}-body`, 'data-testid': `fold-${id}` },
    title,
  );
  fold.addEventListener('click', () => {
    const open = store.setup.open ?? [];
    store.arrange({ open: isOpen() ? open.filter((name) => name !== id) : [...open, id] });
  });
  body.id = `${id}-body`;
  const heading = el('h2', { id: `${id}-title` }, options.folds === true ? fold : title);
  const element = el(
    'section',
    { class: 'figure', id, 'data-testid': `figure-${id}`, 'aria-labelledby': `${id}-title` },
    el('header', {}, heading, tools, keeping),
    body,
    tableBody,
    caption,
  );
  let chart: Chart<TableData> | null = null;
  const isTable = (): boolean => table !== undefined && store.setup.tables.includes(id);

  if (table !== undefined) {
    const toggle = button({
      label: `${title}: show as table`,
      appearance: 'icon',
      icon: 'table',
      testId: `table-${id}`,
      onClick: () => {
        const others = store.setup.tables.filter((name) => name !== id);
        store.arrange({ tables: isTable() ? others : [...others, id] });
      },
    });
    toggle.classList.add('table-toggle');
    keeping.append(toggle);
  }
  if (options.saving !== undefined) {
    keeping.append(saveMenu({ ...options.saving, id, title, body, table }));
  } else if (options.saveTool !== undefined) {
    keeping.append(options.saveTool);
  }

  return {
    element,
    body,
    isTable,
    isOpen,
    refresh() {
      const open = isOpen();
      element.classList.toggle('folded', !open);
      fold.setAttribute('aria-expanded', String(open));
      tools.hidden = keeping.hidden = caption.hidden = !open;
      const asTable = open && isTable();
      element.classList.toggle('as-table', asTable);
      element.querySelector('.table-toggle')?.setAttribute('aria-pressed', String(asTable));
      body.hidden = asTable || !open;
      if (options.saveTool !== undefined) {
        // It saves a picture, and what is not on the screen has none.
        options.saveTool.hidden = asTable;
      }
      tableBody.hidden = !asTable;
      const data = asTable ? (table?.() ?? null) : null;
      if (data === null) {
        chart?.dispose();
        chart = null;
      } else if (chart === null) {
        const onPick = options.onPickRow;
        chart = drawTable(tableBody, data, onPick === undefined ? {} : { onPick });
      } else {
        chart.update(data);
      }
    },
    setCaption(text) {
      setText(caption, text);
    },
  };
}
