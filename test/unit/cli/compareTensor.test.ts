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

  it('grows for the tokens with such values only', () => {
    const tensor = (...data: number[]) => ({ shape: [2, 2], data: Float32Array.of(...data) });
    const compare = (...data: number[]) =>
      compareTensor('hidden', tensor(192, 0, 10, 0), new Map([['hidden', tensor(...data)]]), null, () => 1e-4);
    expect(compare(192, 2.5e-4, 10, 0).failure).toBeNull();
    expect(compare(192, 2.5e-4, 10, 0).tolerance).toBeCloseTo(3e-4, 9);
    expect(compare(192, 2.5e-4, 10, 1.5e-4).failure).toMatch(/differs by up to 0.00015\d*, more than 0.0001$/);
  });

  it.each(['attn_out', 'ffn_output', 'ffn_input'])('of %s', (kind) => {
    const name = `layer.1.${kind}`;
    const tensor = (first: number, second: number) => ({ shape: [2], data: Float32Array.of(first, second) });
    const computed = new Map([
      [name, tensor(10, 2.5e-4)],
      ['layer.1.hidden', tensor(-192, NaN)],
      ['layer.0.hidden', tensor(6400, 0)],
    ]);
    const { failure } = compareTensor(name, tensor(10, 0), computed, null, () => 1e-4);
    if (kind === 'attn_out') {
      expect(failure, 'grows with the residual stream that it is added to').toBeNull();
      computed.set(name, tensor(10, 3.5e-4));
      expect(compareTensor(name, tensor(10, 0), computed, null, () => 1e-4).failure).toContain('more than 0.0003');
    } else {
      expect(failure).toContain('more than 0.0001');
    }
  });

  it('never passes NaN', () => {
    expect(differingBy(NaN, 192).failure).not.toBeNull();
  });
});
