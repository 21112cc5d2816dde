import { afterEach, describe, expect, it, vi } from 'vitest';
import { EngineGroup } from '../../../extension/runner/benchmark/engineGroup';
import { parseEngineSpec } from '../../../extension/runner/benchmark/engineSpec';
import { cellsOf, completePlan } from '../../../extension/runner/benchmark/plan';
import { PreparedWorkload } from '../../../extension/runner/benchmark/workload';
import { fakeServices } from './fakes';

describe('the engines of a group', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('are named where there is no room to lay them elsewhere in memory, and the others go on', async () => {
    const engines = ['paper-fff-1', 'paper-dense-1'];
    const plan = completePlan({ version: 1, name: 'x', engines, widths: [8], depths: [2], batches: [1] });
    const workload = await PreparedWorkload.build(plan, cellsOf(plan, null)[0]!, [1], null);
    const group = new EngineGroup(workload, engines.map(parseEngineSpec), 1, 1, fakeServices(), 1);
    let gaps = 0;
    vi.stubGlobal('ArrayBuffer', function scarce() {
      if (gaps++ === 0) {
        throw new RangeError('Array buffer allocation failed');
      }
    });
    const prepared = await group.engines();
    expect(prepared.failed.map(({ engine }) => engine)).toEqual(['paper-fff-1']);
    expect(prepared.failed[0]!.reason).toContain('allocation failed');
    expect(prepared.engines.map(({ id }) => id)).toEqual(['paper-dense-1']);
    await expect(group.dispose()).resolves.toBeUndefined();
  });
});
