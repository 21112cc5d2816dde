import { describe, expect, it } from 'vitest';
import type { Focus, ViewApi, ViewEvents, ViewState } from '../../extension/protocol';
import { Rpc, type Channel, type None } from '../../extension/rpc';
import { Store, type Change } from '../../webview/store';
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

interface HostSide {
  host: Rpc<ViewApi, None, ViewEvents>;
  store: Store;
  focuses: Focus[];
  /** Lets the answer to the oldest `setFocus` go. */
  release(): void;
  changes: Set<Change>[];
  settle(): Promise<void>;
}

async function connected(state: ViewState = sampleState()): Promise<HostSide> {
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
