/**
 * Lifetimes and events without VS Code: the session and the runner's client use these, so that unit tests can too.
 */
import type { Disposable } from './rpc';

export type { Disposable };

/** Wraps a function so that it runs at most once. */
export function toDisposable(undo: () => void): Disposable {
  let done = false;
  return {
    dispose: () => {
      if (!done) {
        done = true;
        undo();
      }
    },
  };
}

/** Owns things that end together; they end in reverse order, and whatever is added too late ends at once. */
export class DisposableStore implements Disposable {
  private readonly items: Disposable[] = [];
  private disposed = false;

  add<T extends Disposable>(item: T): T {
    if (this.disposed) {
      item.dispose();
    } else {
      this.items.push(item);
    }
    return item;
  }

  dispose(): void {
    this.disposed = true;
    for (const item of this.items.splice(0).reverse()) {
      item.dispose();
    }
  }
}

/** Typed events of one object. `Map` names each event and its payload. */
export class Events<Map> {
  private readonly listeners = new globalThis.Map<keyof Map, Set<(payload: never) => void>>();

  on<Name extends keyof Map>(name: Name, listener: (payload: Map[Name]) => void): Disposable {
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners);
    listeners.add(listener);
    return toDisposable(() => listeners.delete(listener));
  }

  fire<Name extends keyof Map>(name: Name, payload: Map[Name]): void {
    // A copy: a listener may stop listening while it is being told.
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      (listener as (payload: Map[Name]) => void)(payload);
    }
  }

  clear(): void {
    this.listeners.clear();
  }
}
