import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FffError } from '../../../extension/errors';
import type { Focus, ViewApi, ViewEvents } from '../../../extension/protocol';
import { Rpc, type None } from '../../../extension/rpc';
import { Session } from '../../../extension/session';
import { ViewHost, type MessagePort, type ViewActions } from '../../../extension/views/viewHost';
import { loopback, type Loopback } from '../rpc/loopback';
import { FakeRunner, memoryLog, timingOf, traceOf } from './fakes';

const SOURCE = { label: 'a.ts:1', uri: 'file:///a.ts', offset: 0 };

/** A page: what it was told, in order. */
class Page {
  readonly told: string[] = [];
  readonly rpc: Rpc<None, ViewApi, None, ViewEvents>;

  constructor(wire: Loopback) {
    this.rpc = new Rpc<None, ViewApi, None, ViewEvents>(wire.right, {});
    this.rpc.on('traced', ({ trace }) => this.told.push(`traced ${trace.text}`));
    this.rpc.on('status', ({ kind }) => this.told.push(`status ${kind}`));
    this.rpc.on('runner', ({ kind }) => this.told.push(`runner ${kind}`));
    this.rpc.on('focus', ({ token }) => this.told.push(`focus ${token}`));
    this.rpc.on('timing', ({ layer }) => this.told.push(`timing ${layer}`));
  }
}

describe('ViewHost', () => {
  let runner: FakeRunner;
  let session: Session;
  let asked: string[];
  let log: ReturnType<typeof memoryLog>;
  const actions: ViewActions = {
    inspectSelection: () => note('inspectSelection'),
    revealToken: (token) => note(`revealToken ${token}`),
    showLog: () => note('showLog'),
    restartRunner: () => note('restartRunner'),
    openTracePanel: () => Promise.reject(new FffError('INTERNAL', 'No panel.')),
  };
  async function note(what: string): Promise<void> {
    asked.push(what);
    return Promise.resolve();
  }

  beforeEach(() => {
    runner = new FakeRunner();
    asked = [];
    log = memoryLog();
    session = new Session({
      runner,
      settings: () => ({ modelDirectory: '/m', topPredictions: 0, measureBudgetMsPerLayer: 0 }),
      hasVisibleView: () => true,
      log,
      now: () => performance.now(),
    });
  });

  afterEach(() => session.dispose());

  /** Binds a page to the session as VS Code would. */
  function bind(name: string): { host: ViewHost; page: Page; wire: Loopback } {
    const wire = loopback();
    const port: MessagePort = {
      send: (message) => {
        wire.left.send(message);
        return Promise.resolve(true);
      },
      listen: (listener) => wire.left.onMessage(listener),
    };
    return { host: new ViewHost(name, port, { session, actions, log }), page: new Page(wire), wire };
  }

  async function trace(text: string): Promise<void> {
    const done = session.inspect({ text, source: SOURCE });
    const { request, resolve } = runner.traces.at(-1)!;
    resolve(traceOf(request.runId, text));
    await done;
  }

  it('tells a page nothing before it is ready, then everything', async () => {
    const { page, wire } = bind('trace');
    await trace('one two');
    await wire.settle();
    expect(page.told).toEqual([]);
    const state = await page.rpc.call('ready', []);
    expect(state).toMatchObject({
      trace: { text: 'one two' },
      source: SOURCE,
      status: { kind: 'idle' },
      runner: { kind: 'stopped' },
      focus: { token: 0 },
      timings: [],
    });
    expect(state.trace?.layers[0]?.leaves).toBeInstanceOf(Uint16Array);
  });

  it('then tells it what changes, as it changes', async () => {
    const { page, wire } = bind('trace');
    await page.rpc.call('ready', []);
    await trace('one two');
    runner.events.fire('timing', { runId: 1, timing: timingOf(1) });
    runner.events.fire('state', { kind: 'starting' });
    await wire.settle();
    expect(page.told).toEqual(['traced one two', 'status idle', 'timing 1', 'runner starting']);
  });

  it('sends nothing to a hidden page and hydrates it when it is back', async () => {
    const { host, page, wire } = bind('sidebar');
    await page.rpc.call('ready', []);
    host.hidden();
    await trace('while hidden');
    await wire.settle();
    expect(page.told).toEqual([]);
    const reloaded = new Page(wire);
    expect((await reloaded.rpc.call('ready', [])).trace?.text).toBe('while hidden');
    await trace('again');
    await wire.settle();
    expect(reloaded.told).toContain('traced again');
  });

  it('passes the focus on to every other view, and not back', async () => {
    const [trace1, sidebar] = [bind('trace'), bind('sidebar')];
    await trace1.page.rpc.call('ready', []);
    await sidebar.page.rpc.call('ready', []);
    await trace('one two');
    const focus: Focus = { token: 1, layer: 1, tree: 0, node: null };
    await trace1.page.rpc.call('setFocus', [focus]);
    await sidebar.wire.settle();
    expect(sidebar.page.told).toContain('focus 1');
    expect(trace1.page.told).not.toContain('focus 1');
    expect(session.state.focus).toEqual(focus);
  });

  it('does what a page asks', async () => {
    const { page } = bind('trace');
    await page.rpc.call('inspectSelection', []);
    await page.rpc.call('revealToken', [3]);
    await page.rpc.call('showLog', []);
    await page.rpc.call('restartRunner', []);
    expect(asked).toEqual(['inspectSelection', 'revealToken 3', 'showLog', 'restartRunner']);
  });

  it('cancels, and closes the latency measurement, for a page', async () => {
    const { page } = bind('trace');
    await trace('one');
    await page.rpc.call('painted', [1]);
    expect(session.latencies).toHaveLength(1);
    const done = session.inspect({ text: 'two', source: SOURCE });
    await page.rpc.call('cancel', []);
    expect(session.state.status.kind).toBe('idle');
    runner.traces[1]!.reject(new FffError('CANCELLED', 'The run was cancelled.'));
    expect(await done).toBeNull();
  });

  it('answers with the error when an action fails, and logs it', async () => {
    const { page } = bind('trace');
    await expect(page.rpc.call('openTracePanel', [])).rejects.toMatchObject({ code: 'INTERNAL', message: 'No panel.' });
    expect(log.lines.join()).toContain('View trace, openTracePanel');
  });

  it('lets go of the session when it is disposed', async () => {
    const { host, page, wire } = bind('trace');
    await page.rpc.call('ready', []);
    host.dispose();
    await trace('one');
    await wire.settle();
    expect(page.told).toEqual([]);
  });
});
