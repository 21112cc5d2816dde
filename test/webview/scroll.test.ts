/** Where a page comes back after VS Code hid it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../../webview/host';
import { keepScroll, traceKey, type ScrollKeeper } from '../../webview/scroll';
import { sampleState } from './support/sampleTrace';

/** What VS Code keeps for one view, over several lives of its page. */
let kept: unknown;
let height: number;
const listening = vi.spyOn(window, 'addEventListener');

/** A new life of the page, before its contents have all their height. */
function page(): ScrollKeeper {
  tearDown();
  const host = connect();
  host.save({ form: 'map' });
  height = 300;
  return keepScroll(host, () => (height = 2000));
}

/** The window goes with its page, and everything that listened to it. */
function tearDown(): void {
  for (const [type, listener] of listening.mock.calls) {
    window.removeEventListener(type, listener as EventListener);
  }
  listening.mockClear();
  window.scrollY = 0;
}

beforeEach(() => {
  kept = undefined;
  vi.stubGlobal('acquireVsCodeApi', () => ({
    postMessage: () => undefined,
    getState: () => structuredClone(kept),
    setState: (state: unknown) => (kept = structuredClone(state)),
  }));
  // jsdom lays nothing out: a page no higher than `height` cannot be scrolled further.
  vi.stubGlobal('scrollTo', (_: number, top: number) => {
    window.scrollY = Math.min(top, height);
    window.dispatchEvent(new Event('scrollend'));
  });
});

afterEach(() => {
  tearDown();
  vi.unstubAllGlobals();
});

describe('A page that comes back', () => {
  it('stands where it was left, once everything above has its height', () => {
    page().painted('1');
    height = 2000;
    window.scrollTo(0, 900);
    const again = page();
    again.painted('1');
    expect(window.scrollY).toBe(900);
    // Only the first time: what is scrolled to later stays.
    window.scrollTo(0, 200);
    again.painted('1');
    expect(window.scrollY).toBe(200);
    expect(kept).toEqual({ form: 'map', scroll: { key: '1', top: 200 } });
  });

  it('starts at its top when it shows something else', () => {
    page().painted('1');
    window.scrollTo(0, 250);
    page().painted('2');
    expect(window.scrollY).toBe(0);
  });

  it('stays where it is when new content arrives, and comes back there', () => {
    const first = page();
    first.painted('1');
    window.scrollTo(0, 250);
    first.painted('2');
    expect(window.scrollY).toBe(250);
    page().painted('2');
    expect(window.scrollY).toBe(250);
  });

  it('does not leave what was just revealed', () => {
    page().painted('1');
    window.scrollTo(0, 250);
    const again = page();
    window.scrollTo(0, 100);
    again.painted('1', true);
    expect(window.scrollY).toBe(100);
  });

  it('knows a trace by model and text, not by the number of its run', () => {
    const { trace } = sampleState();
    const key = traceKey(trace!);
    expect(traceKey({ ...trace!, runId: trace!.runId + 1 })).toBe(key);
    expect(traceKey({ ...trace!, text: `${trace!.text} ` })).not.toBe(key);
    expect(traceKey({ ...trace!, model: { ...trace!.model, weightsHash: 'other' } })).not.toBe(key);
  });

  it('remembers nothing before it has shown anything', () => {
    page();
    window.scrollTo(0, 250);
    expect(kept).toEqual({ form: 'map' });
  });

  it.each([null, 7, 'x', { scroll: 3 }, { scroll: { key: '1', top: 'far' } }, { scroll: { key: '1', top: NaN } }])(
    'is not misled by saved data that are %j',
    (data) => {
      kept = data;
      page().painted('1');
      expect(window.scrollY).toBe(0);
    },
  );
});
