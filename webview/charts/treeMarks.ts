/** What is laid over a tree besides the focused token's path; the same for both forms of the tree. */
import type { Intervention } from '../../extension/protocol';

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
