/** The small arithmetic of insight: rounding to 16 bits, distributions, rereading. */
import { describe, expect, it } from 'vitest';
import { widen } from '../../../extension/runner/checkpoint/floats';
import { klDivergence, logSumExp, rankOf, softmaxEntropyBits } from '../../../extension/runner/insight/distribution';
import { Rereadable } from '../../../extension/runner/insight/rereadable';
import { roundedRow, roundTo } from '../../../extension/runner/insight/rounding';

describe.each([
  ['fp16', 'F16', 0x7bff],
  ['bf16', 'BF16', 0x7f7f],
] as const)('rounding to %s', (format, dtype, largestPattern) => {
  const round = (x: number): number => roundTo(x, format);
  const values = new Float32Array(largestPattern + 1);
  widen(Uint16Array.from(values.keys()), dtype, values);

  it('keeps every value the format has', () => {
    const wrong = [...values.keys()].filter((pattern) => {
      const value = values[pattern]!;
      return !Object.is(round(value), value) || !Object.is(round(-value), -value);
    });
    expect(wrong).toEqual([]);
  });

  it('goes to the nearer neighbour, and to the even one from halfway', () => {
    const wrong: number[] = [];
    for (let pattern = 0; pattern < largestPattern; pattern++) {
      const [low, high] = [values[pattern]!, values[pattern + 1]!];
      const middle = Math.fround((low + high) / 2);
      if (middle !== (low + high) / 2) {
        // Between the two smallest bfloat16 there is no float32 that could be rounded.
        continue;
      }
      const even = pattern % 2 === 0 ? low : high;
      // A little to either side of the middle; small gaps leave room for less than a float32 there.
      const [below, above] = [Math.fround(low + 0.49 * (high - low)), Math.fround(low + 0.51 * (high - low))];
      const sides = below < middle && above > middle;
      if (
        round(middle) !== even ||
        round(-middle) !== -even ||
        (sides && (round(below) !== low || round(above) !== high))
      ) {
        wrong.push(pattern);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('overflows to infinity from halfway to the next power of two', () => {
    const largest = values[largestPattern]!;
    const next = 2 ** (dtype === 'F16' ? 16 : 128);
    const halfway = (largest + next) / 2;
    expect(round(Math.fround(halfway * (1 - 2 ** -20)))).toBe(largest);
    expect(round(halfway)).toBe(Infinity);
    expect(round(-Infinity)).toBe(-Infinity);
    expect(round(NaN)).toBeNaN();
  });

  it('rounds a part of an array', () => {
    const row = roundedRow(Float32Array.of(9, 1 + 2 ** -20, -3.00001, 9), 1, 2, format);
    expect([...row]).toEqual([1, -3]);
  });
});

describe('distributions', () => {
  const logits = Float32Array.of(2, -1, 0.5, 2);
  const other = Float32Array.of(1000, 999, 1000, 998);

  it('have a norm that does not overflow', () => {
    expect(logSumExp(other)).toBeCloseTo(1000 + Math.log(2 + Math.exp(-1) + Math.exp(-2)), 10);
    expect(logSumExp(Float32Array.of(1, NaN))).toBeNaN();
  });

  it('are apart by the mean logarithm of the ratio', () => {
    const p = [...logits].map((x) => Math.exp(x - logSumExp(logits)));
    const q = [...other].map((x) => Math.exp(x - logSumExp(other)));
    const expected = p.reduce((sum, x, i) => sum + x * Math.log(x / q[i]!), 0);
    expect(klDivergence(logits, other)).toBeCloseTo(expected, 12);
    expect(klDivergence(logits, logits)).toBe(0);
    expect(klDivergence(logits, Float32Array.of(1, 2, NaN, 3))).toBeNaN();
  });

  it('have an entropy', () => {
    expect(softmaxEntropyBits(new Float32Array(8).fill(3))).toBeCloseTo(3, 12);
    expect(softmaxEntropyBits(Float32Array.of(1000, 0, 0))).toBeCloseTo(0, 12);
  });

  it('have ranks', () => {
    expect([0, 1, 2, 3].map((index) => rankOf(logits, index))).toEqual([0, 3, 2, 1]);
  });
});

describe('Rereadable', () => {
  it('reads once for those who ask at the same time, and again after a failure', async () => {
    let reads = 0;
    const values = new Rereadable(async (key: number) => {
      await Promise.resolve();
      reads++;
      if (key < 0) {
        throw new Error(`read ${reads}`);
      }
      return { key };
    });
    const [one, two] = await Promise.all([values.get(1), values.get(1)]);
    expect(one).toBe(two);
    expect(await values.get(1)).toBe(one);
    expect(reads).toBe(1);
    await expect(values.get(-1)).rejects.toThrow('read 2');
    await expect(values.get(-1)).rejects.toThrow('read 3');
  });
});
