/** The trace panel: builds the page once, then lets each pane repaint itself when what it shows changed. */
import { segmented, dropdown, button, registerControls, type Picker } from '../controls';
import { el, setText } from '../dom';
import { figures } from './figures';
import { connect } from '../host';
import { hintLine } from '../hint';
import { installKeys } from '../keys';
import { tokensPane } from '../panes';
import { sourceLine, modelLine } from '../provenance';
import { keepScroll, traceKey } from '../scroll';
import { search } from '../search';
import { statusBar } from '../status';
import { Store } from '../store';
import { applyTheme, observeTheme, readTheme } from '../theme';
import { welcome } from '../welcome';

/** More layers than this are chosen from a list. */
const LAYERS_IN_A_ROW = 16;

registerControls();
const host = connect();
const store = new Store(host);
let theme = readTheme('--vscode-editor-background');
const currentTheme = (): typeof theme => theme;

const status = statusBar(store);
const empty = welcome(store);
const panes = figures(store, currentTheme);
const scroll = keepScroll(host, panes.settle);
const finder = search(store);
const hint = hintLine();
const keyboard = installKeys(store, () => panes.tree.chart(), hint, finder.open);

const title = el('h1', { 'data-testid': 'source' });
const subtitle = el('p', { class: 'subtitle', 'data-testid': 'model' });
const layerRow = segmented<number>('Layer', 'layers', (layer) => store.pin({ layer }));
const layerList = dropdown<number>('Layer', 'layers-list', (layer) => store.pin({ layer }));
const treeList = dropdown<number>('Tree', 'trees', (tree) => store.pin({ tree }));
const colours = dropdown<number>('Colours', 'colour-level', (colourLevel) => store.arrange({ colourLevel }));
const inspect = button({
  label: 'Inspect selection',
  appearance: 'secondary',
  testId: 'inspect',
  onClick: () => void store.call('inspectSelection', []),
});
const help = button({
  label: 'Keyboard map (?)',
  appearance: 'icon',
  icon: 'keys',
  testId: 'help',
  onClick: keyboard.toggleHelp,
});
const find = button({
  label: 'Find a token (/)',
  appearance: 'icon',
  icon: 'find',
  testId: 'find',
  onClick: finder.toggle,
});
const save = button({
  label: 'Save the trace…',
  appearance: 'icon',
  icon: 'save',
  testId: 'export-trace',
  onClick: () => void store.call('exportTrace', []),
});
const tokenBody = el('div', { class: 'token-body' });
const tokens = tokensPane(store, tokenBody, currentTheme);
const footer = el('p', { class: 'provenance', 'data-testid': 'provenance' });
const content = el(
  'div',
  { class: 'content' },
  el(
    'div',
    { class: 'masthead' },
    el('div', { class: 'names' }, title, subtitle),
    el('div', { class: 'actions' }, inspect, find, save, help),
  ),
  finder.element,
  tokenBody,
  el('div', { class: 'toolbar' }, layerRow.element, layerList.element, treeList.element, colours.element),
  panes.element,
  footer,
);
const app = document.getElementById('app') ?? document.body;
app.setAttribute('role', 'main');
app.append(status.element, empty.element, content, hint.element, keyboard.dialog);
applyTheme(app, theme);

function updateToolbar(): void {
  const { trace } = store.state;
  if (trace === null || store.view === null) {
    return;
  }
  const { layer, tree } = store.sight;
  const choices = trace.layers.map((routing, value) => ({
    value,
    label: String(value),
    title: routing === null ? `Layer ${value} (dense)` : `Layer ${value}`,
  }));
  const inRow = choices.length <= LAYERS_IN_A_ROW;
  show(layerRow, inRow, choices, layer);
  show(layerList, !inRow, choices, layer);
  const trees = Array.from({ length: store.view.trees }, (_, value) => ({ value, label: String(value) }));
  show(treeList, trees.length > 1, trees, tree);
  const { feedforward } = trace.model;
  const depth = feedforward.kind === 'fff' ? feedforward.depth : 0;
  const levels = [1, 2, 3, 4, 5]
    .filter((level) => level <= depth)
    .map((value) => ({ value, label: `${2 ** value} sub-trees` }));
  show(colours, levels.length > 1, levels, Math.min(store.setup.colourLevel, Math.max(1, depth)));
}

function show(
  picker: Picker<number>,
  visible: boolean,
  choices: readonly { value: number; label: string }[],
  chosen: number,
): void {
  picker.element.hidden = !visible;
  if (visible) {
    picker.set(choices, chosen);
  }
}

let paintedRun: number | null = null;
store.onChange((changes) => {
  const { trace, source } = store.state;
  status.update();
  empty.update();
  content.hidden = trace === null;
  content.classList.toggle('stale', store.state.status.kind === 'running');
  if (trace === null) {
    return;
  }
  setText(title, source?.label ?? 'Trace');
  setText(subtitle, modelLine(trace));
  setText(footer, sourceLine(trace, store.state.timings));
  content.dataset['run'] = String(trace.runId);
  content.dataset['token'] = String(store.pinned.token);
  content.dataset['layer'] = String(store.pinned.layer);
  finder.update();
  updateToolbar();
  tokens.update(changes);
  const revealing = store.reveal !== null;
  panes.update(changes);
  if (paintedRun !== trace.runId) {
    paintedRun = trace.runId;
    scroll.painted(traceKey(trace), revealing);
    // What was just built is on screen after the frame this callback runs in.
    requestAnimationFrame(() => void store.call('painted', [trace.runId]));
  }
});

observeTheme(() => {
  theme = readTheme('--vscode-editor-background');
  applyTheme(app, theme);
  store.changed('theme');
});
store.changed('status');
void store.start();
