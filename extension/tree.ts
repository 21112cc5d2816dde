/**
 * Arithmetic on one complete binary tree in heap order, as FFF layers use it (model-spec, forward pass, step 4).
 *
 * Node 0 is the root, the children of `j` are `2j + 1` (left) and `2j + 2` (right). A tree of depth `d` has levels
 * `0..d`, `2^(d+1) - 1` nodes and `2^d` leaves; a token visits one node a level. Because the tree is complete, the leaf
 * alone determines the whole path: that is why traces carry one number a token and tree. Imports nothing, so that
 * runner, host and webviews share it.
 */

/** Number of nodes of a tree of the given depth. */
export function nodeCount(depth: number): number {
  return 2 ** (depth + 1) - 1;
}

/** Number of leaves of a tree of the given depth. */
export function leafCount(depth: number): number {
  return 2 ** depth;
}

/** Level of a node: 0 for the root. */
export function levelOf(node: number): number {
  return 31 - Math.clz32(node + 1);
}

/** Index of the first node of a level. */
export function firstOfLevel(level: number): number {
  return 2 ** level - 1;
}

/** Parent of a node other than the root. */
export function parentOf(node: number): number {
  return (node - 1) >> 1;
}

/** Child taken by a decision: a logit greater than zero goes right; zero, negative and NaN go left. */
export function childOf(node: number, logit: number): number {
  return 2 * node + 1 + (logit > 0 ? 1 : 0);
}

/** Leaf ordinal, 0 (leftmost) to `2^depth - 1`, of a leaf's node index. */
export function leafOfNode(node: number, depth: number): number {
  return node - firstOfLevel(depth);
}

/** The node a path to `leaf` visits at `level`. */
export function pathNode(leaf: number, level: number, depth: number): number {
  return firstOfLevel(level) + (leaf >> (depth - level));
}

/** The `depth + 1` nodes visited on the way to a leaf, root first. */
export function pathToLeaf(leaf: number, depth: number): number[] {
  return Array.from({ length: depth + 1 }, (_, level) => pathNode(leaf, level, depth));
}

/** The decisions on the way to a leaf, `depth` characters, `0` left and `1` right. */
export function pathBits(leaf: number, depth: number): string {
  return depth === 0 ? '' : leaf.toString(2).padStart(depth, '0');
}

/** Level of the first node in which the paths to two leaves differ, 1 .. depth; `depth + 1` when they are the same. */
export function divergenceLevel(leaf: number, other: number, depth: number): number {
  return depth + 1 - (32 - Math.clz32(leaf ^ other));
}

/** True when `ancestor` lies on the path from the root to `node` (a node is its own ancestor). */
export function isAncestor(ancestor: number, node: number): boolean {
  const lift = levelOf(node) - levelOf(ancestor);
  return lift >= 0 && (node + 1) >> lift === ancestor + 1;
}

/**
 * Exact GELU, `x/2 (1 + erf(x / sqrt 2))`, in float64 (absolute error below 2e-15 over the real line).
 *
 * Views use it to show the activation that belongs to a logit without carrying both over the wire.
 */
export function gelu(x: number): number {
  return 0.5 * x * (1 + erf(x / Math.SQRT2));
}

/** Error function: Maclaurin series near zero, continued fraction of erfc in the tails. */
export function erf(x: number): number {
  if (Number.isNaN(x)) {
    return NaN;
  }
  const magnitude = Math.abs(x);
  if (magnitude > 6) {
    return Math.sign(x);
  }
  const square = x * x;
  if (magnitude < 2.5) {
    // erf(x) = 2/sqrt(pi) * exp(-x^2) * sum_n (2^n x^(2n+1)) / (1*3*..*(2n+1)): all terms positive, no cancellation.
    let term = x;
    let sum = x;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * square) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-square) * sum;
  }
  // Lentz-free backward evaluation of erfc(x) = exp(-x^2)/sqrt(pi) * 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))).
  let fraction = magnitude;
  for (let k = 60; k >= 1; k--) {
    fraction = magnitude + k / 2 / fraction;
  }
  return Math.sign(x) * (1 - Math.exp(-square) / Math.sqrt(Math.PI) / fraction);
}
