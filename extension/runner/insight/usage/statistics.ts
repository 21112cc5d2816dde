/** How evenly a tree is used. Pure functions of the visits of its leaves. */
import { nodeCount, parentOf } from '../../../tree';

/** [nodes] visits in heap order from the visits of the leaves: a node's are those of its two children together. */
export function nodeVisits(leafVisits: Uint32Array, depth: number): Uint32Array {
  const visits = new Uint32Array(nodeCount(depth));
  visits.set(leafVisits, leafVisits.length - 1);
  for (let node = visits.length - 1; node > 0; node--) {
    visits[parentOf(node)]! += visits[node]!;
  }
  return visits;
}

/** Shannon entropy of a distribution given by counts, in bits; 0 without any. */
export function entropyBits(counts: Uint32Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count) => (count === 0 ? sum : sum - (count / total) * Math.log2(count / total)), 0);
}

/** Gini coefficient of counts: 0 when all are equal (or none), (n - 1) / n when one of n has all. */
export function giniOf(counts: Uint32Array): number {
  const sorted = counts.slice().sort();
  const n = sorted.length;
  let total = 0;
  let weighted = 0;
  sorted.forEach((count, index) => {
    total += count;
    weighted += (index + 1) * count;
  });
  return total === 0 ? 0 : (2 * weighted) / (n * total) - (n + 1) / n;
}

/** Roots of the largest sub-trees without a visit, ascending: unvisited nodes whose parent was visited. */
export function unreachedSubtrees(visits: Uint32Array): Uint32Array {
  const roots: number[] = [];
  visits.forEach((count, node) => {
    if (count === 0 && (node === 0 || visits[parentOf(node)]! > 0)) {
      roots.push(node);
    }
  });
  return Uint32Array.from(roots);
}
