/** What is going on: choosing a plan and starting it, progress with pause and cancel, failures with a way to go on. */
import type { BenchmarkRunState } from '../../extension/protocol';
import { button, dropdown, progressRing } from '../controls';
import { el, setText } from '../dom';
import type { BenchmarkStore } from './store';
import { formatRemaining } from './words';

export interface Part {
  element: HTMLElement;
  update(): void;
}

const CUSTOM = 'custom';
const CHECK_AFTER_MS = 300;

/** The chooser of plans; hidden where nothing can be run. */
export function planBar(store: BenchmarkStore): Part {
  const presets = dropdown<string>('Plan', 'preset', (preset) => choose(preset));
  const purpose = el('p', { class: 'purpose', 'data-testid': 'purpose' });
  const run = button({ label: 'Run', appearance: 'primary', testId: 'run', onClick: () => void start() });
  const open = button({
    label: 'Open result…',
    appearance: 'secondary',
    testId: 'open-result',
    onClick: () => void store.call('openFile', []),
  });
  const text = el('textarea', {
    class: 'plan-json',
    'aria-label': 'Plan as JSON',
    'data-testid': 'plan-json',
    rows: '12',
    spellcheck: 'false',
  });
  const complaint = el('p', { class: 'complaint', role: 'status', 'data-testid': 'plan-complaint' });
  const editor = el('div', { class: 'plan-editor' }, text, complaint);
  const element = el('section', { class: 'plan-bar', 'aria-label': 'Plan' });
  element.append(el('div', { class: 'row' }, presets.element, run, open), purpose, editor);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let checks = 0;

  function choose(preset: string): void {
    const known = store.state.catalogue?.presets.find(({ name }) => name === store.setup.preset)?.plan;
    const json = store.setup.json !== '' || known == null ? store.setup.json : JSON.stringify(known, null, 2);
    store.arrange(preset === CUSTOM ? { preset, json } : { preset });
    if (preset === CUSTOM) {
      text.value = json;
      check();
    }
  }

  function check(): void {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), CHECK_AFTER_MS);
  }

  async function ask(): Promise<void> {
    const mine = ++checks;
    const answer = await store.call('check', [text.value]);
    if (mine === checks && answer !== undefined) {
      complaint.textContent = answer ?? 'This plan can run.';
      complaint.dataset['valid'] = String(answer === null);
    }
  }

  async function start(): Promise<void> {
    const { preset } = store.setup;
    await store.call('start', [preset === CUSTOM ? { json: text.value } : { preset }]);
  }

  text.addEventListener('input', () => {
    store.arrange({ json: text.value });
    check();
  });

  return {
    element,
    update() {
      const { catalogue, mode, run: state } = store.state;
      element.hidden = mode === 'file' || state.kind === 'running';
      if (element.hidden) {
        return;
      }
      const known = catalogue?.presets ?? [];
      presets.set(
        [
          ...known.map(({ name, title, purpose: why }) => ({ value: name, label: title, title: why })),
          { value: CUSTOM, label: 'Custom plan' },
        ],
        store.setup.preset,
      );
      const custom = store.setup.preset === CUSTOM;
      editor.hidden = !custom;
      if (custom && text.value === '' && store.setup.json !== '') {
        text.value = store.setup.json;
        check();
      }
      purpose.textContent = custom
        ? 'A plan of your own, as JSON. Everything but version, name and engines has a default.'
        : (known.find(({ name }) => name === store.setup.preset)?.purpose ?? 'Starting the runner…');
    },
  };
}

/** Progress, notices and failures. */
export function runBar(store: BenchmarkStore): Part {
  const what = el('span', { class: 'what', 'data-testid': 'what' });
  const left = el('span', { class: 'left', 'data-testid': 'remaining' });
  const progress = el('progress', { max: '1', 'aria-label': 'Progress' });
  const pause = button({
    label: 'Pause',
    appearance: 'secondary',
    testId: 'pause',
    onClick: () => {
      const { run } = store.state;
      void store.call('pause', [run.kind !== 'running' || run.paused !== 'user']);
    },
  });
  const cancel = button({
    label: 'Cancel',
    appearance: 'secondary',
    testId: 'cancel',
    onClick: () => void store.call('cancel', []),
  });
  const ring = progressRing();
  const running = el(
    'div',
    { class: 'running', role: 'status' },
    ring,
    el('span', { class: 'doing' }, what, left),
    progress,
    pause,
    cancel,
  );
  const notices = el('ul', { class: 'notices', 'data-testid': 'notices' });
  const problem = el('div', { class: 'problem', role: 'alert' });
  const element = el('div', { class: 'status', 'data-testid': 'run-status' }, running, problem, notices);
  let shownProblem = '';

  function paintRunning(run: Extract<BenchmarkRunState, { kind: 'running' }>): void {
    const { progress: at } = run;
    const share = at === null ? 0 : Math.min(1, (at.done + at.part) / Math.max(1, at.total));
    what.textContent = run.ending
      ? `${run.name}: ending after the call being measured`
      : run.paused === 'inspection'
        ? `${run.name}: held while an inspection needs the machine; it goes on by itself`
        : run.paused === 'user'
          ? `${run.name}: paused; what was measured is kept`
          : at === null
            ? `${run.name}: starting`
            : `${run.name}: ${at.done + 1} of ${at.total}, ${at.what}`;
    what.title = what.textContent;
    left.textContent =
      run.paused === null && !run.ending && at?.remainingMs != null ? formatRemaining(at.remainingMs) : '';
    progress.value = share;
    pause.hidden = run.ending;
    // Painted at any time: a button whose text is replaced between press and release gets no click.
    setText(pause, run.paused === 'user' ? 'Go on' : 'Pause');
    cancel.hidden = run.ending;
    ring.hidden = run.paused !== null;
    element.dataset['paused'] = run.paused ?? '';
    element.dataset['share'] = share.toFixed(4);
  }

  function paintProblem(error: { code: string; message: string; action?: string }, resumable: string | null): void {
    const key = JSON.stringify([error, resumable]);
    if (key === shownProblem) {
      return;
    }
    shownProblem = key;
    problem.dataset['code'] = error.code;
    problem.replaceChildren(
      el('p', { class: 'message', 'data-testid': 'error-message' }, error.message),
      ...(resumable === null && error.action !== undefined ? [el('p', { class: 'advice' }, error.action)] : []),
      ...(resumable === null
        ? []
        : [el('p', { class: 'advice' }, 'What was measured until then is kept; the run can go on from there.')]),
      el(
        'div',
        { class: 'actions' },
        ...(resumable === null
          ? []
          : [
              button({
                label: 'Resume',
                appearance: 'primary',
                testId: 'resume',
                onClick: () => void store.call('resume', [resumable]),
              }),
            ]),
        ...(error.code === 'BAD_INPUT'
          ? []
          : [
              button({
                label: 'Show log',
                appearance: 'secondary',
                testId: 'show-log',
                onClick: () => void store.call('showLog', []),
              }),
            ]),
      ),
    );
  }

  return {
    element,
    update() {
      const { run, notices: sentences } = store.state;
      const error = store.localError ?? (run.kind === 'failed' ? run.error : null);
      const isProblem = error !== null && error.code !== 'CANCELLED';
      running.hidden = run.kind !== 'running';
      problem.hidden = !isProblem;
      notices.hidden = sentences.length === 0;
      element.hidden = running.hidden && problem.hidden && notices.hidden;
      element.dataset['kind'] = isProblem ? 'failed' : run.kind;
      notices.replaceChildren(...sentences.map((sentence) => el('li', {}, sentence)));
      if (run.kind === 'running') {
        paintRunning(run);
      }
      if (isProblem) {
        paintProblem(error, store.localError === null && run.kind === 'failed' ? run.resumable : null);
      } else {
        shownProblem = '';
      }
    },
  };
}
