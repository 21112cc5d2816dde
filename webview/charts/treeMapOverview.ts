/**
 * The minimap under a zoomed tree map: the whole tree's leaves in one thin line and the window on them. The leaves are
 * built once a tree; zooming moves the window alone.
 */
import { firstOfLevel } from '../../extension/tree';
import { setAttributes, svg } from '../dom';
import { countsOf, fillOf } from '../heat';
import type { Theme } from '../theme';
import { visitedRuns, WHOLE, type Span } from './layout/icicle';
import type { Scene } from './treeMapScene';

const HEIGHT = 16;

export interface Overview {
  element: SVGSVGElement;
  /** @param built says what the leaves were drawn from; they are drawn anew when it changes. */
  paint(scene: Scene, theme: Theme, span: Span, built: string): void;
}

export function overview(): Overview {
  const leaves = svg('g');
  const ground = svg('rect', { class: 'ground', x: 0, y: 0, height: HEIGHT });
  const frame = svg('rect', { class: 'window', y: 0.75, height: HEIGHT - 1.5, rx: 2 });
  const attributes = { class: 'overview', height: HEIGHT, 'aria-hidden': 'true', 'data-testid': 'minimap' };
  const element = svg('svg', attributes);
  let drawn = '';

  function paintLeaves(scene: Scene, theme: Theme): void {
    const { view, width } = scene;
    const counts = countsOf(scene);
    const first = firstOfLevel(view.depth);
    leaves.replaceChildren(
      ...visitedRuns(counts, view.depth, WHOLE, width, 0).map(({ x, node }) =>
        svg('rect', {
          x,
          y: 3,
          width: 2,
          height: HEIGHT - 6,
          fill: fillOf(scene, theme, Math.max(first, node), counts[node] ?? 0),
        }),
      ),
    );
  }

  return {
    element,
    paint(scene, theme, { from, to }, built) {
      const { width } = scene;
      const zoomed = to - from < 0.999;
      element.setAttribute('width', String(width));
      element.classList.toggle('zoomed', zoomed);
      if (!zoomed) {
        drawn = '';
        element.replaceChildren();
        return;
      }
      if (drawn !== built) {
        drawn = built;
        paintLeaves(scene, theme);
        ground.setAttribute('width', String(width));
        element.replaceChildren(ground, leaves, frame);
      }
      setAttributes(frame, { x: (from * width).toFixed(1), width: Math.max(4, (to - from) * width).toFixed(1) });
    },
  };
}
