/**
 * Paints the mass of the node-link form: every node and link of one tree around its root, links as wide as their
 * traffic. Draws on a `Painter` only; focus and interaction are `nodeLink.ts`.
 */
import { firstOfLevel, nodeCount } from '../../extension/tree';
import { countsOf, fillOf, stepOf, type Heat } from '../heat';
import type { LayerView } from '../routing';
import type { Theme } from '../theme';
import { levelRadius, linkControls, nodePoint, type Point } from './layout/radial';
import type { Painter } from './painter';

export interface RadialScene {
  view: LayerView;
  tree: number;
  colourLevel: number;
  /** Whose visits are shown; the trace's own where there is none. */
  heat?: Heat | null;
  /** Size of the drawing in CSS px. */
  width: number;
  height: number;
  /** Centre of the tree and radius of its outermost ring, in CSS px: the zoom. */
  centre: Point;
  radius: number;
  /** The picture is being moved: empty links and numbers are left out until it rests. */
  moving?: boolean;
}

/** Arc between neighbours below which empty links are left out: they would only be grey. */
const VISIBLE_SPACING = 0.7;
/** Arc from which nodes carry their number, and the radius they then have, px. */
const LABELLED_SPACING = 30;
export const LABELLED_RADIUS = 11;

export function place(scene: RadialScene, node: number): Point {
  const { x, y } = nodePoint(node, scene.view.depth);
  return { x: scene.centre.x + x * scene.radius, y: scene.centre.y + y * scene.radius };
}

/** The eight numbers of the cubic link from a node's parent to it. */
export function linkCurve(scene: RadialScene, node: number): number[] {
  const { centre, radius, view } = scene;
  const [a, b] = linkControls(node, view.depth);
  const from = place(scene, (node - 1) >> 1);
  const to = place(scene, node);
  return [
    from.x,
    from.y,
    centre.x + a.x * radius,
    centre.y + a.y * radius,
    centre.x + b.x * radius,
    centre.y + b.y * radius,
    to.x,
    to.y,
  ];
}

/** A point beside a node, `distance` px away on the side where most room is left by the nodes it is linked with. */
export function besideNode(scene: RadialScene, node: number, distance: number): Point {
  const at = place(scene, node);
  const children = [2 * node + 1, 2 * node + 2].filter((child) => child < nodeCount(scene.view.depth));
  const angles = [...(node === 0 ? [] : [(node - 1) >> 1]), ...children]
    .map((linked) => place(scene, linked))
    .map(({ x, y }) => Math.atan2(y - at.y, x - at.x))
    .sort((one, other) => one - other);
  const gaps = angles.map((from, index) => ({ from, size: (angles[index + 1] ?? angles[0]! + 2 * Math.PI) - from }));
  const widest = gaps.reduce((best, gap) => (gap.size > best.size ? gap : best), { from: 0, size: 0 });
  const angle = widest.from + widest.size / 2;
  return { x: at.x + distance * Math.cos(angle), y: at.y + distance * Math.sin(angle) };
}

export function paintNodeLink(painter: Painter, scene: RadialScene, theme: Theme): void {
  painter.begin(scene.width, scene.height);
  const { view } = scene;
  for (let level = view.depth; level >= 1 && scene.moving !== true; level--) {
    paintEmptyLinks(painter, scene, theme, level);
  }
  paintVisited(painter, scene, theme);
}

/** Whether there is room for the numbers of a level's nodes. */
export function isLabelled(scene: RadialScene, level: number): boolean {
  return spacing(scene, level) >= LABELLED_SPACING;
}

/** Pixels between neighbours on a level's ring; the root has no neighbours. */
function spacing(scene: RadialScene, level: number): number {
  if (level === 0) {
    return Infinity;
  }
  return (2 * Math.PI * levelRadius(level, scene.view.depth) * scene.radius) / 2 ** level;
}

function paintEmptyLinks(painter: Painter, scene: RadialScene, theme: Theme, level: number): void {
  const gap = spacing(scene, level);
  if (gap < VISIBLE_SPACING) {
    return;
  }
  const traffic = countsOf(scene);
  const first = firstOfLevel(level);
  const flat: number[] = [];
  for (let node = first; node < first + 2 ** level; node++) {
    if ((traffic[node] ?? 0) > 0) {
      continue;
    }
    const curve = linkCurve(scene, node);
    if (touches(scene, curve)) {
      flat.push(...curve);
    }
  }
  painter.curves(flat, theme.hairline, Math.min(1, Math.max(0.25, gap / 6)));
}

function touches(scene: RadialScene, curve: readonly number[]): boolean {
  const [x1, y1, , , , , x2, y2] = curve as [number, number, number, number, number, number, number, number];
  const margin = scene.radius / 4;
  return (
    Math.max(x1, x2) > -margin &&
    Math.min(x1, x2) < scene.width + margin &&
    Math.max(y1, y2) > -margin &&
    Math.min(y1, y2) < scene.height + margin
  );
}

function paintVisited(painter: Painter, scene: RadialScene, theme: Theme): void {
  const { view } = scene;
  const traffic = countsOf(scene);
  const links = new Map<string, { flat: number[]; colour: string; width: number }>();
  const discs = new Map<string, number[]>();
  const numbers: { node: number; at: Point; radius: number; colour: string }[] = [];
  for (let node = 0; node < nodeCount(view.depth); node++) {
    const count = traffic[node] ?? 0;
    if (count === 0) {
      continue;
    }
    const level = 31 - Math.clz32(node + 1);
    const step = stepOf(scene, count);
    const colour = fillOf(scene, theme, node, count);
    if (node > 0) {
      const key = `${colour}/${step}`;
      const batch = links.get(key) ?? { flat: [], colour, width: 1 + step * 0.9 };
      batch.flat.push(...linkCurve(scene, node));
      links.set(key, batch);
    }
    const at = place(scene, node);
    const labelled = isLabelled(scene, level);
    const radius = labelled ? LABELLED_RADIUS : 1.6 + step * 0.5;
    const flat = discs.get(colour) ?? [];
    flat.push(at.x, at.y, radius);
    discs.set(colour, flat);
    if (labelled && scene.moving !== true) {
      numbers.push({ node, at, radius, colour });
    }
  }
  for (const { flat, colour, width } of links.values()) {
    painter.curves(flat, colour, width);
  }
  for (const [colour, flat] of discs) {
    painter.discs(flat, colour);
  }
  for (const { node, at, colour } of numbers) {
    painter.text(at.x, at.y + 0.5, String(node), {
      fill: theme.on(colour),
      font: `9px ${theme.fontFamily}`,
      align: 'center',
    });
  }
}
