import { describe, expect, it } from 'vitest';
import { compareTensor } from '../../../extension/cli/compare';

/** Compares one float tensor of two values, the second wrong by `error`. */
function differingBy(error: number, largest: number) {
  const expected = { shape: [2], data: Float32Array.of(largest, 0) };
  const actual = { shape: [2], data: Float32Array.of(largest, error) };
  return compareTensor('layer.0.hidden', expected, new Map([['layer.0.hidden', actual]]), null, () => 1e-4);
}

describe('the tolerance of float tensors', () => {
  it('is absolute for values up to 64', () => {
    expect(differingBy(9e-5, 60).failure).toBeNull();
    expect(differingBy(1.5e-4, 60).failure).toContain('more than 0.0001');
  });

  it('grows in proportion above, where float32 steps are coarser', () => {
    expect(differingBy(2.5e-4, 192).failure).toBeNull();
    expect(differingBy(3.5e-4, 192).failure).toContain('more than 0.0003');
  });

  it('never passes NaN', () => {
    expect(differingBy(NaN, 192).failure).not.toBeNull();
  });
});
