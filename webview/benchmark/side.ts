/** The column beside the pictures: where a result is from and how far it can be trusted, the history, and the notes. */
import type { BenchmarkEntry } from '../../extension/protocol';
import { button } from '../controls';
import { el } from '../dom';
import type { Part } from './runBar';
import type { BenchmarkStore } from './store';
import { endingText, formatDate, leftOut, machineFacts, NOTES, selfTestSummary } from './words';

function section(id: string, title: string, body: HTMLElement): HTMLElement {
  return el(
    'section',
    { class: 'figure', id, 'aria-labelledby': `${id}-title` },
    el('header', {}, el('h2', { id: `${id}-title` }, title)),
    body,
  );
}

/** Self-test, verified engines, what was left out, and the machine. */
export function trustPane(store: BenchmarkStore): Part {
  const badges = el('ul', { class: 'badges' });
  const facts = el('dl', { class: 'facts', 'data-testid': 'machine' });
  const out = el('ul', { class: 'left-out', 'data-testid': 'left-out' });
  const element = section('trust', 'Where the figures are from', el('div', {}, badges, facts, out));
  return {
    element,
    update() {
      const { shown, run } = store.state;
      element.hidden = shown === null;
      if (shown === null) {
        return;
      }
      const { result, entry } = shown;
      const test = selfTestSummary(result);
      const verified = result.rows.filter((row) => row.verified).length;
      badges.replaceChildren(
        ...(entry.thisMachine && entry.ending.kind !== 'recorded'
          ? []
          : [
              badge(
                'recorded',
                'Recorded',
                entry.thisMachine ? 'on this machine, from a file' : `on another machine: ${entry.machine}`,
                'recorded',
              ),
            ]),
        ...(test === null ? [] : [badge(test.noisy ? 'warn' : 'good', 'A/A self-test', test.text, 'self-test')]),
        ...(verified === 0
          ? []
          : [
              badge(
                verified === result.rows.length ? 'good' : 'warn',
                'Verified',
                `${verified} of ${result.rows.length} rows, against float64`,
                'verified',
              ),
            ]),
        ...result.environment.remarks.map((remark) => badge('info', 'Note', remark, 'remark')),
      );
      facts.replaceChildren(
        ...machineFacts(result).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
      );
      const lines = leftOut(result, run.kind === 'running' && run.id === entry.id);
      out.hidden = lines.length === 0;
      out.replaceChildren(...lines.map((line) => el('li', {}, line)));
    },
  };
}

function badge(kind: 'good' | 'warn' | 'info' | 'recorded', name: string, text: string, testId: string): HTMLElement {
  const glyph = { good: '✓', warn: '!', info: 'i', recorded: '◷' }[kind];
  return el(
    'li',
    { class: `badge ${kind}`, 'data-testid': `badge-${testId}`, 'data-kind': kind },
    el('span', { class: 'glyph', 'aria-hidden': 'true' }, glyph),
    el('span', {}, el('strong', {}, name), ` ${text}`),
  );
}

/** Earlier results: show, compare, resume, remove. */
export function historyPane(store: BenchmarkStore): Part {
  const list = el('ol', { class: 'history', 'data-testid': 'history' });
  const element = section('history', 'Results', list);
  let last = '';
  return {
    element,
    update() {
      const { history, shown, baseline, run, mode } = store.state;
      const others = mode === 'file' ? history.filter(({ ending }) => ending.kind !== 'running') : history;
      element.hidden = others.length === 0;
      // Buttons must keep the focus while progress comes many times a second.
      const paused = run.kind === 'running' && run.paused !== null;
      const key = JSON.stringify([others, shown?.entry.id, baseline?.entry.id, run.kind, paused, mode]);
      if (key !== last) {
        last = key;
        list.replaceChildren(...others.map(line));
      }
    },
  };

  function line(entry: BenchmarkEntry): HTMLElement {
    const { shown, baseline, run, mode } = store.state;
    const isShown = shown?.entry.id === entry.id;
    const isBaseline = baseline?.entry.id === entry.id;
    const act = (label: string, testId: string, onClick: () => unknown): HTMLElement => {
      const control = el('button', { type: 'button', class: 'link', 'data-testid': testId }, label);
      control.addEventListener('click', () => void onClick());
      return control;
    };
    const idle = run.kind !== 'running';
    const isPaused = run.kind === 'running' && run.paused !== null;
    // A run that went through may have cells for which memory or time did not suffice then.
    const resumable = entry.unfinished > 0 && entry.ending.kind !== 'recorded' && entry.ending.kind !== 'running';
    const actions = [
      ...(mode === 'panel' && !isShown ? [act('Show', 'show', () => store.call('show', [entry.id]))] : []),
      ...(isShown || shown === null || entry.rows === 0
        ? []
        : isBaseline
          ? [act('Stop comparing', 'uncompare', () => store.call('compare', [null]))]
          : [act('Compare', 'compare', () => store.call('compare', [entry.id]))]),
      ...(mode === 'panel' && idle && resumable
        ? [act('Resume', 'resume-entry', () => store.call('resume', [entry.id]))]
        : []),
      ...(mode === 'panel' && entry.ending.kind !== 'running'
        ? [act('Remove', 'remove', () => store.call('remove', [entry.id]))]
        : []),
    ];
    const element = el(
      'li',
      {
        'data-testid': 'entry',
        'data-id': entry.id,
        'data-ending': entry.ending.kind,
        'data-name': entry.name,
        'data-recorded-at': entry.recordedAt,
      },
      el('span', { class: 'title' }, entry.name),
      el('span', { class: 'about' }, `${formatDate(entry.recordedAt)} · ${endingText(entry, isPaused)}`),
      ...(entry.thisMachine ? [] : [el('span', { class: 'about machine' }, `on ${entry.machine}`)]),
      el('span', { class: 'links' }, ...actions),
    );
    if (isShown) {
      element.setAttribute('aria-current', 'true');
    }
    element.classList.toggle('baseline', isBaseline);
    return element;
  }
}

/** Plain words on every number, and what each engine of this result includes. */
export function notesPane(store: BenchmarkStore): Part {
  const list = el('dl', { class: 'notes', 'data-testid': 'notes' });
  const element = section('notes', 'What the numbers mean', list);
  let last = '';
  return {
    element,
    update() {
      const { shown, catalogue } = store.state;
      const present = [...new Set(shown?.result.rows.map(({ engine }) => engine) ?? [])];
      const key = `${present.join()}${catalogue === null ? '' : '+'}`;
      if (key === last && list.childElementCount > 0) {
        return;
      }
      last = key;
      const engines = present.flatMap((name): [string, string][] => {
        const meaning = catalogue?.engines.find((engine) => engine.name === name)?.meaning;
        return meaning === undefined ? [] : [[name, meaning]];
      });
      list.replaceChildren(
        ...[...NOTES, ...engines].flatMap(([name, words]) => [el('dt', {}, name), el('dd', {}, words)]),
      );
    },
  };
}

/** Saves the shown result. */
export function exportButton(store: BenchmarkStore): HTMLElement {
  return button({
    label: 'Save result…',
    appearance: 'secondary',
    testId: 'export-result',
    onClick: () => void store.call('exportResult', []),
  });
}
