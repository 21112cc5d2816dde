/** A view's whole page in jsdom, with the test in the place of the extension host. */
import { vi } from 'vitest';
import type { ViewApi, ViewEvents, ViewState } from '../../../extension/protocol';
import { sampleAnswers, type Answers } from './sampleInsight';

export interface Call {
  method: keyof ViewApi;
  parameters: unknown[];
}

export interface ViewPage {
  calls: Call[];
  /** Methods that are refused with an error from now on. */
  refuse: Map<keyof ViewApi, { code: string; message: string }>;
  saved: unknown;
  /** What the host answers; made up from the trace unless a test says otherwise. */
  answers: Answers;
  emit<Name extends keyof ViewEvents>(name: Name, payload: ViewEvents[Name]): Promise<void>;
  /** Lets messages arrive and frames pass. */
  settle(): Promise<void>;
  press(key: string, change?: KeyboardEventInit): Promise<void>;
  find(testId: string): HTMLElement;
}

/** Undoes what the page opened before listens to: all pages of a test file share one window. */
let closeLast = (): void => undefined;

/** Loads a view's `main.ts` afresh and answers its `ready` with a state. */
export async function openView(
  view: 'trace' | 'sidebar',
  state: ViewState,
  savedState: Record<string, unknown> = {},
): Promise<ViewPage> {
  closeLast();
  vi.resetModules();
  document.body.innerHTML = '<div id="app"></div>';
  document.body.dataset['view'] = view;
  // jsdom lays nothing out.
  Element.prototype.scrollIntoView = () => undefined;
  // jsdom draws nothing: a context whose every method does nothing stands in.
  const nothing = (): void => undefined;
  HTMLCanvasElement.prototype.getContext = (() =>
    new Proxy({}, { get: () => nothing, set: () => true })) as unknown as HTMLCanvasElement['getContext'];
  HTMLDialogElement.prototype.showModal = function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function (this: HTMLDialogElement) {
    this.open = false;
  };

  // The toolkit asks for media features while it loads; charts jump instead of gliding.
  window.matchMedia = (media) =>
    ({ media, matches: true, addListener: nothing, removeListener: nothing }) as unknown as MediaQueryList;

  const page: ViewPage = {
    calls: [],
    refuse: new Map(),
    saved: savedState,
    answers: state.trace === null ? {} : sampleAnswers(state.trace),
    async emit(name, payload) {
      window.dispatchEvent(new MessageEvent('message', { data: { kind: 'event', name, payload } }));
      await page.settle();
    },
    async settle() {
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        await new Promise((resolve) => setTimeout(resolve));
      }
    },
    async press(key, change = {}) {
      const target = document.activeElement ?? document.body;
      target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...change }));
      await page.settle();
    },
    find(testId) {
      const element = document.querySelector<HTMLElement>(`[data-testid="${testId}"]`);
      if (element === null) {
        throw new Error(`Nothing on the page has the test id "${testId}".`);
      }
      return element;
    },
  };

  vi.stubGlobal('acquireVsCodeApi', () => ({
    postMessage(message: { kind: string; id: number; method: keyof ViewApi; parameters: unknown[] }) {
      if (message.kind !== 'request') {
        return;
      }
      page.calls.push({ method: message.method, parameters: message.parameters });
      const error = page.refuse.get(message.method);
      const answer = page.answers[message.method] as ((...parameters: unknown[]) => unknown) | undefined;
      const result = message.method === 'ready' ? structuredClone(state) : answer?.(...message.parameters);
      const reply = error === undefined ? { ok: true, result } : { ok: false, error };
      const data = { kind: 'reply', id: message.id, reply };
      queueMicrotask(() => window.dispatchEvent(new MessageEvent('message', { data })));
    },
    getState: () => page.saved,
    setState: (next: unknown) => {
      page.saved = next;
    },
  }));
  const keys: EventListener[] = [];
  const listen = document.addEventListener.bind(document);
  const spy = vi.spyOn(document, 'addEventListener').mockImplementation((type, listener, options) => {
    if (type === 'keydown') {
      keys.push(listener as EventListener);
    }
    listen(type, listener as EventListener, options);
  });
  closeLast = () => {
    window.dispatchEvent(new Event('pagehide'));
    keys.forEach((listener) => document.removeEventListener('keydown', listener));
  };
  await import(`../../../webview/${view}/main.ts`);
  spy.mockRestore();
  await page.settle();
  return page;
}
