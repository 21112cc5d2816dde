import { describe, expect, it } from 'vitest';
import { activationBytes, engineWeightBytes, shortage } from '../../../extension/runner/benchmark/memory';
import { cellsOf, completePlan, type Cell, type Plan } from '../../../extension/runner/benchmark/plan';

const MIB = 2 ** 20;

function planOf(engines: string[]): Plan {
  return completePlan({ version: 1, name: 'test', engines, widths: [8], depths: [3], batches: [2], coldLayers: 5 });
}

const cell: Cell = {
  ...cellsOf(planOf(['fff']), null)[0]!,
  ...{ width: 8, depth: 3, batch: 2, weights: 'warm' },
};

describe('the memory of a cell', () => {
  // A tree of depth 3 has 15 nodes; every engine gives 8 values a token.
  it.each([
    ['fff', 4 * 2 * 8],
    ['paper-fff-2', 4 * 2 * 8],
    ['dense-twin', 4 * 2 * (2 * 15 + 8)],
    ['native-twin', 4 * 2 * (2 * 15 + 8)],
    ['dense-3072', 4 * 2 * (2 * 3072 + 8)],
    ['native-3072', 4 * 2 * (2 * 3072 + 8)],
    ['dense-16', 4 * 2 * (2 * 16 + 8)],
  ])('counts the activations of %s by its own neurons', (engine, bytes) => {
    expect(activationBytes(cell, planOf([engine]))).toBe(bytes);
    expect(activationBytes(cell, planOf([engine, 'fff:bf16']))).toBe(bytes + 4 * 2 * 8);
  });

  it('counts a copy of the weights for each engine, in its precision, for every layer that is walked', () => {
    const plan = planOf(['fff', 'fff:bf16', 'dense-twin', 'dense-3072']);
    const bytes = 2 * 8 * (4 * 15 + 2 * 15 + 4 * 15 + 4 * 3072);
    expect(engineWeightBytes(cell, plan)).toBe(bytes);
    expect(engineWeightBytes({ ...cell, weights: 'cold' }, plan)).toBe(5 * bytes);
  });

  it('asks again before it refuses, after what was let go of could be given back', async () => {
    let isGivenBack = false;
    setImmediate(() => (isGivenBack = true));
    const available = (): Promise<number> => Promise.resolve(isGivenBack ? 4 * MIB : MIB);
    expect(await shortage(cell, 3 * MIB, available)).toBeNull();
    expect(await shortage(cell, 5 * MIB, available)).toBe('a batch of 2 needs about 5 MB, and 4 MB are free');
    expect(await shortage(cell, 98 * 1024 * MIB, available)).toBe('a batch of 2 needs about 98 GB, and 4 MB are free');
  });
});
