/**
 * Which leaves the tokens of a pool reach, and therefore how much of the weights a call reads. Said beside every timing:
 * a tree timed on tokens that share a path reads a dozen rows again and again and flatters itself.
 */
import { leafCount, nodeCount } from '../../tree';
import type { FffWeights } from '../contracts';
import { exactPath } from './reference';

/** Leaf ordinals [tokens, trees] of the first `tokens` tokens of a pool, in float64. */
export function routeTokens(weights: FffWeights, pool: Float32Array, tokens: number): Int32Array {
  const { width, depth, trees } = weights;
  const firstLeaf = leafCount(depth) - 1;
  const leaves = new Int32Array(tokens * trees);
  for (let token = 0; token < tokens; token++) {
    const row = pool.subarray(token * width, (token + 1) * width);
    for (let tree = 0; tree < trees; tree++) {
      leaves[token * trees + tree] = exactPath(weights, row, tree).nodes[depth]! - firstLeaf;
    }
  }
  return leaves;
}

export interface Diversity {
  /** Distinct leaves (of all trees) that one call reaches, averaged over calls. */
  leavesPerCall: number;
  /** Distinct nodes one call visits, averaged over calls. */
  nodesPerCall: number;
  /** Distinct leaves of all tokens looked at. */
  leavesInAll: number;
}

/** @param leaves [tokens, trees], at least one call's worth. */
export function diversityOf(leaves: Int32Array, trees: number, depth: number, batch: number): Diversity {
  const calls = Math.max(1, Math.floor(leaves.length / trees / batch));
  const nodes = nodeCount(depth);
  const firstLeaf = leafCount(depth) - 1;
  const inAll = new Set<number>();
  // The call that last visited a node: saves clearing a set for each call.
  const lastVisit = new Int32Array(trees * nodes).fill(-1);
  let visitedNodes = 0;
  let visitedLeaves = 0;
  for (let call = 0; call < calls; call++) {
    const end = Math.min((call + 1) * batch * trees, leaves.length);
    for (let i = call * batch * trees; i < end; i++) {
      const tree = i % trees;
      inAll.add(tree * leafCount(depth) + leaves[i]!);
      // From the leaf upwards, until a node that this call has seen: everything above it has been counted too.
      let node = firstLeaf + leaves[i]!;
      while (lastVisit[tree * nodes + node] !== call) {
        lastVisit[tree * nodes + node] = call;
        visitedNodes++;
        visitedLeaves += node >= firstLeaf ? 1 : 0;
        if (node === 0) {
          break;
        }
        node = (node - 1) >> 1;
      }
    }
  }
  return { leavesPerCall: visitedLeaves / calls, nodesPerCall: visitedNodes / calls, leavesInAll: inAll.size };
}
