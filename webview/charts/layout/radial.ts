/**
 * The node-link form: the same complete tree around a centre. A level is a ring, its nodes share the ring evenly in heap
 * order, so that 2,048 leaves find room. Closed form both ways; pure functions, no DOM.
 */
import { firstOfLevel, levelOf } from '../../../extension/tree';

/** A position relative to the centre, in units of the outermost ring's radius. */
export interface Point {
  x: number;
  y: number;
}

/** Angle of a node in radians, clockwise from the top: the first leaf starts at twelve o'clock. */
export function nodeAngle(node: number): number {
  const level = levelOf(node);
  return 2 * Math.PI * ((node - firstOfLevel(level) + 0.5) / 2 ** level);
}

/** Radius of a level: the root is the centre; the exponent below 1 gives crowded outer rings more room. */
export function levelRadius(level: number, depth: number): number {
  return depth === 0 ? 0 : (level / depth) ** 0.8;
}

/** Position of a node. */
export function nodePoint(node: number, depth: number): Point {
  const radius = levelRadius(levelOf(node), depth);
  const angle = nodeAngle(node);
  return { x: radius * Math.sin(angle), y: -radius * Math.cos(angle) };
}

/** The node nearest to a position: its ring by radius, its place on the ring by angle; null far outside. */
export function nodeNear(point: Point, depth: number): number | null {
  const radius = Math.hypot(point.x, point.y);
  let level = 0;
  for (let candidate = 1; candidate <= depth; candidate++) {
    if (Math.abs(levelRadius(candidate, depth) - radius) < Math.abs(levelRadius(level, depth) - radius)) {
      level = candidate;
    }
  }
  const reach = depth === 0 ? 1 : levelRadius(depth, depth) - levelRadius(depth - 1, depth);
  if (radius > levelRadius(depth, depth) + reach) {
    return null;
  }
  const turn = (Math.atan2(point.x, -point.y) / (2 * Math.PI) + 1) % 1;
  return firstOfLevel(level) + Math.min(2 ** level - 1, Math.floor(turn * 2 ** level));
}

/**
 * Link from a parent to its child: out of the parent along its ray, into the child along the child's ray.
 *
 * @returns the two control points of a cubic curve.
 */
export function linkControls(child: number, depth: number): [Point, Point] {
  const level = levelOf(child);
  const middle = (levelRadius(level - 1, depth) + levelRadius(level, depth)) / 2;
  const at = (angle: number): Point => ({ x: middle * Math.sin(angle), y: -middle * Math.cos(angle) });
  // The root has no ray of its own; a straight start towards the child avoids a kink in the centre.
  const parentAngle = level === 1 ? nodeAngle(child) : nodeAngle((child - 1) >> 1);
  return [at(parentAngle), at(nodeAngle(child))];
}
