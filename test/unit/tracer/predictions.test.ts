import { describe, expect, it } from 'vitest';
import { topCandidates, topIndices } from '../../../extension/runner/predictions';

describe('topIndices', () => {
  it('lists the largest, descending, equal ones by index', () => {
    expect(topIndices([1, 5, 3, 5, 2], 3)).toEqual([1, 3, 2]);
    expect(topIndices([2, 2, 2, 2], 2)).toEqual([0, 1]);
  });

  it('agrees with a full sort on many values', () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i * 7919) % 613);
    const sorted = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
    expect(topIndices(values, 25)).toEqual(sorted.slice(0, 25));
  });

  it('never lists NaN, and no more than there is', () => {
    expect(topIndices([NaN, 1, NaN, 2], 4)).toEqual([3, 1]);
    expect(topIndices([1, 2], 0)).toEqual([]);
    expect(topIndices([], 3)).toEqual([]);
  });
});

describe('topCandidates', () => {
  it('gives probabilities over the whole vocabulary', () => {
    const logits = Float32Array.from([0, Math.log(2), Math.log(5)]);
    const [first, second] = topCandidates(logits, 2);
    expect(first).toMatchObject({ id: 2 });
    expect(first!.probability).toBeCloseTo(5 / 8, 6);
    expect(second!.probability).toBeCloseTo(2 / 8, 6);
  });

  it('survives logits whose exponential overflows', () => {
    const [first, second] = topCandidates(Float32Array.from([900, 1000]), 2);
    expect(first).toEqual({ id: 1, probability: 1 });
    expect(second!.probability).toBeGreaterThanOrEqual(0);
  });
});
