import { describe, expect, it } from 'vitest';
import { pathToLeaf } from '../../../extension/tree';
import { poolTokens, randomFffWeights, syntheticTokens } from '../../../extension/runner/benchmark/distributions';
import { Random } from '../../../extension/runner/benchmark/random';
import { diversityOf, routeTokens } from '../../../extension/runner/benchmark/routing';

describe('random numbers', () => {
  it('repeat for a seed and differ between seeds and streams', () => {
    const draw = (seed: number, stream?: number): number[] => {
      const random = new Random(seed, stream);
      return Array.from({ length: 5 }, () => random.bits());
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1)).not.toEqual(draw(1, 1));
  });

  it('are uniform and normal enough', () => {
    const random = new Random(3);
    const count = 100_000;
    let uniform = 0;
    let normal = 0;
    let square = 0;
    for (let i = 0; i < count; i++) {
      uniform += random.uniform();
      const value = random.normal();
      normal += value;
      square += value * value;
    }
    expect(uniform / count).toBeCloseTo(0.5, 2);
    expect(Math.abs(normal / count)).toBeLessThan(0.02);
    expect(square / count).toBeCloseTo(1, 1);
  });

  it('shuffle to every order alike', () => {
    const random = new Random(8);
    const seen = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = random.shuffle(['a', 'b', 'c']).join('');
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    expect(Math.min(...seen.values())).toBeGreaterThan(850);
  });
});

describe('tokens', () => {
  const width = 48;
  const weights = randomFffWeights(width, 6, 1, 0);
  const leavesOf = (distribution: 'spread' | 'skewed' | 'repeated'): Int32Array =>
    routeTokens(weights, syntheticTokens(distribution, width, 2000, 1), 2000);
  /** Share of tokens in the fullest leaf. */
  const fullest = (leaves: Int32Array): number => {
    const counts = new Map<number, number>();
    leaves.forEach((leaf) => counts.set(leaf, (counts.get(leaf) ?? 0) + 1));
    return Math.max(...counts.values()) / leaves.length;
  };

  it('spread over all leaves, or over few, or over one', () => {
    const spread = leavesOf('spread');
    const skewed = leavesOf('skewed');
    expect(new Set(spread).size).toBe(64);
    expect(fullest(spread)).toBeLessThan(0.06);
    expect(fullest(skewed)).toBeGreaterThan(2 * fullest(spread));
    expect(new Set(leavesOf('repeated')).size).toBe(1);
  });

  it.each(['spread', 'skewed'] as const)('are all distinct when %s', (distribution) => {
    const tokens = syntheticTokens(distribution, width, 500, 1);
    const seen = new Set(Array.from({ length: 500 }, (_, i) => tokens.subarray(i * width, (i + 1) * width).join()));
    expect(seen.size).toBe(500);
  });

  it('fill a pool larger than private caches, at least two calls, and whole calls only', () => {
    for (const batch of [1, 7, 1024, 16384, 65536]) {
      const tokens = poolTokens(768, batch);
      expect(tokens % batch).toBe(0);
      expect(tokens).toBeGreaterThanOrEqual(2 * batch);
      expect(tokens * 768 * 4).toBeGreaterThanOrEqual(64 * 2 ** 20);
      expect(poolTokens(16, batch)).toBeGreaterThanOrEqual(32768);
      expect(poolTokens(16, batch)).toBeLessThan(32768 + 2 * batch);
    }
  });

  it('do not change the weights', () => {
    expect(randomFffWeights(8, 2, 5, 0)).toEqual(randomFffWeights(8, 2, 5, 0));
    expect(randomFffWeights(8, 2, 5, 0).inputWeights).not.toEqual(randomFffWeights(8, 2, 5, 1).inputWeights);
    const bound = 1 / Math.sqrt(8);
    expect(randomFffWeights(8, 6, 5, 0).inputWeights.every((value) => Math.abs(value) <= bound)).toBe(true);
  });
});

describe('path diversity', () => {
  it('counts distinct leaves and nodes of each call', () => {
    // Depth 2: leaves 0..3. Calls of two tokens: {0, 0}, {0, 3}, {2, 3}.
    const leaves = Int32Array.of(0, 0, 0, 3, 2, 3);
    const nodes = [[0], [0, 3], [2, 3]].map((call) => new Set(call.flatMap((leaf) => pathToLeaf(leaf, 2))).size);
    expect(nodes).toEqual([3, 5, 4]);
    expect(diversityOf(leaves, 1, 2, 2)).toEqual({ leavesPerCall: 5 / 3, nodesPerCall: 4, leavesInAll: 3 });
  });

  it('counts trees apart', () => {
    // One token, two trees, the same leaf number in both.
    expect(diversityOf(Int32Array.of(1, 1), 2, 1, 1)).toEqual({ leavesPerCall: 2, nodesPerCall: 4, leavesInAll: 2 });
  });
});
