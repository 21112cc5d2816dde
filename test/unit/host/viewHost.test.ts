import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FffError } from '../../../extension/errors';
import { Insights } from '../../../extension/insight/insights';
import type { Focus, ViewApi, ViewEvents } from '../../../extension/protocol';
import { Rpc, type None } from '../../../extension/rpc';
import { Session } from '../../../extension/session';
import { ViewHost, type MessagePort, type ViewActions } from '../../../extension/views/viewHost';
import { loopback, type Loopback } from '../rpc/loopback';
import { FakeInsightRunner, FakeRunner, memoryLog, passTimingOf, timingOf, traceOf, usageOf } from './fakes';

const SOURCE = { label: 'a.ts:1', uri: 'file:///a.ts', offset: 0 };

/** A page: what it was told, in order. */
class Page {
  readonly told: string[] = [];
  readonly rpc: Rpc<None, ViewApi, None, ViewEvents>;

  constructor(wire: Loopback) {
    this.rpc = new Rpc<None, ViewApi, None, ViewEvents>(wire.right, {});
    this.rpc.on('state', ({ trace }) => this.told.push(`state with ${trace?.text ?? 'nothing'}`));
    this.rpc.on('traced', ({ trace }) => this.told.push(`traced ${trace.text}`));
    this.rpc.on('status', ({ kind }) => this.told.push(`status ${kind}`));
    this.rpc.on('runner', ({ kind }) => this.told.push(`runner ${kind}`));
    this.rpc.on('focus', ({ token }) => this.told.push(`focus ${token}`));
    this.rpc.on('interventions', ({ interventions }) => this.told.push(`interventions ${interventions.length}`));
    this.rpc.on('usage', (usage) => this.told.push(`usage ${String(usage?.label)}`));
    this.rpc.on('compared', (compared) => this.told.push(`compared ${String(compared?.trace.text)}`));
    this.rpc.on('contexts', (contexts) => this.told.push(`contexts ${String(contexts?.word)}`));
    this.rpc.on('timing', ({ layer }) => this.told.push(`timing ${layer}`));
    this.rpc.on('passTiming', ({ tokens }) => this.told.push(`passTiming of ${tokens}`));
  }
}

describe('ViewHost', () => {
  let runner: FakeRunner;
  let session: Session;
  let insights: Insights;
  let insightRunner: FakeInsightRunner;
  let asked: string[];
  let log: ReturnType<typeof memoryLog>;
  const actions: ViewActions = {
    inspectSelection: () => note('inspectSelection'),
    revealToken: (token) => note(`revealToken ${token}`),
    showLog: () => note('showLog'),
    restartRunner: () => note('restartRunner'),
    mapUsage: () => note('mapUsage'),
    compareContexts: () => note('compareContexts'),
    openReport: (kind) => note(`openReport ${kind}`),
    exportFile: async ({ suggestedName, kind, data }) => {
      await note(`export ${suggestedName} ${kind} ${data.length}`);
      return kind === 'svg';
    },
    exportTrace: () => Promise.resolve(true),
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
    insightRunner = new FakeInsightRunner();
    insights = new Insights({ session, runner: insightRunner, settings: () => ({ topPredictions: 0 }) });
  });

  afterEach(() => {
    insights.dispose();
    session.dispose();
  });

  /**
   * Binds a page to the session as VS Code would.
   * @param loses messages the page is not there for.
   * @param refuses number of the message that the editor refuses.
   */
  function bind(name: string, loses = 0, refuses = -1): { host: ViewHost; page: Page; wire: Loopback } {
    const wire = loopback();
    let lost = 0;
    const port: MessagePort = {
      send: (message) => {
        if (lost === refuses) {
          lost++;
          throw new Error('The webview is gone.');
        }
        const arrives = lost++ >= loses;
        if (arrives) {
          wire.left.send(message);
        }
        return Promise.resolve(arrives);
      },
      listen: (listener) => wire.left.onMessage(listener),
    };
    return { host: new ViewHost(name, port, { session, insights, actions, log }), page: new Page(wire), wire };
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
      passTiming: null,
    });
    expect(state?.trace?.layers[0]?.leaves).toBeInstanceOf(Uint16Array);
  });

  it('then tells it what changes, as it changes', async () => {
    const { page, wire } = bind('trace');
    await page.rpc.call('ready', []);
    await trace('one two');
    runner.events.fire('timing', { runId: 1, timing: timingOf(1) });
    runner.events.fire('passTiming', { runId: 1, passTiming: passTimingOf() });
    runner.events.fire('state', { kind: 'starting' });
    await wire.settle();
    expect(page.told).toEqual(['traced one two', 'status idle', 'timing 1', 'passTiming of 3', 'runner starting']);
  });

  it('sends nothing to a hidden page and hydrates it when it is back', async () => {
    const { host, page, wire } = bind('sidebar');
    await page.rpc.call('ready', []);
    host.hidden();
    await trace('while hidden');
    await wire.settle();
    expect(page.told).toEqual([]);
    const reloaded = new Page(wire);
    expect((await reloaded.rpc.call('ready', []))?.trace?.text).toBe('while hidden');
    await trace('again');
    await wire.settle();
    expect(reloaded.told).toContain('traced again');
  });

  it('tells a view that becomes visible everything ahead, once, and then what changes', async () => {
    const { host, page, wire } = bind('trace');
    await trace('one two');
    host.shown();
    host.shown();
    await trace('one three');
    // By now the page has loaded, and what waited for it comes in order.
    expect(await page.rpc.call('ready', [])).toBeNull();
    expect(page.told).toEqual(['state with one two', 'traced one three', 'status idle']);
    host.shown();
    await wire.settle();
    expect(page.told).toHaveLength(3);
    // It was not hidden, but loaded anew.
    expect((await page.rpc.call('ready', []))?.trace?.text).toBe('one three');
    host.hidden();
    await trace('while hidden');
    host.shown();
    expect(await page.rpc.call('ready', [])).toBeNull();
    expect(page.told.slice(3)).toEqual(['state with while hidden']);
  });

  it('tells a page everything when it asks, where what was told ahead did not arrive', async () => {
    const { host, page, wire } = bind('trace', 1);
    await trace('one two');
    host.shown();
    expect((await page.rpc.call('ready', []))?.trace?.text).toBe('one two');
    await trace('again');
    await wire.settle();
    expect(page.told).toEqual(['traced again', 'status idle']);
  });

  it('tells a page everything when it asks, where something was refused since', async () => {
    const { host, page } = bind('trace', 0, 1);
    await trace('one two');
    host.shown();
    await trace('refused');
    await trace('not even tried');
    expect((await page.rpc.call('ready', []))?.trace?.text).toBe('not even tried');
    expect(page.told).toEqual(['state with one two']);
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

  it('shares what is tried, mapped and compared with every view that did not do it', async () => {
    const [panel, sidebar] = [bind('trace'), bind('sidebar')];
    await panel.page.rpc.call('ready', []);
    await trace('one two');
    await trace('one three');
    await sidebar.page.rpc.call('ready', []);
    const flip = { layer: 0, tree: 0, node: 1, token: null, kind: 'flip' } as const;
    const state = await panel.page.rpc.call('setInterventions', [{ interventions: [flip], positions: [0] }]);
    expect(state.result?.visits).toBeInstanceOf(Uint32Array);
    insights.setUsage(usageOf(9), 'docs', () => Promise.resolve({ text: 'the end', firstLine: 4 }));
    await sidebar.page.rpc.call('compare', [true]);
    await sidebar.page.rpc.call('compare', [false]);
    await panel.wire.settle();
    await sidebar.wire.settle();
    const expected = ['usage docs', 'compared one two', 'compared undefined'];
    expect(panel.page.told.slice(-3)).toEqual(expected);
    expect(panel.page.told).not.toContain('interventions 1');
    expect(sidebar.page.told).toEqual(['interventions 1', ...expected]);
    const late = bind('trace');
    expect(await late.page.rpc.call('ready', [])).toMatchObject({
      trace: { text: 'one three' },
      whatIf: { interventions: [flip] },
      usage: { label: 'docs', documents: 2, tokens: 4 },
      compared: null,
    });
    expect(await late.page.rpc.call('usageContexts', [{ layer: 1, tree: 0, node: 1 }])).toEqual([
      { entry: 0, document: 'a.md', excerpt: { before: '', text: 'the', after: ' end', line: 4 } },
    ]);
    expect((await late.page.rpc.call('usage', []))?.layers[0]?.[0]?.visits).toEqual(usageOf(9).layers[0]![0]!.visits);
  });

  it('asks the runner about the shown trace for a page', async () => {
    const { page } = bind('trace');
    await expect(page.rpc.call('lens', [0])).rejects.toMatchObject({ code: 'BAD_INPUT' });
    await trace('one two');
    expect((await page.rpc.call('lens', [1])).layers).toHaveLength(2);
    expect(await page.rpc.call('predictAt', [1])).toEqual([{ id: 1, text: 'last', probability: 0.2 }]);
    expect((await page.rpc.call('layerNorms', [1])).outputNorms).toEqual(Float32Array.of(2));
    await expect(page.rpc.call('describeNode', [{ layer: 0, tree: 0, node: 2 }])).rejects.toThrow('No describeNode.');
    await expect(page.rpc.call('nearBoundary', [{ precision: 'bf16', noise: 0.1 }])).rejects.toThrow('No nearBoundary');
    expect(insightRunner.asked.map(({ request }) => request)).toEqual([
      { runId: 1, token: 1, top: 5 },
      { runId: 1, token: 1, top: 5 },
      { model: '/models/small', layer: 1 },
      { model: '/models/small', layer: 0, tree: 0, node: 2, top: 12 },
      { runId: 1, precision: 'bf16', noise: 0.1 },
    ]);
  });

  it('saves for a page, and says whether it did', async () => {
    const { page } = bind('trace');
    const save = (kind: 'svg' | 'png', data: string | Uint8Array): Promise<boolean> =>
      page.rpc.call('exportFile', [{ suggestedName: 'map', kind, data }]);
    expect(await save('svg', '<svg/>')).toBe(true);
    expect(await save('png', Uint8Array.of(1, 2))).toBe(false);
    expect(await page.rpc.call('exportTrace', [])).toBe(true);
    await page.rpc.call('mapUsage', []);
    await page.rpc.call('openReport', ['comparison']);
    expect(asked).toEqual(['export map svg 6', 'export map png 2', 'mapUsage', 'openReport comparison']);
  });
});
