/** The keyboard: one map for all views, shown by `?`. */
import { button } from './controls';
import { el } from './dom';
import type { Hint } from './hint';
import { interveneAtPinned, undoLast } from './intervene';
import type { Store } from './store';
import type { TreeChart } from './charts/treeMap';

interface Key {
  /** As shown in the map. */
  shown: string;
  does: string;
  matches(event: KeyboardEvent): boolean;
  run(): void;
}

const plain = (key: string) => (event: KeyboardEvent) => event.key === key && !event.shiftKey;
const shifted = (key: string) => (event: KeyboardEvent) => event.key === key && event.shiftKey;
const either = (key: string) => (event: KeyboardEvent) => event.key === key;

function keyMap(store: Store, tree: () => TreeChart | null, help: () => void, hint: Hint, find: () => void): Key[] {
  const step = (by: number): void => store.pin({ token: store.pinned.token + by });
  const layer = (by: number): void => store.pin({ layer: store.pinned.layer + by });
  const tryOut = (kind?: 'silence'): void => hint.say(interveneAtPinned(store, kind));
  return [
    { shown: '← →', does: 'previous or next token', matches: plain('ArrowLeft'), run: () => step(-1) },
    { shown: '', does: '', matches: plain('ArrowRight'), run: () => step(1) },
    { shown: '↑ ↓', does: 'previous or next layer', matches: plain('ArrowUp'), run: () => layer(-1) },
    { shown: '', does: '', matches: plain('ArrowDown'), run: () => layer(1) },
    { shown: 'Home End', does: 'first or last token', matches: plain('Home'), run: () => store.pin({ token: 0 }) },
    { shown: '', does: '', matches: plain('End'), run: () => store.pin({ token: Infinity }) },
    { shown: 't', does: 'next tree of the layer', matches: plain('t'), run: () => nextTree(store) },
    {
      shown: 'Shift ↑ ↓',
      does: 'walk along the path: up, or down',
      matches: shifted('ArrowUp'),
      run: () => walk(store, -1),
    },
    { shown: '', does: '', matches: shifted('ArrowDown'), run: () => walk(store, 1) },
    {
      shown: 'Shift ← →',
      does: 'neighbouring node of the level',
      matches: shifted('ArrowLeft'),
      run: () => beside(store, -1),
    },
    { shown: '', does: '', matches: shifted('ArrowRight'), run: () => beside(store, 1) },
    { shown: '+ −', does: 'zoom the tree in or out', matches: either('+'), run: () => tree()?.zoomBy(2) },
    { shown: '', does: '', matches: either('='), run: () => tree()?.zoomBy(2) },
    { shown: '', does: '', matches: either('-'), run: () => tree()?.zoomBy(0.5) },
    { shown: '0', does: 'show the whole tree', matches: plain('0'), run: () => tree()?.reset() },
    {
      shown: 'z',
      does: 'zoom to the pinned node, or to the leaf',
      matches: plain('z'),
      run: () => frame(store, tree()),
    },
    {
      shown: 'f s',
      does: 'what if: flip the pinned node’s decision, or silence the node',
      matches: plain('f'),
      run: () => tryOut(),
    },
    { shown: '', does: '', matches: plain('s'), run: () => tryOut('silence') },
    {
      shown: 'u',
      does: 'undo the last change under trial',
      matches: plain('u'),
      run: () => hint.say(undoLast(store)),
    },
    {
      shown: '1 2',
      does: 'tree map, or nodes and links',
      matches: plain('1'),
      run: () => store.arrange({ form: 'map' }),
    },
    { shown: '', does: '', matches: plain('2'), run: () => store.arrange({ form: 'nodeLink' }) },
    {
      shown: 'x',
      does: 'select the token beside others, or no longer',
      matches: plain('x'),
      run: () => store.toggleSelected(store.pinned.token),
    },
    { shown: '/', does: 'find a token', matches: either('/'), run: find },
    {
      shown: 'Enter',
      does: 'flip the pinned node; without one, show the token in the editor',
      matches: plain('Enter'),
      run: () => (store.pinned.node === null ? reveal(store) : tryOut()),
    },
    {
      shown: 'Esc',
      does: 'let the pinned node go, then the selected tokens',
      matches: either('Escape'),
      run: () => letGo(store),
    },
    { shown: '?', does: 'show or hide this map', matches: either('?'), run: help },
  ];
}

function nextTree(store: Store): void {
  const trees = store.view?.trees ?? 1;
  store.pin({ tree: (store.pinned.tree + 1) % trees });
}

function letGo(store: Store): void {
  if (store.pinned.node === null) {
    store.select([]);
  }
  store.pin({ node: null });
}

function reveal(store: Store): void {
  void store.call('revealToken', [store.pinned.token]);
}

function pathOf(store: Store): number[] {
  const { token, layer, tree } = store.pinned;
  return store.view?.layer(layer)?.path(token, tree) ?? [];
}

/** Moves the pinned node along the focused token's path; from off the path to the nearest ancestor on it. */
function walk(store: Store, by: number): void {
  const path = pathOf(store);
  const { node } = store.pinned;
  const at = node === null ? (by > 0 ? -1 : path.length) : path.indexOf(node);
  if (node !== null && at < 0) {
    store.pin({ node: by < 0 ? (node - 1) >> 1 : (path[31 - Math.clz32(node + 1)] ?? node) });
    return;
  }
  const next = path[at + by];
  if (next !== undefined) {
    store.pin({ node: next });
  }
}

function beside(store: Store, by: number): void {
  const node = store.pinned.node ?? pathOf(store).at(-1);
  if (node === undefined) {
    return;
  }
  const first = 2 ** (31 - Math.clz32(node + 1)) - 1;
  store.pin({ node: Math.max(first, Math.min(2 * first, node + by)) });
}

function frame(store: Store, tree: TreeChart | null): void {
  const node = store.pinned.node ?? pathOf(store).at(-1);
  if (node !== undefined) {
    tree?.frame(node);
  }
}

export interface Keyboard {
  /** The key map as a dialog; closed at first. */
  dialog: HTMLDialogElement;
  toggleHelp(): void;
}

/** Installs the keyboard on the page. Typing in a field, and tables' own scrolling, are left alone. */
export function installKeys(store: Store, tree: () => TreeChart | null, hint: Hint, find: () => void): Keyboard {
  const dialog = el('dialog', { class: 'keys', 'aria-label': 'Keyboard map', 'data-testid': 'key-map' });
  const toggleHelp = (): void => {
    if (dialog.open) {
      dialog.close();
    } else {
      dialog.showModal();
    }
  };
  const keys = keyMap(store, tree, toggleHelp, hint, find);
  const list = el('dl');
  for (const { shown, does } of keys.filter((key) => key.shown !== '')) {
    const caps = shown.split(' ').map((cap) => el('kbd', {}, cap));
    list.append(el('dt', {}, ...caps), el('dd', {}, does));
  }
  dialog.append(
    el('h2', {}, 'Keys'),
    list,
    el(
      'p',
      { class: 'caption' },
      'Pointing previews, clicking pins. Ctrl or ⌘ with the wheel zooms the tree, dragging moves it. Double click on a token shows it in the editor, on a node it flips the decision. Shift and click selects several tokens.',
    ),
    button({ label: 'Close', appearance: 'secondary', onClick: () => dialog.close() }),
  );
  document.addEventListener('keydown', (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const typing = target?.closest('select, input, textarea, .table, .segments, .menu:not([hidden])') ?? null;
    const pressing = event.key === 'Enter' && (target?.closest('button, vscode-button') ?? null) !== null;
    if (event.ctrlKey || event.metaKey || event.altKey || pressing || (typing !== null && event.key !== '?')) {
      return;
    }
    if (dialog.open && event.key !== '?') {
      return;
    }
    const key = keys.find((candidate) => candidate.matches(event));
    if (key !== undefined) {
      event.preventDefault();
      hint.say(null);
      key.run();
    }
  });
  return { dialog, toggleHelp };
}
