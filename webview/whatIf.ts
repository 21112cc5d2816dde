/** The rules of trying changes out: what a gesture at a node means for the list, and how it is read. Pure. */
import type { Intervention, WhatIfResult } from '../extension/protocol';
import { levelOf } from '../extension/tree';

const samePlace = (one: Intervention, other: Intervention): boolean =>
  one.layer === other.layer && one.tree === other.tree && one.node === other.node && one.token === other.token;

/** The list without a node's change. */
export function without(list: readonly Intervention[], change: Intervention): Intervention[] {
  return list.filter((one) => !samePlace(one, change));
}

/** The list with one more change, or without it where it is there already; a node is flipped or silenced, not both. */
export function toggled(list: readonly Intervention[], change: Intervention): Intervention[] {
  const others = without(list, change);
  const there = list.some((one) => samePlace(one, change) && one.kind === change.kind);
  return there ? others : [...others, change];
}

/** What double click or `f` does to a node: a leaf decides nothing, so it can only be silenced. */
export function gesture(node: number, depth: number): Intervention['kind'] {
  return levelOf(node) === depth ? 'silence' : 'flip';
}

export function describeIntervention(
  { layer, tree, node, token, kind }: Intervention,
  text: string,
  trees: number,
): string {
  const place = `node ${node} of layer ${layer}${trees > 1 ? `, tree ${tree}` : ''}`;
  const who = token === null ? 'for all tokens' : `for “${text}” (token ${token})`;
  return `${kind === 'flip' ? 'Flip' : 'Silence'} ${place} ${who}`;
}

/** Leaf a token reaches with the changes in place; null where its path is the same. */
export function changedLeaf(result: WhatIfResult | null, layer: number, tree: number, token: number): number | null {
  const changes = result?.layers[layer];
  if (changes === null || changes === undefined) {
    return null;
  }
  const at = changes.tokens.findIndex((one, row) => one === token && changes.trees[row] === tree);
  return at < 0 ? null : (changes.after[at] ?? null);
}

/** Cells of the matrix of tokens and layers whose path through a tree changed. */
export function changedCells(result: WhatIfResult | null, tree: number): { token: number; layer: number }[] {
  return (result?.layers ?? []).flatMap((changes, layer) =>
    changes === null
      ? []
      : [...changes.tokens].flatMap((token, row) => (changes.trees[row] === tree ? [{ token, layer }] : [])),
  );
}
