import { describe, expect, it } from 'vitest';
import * as tree from '../../../extension/tree';

/** Walks from the root by decisions, the way the model does, independently of the closed forms under test. */
function walk(bits: number[]): number[] {
  const nodes = [0];
  for (const bit of bits) {
    nodes.push(2 * nodes[nodes.length - 1]! + 1 + bit);
  }
  return nodes;
}

describe('heap arithmetic', () => {
  it.each([0, 1, 4, 11, 15])('gives every leaf of depth %i the path its decisions walk', (depth) => {
    for (let leaf = 0; leaf < tree.leafCount(depth); leaf++) {
      const bits = Array.from({ length: depth }, (_, level) => (leaf >> (depth - 1 - level)) & 1);
      const path = tree.pathToLeaf(leaf, depth);
      expect(path).toEqual(walk(bits));
      expect(tree.pathBits(leaf, depth)).toBe(bits.join(''));
      expect(tree.leafOfNode(path[depth]!, depth)).toBe(leaf);
    }
  });

  it('counts nodes and leaves of the paper’s tree', () => {
    expect(tree.nodeCount(11)).toBe(4095);
    expect(tree.leafCount(11)).toBe(2048);
    expect(tree.pathToLeaf(0, 11)).toHaveLength(12);
  });

  it('knows levels, parents and ancestors of every node of a small tree', () => {
    for (let node = 0; node < tree.nodeCount(6); node++) {
      const level = tree.levelOf(node);
      expect(node).toBeGreaterThanOrEqual(tree.firstOfLevel(level));
      expect(node).toBeLessThan(tree.firstOfLevel(level + 1));
      const ancestors = new Set<number>([node]);
      for (let up = node; up > 0;) {
        up = tree.parentOf(up);
        ancestors.add(up);
      }
      for (let other = 0; other < tree.nodeCount(6); other++) {
        expect(tree.isAncestor(other, node)).toBe(ancestors.has(other));
      }
    }
  });

  it('sends zero, negative numbers and NaN left and only positive logits right', () => {
    expect(tree.childOf(0, 1e-30)).toBe(2);
    expect(tree.childOf(0, Infinity)).toBe(2);
    for (const logit of [0, -0, -1, -Infinity, NaN]) {
      expect(tree.childOf(0, logit)).toBe(1);
    }
  });
});

describe('GELU', () => {
  // erf values to 16 digits from published tables (Abramowitz and Stegun, table 7.1, and DLMF 7.23).
  it.each([
    [0, 0],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
    [4, 0.9999999845827421],
  ])('has erf(%f) right to 15 digits, and odd', (x, expected) => {
    expect(Math.abs(tree.erf(x) - expected)).toBeLessThan(2e-15);
    expect(tree.erf(-x)).toBeCloseTo(-tree.erf(x), 16);
  });

  it('is continuous where the two expansions meet', () => {
    expect(Math.abs(tree.erf(2.5 - 1e-12) - tree.erf(2.5 + 1e-12))).toBeLessThan(1e-14);
  });

  it('keeps NaN, passes large inputs through and silences very negative ones', () => {
    expect(tree.gelu(NaN)).toBeNaN();
    expect(tree.gelu(20)).toBe(20);
    expect(tree.gelu(-20)).toBeCloseTo(0, 15);
    expect(tree.gelu(1)).toBeCloseTo(0.8413447460685429, 14);
  });
});
