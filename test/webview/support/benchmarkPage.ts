/** The benchmark's whole page in jsdom, with the test in the place of the extension host. */
import { vi } from 'vitest';
import type { BenchmarkViewApi, BenchmarkViewEvents, BenchmarkViewState } from '../../../extension/protocol';

export interface BenchmarkPage {
  calls: { method: keyof BenchmarkViewApi; parameters: unknown[] }[];
  /** What methods answer; a refusal is an error's message. */
  answers: Map<keyof BenchmarkViewApi, unknown>;
  refuse: Map<keyof BenchmarkViewApi, { code: string; message: string }>;
  saved: unknown;
  emit<Name extends keyof BenchmarkViewEvents>(name: Name, payload: BenchmarkViewEvents[Name]): Promise<void>;
  settle(): Promise<void>;
  find(testId: string): HTMLElement;
  all(testId: string): HTMLElement[];
  click(testId: string): Promise<void>;
  choose(testId: string, label: string): Promise<void>;
}

let closeLast = (): void => undefined;

/** Loads the page afresh and answers its `ready` with a state. */
export async function openBenchmark(
  state: BenchmarkViewState,
  savedState: Record<string, unknown> = {},
): Promise<BenchmarkPage> {
  closeLast();
  vi.resetModules();
  document.body.innerHTML = '<div id="app"></div>';
  document.body.dataset['view'] = 'benchmark';
  const nothing = (): void => undefined;
  // jsdom lays nothing out.
  Element.prototype.scrollIntoView = nothing;
  window.matchMedia = (media) =>
    ({ media, matches: true, addListener: nothing, removeListener: nothing }) as unknown as MediaQueryList;

  const page: BenchmarkPage = {
    calls: [],
    answers: new Map(),
    refuse: new Map(),
    saved: savedState,
    async emit(name, payload) {
      window.dispatchEvent(new MessageEvent('message', { data: structuredClone({ kind: 'event', name, payload }) }));
      await page.settle();
    },
    async settle() {
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        await new Promise((resolve) => setTimeout(resolve));
      }
    },
    find(testId) {
      const element = document.querySelector<HTMLElement>(`[data-testid="${testId}"]`);
      if (element === null) {
        throw new Error(`Nothing on the page has the test id "${testId}".`);
      }
      return element;
    },
    all: (testId) => [...document.querySelectorAll<HTMLElement>(`[data-testid="${testId}"]`)],
    async click(testId) {
      page.find(testId).click();
      await page.settle();
    },
    async choose(testId, label) {
      const select = page.find(testId).querySelector('select')!;
      const index = [...select.options].findIndex((option) => option.textContent === label);
      if (index < 0) {
        throw new Error(`"${testId}" does not offer "${label}".`);
      }
      select.selectedIndex = index;
      select.dispatchEvent(new Event('change'));
      await page.settle();
    },
  };

  vi.stubGlobal('acquireVsCodeApi', () => ({
    postMessage(message: { kind: string; id: number; method: keyof BenchmarkViewApi; parameters: unknown[] }) {
      if (message.kind !== 'request') {
        return;
      }
      page.calls.push({ method: message.method, parameters: message.parameters });
      const error = page.refuse.get(message.method);
      const result = message.method === 'ready' ? structuredClone(state) : page.answers.get(message.method);
      const reply = error === undefined ? { ok: true, result } : { ok: false, error };
      const data = { kind: 'reply', id: message.id, reply };
      queueMicrotask(() => window.dispatchEvent(new MessageEvent('message', { data })));
    },
    getState: () => page.saved,
    setState: (next: unknown) => {
      page.saved = next;
    },
  }));
  closeLast = () => {
    window.dispatchEvent(new Event('pagehide'));
  };
  await import('../../../webview/benchmark/main');
  await page.settle();
  return page;
}
