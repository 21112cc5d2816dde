import { describe, expect, it } from 'vitest';
import type { EncoderBatch, EncoderOutput } from '../../../extension/runner/contracts';
import type { TimedResult } from '../../../extension/runner/layerTiming';
import { firstWindows, passTimingOf, restOfPass, samplePasses } from '../../../extension/runner/passTiming';
import { resampleMedians } from '../../../extension/runner/benchmark/statistics';
import { timingOf } from '../host/fakes';

describe('a burst of passes', () => {
  it('does not count the first, and lasts four passes or about 50 ms, whichever is longer', async () => {
    let [clock, calls] = [0, 0];
    const pass = (costMs: number) => () => {
      clock += costMs;
      return Promise.resolve(++calls);
    };
    const slow: number[] = [];
    await samplePasses(pass(100), slow, 1000, () => clock);
    expect(slow).toEqual([2, 3, 4, 5]);
    const quick: number[] = [];
    await samplePasses(pass(10), quick, 1000, () => clock);
    expect(quick).toEqual([7, 8, 9, 10, 11]);
    const free: number[] = [];
    await samplePasses(pass(0), free, 1000, () => clock);
    expect(free).toHaveLength(100);
  });

  it.each([
    [0, 2],
    [1, 2],
    [350, 3],
    [400, 3],
    [401, 4],
    [10_000, 4],
  ])('of 100 ms each ends with a budget of %i ms, after %i that count', async (budgetMs, count) => {
    let clock = 0;
    const pass = (): Promise<number> => Promise.resolve((clock += 100));
    const samples: number[] = [];
    await samplePasses(pass, samples, budgetMs, () => clock);
    expect(samples).toHaveLength(count);
  });

  it('ends with the error of a pass', async () => {
    await expect(samplePasses(() => Promise.reject(new Error('No.')), [], 50)).rejects.toThrow('No.');
  });
});

describe('the rest of a pass', () => {
  const encoder = {
    batches: [] as [EncoderBatch, number[]][],
    forward(batch: EncoderBatch, { logitsAt = [] }: { logitsAt?: number[] }): Promise<EncoderOutput> {
      this.batches.push([batch, logitsAt]);
      const layer = { ffnInput: new Float32Array(), attentionMicroseconds: 20, feedforwardMicroseconds: 300 };
      const fff = { nodes: new Int32Array(), logits: new Float32Array(), activations: new Float32Array() };
      return Promise.resolve({
        ...{ rows: 1, positions: batch.positions, finalNorm: new Float32Array(), logits: null },
        layers: [
          { ...layer, fff },
          { ...layer, fff: null },
        ],
        embeddingMicroseconds: 1,
        headMicroseconds: 4,
      });
    },
  };

  it('is everything but the FFF, over the windows of the first tokens', async () => {
    const windows = firstWindows(
      [
        { ids: Int32Array.of(1, 2, 3), logitsAt: [1] },
        { ids: Int32Array.of(4, 5, 6), logitsAt: [0, 2] },
        { ids: Int32Array.of(7), logitsAt: [0] },
      ],
      5,
    );
    expect(await restOfPass(encoder, windows, undefined)).toBe(2 * (1 + 4 + 20 + 20 + 300));
    expect(encoder.batches.map(([{ ids, positions }, at]) => [[...ids], positions, at])).toEqual([
      [[1, 2, 3], 3, [1]],
      [[4, 5], 2, [0]],
    ]);
  });
});

describe('the gain of the pass', () => {
  const layer = (index: number, fff: number[], dense: number[]): TimedResult => ({
    timing: timingOf(index),
    resampled: resampleMedians(dense, fff, { seed: index + 1 }),
  });

  it('is exact for samples without noise', () => {
    const [fff, dense] = [new Array<number>(9).fill(10), new Array<number>(9).fill(200)];
    const timing = passTimingOf([3000, 3000, 3000], [layer(0, fff, dense), layer(1, fff, dense)], 3);
    const exactly = (median: number) => ({ median, low: median, high: median });
    expect(timing).toEqual({
      tokens: 3,
      restMicroseconds: { median: 3000, p5: 3000, p95: 3000, samples: 3 },
      layers: exactly(20),
      pass: exactly(3400 / 3020),
      ceiling: exactly(3400 / 3000),
    });
  });

  it('is as unsure as the rest and the layers together', () => {
    const steady = [layer(0, [10, 10, 10, 10], [200, 200, 200, 200])];
    const wavering = [layer(0, [8, 10, 10, 14], [150, 200, 200, 320])];
    const width = ({ low, high }: { low: number; high: number }): number => high - low;
    const sure = passTimingOf([3000, 3000, 3000, 3000], steady, 3);
    const restUnsure = passTimingOf([2000, 3000, 3000, 4000], steady, 3);
    const layersUnsure = passTimingOf([3000, 3000, 3000, 3000], wavering, 3);
    expect(width(sure.pass)).toBe(0);
    expect(width(restUnsure.pass)).toBeGreaterThan(0);
    expect(width(restUnsure.layers)).toBe(0);
    expect(width(layersUnsure.pass)).toBeGreaterThan(0);
    expect(width(layersUnsure.layers)).toBeGreaterThan(0);
  });
});
