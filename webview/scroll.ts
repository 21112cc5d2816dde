/** Where a page was scrolled to. VS Code tears a hidden view down, and without this it would come back at its top. */
import type { Host } from './host';

export interface ScrollKeeper {
  /** To call when the page has painted what `key` names; the first time, the page goes back to where it was left. */
  painted(key: string): void;
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
    painted(key) {
      if (shown === key) {
        return;
      }
      if (shown === null) {
        const { key: left, top } = readScroll(host.saved['scroll']);
        if (left === key && top > 0) {
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

/** Saved data may be anything. */
function readScroll(saved: unknown): { key: string; top: number } {
  const { key, top } = (typeof saved === 'object' && saved !== null ? saved : {}) as Record<string, unknown>;
  return typeof key === 'string' && typeof top === 'number' && Number.isFinite(top)
    ? { key, top }
    : { key: '', top: 0 };
}
