import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecordedBenchmark } from '../../../extension/benchmark/recorded';
import { FffError } from '../../../extension/errors';
import type { BenchmarkViewApi, BenchmarkViewEvents } from '../../../extension/protocol';
import { Rpc, type None } from '../../../extension/rpc';
import { BenchmarkHost, type BenchmarkActions, type BenchmarkTruth } from '../../../extension/views/benchmarkHost';
import { SAMPLE_CPU, sampleResult } from '../../webview/support/sampleBenchmark';
import { memoryLog } from '../host/fakes';
import { loopback, type Loopback } from '../rpc/loopback';
import { bench, partial, type Bench } from './fakes';

class Page {
  readonly told: string[] = [];
  readonly rpc: Rpc<None, BenchmarkViewApi, None, BenchmarkViewEvents>;

  constructor(wire: Loopback) {
    this.rpc = new Rpc<None, BenchmarkViewApi, None, BenchmarkViewEvents>(wire.right, {});
    this.rpc.on('run', ({ kind }) => this.told.push(`run ${kind}`));
    this.rpc.on('shown', (shown) => this.told.push(`shown ${shown?.result.rows.length ?? 'nothing'}`));
    this.rpc.on('history', (entries) => this.told.push(`history ${entries.length}`));
    this.rpc.on('baseline', (baseline) => this.told.push(`baseline ${baseline?.entry.id ?? 'none'}`));
  }
}

describe('the benchmark page’s host', () => {
  let b: Bench;
  let wire: Loopback;
  let page: Page;
  let host: BenchmarkHost;
  let readies: number;
  /** The next message gets no answer until `refuse` is called. */
  let heldUp: boolean;
  let refuse: (() => void) | null;

  function attach(truth: BenchmarkTruth): void {
    wire = loopback();
    page = new Page(wire);
    readies = 0;
    heldUp = false;
    refuse = null;
    const { session } = b;
    const actions: BenchmarkActions = {
      start: (choice) => session.start(choice),
      check: (json) => session.check(json),
      pause: (paused) => session.pause(paused),
      cancel: () => session.cancel(),
      resume: (id) => session.resume(id),
      show: (id) => session.show(id),
      compare: (id) => session.compare(id),
      remove: (id) => session.remove(id),
      openFile: () => session.openFile(),
      exportResult: () => {
        throw new FffError('BAD_INPUT', 'There is no result to save.');
      },
      exportPicture: () => undefined,
      showLog: () => undefined,
    };
    host = new BenchmarkHost(
      {
        send: (message) => {
          if (heldUp) {
            heldUp = false;
            return new Promise((_, reject) => {
              refuse = () => reject(new Error('The webview is gone.'));
            });
          }
          wire.left.send(message);
          return Promise.resolve(true);
        },
        listen: (listener) => wire.left.onMessage(listener),
      },
      truth,
      actions,
      memoryLog(),
      () => readies++,
    );
  }

  beforeEach(() => {
    b = bench();
    attach(b.session);
  });

  afterEach(() => {
    host.dispose();
    b.session.dispose();
  });

  it('hydrates a page that is ready, and then tells it what changes', async () => {
    expect(await page.rpc.call('ready', [])).toMatchObject({ mode: 'panel', run: { kind: 'idle' }, history: [] });
    expect(readies).toBe(1);
    await page.rpc.call('start', [{ json: '{"engines":["fff"]}' }]);
    b.runner.events.fire('benchmarkResult', { id: 'run-1', result: partial([1]) });
    await wire.settle();
    expect(page.told).toEqual(['shown nothing', 'baseline none', 'run running', 'history 1', 'shown 5']);
  });

  it('sends nothing to a hidden page; a new one gets the run as far as it is', async () => {
    await page.rpc.call('ready', []);
    await page.rpc.call('start', [{ json: '{"engines":["fff"]}' }]);
    host.hidden();
    page.told.length = 0;
    b.runner.events.fire('benchmarkResult', { id: 'run-1', result: partial([1, 16]) });
    await wire.settle();
    expect(page.told).toEqual([]);
    const state = await new Page(wire).rpc.call('ready', []);
    expect(state.run.kind).toBe('running');
    expect(state.shown?.result.rows).toHaveLength(10);
  });

  it('tells a page what changes, though a message to the page before it is refused only now', async () => {
    await page.rpc.call('ready', []);
    heldUp = true;
    await page.rpc.call('start', [{ json: '{"engines":["fff"]}' }]);
    host.hidden();
    const next = new Page(wire);
    await next.rpc.call('ready', []);
    refuse!();
    await wire.settle();
    b.runner.events.fire('benchmarkResult', { id: 'run-1', result: partial([1]) });
    await wire.settle();
    expect(next.told).toContain('shown 5');
  });

  it('tells a page nothing more that takes no message, until it is ready again', async () => {
    await page.rpc.call('ready', []);
    heldUp = true;
    await page.rpc.call('start', [{ json: '{"engines":["fff"]}' }]);
    refuse!();
    await wire.settle();
    page.told.length = 0;
    b.runner.events.fire('benchmarkResult', { id: 'run-1', result: partial([1]) });
    await wire.settle();
    expect(page.told).toEqual([]);
    expect((await page.rpc.call('ready', [])).shown?.result.rows).toHaveLength(5);
  });

  it('answers a refusal with its sentence', async () => {
    await page.rpc.call('ready', []);
    await expect(page.rpc.call('start', [{ json: '{}' }])).rejects.toThrow('"engines" is missing');
    await expect(page.rpc.call('exportResult', [])).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('shows a file as recorded, whatever runs beside it, and compares it with the history', async () => {
    await b.session.start({ json: '{"engines":["fff"]}' });
    b.runner.runs[0]!.resolve(sampleResult());
    await wire.settle();
    const recorded = new RecordedBenchmark(b.session, 'gpu.fffbench', sampleResult({ gpu: 'Some GPU' }), SAMPLE_CPU);
    host.dispose();
    attach(recorded);
    expect(await page.rpc.call('ready', [])).toMatchObject({
      mode: 'file',
      run: { kind: 'idle' },
      shown: { entry: { machine: 'Some GPU', thisMachine: false, ending: { kind: 'recorded', file: 'gpu.fffbench' } } },
      history: [{ id: 'run-1' }],
    });
    await b.session.start({ json: '{"engines":["fff"]}' });
    await recorded.compare('run-1');
    await wire.settle();
    expect(page.told).toEqual(['baseline run-1']);
    recorded.dispose();
    b.session.remove('run-1');
    await wire.settle();
    expect(page.told).toEqual(['baseline run-1']);
  });
});
