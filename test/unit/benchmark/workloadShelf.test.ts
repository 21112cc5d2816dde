import { describe, expect, it } from 'vitest';
import { activationBytes, engineWeightBytes, workloadBytes } from '../../../extension/runner/benchmark/memory';
import { cellsOf, completePlan, type Cell, type Plan } from '../../../extension/runner/benchmark/plan';
import { runPlan } from '../../../extension/runner/benchmark/run';
import { WorkloadShelf } from '../../../extension/runner/benchmark/workloadShelf';
import { fakeNative, fakeServices } from './fakes';

const plan: Plan = completePlan({
  ...{ version: 1, name: 'shelf', engines: ['native-twin@*'] },
  ...{ widths: [8, 16], depths: [3], batches: [2], weights: ['warm'], distributions: ['spread'] },
  limits: { passes: 2, minimumPairs: 4, minimumSeconds: 0, warmupSeconds: 0.02, burstMs: 0.05, leadMs: 0 },
  ladder: { tokens: [] },
});
const [small, large] = cellsOf(plan, null) as [Cell, Cell];
const bytesOf = (cell: Cell): number => workloadBytes(cell, plan);
/** A quarter of it is kept. */
const shelfFor = (bytes: number, free = 0): WorkloadShelf =>
  new WorkloadShelf(plan, null, 4 * bytes, () => Promise.resolve(free));

const same = (a: Float32Array, b: Float32Array): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

describe('the shelf of layers and tokens', () => {
  it('gives the same layers again, with the tokens elsewhere in memory', async () => {
    const shelf = shelfFor(bytesOf(small));
    const first = await shelf.take(small, [2]);
    const pool = first.pool;
    expect(shelf.has(small)).toBe(true);
    const second = await shelf.take(small, [2]);
    expect(second).toBe(first);
    expect(second.pool.buffer).not.toBe(pool.buffer);
    expect(same(second.pool, pool)).toBe(true);
  });

  it('keeps no more than its share of the memory, and makes the rest again', async () => {
    const shelf = shelfFor(bytesOf(small) + bytesOf(large) - 1);
    const kept = await shelf.take(small, [2]);
    const made = await shelf.take(large, [2]);
    expect([shelf.has(small), shelf.has(large)]).toEqual([true, false]);
    expect(await shelf.take(small, [2])).toBe(kept);
    const again = await shelf.take(large, [2]);
    expect(again).not.toBe(made);
    expect(same(again.pool, made.pool)).toBe(true);
  });

  it('counts what it gave back as free until it is', async () => {
    const shelf = shelfFor(bytesOf(small) + bytesOf(large), 1000);
    // Held here, so that no collector can take them.
    const held = [await shelf.take(small, [2]), await shelf.take(large, [2])];
    expect(await shelf.available()).toBe(1000);
    shelf.clear(large);
    expect([shelf.has(small), shelf.has(large)]).toEqual([false, true]);
    expect(await shelf.available()).toBe(1000 + bytesOf(small));
    shelf.clear();
    expect(await shelf.available()).toBe(1000 + bytesOf(small) + bytesOf(large));
    expect(held).toHaveLength(2);
  });

  it('gives nothing back where there is room without', async () => {
    const shelf = shelfFor(bytesOf(small) + bytesOf(large), 1000);
    const held = [await shelf.take(small, [2]), await shelf.take(large, [2])];
    expect(await shelf.roomFor(1000)).toBe(1000);
    expect([shelf.has(small), shelf.has(large)]).toEqual([true, true]);
    expect(await shelf.roomFor(1001, small)).toBe(1000 + bytesOf(large));
    expect([shelf.has(small), shelf.has(large)]).toEqual([true, false]);
    expect(held).toHaveLength(2);
  });

  it('leaves no cell and no whole encoder for memory that it holds itself', async () => {
    const held: unknown[] = [];
    const native = fakeNative(['lib'], (_library, workload) => {
      held.push(workload);
      return (calls) => calls;
    });
    // From the second pass on there is less than a cell's layers and tokens, unless what is kept is given back.
    const scarce = engineWeightBytes(large, plan) + activationBytes(large, plan);
    const rooms: number[] = [];
    const services = fakeServices({
      native,
      availableMemory: async () => (held.length < 2 ? 1e9 : scarce),
      ladder: async (_plan, _cell, _tokens, { roomFor }) => {
        rooms.push(await roomFor!(scarce + 1));
        throw new Error('no ladder here');
      },
    });
    const result = await runPlan({ ...plan, ladder: { ...plan.ladder, tokens: [8] } }, services);
    expect(rooms).toEqual([scarce + bytesOf(small) + bytesOf(large)]);
    expect(result.unfinished).toEqual([]);
    expect(result.rows.map(({ width, passes }) => [width, passes])).toEqual([
      [8, 2],
      [16, 2],
    ]);
  });
});
