import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FffError } from '../../../extension/errors';
import { END_TIMEOUT_MS } from '../../../extension/benchmark/activeRun';
import { sampleResult } from '../../webview/support/sampleBenchmark';
import { bench, partial, type Bench } from './fakes';

/** Lets what is waiting go on. */
const turn = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
  }
};

describe('BenchmarkSession', () => {
  let b: Bench;
  const told: string[] = [];

  beforeEach(() => {
    vi.useFakeTimers();
    b = bench();
    told.length = 0;
    b.session.on('run', (run) => told.push(run.kind === 'running' ? `running ${run.paused ?? ''}`.trim() : run.kind));
  });

  afterEach(() => {
    b.session.dispose();
    vi.useRealTimers();
  });

  const kept = () => b.session.state.history.map(({ id, ending, rows }) => `${id} ${ending.kind} ${rows}`);

  it('offers what the engine offers, and runs a preset with the plan it promised', async () => {
    await b.session.loadCatalogue();
    expect(b.session.state.catalogue?.presets.map(({ name }) => name)).toEqual(['default', 'selection', 'batch-sweep']);
    await b.session.start({ preset: 'batch-sweep' });
    expect(b.runner.runs[0]?.request).toMatchObject({ id: 'run-1', plan: { name: 'Batch sweep' }, resume: null });
    expect(b.session.state.run).toMatchObject({ kind: 'running', name: 'Batch sweep', paused: null });
  });

  it('takes text and model for the plan of the selection when it starts, and refuses where there is none', async () => {
    await b.session.loadCatalogue();
    await b.session.start({ preset: 'selection' });
    expect(b.runner.presets).toEqual([{ name: 'selection', source: { model: '/m', text: 'some words' } }]);
    b.session.dispose();
    b = bench({
      source: () => {
        throw new FffError('BAD_INPUT', 'Nothing is selected.');
      },
    });
    await expect(b.session.start({ preset: 'selection' })).rejects.toThrow('Nothing is selected.');
    expect(b.session.state.run.kind).toBe('idle');
  });

  it('says what is wrong with a custom plan in the engine’s sentence, and never runs it', async () => {
    expect(await b.session.check('{}')).toBe('The plan: "engines" is missing.');
    await expect(b.session.start({ json: '{}' })).rejects.toThrow('"engines" is missing');
    expect(b.runner.runs).toEqual([]);
    expect(await b.session.check('{"engines":["fff"]}')).toBeNull();
  });

  it('shows progress, the rows of the running cell, and keeps every cell on disk as it comes', async () => {
    await b.session.start({ json: '{"name":"Mine","engines":["fff"]}' });
    const progress = { done: 1, total: 4, part: 0.5, what: 'measuring', remainingMs: 1000 };
    b.runner.events.fire('benchmarkProgress', { id: 'run-1', progress });
    b.runner.events.fire('benchmarkRows', { id: 'run-1', rows: partial([16]).rows });
    expect(b.session.state.run).toMatchObject({ progress });
    expect(b.session.state.liveRows).toHaveLength(5);
    b.runner.events.fire('benchmarkResult', { id: 'run-1', result: partial([1, 16]) });
    expect(b.session.state.liveRows).toEqual([]);
    expect(b.session.state.shown?.result.rows).toHaveLength(10);
    await b.history.settled();
    expect(b.storage.index[0]).toMatchObject({ ending: { kind: 'running' }, rows: 10, unfinished: 2 });
    expect(JSON.parse(b.storage.files.get('run-1') ?? '')).toEqual(partial([1, 16]));
  });

  it('ignores what an earlier run still says', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.runner.events.fire('benchmarkResult', { id: 'run-0', result: partial([1]) });
    b.runner.events.fire('benchmarkRows', { id: 'run-0', rows: partial([1]).rows });
    expect(b.session.state.shown).toBeNull();
    expect(b.session.state.liveRows).toEqual([]);
  });

  it('finishes: the whole result is shown and stored', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.runner.runs[0]!.resolve(sampleResult());
    await turn();
    expect(b.session.state.run).toEqual({ kind: 'idle' });
    expect(kept()).toEqual(['run-1 finished 20']);
    expect(b.session.state.shown?.entry).toMatchObject({ thisMachine: true, machine: 'Sample CPU @ 2.00GHz' });
  });

  it('cancels by ending the run, and keeps what the engine hands over', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.session.cancel();
    b.session.cancel();
    expect(b.runner.controls).toEqual(['end']);
    expect(b.session.state.run).toMatchObject({ kind: 'running', ending: true });
    b.runner.runs[0]!.resolve(partial([1]));
    await turn();
    expect(kept()).toEqual(['run-1 cancelled 5']);
    expect(b.session.state.shown?.result.rows).toHaveLength(5);
  });

  it('does not wait for ever for a call that never returns: ends the runner, keeps the cells before it', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.runner.events.fire('benchmarkResult', { id: 'run-1', result: partial([1, 16]) });
    b.session.cancel();
    await vi.advanceTimersByTimeAsync(END_TIMEOUT_MS + 1);
    expect(b.runner.runs[0]!.signal.aborted).toBe(true);
    expect(b.runner.stops).toBe(1);
    expect(kept()).toEqual(['run-1 cancelled 10']);
    expect(b.session.state.run.kind).toBe('idle');
  });

  it('keeps what it has when the runner dies, says so, and goes on from there', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.runner.events.fire('benchmarkResult', { id: 'run-1', result: partial([1, 16]) });
    b.runner.runs[0]!.reject(new FffError('RUNNER_EXITED', 'The runner process ended unexpectedly (signal SIGKILL).'));
    await turn();
    expect(b.session.state.run).toMatchObject({ kind: 'failed', resumable: 'run-1', error: { code: 'RUNNER_EXITED' } });
    expect(kept()).toEqual(['run-1 interrupted 10']);

    await b.session.resume('run-1');
    const { request } = b.runner.runs[1]!;
    expect(request.id).toBe('run-1');
    expect(request.resume?.rows).toHaveLength(10);
    expect(request.plan).toEqual(partial([1]).plan);
    b.runner.runs[1]!.resolve(sampleResult());
    await turn();
    expect(kept()).toEqual(['run-1 finished 20']);
  });

  it('writes down when a run begins, goes on and ends', async () => {
    const said = (): string[] => b.log.lines.filter((line) => line.startsWith('info: '));
    const name = `"${partial([1]).plan.name}"`;
    await b.session.start({ json: JSON.stringify(partial([1]).plan) });
    b.runner.events.fire('benchmarkResult', { id: 'run-1', result: partial([1, 16]) });
    b.session.cancel();
    b.runner.runs[0]!.resolve(partial([1, 16]));
    await turn();
    await b.session.resume('run-1');
    b.runner.runs[1]!.resolve(sampleResult());
    await turn();
    expect(said()).toEqual([
      `info: Benchmark ${name} begins.`,
      `info: Benchmark ${name} was cancelled; rows: 10.`,
      `info: Benchmark ${name} goes on; rows so far: 10.`,
      `info: Benchmark ${name} was finished; rows: 20.`,
    ]);
  });

  it('offers nothing to resume when the runner dies before the first word', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.runner.runs[0]!.reject(new FffError('OUT_OF_MEMORY', 'There is no memory left.'));
    await turn();
    expect(b.session.state.run).toMatchObject({ kind: 'failed', resumable: null });
    expect(kept()).toEqual([]);
  });

  it('starts a runner that gave up anew, because the user asked', async () => {
    b.runner.state = { kind: 'crashed', error: { code: 'RUNNER_GAVE_UP', message: 'x' }, willRestart: false };
    await b.session.start({ json: '{"engines":["fff"]}' });
    expect(b.runner.restarts).toBe(1);
    expect(b.runner.runs).toHaveLength(1);
  });

  it('pauses and goes on for the user', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.session.pause(true);
    b.session.pause(false);
    expect(b.runner.controls).toEqual(['pause', 'go']);
    expect(told).toEqual(['running', 'running user', 'running']);
  });

  it('gives way to an inspection, has the disturbed round thrown away, and goes on by itself', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.inspections.set(true);
    expect(b.session.state.run).toMatchObject({ paused: 'inspection' });
    b.inspections.set(false);
    await vi.advanceTimersByTimeAsync(200);
    // Traced, now measured: still the same inspection.
    b.inspections.set(true);
    b.inspections.set(false);
    expect(b.runner.controls).toEqual(['pause disturbed']);
    await vi.advanceTimersByTimeAsync(2000);
    expect(b.runner.controls).toEqual(['pause disturbed', 'go']);
    expect(b.session.state.run).toMatchObject({ paused: null });
  });

  it('stays paused for the user when an inspection is over, and waits for one that was there first', async () => {
    b.inspections.busy = true;
    await b.session.start({ json: '{"engines":["fff"]}' });
    expect(b.session.state.run).toMatchObject({ paused: 'inspection' });
    b.session.pause(true);
    b.inspections.set(false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(b.session.state.run).toMatchObject({ paused: 'user' });
    expect(b.runner.controls.at(-1)).toBe('pause');
  });

  it('says that the machine slept', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(b.session.state.notices).toEqual([]);
    vi.setSystemTime(Date.now() + 10 * 60_000);
    await vi.advanceTimersByTimeAsync(5000);
    expect(b.session.state.notices).toEqual([
      'The machine slept for about 10 minutes; the round being measured then was thrown away, and the run went on.',
    ]);
  });

  it('runs one benchmark at a time', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    await expect(b.session.start({ json: '{"engines":["fff"]}' })).rejects.toThrow('running already');
    expect(b.runner.runs).toHaveLength(1);
  });

  it('gives the runner’s memory back when nothing is asked any more', async () => {
    await b.session.loadCatalogue();
    await vi.advanceTimersByTimeAsync(59_000);
    expect(b.runner.stops).toBe(0);
    await vi.advanceTimersByTimeAsync(2000);
    expect(b.runner.stops).toBe(1);
    await b.session.start({ json: '{"engines":["fff"]}' });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(b.runner.stops).toBe(1);
  });

  it('says why there are no plans, and asks again the next time', async () => {
    b.runner.refusal = new FffError('KERNEL_LOAD_FAILED', 'The kernel cannot be loaded.');
    await b.session.loadCatalogue();
    expect(b.session.state.run).toMatchObject({
      kind: 'failed',
      error: { code: 'KERNEL_LOAD_FAILED' },
      resumable: null,
    });
    b.runner.refusal = null;
    await b.session.loadCatalogue();
    expect(b.session.state.catalogue).not.toBeNull();
  });

  it('shows, compares and removes results of the history', async () => {
    for (let run = 0; run < 2; run++) {
      await b.session.start({ json: '{"engines":["fff"]}' });
      b.runner.runs[run]!.resolve(sampleResult({ seed: run + 1 }));
      await turn();
    }
    expect(b.session.state.shown?.entry.id).toBe('run-2');
    await b.session.compare('run-1');
    expect(b.session.state.baseline?.entry.id).toBe('run-1');
    await b.session.show('run-1');
    expect(b.session.state).toMatchObject({ shown: { entry: { id: 'run-1' } }, baseline: null });
    b.session.remove('run-1');
    expect(b.session.state.shown).toBeNull();
    expect(kept()).toEqual(['run-2 finished 20']);
    await b.history.settled();
    expect([...b.storage.files.keys()]).toEqual(['run-2']);
  });

  it('does not take away what the user looks at when the running one gets further', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.runner.runs[0]!.resolve(sampleResult());
    await turn();
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.runner.events.fire('benchmarkResult', { id: 'run-2', result: partial([1]) });
    await b.session.show('run-1');
    b.runner.events.fire('benchmarkResult', { id: 'run-2', result: partial([1, 16]) });
    expect(b.session.state.shown?.entry.id).toBe('run-1');
    await b.session.show('run-2');
    expect(b.session.state.shown?.result.rows).toHaveLength(10);
    expect(() => b.session.remove('run-2')).toThrow('being measured');
  });

  it('opens a recorded result of another machine beside the others, and never runs its plan', async () => {
    const result = sampleResult({ gpu: 'Some GPU', cpu: 'Other CPU' });
    b.session.dispose();
    b = bench({ pickFile: () => Promise.resolve({ file: 'gpu.fffbench', result }) });
    await b.session.openFile();
    expect(b.session.state.shown?.entry).toMatchObject({
      machine: 'Some GPU',
      thisMachine: false,
      ending: { kind: 'recorded', file: 'gpu.fffbench' },
    });
    await expect(b.session.resume('run-1')).rejects.toThrow('A recorded result cannot be gone on with.');
    expect(b.runner.runs).toEqual([]);
  });

  it('finds after a closed window what was being measured, and goes on', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.runner.events.fire('benchmarkResult', { id: 'run-1', result: partial([1]) });
    await b.history.settled();
    const { storage } = b;
    b.session.dispose();

    b = bench({}, storage);
    expect(b.session.state.history).toMatchObject([
      { id: 'run-1', ending: { kind: 'interrupted', reason: 'The window was closed while it ran.' }, unfinished: 3 },
    ]);
    await b.session.resume('run-1');
    expect(b.runner.runs[0]!.request.resume?.rows).toHaveLength(5);
  });
});
