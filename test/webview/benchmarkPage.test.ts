import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BenchmarkEntry, BenchmarkRow, BenchmarkRunState } from '../../extension/protocol';
import { openBenchmark, type BenchmarkPage } from './support/benchmarkPage';
import { sampleBenchmark, sampleEntry, sampleResult } from './support/sampleBenchmark';

afterEach(() => vi.unstubAllGlobals());

const called = (page: BenchmarkPage, method: string): unknown[][] =>
  page.calls.filter((call) => call.method === method).map(({ parameters }) => parameters);
const content = (): DOMStringMap => document.querySelector<HTMLElement>('.content')!.dataset;
const running = (change: Partial<Extract<BenchmarkRunState, { kind: 'running' }>> = {}): BenchmarkRunState => ({
  kind: 'running',
  id: 'one',
  name: 'Default',
  progress: { done: 1, total: 5, part: 0.5, what: 'batch 16: measuring', remainingMs: 42_000 },
  paused: null,
  ending: false,
  ...change,
});

describe('the benchmark’s page', () => {
  it('starts empty: says what it does, offers the plans, and starts the chosen one', async () => {
    const page = await openBenchmark(sampleBenchmark(null));
    expect(content()['state']).toBe('empty');
    expect(page.find('welcome').textContent).toContain('outputs verified before anything is timed');
    expect([...page.find('preset').querySelectorAll('option')].map(({ textContent }) => textContent)).toEqual([
      'Default',
      'This selection on this model',
      'Batch sweep',
      'Custom plan',
    ]);
    await page.choose('preset', 'Batch sweep');
    expect(page.find('purpose').textContent).toBe('Batches from 1 to 16384.');
    await page.click('run');
    expect(called(page, 'start')).toEqual([[{ preset: 'batch-sweep' }]]);
  });

  it('begins a custom plan with the chosen preset, and shows the engine’s sentence while one types', async () => {
    const page = await openBenchmark(sampleBenchmark(null));
    page.answers.set('check', 'The plan: "batches[0]" must be a whole number.');
    await page.choose('preset', 'Custom plan');
    const text = page.find('plan-json') as HTMLTextAreaElement;
    expect(JSON.parse(text.value)).toMatchObject({ name: 'Default', engines: expect.any(Array) as unknown[] });
    text.value = '{"version":1}';
    text.dispatchEvent(new Event('input'));
    await new Promise((resolve) => setTimeout(resolve, 350));
    await page.settle();
    expect(called(page, 'check').at(-1)).toEqual(['{"version":1}']);
    expect(page.find('plan-complaint').textContent).toBe('The plan: "batches[0]" must be a whole number.');
    expect(page.find('plan-complaint').dataset['valid']).toBe('false');
    await page.click('run');
    expect(called(page, 'start')).toEqual([[{ json: '{"version":1}' }]]);
    expect(page.saved).toMatchObject({ preset: 'custom', json: '{"version":1}' });
  });

  it('says that the first cell is being measured while there is none yet', async () => {
    const nothing = { ...sampleResult({ batches: [1], ladder: false }), rows: [], samples: [], selfTests: [] };
    const page = await openBenchmark(sampleBenchmark(nothing, { run: running() }, { ending: { kind: 'running' } }));
    expect(page.find('headline').textContent).toBe('The first cell is being measured.');
  });

  it('follows a run: progress, time left, rows of the cell being measured', async () => {
    const first = sampleResult({ batches: [1], ladder: false });
    const state = sampleBenchmark(first, { run: running() }, { ending: { kind: 'running' } });
    const page = await openBenchmark(state);
    expect(content()['state']).toBe('running');
    expect(page.find('what').textContent).toBe('Default: 2 of 5, batch 16: measuring');
    expect(page.find('remaining').textContent).toBe('about 42 s left');
    expect(Number(page.find('run-status').dataset['share'])).toBeCloseTo(0.3);
    expect(page.find('headline').textContent).toContain('the whole encoder is measured last');
    expect(content()['rows']).toBe('5');
    await page.emit('liveRows', sampleResult({ batches: [16] }).rows);
    expect(content()['rows']).toBe('10');
    expect(page.find('strips').dataset['live']).toBe('true');
    await page.emit('shown', { entry: state.shown!.entry, result: sampleResult({ batches: [1, 16], ladder: false }) });
    expect(content()['rows']).toBe('10');
    expect(document.querySelector('.plan-bar')?.hasAttribute('hidden')).toBe(true);
  });

  it('shows a cell in a later pass in its place, with the samples it has, and says how many passes there were', async () => {
    const result = sampleResult({ batches: [1, 16, 128], ladder: false });
    result.rows.forEach((row) => (row.passes = 2));
    const run = { kind: 'running' as const, id: 'one', name: 'Default', progress: null, paused: null, ending: false };
    const state = sampleBenchmark(result, { run }, { ending: { kind: 'running' } });
    const page = await openBenchmark(state, { cell: '768|12|16|1|spread|warm|' });
    expect(document.querySelector('#samples .caption')?.textContent).toContain('Measured in 2 passes.');
    const live = sampleResult({ batches: [16], seed: 5 }).rows;
    live.forEach((row) => (row.passes = 3));
    await page.emit('liveRows', live);
    // No cell more than there were.
    expect(content()['rows']).toBe('15');
    expect(page.find('strips').dataset['live']).toBe('true');
    expect(document.querySelector('#samples .caption')?.textContent).toContain('Measured in 3 passes.');
    expect(page.all('strip').map((strip) => strip.dataset['samples'])).toEqual(['30', '30', '30', '30', '30']);
  });

  it('pauses, goes on, and cancels', async () => {
    const page = await openBenchmark(sampleBenchmark(sampleResult({ batches: [1] }), { run: running() }));
    // A browser sends no click when what was pressed is replaced before it is released.
    const pressed = page.find('pause').firstChild;
    await page.emit('run', running({}));
    expect(page.find('pause').firstChild).toBe(pressed);
    await page.click('pause');
    await page.emit('run', running({ paused: 'user' }));
    expect(page.find('pause').firstChild).toBe(pressed);
    expect(content()['state']).toBe('paused');
    expect(page.find('what').textContent).toBe('Default: paused; what was measured is kept');
    expect(page.find('pause').textContent).toBe('Go on');
    await page.click('pause');
    expect(called(page, 'pause')).toEqual([[true], [false]]);
    await page.emit('run', running({ paused: 'inspection' }));
    expect(page.find('what').textContent).toContain('held while an inspection needs the machine');
    await page.click('cancel');
    expect(called(page, 'cancel')).toEqual([[]]);
    await page.emit('run', running({ ending: true }));
    expect(page.find('what').textContent).toContain('ending after the call being measured');
    expect(page.find('cancel').hidden).toBe(true);
  });

  it('finishes: headline with the encoder, self-test, verified marks, machine, what is missing', async () => {
    const page = await openBenchmark(sampleBenchmark());
    expect(content()['state']).toBe('finished');
    expect(page.find('headline').textContent).toMatch(
      /^One FFF layer is \d.*× to \d.*× as fast as the best dense layer of its size; the whole encoder 2\.98×, of at most 3\.10×\.$/,
    );
    expect(page.find('badge-self-test').dataset['kind']).toBe('good');
    expect(page.find('badge-self-test').textContent).toContain('4 of 4 hold 1; the widest interval is ±1.2 %');
    expect(page.find('badge-verified').textContent).toContain('20 of 20 rows');
    expect(page.find('machine').textContent).toContain('Sample CPU @ 2.00GHz, 2 cores');
    expect(page.find('left-out').textContent).toBe('native-twin@openblas is missing: the bench program is not built.');
    expect(page.find('encoder-ladder').textContent).toContain('2.98× [2.92, 3.04] as fast as with the dense twin');
    expect(page.find('notes').textContent).toContain('Our FFF kernel, called through the addon');
    expect(document.querySelector('#samples .caption')?.textContent).toMatch(
      /distinct leaves in a call, 2,048 in many; one layer stays resident\. FFF reads [\d.]+ MB of weights a call, the best dense layer 25\.2 MB\./,
    );
    expect(page.find('recorded').hidden).toBe(true);
  });

  it('has a headline where the best dense layer is a native one', async () => {
    const result = sampleResult();
    result.rows.filter(({ engine }) => engine === 'dense-twin').forEach((row) => (row.engine = 'native-twin'));
    const page = await openBenchmark(sampleBenchmark(result));
    expect(page.find('headline').textContent).toMatch(/^One FFF layer is \d.*× to \d.*× as fast as the best dense/);
  });

  it('withholds every verdict whose interval spans 1, and says when the machine was noisy', async () => {
    const result = sampleResult({ blur: 1000, ladder: false });
    result.selfTests[0] = { ...result.selfTests[0]!, ratio: { median: 1.2, low: 1.1, high: 1.3 }, passed: false };
    const page = await openBenchmark(sampleBenchmark(result));
    expect(page.find('headline').textContent).toBe('No verdict: in every cell the interval of the ratio spans 1.');
    const points = page.all('ratio-point');
    expect(points.length).toBeGreaterThan(0);
    expect(new Set(points.map(({ dataset }) => dataset['verdict']))).toEqual(new Set(['withheld']));
    for (const strip of page.all('strip')) {
      const fate = strip.querySelector('.fate')!.textContent;
      expect(fate).toMatch(/^(no verdict|the best dense)/);
    }
    expect(page.find('badge-self-test').dataset['kind']).toBe('warn');
    expect(page.find('badge-self-test').textContent).toContain('3 of 4 hold 1; the machine was noisy');
    expect(document.querySelector('#encoder .note')?.textContent).toContain('those of single layers, not of a model');
  });

  it('marks a recorded result with its machine, and offers nothing to run in a file’s editor', async () => {
    const result = sampleResult({ gpu: 'Some GPU', cpu: 'Other CPU' });
    const other = sampleEntry(sampleResult(), { id: 'two' });
    const state = sampleBenchmark(
      result,
      { mode: 'file', history: [other] },
      { ending: { kind: 'recorded', file: 'gpu.fffbench' } },
    );
    const page = await openBenchmark(state);
    expect(content()).toMatchObject({ state: 'recorded', mode: 'file' });
    expect(page.find('recorded').textContent).toBe('Recorded on another machine');
    expect(page.find('badge-recorded').textContent).toContain('Some GPU');
    expect(page.find('subtitle').textContent).toContain('Some GPU · recorded, from gpu.fffbench');
    expect(document.querySelector('.plan-bar')?.hasAttribute('hidden')).toBe(true);
    expect(page.all('show')).toEqual([]);
    await page.click('compare');
    expect(called(page, 'compare')).toEqual([['two']]);
  });

  it('compares with another result, and a table twin has the same verdicts', async () => {
    const other = sampleResult({ slower: 1.4, seed: 9 });
    const baseline = { entry: sampleEntry(other, { id: 'two', name: 'Before' }), result: other };
    const state = sampleBenchmark(sampleResult(), { baseline });
    state.history.push(baseline.entry);
    const page = await openBenchmark(state);
    expect(page.find('comparison').dataset).toMatchObject({ rows: '20', significant: '20' });
    expect(document.querySelector('#compare .caption')?.textContent).toContain('“Before” of 2026-11-27 12:00 UTC');
    await page.click('table-compare');
    const cells = [...document.querySelectorAll('#compare tbody tr')].map((row) => row.lastElementChild?.textContent);
    expect(cells).toEqual(Array.from({ length: 20 }, () => 'faster'));
    await page.click('uncompare');
    expect(called(page, 'compare')).toEqual([[null]]);
    await page.emit('baseline', null);
    expect(document.querySelector('#compare')?.hasAttribute('hidden')).toBe(true);
  });

  it('shows, resumes and removes results of the history', async () => {
    const state = sampleBenchmark();
    const half = sampleEntry(sampleResult({ batches: [1] }), {
      id: 'two',
      ending: { kind: 'cancelled' },
      unfinished: 3,
    });
    state.history.push(half);
    const page = await openBenchmark(state);
    expect(page.all('entry').map(({ dataset }) => dataset['ending'])).toEqual(['finished', 'cancelled']);
    await page.click('show');
    await page.click('resume-entry');
    page.all('remove')[1]!.click();
    await page.settle();
    expect([called(page, 'show'), called(page, 'resume'), called(page, 'remove')]).toEqual([
      [['two']],
      [['two']],
      [['two']],
    ]);
  });

  it('offers to go on with whatever was not measured in full, but not with a file', async () => {
    const state = sampleBenchmark();
    const entry = (id: string, ending: BenchmarkEntry['ending'], unfinished: number): void => {
      state.history.push(sampleEntry(sampleResult(), { id, ending, unfinished }));
    };
    // A run that went through although memory did not suffice for one cell.
    entry('short of memory', { kind: 'finished' }, 1);
    entry('whole', { kind: 'finished' }, 0);
    entry('broken off', { kind: 'interrupted', reason: 'The window was closed.' }, 2);
    entry('file', { kind: 'recorded', file: 'x.fffbench' }, 2);
    const page = await openBenchmark(state);
    const offering = page.all('resume-entry').map((link) => link.closest<HTMLElement>('[data-id]')?.dataset['id']);
    expect(offering).toEqual(['short of memory', 'broken off']);
  });

  it('puts the size that varies most along the axis and lets the others be chosen', async () => {
    const state = sampleBenchmark(sampleResult({ depths: [7, 8, 9, 10, 11], batches: [1, 128] }));
    const page = await openBenchmark(state);
    expect(page.find('ratio-chart').dataset['axis']).toBe('levels');
    expect(page.find('ratio-chart').dataset['lines']).toBe('ceiling,paper,roofline');
    await page.choose('held-batch', '128');
    expect(page.all('ratio-point').every(({ dataset }) => dataset['cell']?.split('|')[2] === '128')).toBe(true);
    await page.choose('axis', 'Batch');
    expect(page.find('ratio-chart').dataset['axis']).toBe('batch');
    expect(page.saved).toMatchObject({ variable: 'batch', fixed: { batch: '128' } });
    page.find('against').querySelectorAll('button')[2]!.click();
    await page.settle();
    expect(page.find('ratio-chart').dataset).toMatchObject({ against: 'time', lines: '' });
  });

  it('shows the samples of the cell that is clicked', async () => {
    const page = await openBenchmark(sampleBenchmark());
    const before = page.find('cell').dataset['value'];
    const point = page.all('ratio-point').find(({ dataset }) => dataset['x'] === '16')!;
    point.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    await page.settle();
    expect(page.find('cell').dataset['value']).toBe(point.dataset['cell']);
    expect(page.find('cell').dataset['value']).not.toBe(before);
    expect(page.all('strip').map(({ dataset }) => dataset['samples'])).toEqual(Array.from({ length: 5 }, () => '30'));
  });

  it('gives two engines of one name each its own samples', async () => {
    const result = sampleResult({ batches: [1], ladder: false });
    const [one, other] = result.rows as [BenchmarkRow, BenchmarkRow];
    Object.assign(other, { engine: one.engine, implementation: one.implementation, precision: one.precision });
    // In a cell of all threads, names do not tell the threads of an engine.
    result.rows.forEach((row) => (row.cellThreads = 0));
    one.threads = 2;
    const samples = result.samples.find(({ row }) => row === 1)!;
    samples.microsecondsPerToken = samples.microsecondsPerToken.slice(0, 12);
    const page = await openBenchmark(sampleBenchmark(result));
    const counts = page.all('strip').map(({ dataset }) => dataset['samples']);
    expect(counts.filter((count) => count === '12')).toHaveLength(1);
  });

  it('keeps pause and cancel where they are while progress comes, so that the focus stays', async () => {
    const page = await openBenchmark(sampleBenchmark(sampleResult({ batches: [1] }), { run: running() }));
    const [pause, entry] = [page.find('pause'), page.find('entry')];
    await page.emit('run', running({ progress: { done: 2, total: 5, part: 0, what: 'x', remainingMs: null } }));
    expect(page.find('pause')).toBe(pause);
    expect(page.find('entry')).toBe(entry);
    expect(page.find('remaining').textContent).toBe('');
  });

  it('takes engine names as text, whatever they look like', async () => {
    const result = sampleResult({ batches: [1], name: '<img src=x onerror=alert(1)>' });
    result.rows[0]!.implementation = '<script>alert(1)</script>';
    const page = await openBenchmark(sampleBenchmark(result));
    expect(document.querySelectorAll('#app img, #app script')).toHaveLength(0);
    expect(page.find('title').textContent).toBe('<img src=x onerror=alert(1)>');
  });
});
