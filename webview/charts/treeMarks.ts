/** What is laid over a tree besides the focused token's path; the same for both forms of the tree. */
import type { Intervention } from '../../extension/protocol';
import { svg } from '../dom';

export interface TreeMarks {
  /** Other tokens whose paths are drawn thinly. */
  others: readonly number[];
  /** Leaf the focused token reaches with the interventions in place; null where nothing changed. */
  changedLeaf: number | null;
  /** Interventions in the shown tree. */
  interventions: readonly Pick<Intervention, 'node' | 'kind'>[];
}

export const NO_MARKS: TreeMarks = { others: [], changedLeaf: null, interventions: [] };

/** Dash patterns tell the paths of several tokens apart without colour. */
export const DASHES = ['6 2', '2 2', '9 3 2 3', '1 3'] as const;

/** How an intervention is written next to its node. */
export function interventionSign(kind: Intervention['kind']): string {
  switch (kind) {
    case 'flip':
      return '⇄';
    case 'silence':
      return '∅';
  }
}

/** Radius of an intervention's sign, px. */
export const BADGE = 7.5;

/** The sign of an intervention, a disc centred at a point beside its node. */
export function interventionBadge(x: number, y: number, node: number, kind: Intervention['kind']): SVGGElement {
  const at = { x: x.toFixed(1), y: y.toFixed(1) };
  return svg(
    'g',
    { class: 'intervention', 'data-testid': 'intervention-mark', 'data-node': node, 'data-kind': kind },
    svg('circle', { cx: at.x, cy: at.y, r: BADGE }),
    svg('text', { ...at, dy: '0.36em', 'text-anchor': 'middle' }, interventionSign(kind)),
  );
}

/**
 * Where a badge goes so that it covers neither its node's number nor the path: beside the node, on the side where there
 * is room.
 *
 * @param half half of the width the node itself takes, px.
 */
export function badgeBeside(x: number, half: number, width: number): number {
  const offset = half + BADGE + 3;
  return x + offset + BADGE <= width ? x + offset : x - offset;
}
