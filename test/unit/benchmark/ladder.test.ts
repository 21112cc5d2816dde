import { describe, expect, it } from 'vitest';
import { runLadder, type LadderConfig } from '../../../extension/runner/benchmark/ladder';
import { DEFAULT_LIMITS } from '../../../extension/runner/benchmark/plan';
import { systemClock } from '../../../extension/runner/benchmark/schedule';
import { fakeKernel } from './fakes';

const config: LadderConfig = {
  width: 16,
  heads: 4,
  layers: 3,
  depth: 3,
  tokens: 7,
  threads: 1,
  seed: 1,
  limits: { ...DEFAULT_LIMITS, minimumPairs: 5, minimumSeconds: 0, warmupSeconds: 0.02, burstMs: 0.1, leadMs: 0 },
};
const options = { clock: systemClock, budgetMs: Infinity };

describe('the ladder', () => {
  it('measures four encoders in the same rounds and sets the ceiling beside the gain', async () => {
    const result = await runLadder(fakeKernel(), config, options);
    expect(result).toMatchObject({ tokens: 7, layers: 3, width: 16, nodes: 15, heads: 4, implementation: 'fake' });
    const lengths = Object.values(result.samples).map((samples) => samples.length);
    expect(lengths).toEqual([5, 5, 5, 5]);
    const { milliseconds: ms } = result;
    expect(result.ceilingOver3072.median).toBeCloseTo(ms.dense3072.median / ms.withoutFeedforward.median, 6);
    expect(result.gainOverTwin.median).toBeCloseTo(ms.twin.median / ms.fff.median, 6);
    expect(result.feedforwardShare.dense3072).toBeCloseTo(1 - ms.withoutFeedforward.median / ms.dense3072.median, 6);
  });

  it('refuses to time a wrong kernel', async () => {
    const kernel = fakeKernel((output) => (output[3]! *= 1.01));
    await expect(runLadder(kernel, config, options)).rejects.toThrow(/FFF layer 0 of the encoder is wrong/);
  });

  it('has nothing to say when cancelled at once', async () => {
    const cancelled = runLadder(fakeKernel(), config, { ...options, signal: AbortSignal.abort() });
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
