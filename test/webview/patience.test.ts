/** When a figure repaints: at once in sight, later out of it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Patience } from '../../webview/patience';
import type { Change } from '../../webview/store';

/** Tells the observers of this test's elements what Chromium would. */
let intersect: (element: Element, isIntersecting: boolean) => void;

beforeEach(() => {
  vi.useFakeTimers();
  const callbacks = new Map<Element, IntersectionObserverCallback>();
  vi.stubGlobal(
    'IntersectionObserver',
    class {
      constructor(private readonly callback: IntersectionObserverCallback) {}
      observe(element: Element): void {
        callbacks.set(element, this.callback);
      }
    },
  );
  intersect = (element, isIntersecting) => {
    const entry = { isIntersecting, boundingClientRect: element.getBoundingClientRect() };
    callbacks.get(element)?.([entry as IntersectionObserverEntry], null as unknown as IntersectionObserver);
  };
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A figure from `top` to `bottom`, px from the window's upper edge; both 0 while the page is not shown. */
function figureAt(top: number, bottom: number): { element: HTMLElement; place: { top: number; bottom: number } } {
  const element = document.createElement('section');
  const place = { top, bottom };
  element.getBoundingClientRect = () => ({ ...place, height: place.bottom - place.top }) as DOMRect;
  return { element, place };
}

describe('patience', () => {
  it('has what is in sight in the first picture, also where the page was hidden before', () => {
    const [near, far] = [figureAt(0, 0), figureAt(0, 0)];
    const told: string[] = [];
    const nearby = new Patience(near.element, () => told.push('near'));
    const away = new Patience(far.element, () => told.push('far'));
    intersect(near.element, false);
    intersect(far.element, false);
    // The page is shown now; its observers have not been told yet.
    Object.assign(near.place, { top: 300, bottom: 600 });
    Object.assign(far.place, { top: window.innerHeight + 200, bottom: window.innerHeight + 500 });
    nearby.changed(new Set<Change>(['trace']));
    away.changed(new Set<Change>(['trace']));
    expect(told).toEqual(['near']);
    intersect(near.element, true);
    intersect(far.element, false);
    vi.runAllTimers();
    expect(told).toEqual(['near', 'far']);
  });

  it('gathers what changes out of sight, and tells it once it is in sight', () => {
    const { element } = figureAt(0, 100);
    const told: Change[][] = [];
    const patience = new Patience(element, (changes) => told.push([...changes]));
    intersect(element, false);
    patience.changed(new Set<Change>(['focus']));
    patience.changed(new Set<Change>(['timings']));
    expect(told).toEqual([]);
    intersect(element, true);
    expect(told).toEqual([['focus', 'timings']]);
    vi.runAllTimers();
    expect(told).toHaveLength(1);
    patience.changed(new Set<Change>(['focus']));
    expect(told).toHaveLength(2);
  });
});
