import { describe, expect, it } from 'vitest';
import type { Focus, InsightViewApi, ViewApi, ViewEvents, ViewState, WhatIfState } from '../../extension/protocol';
import { FffError } from '../../extension/errors';
import { Rpc, type Channel, type Handlers, type None } from '../../extension/rpc';
import { Store, type Change } from '../../webview/store';
import { sampleUsage } from './support/sampleInsight';
import { sampleState, sampleTiming } from './support/sampleTrace';

/** Two ends of one channel in memory; messages are copied, as between processes. */
function channelPair(): [Channel, Channel] {
  const listeners: ((message: unknown) => void)[][] = [[], []];
  const end = (mine: number): Channel => ({
    send: (message) => {
      const copy: unknown = structuredClone(message);
      queueMicrotask(() => listeners[1 - mine]!.forEach((listener) => listener(copy)));
    },
    onMessage: (listener) => {
      listeners[mine]!.push(listener);
      return { dispose: () => undefined };
    },
    onClose: () => ({ dispose: () => undefined }),
  });
  return [end(0), end(1)];
}

/** Questions none of these tests' views asks, except where it says so itself. */
const unasked = (): never => {
  throw new Error('Nobody should have asked.');
};

const UNASKED: Handlers<InsightViewApi> = {
  setInterventions: unasked,
  whatIf: unasked,
  lens: unasked,
  predictAt: unasked,
  layerNorms: unasked,
  describeNode: unasked,
  nearBoundary: unasked,
  usage: unasked,
  mapUsage: unasked,
  openReport: unasked,
  usageContexts: unasked,
  compareContexts: unasked,
  compare: unasked,
  exportFile: unasked,
  exportTrace: unasked,
};

interface HostSide {
  host: Rpc<ViewApi, None, ViewEvents>;
  store: Store;
  focuses: Focus[];
  /** Lets the answer to the oldest `setFocus` go. */
  release(): void;
  changes: Set<Change>[];
  settle(): Promise<void>;
}

async function connected(
  state: ViewState = sampleState(),
  insight: Partial<Handlers<InsightViewApi>> = {},
): Promise<HostSide> {
  const [hostEnd, viewEnd] = channelPair();
  const focuses: Focus[] = [];
  const waiting: (() => void)[] = [];
  const nothing = async (): Promise<void> => undefined;
  const host = new Rpc<ViewApi, None, ViewEvents>(hostEnd, {
    ready: () => state,
    setFocus: (focus) => {
      focuses.push(focus);
      return new Promise((resolve) => waiting.push(resolve));
    },
    cancel: nothing,
    inspectSelection: nothing,
    revealToken: nothing,
    showLog: nothing,
    restartRunner: nothing,
    openTracePanel: nothing,
    painted: nothing,
    ...UNASKED,
    ...insight,
  });
  const rpc = new Rpc<None, ViewApi, None, ViewEvents>(viewEnd, {});
  const store = new Store({ rpc, saved: {}, save: () => undefined });
  const changes: Set<Change>[] = [];
  store.onChange((changed) => changes.push(new Set(changed)));
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  };
  await store.start();
  await settle();
  changes.length = 0;
  return { host, store, focuses, release: () => waiting.shift()?.(), changes, settle };
}

describe('store', () => {
  it('takes what it is told ahead, and asks for it where it heard nothing', async () => {
    const [hostEnd, viewEnd] = channelPair();
    const answers: (ViewState | null)[] = [null, sampleState(), null];
    let asked = 0;
    const api = { ready: () => answers[asked++] } as unknown as Handlers<ViewApi>;
    const host = new Rpc<ViewApi, None, ViewEvents>(hostEnd, api);
    const open = (): Store =>
      new Store({ rpc: new Rpc<None, ViewApi, None, ViewEvents>(viewEnd, {}), saved: {}, save: () => undefined });
    const missed = open();
    await missed.start();
    expect(asked).toBe(2);
    expect(missed.state.trace?.runId).toBe(12);
    const told = open();
    const started = told.start();
    expect(told.hydrated).toBe(false);
    host.emit('state', sampleState());
    await started;
    expect(asked).toBe(3);
    expect(told.hydrated).toBe(true);
    expect(told.state.trace?.runId).toBe(12);
  });

  it('sends the focus it ends at, not every step, and ignores echoes meanwhile', async () => {
    const { host, store, focuses, release, settle } = await connected();
    for (let step = 0; step < 5; step++) {
      store.pin({ token: store.pinned.token + 1 });
    }
    await settle();
    expect(focuses.map(({ token }) => token)).toEqual([11]);
    host.emit('focus', { ...store.pinned, token: 11 });
    await settle();
    expect(store.pinned.token).toBe(15);
    release();
    await settle();
    expect(focuses.map(({ token }) => token)).toEqual([11, 15]);
    release();
    await settle();
    host.emit('focus', { ...store.pinned, token: 3 });
    await settle();
    expect(store.pinned.token).toBe(3);
  });

  it('tells its panes once a frame', async () => {
    const { store, changes, settle } = await connected();
    store.preview({ token: 1 });
    store.preview({ token: 2 });
    store.preview({ token: 2 });
    store.arrange({ colourLevel: 2 });
    await settle();
    expect(changes).toEqual([new Set(['focus', 'setup'])]);
  });

  it('keeps previews to itself and off the pinned focus', async () => {
    const { store, focuses, settle } = await connected();
    store.preview({ token: 4, layer: 2 });
    await settle();
    expect([store.sight.token, store.sight.layer, store.pinned.token, store.pinned.layer]).toEqual([4, 2, 10, 0]);
    store.preview(null);
    expect(store.sight).toEqual(store.pinned);
    expect(focuses).toEqual([]);
  });

  it('lets a pinned node go when layer or tree change, and stays within the trace', async () => {
    const { store } = await connected();
    store.pin({ node: 5 });
    store.pin({ token: 12 });
    expect(store.pinned.node).toBe(5);
    store.pin({ layer: 99 });
    expect(store.pinned).toEqual({ token: 12, layer: 3, tree: 0, node: null });
    store.pin({ token: -1, tree: 3 });
    expect(store.pinned).toMatchObject({ token: 0, tree: 0 });
  });

  it('replaces a layer timing as it refines', async () => {
    const { host, store, settle } = await connected({ ...sampleState(), timings: [] });
    host.emit('timing', sampleTiming(2, 44));
    host.emit('timing', sampleTiming(0, 44));
    host.emit('timing', { ...sampleTiming(2, 44), threads: 7 });
    await settle();
    expect(store.state.timings.map(({ layer, threads }) => [layer, threads])).toEqual([
      [0, 1],
      [2, 7],
    ]);
  });
});

describe('questions about the trace', () => {
  it('are asked once, one of a kind at a time, and answered to whoever asks again', async () => {
    const asked: number[] = [];
    const waiting: (() => void)[] = [];
    const { store, settle, changes } = await connected(sampleState(), {
      layerNorms: (layer) => {
        asked.push(layer);
        const norms = { layer, inputNorms: new Float32Array([layer]), outputNorms: new Float32Array([layer]) };
        return new Promise((resolve) => waiting.push(() => resolve(norms)));
      },
    });
    for (let i = 0; i < 3; i++) {
      expect([store.insight.norms(0), store.insight.norms(1)]).toEqual([null, null]);
    }
    await settle();
    expect(asked).toEqual([0]);
    waiting.shift()?.();
    await settle();
    expect([...(changes.at(-1) ?? [])]).toEqual(['insight']);
    expect([...(store.insight.norms(0)?.outputNorms ?? [])]).toEqual([0]);
    expect(store.insight.norms(1)).toBeNull();
    await settle();
    expect(asked).toEqual([0, 1]);
  });

  it('are forgotten with their trace, and answers to an earlier one are dropped', async () => {
    const waiting: (() => void)[] = [];
    let count = 0;
    const { host, store, settle } = await connected(sampleState(), {
      predictAt: () => {
        const answer = [{ id: ++count, text: 'x', probability: 1 }];
        return new Promise((resolve) => waiting.push(() => resolve(answer)));
      },
    });
    expect(store.insight.predictAt(3)).toEqual({ kind: 'waiting' });
    await settle();
    host.emit('traced', {
      trace: { ...sampleState().trace!, runId: 13 },
      source: store.state.source!,
      focus: store.pinned,
    });
    await settle();
    expect(store.insight.predictAt(3)).toEqual({ kind: 'waiting' });
    await settle();
    waiting.forEach((answer) => answer());
    await settle();
    expect(store.insight.predictAt(3)).toMatchObject({ kind: 'ready', value: [{ id: 2 }] });
  });

  it('about a usage map are asked again with the next map, whatever is still answered about the last one', async () => {
    const asked: string[] = [];
    const waiting: (() => void)[] = [];
    const state = sampleState();
    const map = sampleUsage(state.trace!);
    let runId = 1;
    // A host that answers with the map it has when asked, in its own time.
    const later = <Value>(method: string, value: Value): Promise<Value> => {
      asked.push(`${method} ${runId}`);
      return new Promise((resolve) => waiting.push(() => resolve(value)));
    };
    const { host, store, settle } = await connected(state, {
      usage: () => later('usage', { ...map, runId }),
      usageContexts: () => later('contexts', [{ entry: 0, document: `map ${runId}`, excerpt: null }]),
      layerNorms: (layer) =>
        later('norms', { layer, inputNorms: new Float32Array(1), outputNorms: new Float32Array(1) }),
    });
    const ask = async (): Promise<unknown[]> => {
      const answers = [store.insight.usage(), store.insight.usageContexts(0, 0, 1)];
      store.insight.norms(0);
      await settle();
      return answers;
    };
    await ask();
    runId = 2;
    host.emit('usage', { runId, documents: 1, tokens: 2, label: 'other' });
    await settle();
    await ask();
    // Not even asked for is the norm again: it has nothing to do with the map.
    expect(asked).toEqual(['usage 1', 'contexts 1', 'norms 1', 'usage 2', 'contexts 2']);
    waiting.splice(0, 3).forEach((answer) => answer());
    await settle();
    expect(await ask()).toEqual([{ kind: 'waiting' }, { kind: 'waiting' }]);
    expect(store.insight.norms(0)).not.toBeNull();
    expect(asked).toHaveLength(5);
    waiting.forEach((answer) => answer());
    await settle();
    expect(await ask()).toMatchObject([
      { kind: 'ready', value: { runId: 2 } },
      { kind: 'ready', value: [{ document: 'map 2' }] },
    ]);
  });

  it('fail where they are shown, not in the status', async () => {
    const { store, settle } = await connected(sampleState(), {
      lens: () => {
        throw new FffError('BAD_INPUT', 'This trace came from a file.', 'Inspect the text again.');
      },
    });
    store.insight.lens(1);
    await settle();
    const answer = store.insight.lens(1);
    expect(answer).toMatchObject({ kind: 'failed', error: { code: 'BAD_INPUT' } });
    expect(store.localError).toBeNull();
  });
});

describe('changes under trial', () => {
  const change = { layer: 0, tree: 0, node: 2, token: 3, kind: 'flip' as const };
  const answered = (interventions: WhatIfState['interventions']): WhatIfState => ({ interventions, result: null });

  it('are asked for at the masked positions and the focused token, and shared', async () => {
    const requests: unknown[] = [];
    const { host, store, settle } = await connected(sampleState(), {
      setInterventions: (request) => {
        requests.push(request);
        return answered(request.interventions);
      },
    });
    const masked = store.state.trace!.predictions.map(({ index }) => index);
    await store.tryOut([change]);
    const positions = [...new Set([...masked, 10])].sort((a, b) => a - b);
    expect(requests).toEqual([{ interventions: [change], positions }]);
    expect(store.state.whatIf.interventions).toEqual([change]);
    host.emit('interventions', answered([]));
    await settle();
    expect(store.state.whatIf.interventions).toEqual([]);
  });

  it('add to those last asked for, also before the host has answered, whose giving up of the older is no failure', async () => {
    const waiting: { resolve: () => void; reject: (error: FffError) => void }[] = [];
    const other = { ...change, node: 5 };
    const { host, store, settle } = await connected(sampleState(), {
      setInterventions: (request) =>
        new Promise((resolve, reject) => {
          waiting.push({ resolve: () => resolve(answered(request.interventions)), reject });
        }),
    });
    const first = store.tryOut([change]);
    expect([store.interventions, store.state.whatIf.interventions]).toEqual([[change], []]);
    const second = store.tryOut([...store.interventions, other]);
    await settle();
    waiting[0]!.reject(new FffError('CANCELLED', 'Other changes came in between.'));
    await first;
    expect([store.interventions, store.localError]).toEqual([[change, other], null]);
    waiting[1]!.resolve();
    await second;
    expect(store.state.whatIf.interventions).toEqual([change, other]);
    // From here on the host's word counts again: after an answer, a failure, another trace.
    host.emit('interventions', answered([other]));
    await settle();
    expect(store.interventions).toEqual([other]);
    const third = store.tryOut([]);
    await settle();
    waiting[2]!.reject(new FffError('BAD_INPUT', 'No.'));
    await third;
    expect([store.interventions, store.localError?.message]).toEqual([[other], 'No.']);
    const fourth = store.tryOut([other, change]);
    await settle();
    host.emit('traced', {
      trace: { ...sampleState().trace!, runId: 13 },
      source: store.state.source!,
      focus: store.pinned,
    });
    await settle();
    expect(store.interventions).toEqual([]);
    waiting[3]!.resolve();
    await fourth;
    expect([store.interventions, store.state.whatIf.interventions]).toEqual([[], []]);
  });

  it('stay as they are when the host refuses, and go with their trace', async () => {
    let refuse = false;
    const { host, store, settle } = await connected(sampleState(), {
      setInterventions: (request) => {
        if (refuse) {
          throw new FffError('BAD_INPUT', 'Leaves decide nothing.');
        }
        return answered(request.interventions);
      },
    });
    await store.tryOut([change]);
    refuse = true;
    await store.tryOut([]);
    expect(store.state.whatIf.interventions).toEqual([change]);
    expect(store.localError?.message).toBe('Leaves decide nothing.');
    host.emit('traced', {
      trace: { ...sampleState().trace!, runId: 13 },
      source: store.state.source!,
      focus: store.pinned,
    });
    await settle();
    expect(store.state.whatIf).toEqual({ interventions: [], result: null });
  });
});
