/**
 * How a tree picture is moved and pointed at, the same for both forms: Ctrl or Cmd and the wheel zoom, as in editors,
 * while the plain wheel scrolls the page; a drag pans; keys and buttons glide there, or jump where motion is reduced.
 */
import { select } from 'd3-selection';
import 'd3-transition';
import { zoom, zoomIdentity, type D3ZoomEvent, type ZoomTransform } from 'd3-zoom';
import { prefersReducedMotion, type Disposer } from '../dom';
import type { TreeOptions } from './treeMap';

const GLIDE_MS = 220;

export interface TreeZoom {
  /** Where the picture is now. */
  readonly transform: ZoomTransform;
  /** While it moves it is painted without what could not be followed anyway. */
  readonly moving: boolean;
  /** Largest factor. */
  readonly most: number;
  /** Says how large the picture is, px, and how far it may be enlarged. */
  resize(width: number, height: number, most: number): void;
  jumpTo(transform: ZoomTransform): void;
  glideTo(transform: ZoomTransform): void;
  /** @param at stays where it is; the middle of the picture where absent. */
  zoomBy(factor: number, at?: [number, number]): void;
}

/** @param paint called whenever the picture has moved, and once more when it rests. */
export function treeZoom(overlay: SVGSVGElement, disposer: Disposer, paint: () => void): TreeZoom {
  let transform = zoomIdentity;
  let moving = false;
  const zooming = zoom<SVGSVGElement, unknown>()
    .filter((event: MouseEvent) => (event.type === 'wheel' ? event.ctrlKey || event.metaKey : event.button === 0))
    .on('zoom', (event: D3ZoomEvent<SVGSVGElement, unknown>) => {
      transform = event.transform;
      moving = true;
      paint();
    })
    .on('end', () => {
      if (moving) {
        moving = false;
        paint();
      }
    });
  const target = select(overlay);
  target.call(zooming).on('dblclick.zoom', null);
  disposer.add(() => {
    target.interrupt();
    target.on('.zoom', null);
  });
  const glide = (step: (to: typeof target) => void): void =>
    step(prefersReducedMotion() ? target : (target.transition().duration(GLIDE_MS) as unknown as typeof target));
  return {
    get transform() {
      return transform;
    },
    get moving() {
      return moving;
    },
    get most() {
      return zooming.scaleExtent()[1];
    },
    resize(width, height, most) {
      const size: [[number, number], [number, number]] = [
        [0, 0],
        [width, height],
      ];
      zooming.extent(size).translateExtent(size).scaleExtent([1, most]);
    },
    jumpTo: (to) => target.call(zooming.transform, to),
    glideTo: (to) => glide((moved) => zooming.transform(moved, to)),
    zoomBy: (factor, at) => glide((moved) => zooming.scaleBy(moved, factor, at)),
  };
}

/**
 * Hover previews, a click pins, a double click intervenes.
 * @param nodeOf the node under the pointer, if any.
 * @param hovered the node that is shown as hovered now.
 */
export function pointAtNodes(
  overlay: SVGSVGElement,
  disposer: Disposer,
  nodeOf: (event: MouseEvent) => number | null,
  hovered: () => number | null,
  options: Pick<TreeOptions, 'onHover' | 'onPick' | 'onIntervene'>,
): void {
  const on = (name: 'click' | 'dblclick', act: (node: number) => void): void =>
    disposer.listen(overlay, name, (event) => {
      const node = nodeOf(event);
      if (node !== null) {
        act(node);
      }
    });
  disposer.listen(overlay, 'pointermove', (event) => {
    const node = nodeOf(event);
    if (node !== hovered()) {
      options.onHover(node);
    }
  });
  disposer.listen(overlay, 'pointerleave', () => options.onHover(null));
  on('click', (node) => options.onPick(node));
  on('dblclick', (node) => options.onIntervene?.(node));
}
