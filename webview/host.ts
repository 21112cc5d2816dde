/**
 * A view's connection to the extension host: the one `Rpc` over `postMessage`, and the view's own small state that
 * VS Code keeps while the view is hidden. Knows nothing about what is drawn.
 */
import type { ViewApi, ViewEvents, WireError } from '../extension/protocol';
import { Rpc, type Channel, type None } from '../extension/rpc';

/** What VS Code hands a webview, once. */
interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

export interface Host<Remote = ViewApi, Incoming = ViewEvents> {
  rpc: Rpc<None, Remote, None, Incoming>;
  /** What `save` stored before the view was hidden, as unchecked data; null the first time. */
  saved: Record<string, unknown>;
  /** Stores some entries beside those stored before. */
  save(state: Record<string, unknown>): void;
}

/** Connects to the host. Call once a page: VS Code allows `acquireVsCodeApi` a single time. */
export function connect<Remote = ViewApi, Incoming = ViewEvents>(): Host<Remote, Incoming> {
  const api = acquireVsCodeApi();
  const channel: Channel = {
    send: (message) => api.postMessage(message),
    onMessage(listener) {
      const onMessage = (event: MessageEvent): void => listener(event.data);
      window.addEventListener('message', onMessage);
      return { dispose: () => window.removeEventListener('message', onMessage) };
    },
    onClose(listener) {
      window.addEventListener('pagehide', listener);
      return { dispose: () => window.removeEventListener('pagehide', listener) };
    },
  };
  const rpc = new Rpc<None, Remote, None, Incoming>(channel, {}, (where, thrown) => {
    // Shows up in the developer tools like any uncaught error; the view goes on.
    reportError(new Error(`FFF Explorer view, ${where}`, { cause: thrown }));
  });
  const state = api.getState();
  const saved = typeof state === 'object' && state !== null ? (state as Record<string, unknown>) : {};
  let current = saved;
  return {
    rpc,
    saved,
    save(entries) {
      current = { ...current, ...entries };
      api.setState(current);
    },
  };
}

/** Calls reject with errors that carry a code; anything else is a fault of this view. */
export function wireErrorOf(thrown: unknown): WireError {
  const { code, message, action } = thrown as Partial<WireError>;
  return {
    code: code ?? 'INTERNAL',
    message: message ?? String(thrown),
    ...(action === undefined ? {} : { action }),
  };
}
