import { describe, expect, it } from 'vitest';
import { intervalOfPasses, isWhole } from '../../../extension/passes';
import { runLadder, type LadderConfig, type LadderRung } from '../../../extension/runner/benchmark/ladder';
import { DEFAULT_LIMITS } from '../../../extension/runner/benchmark/plan';
import { systemClock } from '../../../extension/runner/benchmark/schedule';
import { median } from '../../../extension/runner/benchmark/statistics';
import { fakeKernel } from './fakes';

const config: LadderConfig = {
  width: 16,
  heads: 4,
  layers: 3,
  depth: 3,
  tokens: 7,
  threads: 1,
  seed: 1,
  limits: {
    ...DEFAULT_LIMITS,
    passes: 1,
    minimumPairs: 5,
    minimumSeconds: 0,
    warmupSeconds: 0.02,
    burstMs: 0.1,
    leadMs: 0,
  },
};
const options = { clock: systemClock, budgetMs: Infinity, earlier: null };

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

  it('goes on in a later pass with what it had, and drops one that was broken off', async () => {
    const limits = { ...config.limits, passes: 2, minimumPairs: 6 };
    const inTwo = { ...config, limits };
    const first = await runLadder(fakeKernel(), inTwo, options);
    expect([first.passes, first.samplePasses]).toEqual([{ complete: 1, of: 2 }, [0, 0, 0]]);
    expect(isWhole(first)).toBe(false);
    // As a file of a run that was cancelled in its second pass holds it.
    const brokenOff = structuredClone(first);
    brokenOff.samplePasses!.push(1);
    Object.values(brokenOff.samples).forEach((samples) => samples.push(1e6));

    const second = await runLadder(fakeKernel(), inTwo, { ...options, earlier: brokenOff });
    expect([second.passes, second.samplePasses]).toEqual([{ complete: 2, of: 2 }, [0, 0, 0, 1, 1, 1]]);
    expect(isWhole(second)).toBe(true);
    for (const [rung, samples] of Object.entries(second.samples)) {
      first.samples[rung as LadderRung].forEach((ms, index) => expect(samples[index]).toBeCloseTo(ms, 9));
      expect(Math.max(...samples)).toBeLessThan(1e6);
    }
    const perPass = (rung: LadderRung) => [0, 3].map((from) => median(second.samples[rung].slice(from, from + 3)));
    const [twin, fff] = [perPass('twin'), perPass('fff')];
    const ends = intervalOfPasses(twin.map((ms, pass) => ms / fff[pass]!))!;
    expect(second.gainOverTwin.low).toBeLessThanOrEqual(ends.low * (1 + 1e-9));
    expect(second.gainOverTwin.high).toBeGreaterThanOrEqual(ends.high * (1 - 1e-9));
  });

  it('does not count the time of a pass that was broken off', async () => {
    const inTwo = { ...config, limits: { ...config.limits, passes: 2, minimumPairs: 4, minimumSeconds: 0.2 } };
    const brokenOff = structuredClone(await runLadder(fakeKernel(), inTwo, options));
    brokenOff.samplePasses!.push(1);
    Object.values(brokenOff.samples).forEach((samples) => samples.push(1e6));
    const { samplePasses } = await runLadder(fakeKernel(), inTwo, { ...options, earlier: brokenOff });
    expect(samplePasses!.filter((pass) => pass === 1).length).toBeGreaterThan(2);
  });

  it.each([
    { implementation: 'another' },
    { threads: 2 },
    // What it holds is of another program.
    { passes: { complete: 0, of: 2 } },
  ])('begins anew where what it had cannot be gone on with: %o', async (change) => {
    const inTwo = { ...config, limits: { ...config.limits, passes: 2, minimumPairs: 4 } };
    const first = await runLadder(fakeKernel(), inTwo, options);
    const second = await runLadder(fakeKernel(), inTwo, { ...options, earlier: { ...first, ...change } });
    expect([second.passes, second.samplePasses]).toEqual([{ complete: 1, of: 2 }, [0, 0]]);
    expect(second).toMatchObject({ implementation: 'fake', threads: 1 });
  });

  it('is whole where its file is from before there were passes', async () => {
    const old = await runLadder(fakeKernel(), config, options);
    delete old.passes;
    expect(isWhole(old)).toBe(true);
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
