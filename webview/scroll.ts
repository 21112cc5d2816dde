/** Where a page was scrolled to. VS Code tears a hidden view down, and without this it would come back at its top. */
import type { Trace } from '../extension/protocol';
import type { Host } from './host';

export interface ScrollKeeper {
  /**
   * To call when the page has painted what `key` names. The first time, the page goes back to where it was left, unless
   * `elsewhere` says that it has just been scrolled to what somebody asked for.
   */
  painted(key: string, elsewhere?: boolean): void;
}

/**
 * Keeps the page's scroll position, for what was shown there.
 *
 * @param settle gives everything on the page its final height; called just before the page is scrolled
 */
export function keepScroll(host: Pick<Host, 'saved' | 'save'>, settle?: () => void): ScrollKeeper {
  let shown: string | null = null;
  const save = (key: string): void => host.save({ scroll: { key, top: Math.round(window.scrollY) } });
  window.addEventListener('scrollend', () => {
    if (shown !== null) {
      save(shown);
    }
  });
  return {
    painted(key, elsewhere = false) {
      if (shown === key) {
        return;
      }
      if (shown === null) {
        const { key: left, top } = readScroll(host.saved['scroll']);
        if (left === key && top > 0 && !elsewhere) {
          settle?.();
          window.scrollTo(0, top);
        }
      } else {
        // What is new stands where the old one was scrolled to.
        save(key);
      }
      shown = key;
    },
  };
}

/** Names what a trace shows, over reloads too, where runs are counted anew: the same model on the same text. */
export function traceKey({ model, text, tokens }: Trace): string {
  // FNV-1a: enough to tell apart what one person looks at.
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return `${model.weightsHash} ${tokens.length} ${hash >>> 0}`;
}

/** Saved data may be anything. */
function readScroll(saved: unknown): { key: string; top: number } {
  const { key, top } = (typeof saved === 'object' && saved !== null ? saved : {}) as Record<string, unknown>;
  return typeof key === 'string' && typeof top === 'number' && Number.isFinite(top)
    ? { key, top }
    : { key: '', top: 0 };
}
