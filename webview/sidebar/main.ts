/** The sidebar's *Tree Path*: the trace at 300 px, one column, the same focus as the trace panel. */
import { ladderLine } from '../charts/passShare';
import { button, dropdown, registerControls } from '../controls';
import { el, setText } from '../dom';
import { connect } from '../host';
import { hintLine } from '../hint';
import { installKeys } from '../keys';
import { predictionsPane, shownLabel, spinePane, tokensPane, treePane } from '../panes';
import { keepScroll, traceKey } from '../scroll';
import { search } from '../search';
import { statusBar } from '../status';
import { Store } from '../store';
import { applyTheme, observeTheme, readTheme } from '../theme';
import { welcome } from '../welcome';
import { undoTools, whatIfPane } from '../whatIfPane';

/** Height the tree strip may take, px. */
const STRIP_HEIGHT = 108;

registerControls();
const host = connect();
const store = new Store(host);
const scroll = keepScroll(host);
let theme = readTheme('--vscode-sideBar-background');
const currentTheme = (): typeof theme => theme;

const status = statusBar(store);
const empty = welcome(store);
const source = el('h1', { class: 'source', 'data-testid': 'source' });
const openPanel = button({
  label: 'Open the trace panel',
  appearance: 'icon',
  icon: 'open',
  testId: 'open-panel',
  onClick: () => void store.call('openTracePanel', []),
});
const finder = search(store);
const find = button({
  label: 'Find a token (/)',
  appearance: 'icon',
  icon: 'find',
  testId: 'find',
  onClick: finder.toggle,
});
const layers = dropdown<number>('Layer', 'layers', (layer) => store.pin({ layer }));
const trees = dropdown<number>('Tree', 'trees', (tree) => store.pin({ tree }));
const stepLayer = (by: number, label: string, icon: 'up' | 'down'): HTMLElement =>
  button({ label, appearance: 'icon', icon, onClick: () => store.pin({ layer: store.pinned.layer + by }) });
const stepper = el(
  'div',
  { class: 'toolbar' },
  layers.element,
  stepLayer(-1, 'Previous layer', 'up'),
  stepLayer(1, 'Next layer', 'down'),
  trees.element,
);

const section = (name: string, ...children: HTMLElement[]): HTMLElement =>
  el('section', { class: `side-section ${name}` }, ...children);
const tokenBody = el('div');
const stripBody = el('div');
const spineTitle = el('h2', {});
const spineBody = el('div');
const predictionTitle = el('h2', {}, 'Predictions');
const predictionBody = el('div');
const whatIfBody = el('div');
const undo = undoTools(store);
const ladder = el('p', { class: 'ladder-line', 'data-testid': 'ladder' });

const strip = treePane(store, stripBody, currentTheme, { height: STRIP_HEIGHT, compact: true });
const hint = hintLine();
const keyboard = installKeys(store, () => strip.chart(), hint, finder.open);
const panes = [
  tokensPane(store, tokenBody, currentTheme),
  strip,
  spinePane(store, spineBody, currentTheme),
  whatIfPane(store, whatIfBody),
  predictionsPane(store, predictionBody, currentTheme),
];
const whatIfSection = section(
  'what-if-section',
  el('header', {}, el('h2', {}, 'What if'), el('div', { class: 'tools' }, ...undo.elements)),
  whatIfBody,
);
const predictionSection = section('predict', predictionTitle, predictionBody);
const content = el(
  'div',
  { class: 'content' },
  el('div', { class: 'masthead' }, source, find, openPanel),
  finder.element,
  tokenBody,
  stepper,
  section('strip', stripBody),
  section('path', spineTitle, spineBody),
  whatIfSection,
  predictionSection,
  ladder,
);
const app = document.getElementById('app') ?? document.body;
app.setAttribute('role', 'main');
app.append(status.element, empty.element, content, hint.element, keyboard.dialog);
applyTheme(app, theme);

let paintedRun: number | null = null;
store.onChange((changes) => {
  const { trace, timings, passTiming } = store.state;
  status.update();
  empty.update();
  content.hidden = trace === null;
  content.classList.toggle('stale', store.state.status.kind === 'running');
  if (trace === null || store.view === null) {
    return;
  }
  const { layer, tree, token } = store.sight;
  setText(source, store.state.source?.label ?? 'Trace');
  content.dataset['run'] = String(trace.runId);
  content.dataset['token'] = String(store.pinned.token);
  content.dataset['layer'] = String(store.pinned.layer);
  layers.set(
    trace.layers.map((routing, value) => ({
      value,
      label: `${value} of 0–${trace.layers.length - 1}${routing === null ? ' (dense)' : ''}`,
    })),
    layer,
  );
  trees.element.hidden = store.view.trees < 2;
  trees.set(
    Array.from({ length: store.view.trees }, (_, value) => ({ value, label: String(value) })),
    tree,
  );
  const leaf = store.view.layer(layer)?.leaf(token, tree);
  spineTitle.replaceChildren(
    el('span', { class: 'word' }, shownLabel(store)),
    leaf === undefined ? '' : ` → leaf ${leaf}`,
  );
  finder.update();
  undo.update();
  whatIfSection.hidden = store.state.whatIf.interventions.length === 0;
  predictionSection.hidden = trace.predictions.length === 0;
  setText(ladder, ladderLine({ trace, timings, passTiming }));
  for (const pane of panes) {
    pane.update(changes);
  }
  if (paintedRun !== trace.runId) {
    paintedRun = trace.runId;
    scroll.painted(traceKey(trace));
    // What was just built is on screen after the frame this callback runs in.
    requestAnimationFrame(() => void store.call('painted', [trace.runId]));
  }
});

observeTheme(() => {
  theme = readTheme('--vscode-sideBar-background');
  applyTheme(app, theme);
  store.changed('theme');
});
store.changed('status');
void store.start();
