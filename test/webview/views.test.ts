import { afterEach, describe, expect, it, vi } from 'vitest';
import { pathToLeaf } from '../../extension/tree';
import { sampleState, sampleTiming, sampleTrace } from './support/sampleTrace';
import { openView, type ViewPage } from './support/viewPage';

afterEach(() => vi.unstubAllGlobals());

const called = (page: ViewPage, method: string): unknown[][] =>
  page.calls.filter((call) => call.method === method).map(({ parameters }) => parameters);

function pathOf(state: ReturnType<typeof sampleState>, layer: number, token: number, tree = 0): string {
  const trace = state.trace!;
  const { feedforward } = trace.model;
  if (feedforward.kind !== 'fff') {
    throw new Error('The sample model routes.');
  }
  return pathToLeaf(trace.layers[layer]!.leaves[token * feedforward.trees + tree]!, feedforward.depth).join(',');
}

describe('trace panel', () => {
  it('paints the trace it is given and says so once', async () => {
    const state = sampleState();
    const page = await openView('trace', state);
    expect(page.find('source').textContent).toBe('range.ts:1');
    expect(page.find('model').textContent).toBe(
      'default: 4 layers, 384 wide, 12 of 4,095 neurons a token and layer (0.3 %)',
    );
    const tokens = [...document.querySelectorAll<HTMLElement>('[data-testid="token"]')];
    expect(tokens.map(({ dataset }) => dataset['text'])).toEqual(state.trace!.tokens.map(({ text }) => text));
    expect(page.find('tree-map').dataset['path']).toBe(pathOf(state, 0, 10));
    expect(page.find('spine').dataset['path']).toBe(pathOf(state, 0, 10));
    expect(document.querySelectorAll('[data-testid="timing"][data-state="measured"]')).toHaveLength(4);
    expect(document.querySelectorAll('[data-testid="predictions"] .prediction')).toHaveLength(2);
    expect(page.find('provenance').textContent).toMatch(
      /^Run 12 · 44 tokens · 11\.2 ms in all · kernel avx2 · 1 thread · weights F16, computed in float32 · SHA-256 3fa9c2d1 · FFF against masked twin: largest difference 2\.1e−7\.$/,
    );
    expect(called(page, 'painted')).toEqual([[12]]);
  });

  it('steps tokens and layers by arrow keys, tells the host, and stops at the ends', async () => {
    const state = sampleState();
    const page = await openView('trace', state);
    await page.press('ArrowRight');
    await page.press('ArrowDown');
    expect(page.find('spine').dataset['path']).toBe(pathOf(state, 1, 11));
    expect(called(page, 'setFocus').at(-1)).toEqual([{ token: 11, layer: 1, tree: 0, node: null }]);
    await page.press('End');
    await page.press('ArrowRight');
    expect(page.find('spine').dataset['token']).toBe('43');
    for (let i = 0; i < 5; i++) {
      await page.press('ArrowDown');
    }
    expect(page.find('spine').dataset['layer']).toBe('3');
    await page.press('Home');
    expect(page.find('spine').dataset['token']).toBe('0');
  });

  it('walks the path by Shift and arrows, and lets go by Escape', async () => {
    const state = sampleState();
    const page = await openView('trace', state);
    const path = pathOf(state, 0, 10).split(',').map(Number);
    for (let i = 0; i < 3; i++) {
      await page.press('ArrowDown', { shiftKey: true });
    }
    const node = (): unknown => (called(page, 'setFocus').at(-1) as [{ node: number | null }])[0].node;
    expect(node()).toBe(path[2]);
    await page.press('ArrowUp', { shiftKey: true });
    expect(node()).toBe(path[1]);
    await page.press('ArrowRight', { shiftKey: true });
    expect(node()).toBe(2);
    await page.press('ArrowRight', { shiftKey: true });
    expect(node()).toBe(2);
    await page.press('Escape');
    expect(node()).toBeNull();
  });

  it('previews under the pointer without the host, and pins on click', async () => {
    const state = sampleState();
    const page = await openView('trace', state);
    const chip = document.querySelector<HTMLElement>('[data-testid="token"][data-index="4"]')!;
    chip.dispatchEvent(new Event('pointerover', { bubbles: true }));
    await page.settle();
    expect(page.find('spine').dataset['path']).toBe(pathOf(state, 0, 4));
    expect(called(page, 'setFocus')).toEqual([]);
    page.find('tokens').dispatchEvent(new Event('pointerleave'));
    await page.settle();
    expect(page.find('spine').dataset['path']).toBe(pathOf(state, 0, 10));
    chip.click();
    await page.settle();
    expect(page.find('spine').dataset['path']).toBe(pathOf(state, 0, 4));
    expect(called(page, 'setFocus')).toEqual([[{ token: 4, layer: 0, tree: 0, node: null }]]);
  });

  it('follows the focus of other views, refines timings, and takes a new trace', async () => {
    const state = { ...sampleState(), timings: [], passTiming: null };
    const page = await openView('trace', state);
    await page.emit('focus', { token: 2, layer: 3, tree: 0, node: null });
    expect(page.find('spine').dataset['path']).toBe(pathOf(state, 3, 2));
    const states = (): (string | undefined)[] =>
      [...document.querySelectorAll<HTMLElement>('[data-testid="timing"]')].map(({ dataset }) => dataset['state']);
    expect(states()).toEqual(['pending', 'pending', 'pending', 'pending']);
    await page.emit('timing', sampleTiming(2, 44));
    expect(states()).toEqual(['pending', 'pending', 'measured', 'pending']);
    expect(page.find('ladder').textContent).toContain('1 of 4 layers measured so far');
    for (const layer of [0, 1, 3]) {
      await page.emit('timing', sampleTiming(layer, 44));
    }
    expect(page.find('ladder').textContent).toContain('4 of 4 layers measured so far');
    await page.emit('passTiming', sampleState().passTiming!);
    expect(page.find('ladder').textContent).toContain('for the whole pass that makes 1.63× [1.60, 1.66]');
    const trace = { ...sampleTrace({ text: 'x = <mask>', depth: 3, layers: 2 }), runId: 13 };
    await page.emit('traced', {
      trace,
      source: { label: 'other.py:9', uri: null, offset: 0 },
      focus: { token: 0, layer: 0, tree: 0, node: null },
    });
    expect(page.find('source').textContent).toBe('other.py:9');
    expect(document.querySelectorAll('[data-testid="token"]')).toHaveLength(4);
    expect(page.find('tree-map').dataset['nodes']).toBe('15');
    expect(states()).toEqual(['pending', 'pending']);
    expect(page.find('ladder').textContent).not.toContain('×');
    expect(called(page, 'painted')).toEqual([[12], [13]]);
  });

  it('offers every figure as a table and remembers which', async () => {
    const state = sampleState();
    const page = await openView('trace', state);
    const rows: Record<string, number> = {
      tree: new Set(state.trace!.tokens.flatMap((_, token) => pathOf(state, 0, token).split(','))).size,
      spine: 12,
      navigator: 44,
      neurons: 48,
      predictions: 10,
      timings: 4,
    };
    for (const [id, count] of Object.entries(rows)) {
      page.find(`table-${id}`).click();
      await page.settle();
      const table = page.find(`figure-${id}`).querySelector('table');
      expect([id, table?.getAttribute('aria-rowcount')]).toEqual([id, String(count + 1)]);
    }
    expect(page.saved).toMatchObject({ tables: Object.keys(rows) });
    page.find('table-spine').click();
    await page.settle();
    expect(page.find('figure-spine').querySelector('table')).toBeNull();
    expect(page.saved).toMatchObject({ tables: Object.keys(rows).filter((id) => id !== 'spine') });
  });

  it('comes back as it was set up', async () => {
    const page = await openView('trace', sampleState(), { form: 'nodeLink', colourLevel: 2, tables: ['spine'] });
    expect(page.find('node-link').dataset['path']).toBe(pathOf(sampleState(), 0, 10));
    expect(page.find('figure-spine').querySelector('table')).not.toBeNull();
    expect(page.find('colour-level').dataset['value']).toBe('2');
    await page.press('1');
    expect(page.find('tree-map').dataset['path']).toBe(pathOf(sampleState(), 0, 10));
    expect(document.querySelector('[data-testid="node-link"]')).toBeNull();
  });

  it('survives a saved state that makes no sense', async () => {
    const page = await openView('trace', sampleState(), { form: 7, colourLevel: 'x', tables: [1, 'spine', null] });
    expect(page.find('tree-map').dataset['leaf']).not.toBe('');
    expect(page.find('colour-level').dataset['value']).toBe('3');
  });

  it('lists the closest decisions and goes to the one picked', async () => {
    const page = await openView('trace', sampleState());
    const row = page.find('figure-boundary').querySelector<HTMLElement>('tr[data-row="1"]')!;
    const [, token, layer, node] = [...row.children].map(({ textContent }) => textContent);
    row.querySelector('td')!.click();
    await page.settle();
    const [focus] = called(page, 'setFocus').at(-1) as [{ token: number; layer: number; node: number }];
    expect(String(focus.layer)).toBe(layer);
    expect(String(focus.node)).toBe(node);
    expect(sampleTrace().tokens[focus.token]!.text).toBe(token);
    expect(page.find('figure-boundary').querySelector('[aria-current]')!.getAttribute('data-row')).toBe('1');
  });

  it('chooses trees by list and by key where there are several', async () => {
    const state = sampleState({ trees: 8, depth: 4 });
    const page = await openView('trace', state);
    expect(page.find('trees').hidden).toBe(false);
    await page.press('t');
    expect(page.find('tree-map').dataset['path']).toBe(pathOf(state, 0, 10, 1));
    const select = page.find('trees').querySelector('select')!;
    select.selectedIndex = 7;
    select.dispatchEvent(new Event('change'));
    await page.settle();
    expect(page.find('tree-map').dataset['path']).toBe(pathOf(state, 0, 10, 7));
  });

  it('shows a dense layer as such and routes again in the next', async () => {
    const state = sampleState({ dense: [0] });
    const page = await openView('trace', state);
    expect(page.find('figure-tree').textContent).toContain('Layer 0 is dense');
    expect(document.querySelector('[data-testid="tree-map"]')).toBeNull();
    await page.press('ArrowDown');
    expect(page.find('tree-map').dataset['path']).toBe(pathOf(state, 1, 10));
  });

  it('keeps the map of keys behind "?"', async () => {
    const page = await openView('trace', sampleState());
    const dialog = page.find('key-map') as HTMLDialogElement;
    expect(dialog.open).toBe(false);
    await page.press('?');
    expect(dialog.open).toBe(true);
    expect(dialog.querySelectorAll('dt')).toHaveLength(17);
    await page.press('ArrowRight');
    expect(called(page, 'setFocus')).toEqual([]);
    await page.press('?');
    expect(dialog.open).toBe(false);
  });
});

describe.each(['trace', 'sidebar'] as const)('%s states', (view) => {
  const none = { ...sampleState(), trace: null, source: null, timings: [] };

  it('invites while there is nothing', async () => {
    const page = await openView(view, none);
    expect(page.find('welcome').hidden).toBe(false);
    expect(page.find('status').hidden).toBe(true);
    page.find('inspect-welcome').click();
    await page.settle();
    expect(called(page, 'inspectSelection')).toEqual([[]]);
    expect(called(page, 'painted')).toEqual([]);
  });

  it('shows progress with a way out, keeping the last trace', async () => {
    const page = await openView(view, sampleState());
    await page.emit('status', { kind: 'running', runId: 13, label: 'a.ts:1', done: 2, total: 8, what: 'layer 2 of 4' });
    expect(page.find('status').textContent).toContain('a.ts:1: layer 2 of 4');
    expect(page.find('status').querySelector('progress')!.value).toBe(0.25);
    expect(page.find('tree-map').dataset['leaf']).not.toBe('');
    page.find('cancel').click();
    await page.settle();
    expect(called(page, 'cancel')).toEqual([[]]);
    await page.emit('status', { kind: 'idle' });
    expect(page.find('status').hidden).toBe(true);
  });

  it('shows a failure as its sentence with the action that helps', async () => {
    const page = await openView(view, none);
    const error = { code: 'RUNNER_EXITED', message: 'The runner stopped (SIGKILL).', action: 'Run it again.' } as const;
    await page.emit('status', { kind: 'failed', error });
    expect(page.find('error-message').textContent).toBe('The runner stopped (SIGKILL).');
    expect(page.find('status').textContent).toContain('Run it again.');
    page.find('restart-runner').click();
    page.find('show-log').click();
    await page.settle();
    expect([called(page, 'restartRunner'), called(page, 'showLog')]).toEqual([[[]], [[]]]);
    await page.emit('status', { kind: 'failed', error: { code: 'BAD_INPUT', message: '<b>Nothing</b> is selected.' } });
    expect(page.find('error-message').textContent).toBe('<b>Nothing</b> is selected.');
    expect(document.querySelector('[data-testid="restart-runner"]')).toBeNull();
  });

  it('treats a cancelled run as no failure', async () => {
    const page = await openView(view, none);
    await page.emit('status', { kind: 'failed', error: { code: 'CANCELLED', message: 'The run was cancelled.' } });
    expect(page.find('status').hidden).toBe(true);
  });

  it('shows what the host refused', async () => {
    const page = await openView(view, none);
    page.refuse.set('inspectSelection', { code: 'BAD_INPUT', message: 'No editor is open.' });
    page.find('inspect-welcome').click();
    await page.settle();
    expect(page.find('error-message').textContent).toBe('No editor is open.');
  });

  it('says when the runner is gone for good', async () => {
    const page = await openView(view, none);
    const error = { code: 'RUNNER_GAVE_UP', message: 'The runner crashed three times.' } as const;
    await page.emit('runner', { kind: 'crashed', error, willRestart: true });
    expect(page.find('status').hidden).toBe(true);
    await page.emit('runner', { kind: 'crashed', error, willRestart: false });
    expect(page.find('error-message').textContent).toBe('The runner crashed three times.');
  });
});

describe('sidebar', () => {
  it('shows tokens, strip, spine and the ladder in one line', async () => {
    const state = sampleState();
    const page = await openView('sidebar', state);
    expect(page.find('tree-map').dataset['path']).toBe(pathOf(state, 0, 10));
    expect(page.find('spine').dataset['path']).toBe(pathOf(state, 0, 10));
    expect(page.find('ladder').textContent).toBe(
      'FFF 270 µs = 2.6 % of 10.3 ms · layers 25.2× · pass 1.63× [1.60, 1.66] of at most 1.68×',
    );
    page.find('open-panel').click();
    await page.settle();
    expect(called(page, 'openTracePanel')).toEqual([[]]);
    expect(called(page, 'painted')).toEqual([[12]]);
  });

  it('says how many characters no token stands for, like the panel, and only then', async () => {
    const state = sampleState();
    for (const view of ['sidebar', 'trace'] as const) {
      const page = await openView(view, { ...state, trace: { ...state.trace!, leftOutCharacters: 2 } });
      const line = page.find('left-out');
      expect(line.hidden).toBe(false);
      expect(line.textContent).toBe("2 characters are not in this model's vocabulary and were left out.");
      const trace = { ...state.trace!, runId: 13, leftOutCharacters: 0 };
      await page.emit('traced', { trace, source: state.source!, focus: state.focus });
      expect(line.hidden).toBe(true);
      document.body.replaceChildren();
    }
  });

  it('steps layers and shares its focus', async () => {
    const state = sampleState();
    const page = await openView('sidebar', state);
    await page.press('ArrowDown');
    expect(page.find('layers').dataset['value']).toBe('1');
    expect(page.find('spine').dataset['path']).toBe(pathOf(state, 1, 10));
    expect(called(page, 'setFocus')).toEqual([[{ token: 10, layer: 1, tree: 0, node: null }]]);
  });
});
