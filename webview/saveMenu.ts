/** The button that saves a figure: as SVG or PNG, and its numbers as CSV or JSON. */
import type { TableData } from './charts/table';
import { toCsv, toJson } from './cells';
import { button } from './controls';
import { el } from './dom';
import { pictureOf, pngOf } from './picture';

/** A file to be saved, as the host takes it. */
export interface SavedFile {
  suggestedName: string;
  kind: 'svg' | 'png' | 'csv' | 'json';
  data: string | Uint8Array;
}

export interface SaveOptions {
  id: string;
  title: string;
  body: HTMLElement;
  /** Absent where a figure has no numbers, `null` while there are none. */
  table?: (() => TableData | null) | undefined;
  /** Said in every JSON file: what was traced, with which model, under which interventions. */
  about(): Record<string, unknown>;
  background(): string;
  /** Start of the file's name. */
  name(): string;
  save(file: SavedFile): Promise<void>;
  /** The browser could not draw the picture. */
  failed(thrown: unknown): void;
}

type Kind = SavedFile['kind'];
const WORDS: Record<Kind, string> = {
  svg: 'Picture as SVG',
  png: 'Picture as PNG',
  csv: 'Table as CSV',
  json: 'Table as JSON',
};

/** Opens below its button and closes on a choice, on Escape, or when the focus leaves it. */
export function saveMenu(options: SaveOptions): HTMLElement {
  const { id, title } = options;
  const list = el('div', {
    class: 'menu',
    role: 'menu',
    'aria-label': `Save ${title}`,
    'data-testid': `save-menu-${id}`,
  });
  list.hidden = true;
  const toggle = button({
    label: `${title}: save`,
    appearance: 'icon',
    icon: 'save',
    testId: `save-${id}`,
    onClick: () => (list.hidden ? open() : close()),
  });
  toggle.setAttribute('aria-haspopup', 'menu');
  toggle.setAttribute('aria-expanded', 'false');
  const element = el('div', { class: 'save' }, toggle, list);

  function open(): void {
    const table = options.table?.() ?? null;
    // What is not on the screen has no picture: a figure shown as a table is saved as one.
    const pictures: Kind[] = options.body.hidden ? [] : ['svg', 'png'];
    const kinds: Kind[] = table === null ? pictures : [...pictures, 'csv', 'json'];
    list.replaceChildren(
      ...kinds.map((kind) => {
        const attributes = { type: 'button', role: 'menuitem', 'data-testid': `save-${id}-${kind}` };
        const item = el('button', attributes, WORDS[kind]);
        item.addEventListener('click', () => {
          close();
          toggle.focus();
          write(kind).catch(options.failed);
        });
        return item;
      }),
    );
    list.hidden = false;
    // It hangs from the right edge of its button, unless that button is too close to the left one of the page.
    list.classList.remove('from-left');
    list.classList.toggle('from-left', list.getBoundingClientRect().left < 0);
    toggle.setAttribute('aria-expanded', 'true');
    (list.firstElementChild as HTMLElement | null)?.focus();
  }

  function close(): void {
    list.hidden = true;
    toggle.setAttribute('aria-expanded', 'false');
  }

  async function write(kind: Kind): Promise<void> {
    const suggestedName = `${options.name()}-${id}.${kind}`;
    const table = options.table?.() ?? null;
    switch (kind) {
      case 'svg':
      case 'png': {
        const picture = pictureOf(options.body, title, options.background());
        const data = kind === 'svg' ? picture.svg : await pngOf(picture);
        return options.save({ suggestedName, kind, data });
      }
      case 'csv':
      case 'json':
        if (table !== null) {
          const data = kind === 'csv' ? toCsv(table) : toJson(table, options.about());
          await options.save({ suggestedName, kind, data });
        }
    }
  }

  element.addEventListener('focusout', (event) => {
    if (!(event.relatedTarget instanceof Node && element.contains(event.relatedTarget))) {
      close();
    }
  });
  element.addEventListener('keydown', (event) => {
    if (list.hidden) {
      return;
    }
    const items = [...list.querySelectorAll('button')];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Escape') {
      close();
      toggle.focus();
    } else if (by !== 0) {
      items[(at + by + items.length) % items.length]?.focus();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
  return element;
}
