/** What passes add to an interval, against known quantiles and by hand. */
import { describe, expect, it } from 'vitest';
import {
  byPass,
  intervalBetween,
  intervalOfPasses,
  passesText,
  studentQuantile,
  widened,
} from '../../extension/passes';

describe('Student’s t', () => {
  // 97.5 % quantiles as tables print them.
  it.each([
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [4, 2.776],
    [5, 2.571],
    [6, 2.447],
    [8, 2.306],
    [10, 2.228],
    [20, 2.086],
    [99, 1.984],
  ])('with %i degrees of freedom: %f', (degrees, quantile) => {
    expect(Math.abs(studentQuantile(degrees) - quantile)).toBeLessThan(1.1e-3);
  });
});

describe('an interval over passes', () => {
  it('is Student’s t over logarithms', () => {
    const { low, high } = intervalOfPasses([Math.E, Math.E ** 2, Math.E ** 3])!;
    // Mean 2, standard deviation 1, three values.
    expect(Math.log(low)).toBeCloseTo(2 - 4.3027 / Math.sqrt(3), 6);
    expect(Math.log(high)).toBeCloseTo(2 + 4.3027 / Math.sqrt(3), 6);
  });

  it('is the same for the inverse ratio', () => {
    const { low, high } = intervalOfPasses([40, 44, 47])!;
    const inverse = intervalOfPasses([1 / 40, 1 / 44, 1 / 47])!;
    expect(inverse.low).toBeCloseTo(1 / high, 9);
    expect(inverse.high).toBeCloseTo(1 / low, 9);
  });

  it('is none of one pass, and a point where passes agree', () => {
    expect(intervalOfPasses([])).toBeNull();
    expect(intervalOfPasses([3])).toBeNull();
    expect(intervalOfPasses([1, 1, 1])).toEqual({ low: 1, high: 1 });
  });

  it('of two things measured apart holds the variance of both, and needs two passes of one', () => {
    const [e1, e3] = [Math.E, Math.E ** 3];
    // Means 2 and 0, squares 2 and 0, two degrees of freedom: variance 1.
    const { low, high } = intervalBetween([e1, e3], [1, 1])!;
    expect(Math.log(low)).toBeCloseTo(2 - 4.3027, 6);
    expect(Math.log(high)).toBeCloseTo(2 + 4.3027, 6);
    expect(Math.log(intervalBetween([e1, e3], [1])!.high)).toBeCloseTo(2 + 12.7062 * Math.sqrt(2 * 1.5), 6);
    expect(intervalBetween([3], [4])).toBeNull();
    expect(intervalBetween([], [4, 5])).toBeNull();
  });

  it('only ever widens another', () => {
    const interval = { median: 10, low: 9, high: 12 };
    expect(widened(interval, { low: 8, high: 11 })).toEqual({ median: 10, low: 8, high: 12 });
    expect(widened(interval, { low: 9.5, high: 11 })).toEqual(interval);
    expect(widened(interval, null)).toBe(interval);
  });
});

describe('values by pass', () => {
  it('are told apart by the passes of the file, and are of one where it names none', () => {
    expect(byPass([1, 2, 3, 4], [0, 0, 2, 2])).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(byPass([1, 2, 3], undefined)).toEqual([[1, 2, 3]]);
    expect(byPass([], undefined)).toEqual([]);
  });

  it('are counted in words where there are several', () => {
    expect(passesText([{ passes: 5 }, { passes: 5 }])).toBe('5 passes');
    expect(passesText([{ passes: 5 }, { passes: 3 }])).toBe('3 to 5 passes');
    expect(passesText([{}, { passes: 1 }])).toBe('');
    expect(passesText([])).toBe('');
  });
});
