/** The benchmark's page, in its panel and in the editor of result files: built once, repainted where something changed. */
import type { BenchmarkViewApi, BenchmarkViewEvents } from '../../extension/protocol';
import { registerControls } from '../controls';
import { el } from '../dom';
import { connect } from '../host';
import { keepScroll } from '../scroll';
import { applyTheme, observeTheme, readTheme } from '../theme';
import { benchmarkFigures } from './figures';
import { planBar, runBar } from './runBar';
import { exportButton, historyPane, notesPane, trustPane } from './side';
import { BenchmarkStore } from './store';
import { endingText, formatDate, headline } from './words';

registerControls();
const host = connect<BenchmarkViewApi, BenchmarkViewEvents>();
const store = new BenchmarkStore(host);
const scroll = keepScroll(host);
/** What the comparison on screen is with. */
let compared: string | null = null;
let theme = readTheme('--vscode-editor-background');
const currentTheme = (): typeof theme => theme;

const title = el('h1', { 'data-testid': 'title' });
const tag = el('span', { class: 'tag', 'data-testid': 'recorded' });
const subtitle = el('p', { class: 'subtitle', 'data-testid': 'subtitle' });
const verdict = el('p', { class: 'headline', 'data-testid': 'headline' });
const save = exportButton(store);
const masthead = el(
  'div',
  { class: 'masthead' },
  el('div', { class: 'names' }, el('div', { class: 'title-row' }, title, tag), subtitle),
  el('div', { class: 'actions' }, save),
);
const welcome = el(
  'p',
  { class: 'lead', 'data-testid': 'welcome' },
  'A fair trial on this machine: the same weights and inputs for every engine, outputs verified before anything is timed, samples taken in turns, intervals on every ratio, and the whole encoder beside the layer.',
);
const plan = planBar(store);
const run = runBar(store);
const figures = benchmarkFigures(store, currentTheme);
const side = [trustPane(store), historyPane(store), notesPane(store)];
const columns = el(
  'div',
  { class: 'figures' },
  figures.element,
  el('div', { class: 'column' }, ...side.map((part) => part.element)),
);
const content = el('div', { class: 'content' }, masthead, plan.element, welcome, verdict, columns);
const app = document.getElementById('app') ?? document.body;
app.setAttribute('role', 'main');
app.append(run.element, content);
applyTheme(app, theme);

function stateName(): string {
  const { run: state, shown } = store.state;
  if (state.kind === 'running') {
    return state.paused === null ? 'running' : 'paused';
  }
  return state.kind === 'failed' ? 'failed' : (shown?.entry.ending.kind ?? 'empty');
}

store.onChange(() => {
  if (!store.hydrated) {
    return;
  }
  const { shown, run: state, mode } = store.state;
  const hasRows = store.rows.length > 0;
  const starting = state.kind === 'running' && shown === null;
  const isPaused = state.kind === 'running' && state.paused !== null;
  title.textContent = shown?.entry.name ?? (state.kind === 'running' ? state.name : 'Benchmark');
  subtitle.textContent =
    shown === null
      ? starting
        ? 'Preparing the first measurement'
        : 'FFF layers against dense layers, measured here'
      : `${formatDate(shown.entry.recordedAt)} · ${shown.entry.machine} · ${endingText(shown.entry, isPaused)}`;
  tag.hidden = shown === null || (shown.entry.thisMachine && shown.entry.ending.kind !== 'recorded');
  tag.textContent = shown?.entry.thisMachine === false ? 'Recorded on another machine' : 'Recorded';
  verdict.textContent =
    shown === null ? '' : headline(shown.result, state.kind === 'running' && state.id === shown.entry.id);
  verdict.hidden = shown === null || !hasRows;
  welcome.hidden = hasRows || mode === 'file';
  save.hidden = shown === null || !hasRows;
  figures.element.hidden = !hasRows && !starting && shown === null;
  // Of a file that is no result there is only the sentence that says so.
  content.hidden = mode === 'file' && shown === null;
  content.dataset['state'] = stateName();
  content.dataset['mode'] = mode;
  content.dataset['shown'] = shown?.entry.id ?? '';
  content.dataset['rows'] = String(store.rows.length);
  [plan, run, figures, ...side].forEach((part) => part.update());
  const baseline = store.state.baseline?.entry.id ?? null;
  if (baseline !== compared) {
    compared = baseline;
    // In one column the comparison is far above the list it was asked for in.
    document.getElementById('compare')?.scrollIntoView({ block: 'nearest' });
  }
  scroll.painted(shown?.entry.id ?? '');
});

observeTheme(() => {
  theme = readTheme('--vscode-editor-background');
  applyTheme(app, theme);
  store.changed();
});
store.changed();
void store.start();
