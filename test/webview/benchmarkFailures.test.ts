/** What the benchmark’s page says when something fails: a refusal, a run that broke off, a file that is no result. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { unreadable } from '../../extension/benchmark/recorded';
import type { BenchmarkRunState } from '../../extension/protocol';
import { openBenchmark } from './support/benchmarkPage';
import { sampleBenchmark, sampleResult } from './support/sampleBenchmark';

afterEach(() => vi.unstubAllGlobals());

const content = (): DOMStringMap => document.querySelector<HTMLElement>('.content')!.dataset;

const RUNNING: BenchmarkRunState = {
  kind: 'running',
  id: 'one',
  name: 'Default',
  progress: null,
  paused: null,
  ending: false,
};

describe('the benchmark’s page, where something fails,', () => {
  it('shows a refusal of the host', async () => {
    const page = await openBenchmark(sampleBenchmark(null));
    page.refuse.set('start', { code: 'BAD_INPUT', message: 'Nothing is selected.' });
    await page.click('run');
    expect(page.find('error-message').textContent).toBe('Nothing is selected.');
    page.refuse.clear();
    await page.click('run');
    expect(page.find('run-status').hidden).toBe(true);
  });

  it('shows a run that breaks off in the place of an earlier refusal', async () => {
    const page = await openBenchmark(sampleBenchmark(sampleResult({ batches: [1] }), { run: RUNNING }));
    page.refuse.set('exportResult', { code: 'BAD_INPUT', message: 'x.txt ends with none of .csv, .md.' });
    await page.click('export-result');
    expect(page.find('error-message').textContent).toBe('x.txt ends with none of .csv, .md.');
    const error = { code: 'RUNNER_EXITED' as const, message: 'The runner process ended.' };
    await page.emit('run', { kind: 'failed', error, resumable: 'one' });
    expect(page.find('error-message').textContent).toBe('The runner process ended.');
    expect(page.find('resume').hidden).toBe(false);
  });

  it('says why a run broke off, keeps its pictures, and offers to resume', async () => {
    const error = {
      code: 'RUNNER_EXITED' as const,
      message: 'The runner process ended (SIGKILL).',
      action: 'Try again.',
    };
    const result = sampleResult({ batches: [1, 16], ladder: false });
    result.unfinished = [
      {
        cell: { width: 768, depth: 11, batch: 16384, threads: 1, distribution: 'spread', weights: 'warm', layer: null },
        reason: 'a batch of 16384 needs about 2100 MB, and 900 MB are free',
      },
    ];
    const state = sampleBenchmark(result, { run: { kind: 'failed', error, resumable: 'one' } });
    state.notices = ['The machine slept for about 10 minutes.'];
    const page = await openBenchmark(state);
    expect(content()['state']).toBe('failed');
    expect(page.find('error-message').textContent).toBe(error.message);
    expect(page.find('notices').textContent).toBe('The machine slept for about 10 minutes.');
    expect(page.find('left-out').textContent).toContain('needs about 2100 MB, and 900 MB are free');
    expect(content()['rows']).toBe('10');
    await page.click('resume');
    expect(page.calls.filter(({ method }) => method === 'resume').map(({ parameters }) => parameters)).toEqual([
      ['one'],
    ]);
  });

  it('says of a file that is no result only that, and what to do', async () => {
    const error = { code: 'BAD_INPUT' as const, message: 'x.fffbench is damaged.', action: 'Open another.' };
    const page = await openBenchmark(unreadable(error).state);
    document.querySelectorAll('[hidden]').forEach((element) => element.remove());
    expect(document.body.textContent).toBe('x.fffbench is damaged.Open another.');
    expect(page.all('show-log')).toEqual([]);
  });
});
