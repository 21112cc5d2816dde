/** The sum of `npm test` cannot hide a lane that crashed or ran nothing. */
import { describe, expect, test } from 'vitest';
import { lanes, settled, sum } from '../../../scripts/lanes.mjs';

const outcome = (passed: number, failed = 0, skipped = 0) => ({ passed, failed, skipped, output: '' });

describe('a lane', () => {
  test('keeps its counts when they explain its exit code', () => {
    expect(settled(0, outcome(3))).toEqual(outcome(3));
    expect(settled(1, outcome(3, 2))).toEqual(outcome(3, 2));
    expect(settled(0, outcome(0, 0, 1))).toEqual(outcome(0, 0, 1));
  });

  test('that crashed has failed, whatever it counted', () => {
    expect(settled(1, outcome(3))).toMatchObject({ passed: 3, failed: 1 });
  });

  test('that ran nothing has failed', () => {
    expect(settled(0, outcome(0))).toMatchObject({ passed: 0, failed: 1 });
  });
});

test('lanes are summed', () => {
  expect(sum([outcome(1, 2, 3), outcome(10, 20, 30)])).toEqual(outcome(11, 22, 33));
});

test('every lane has a name of its own', () => {
  expect(new Set(lanes.map(({ name }) => name)).size).toBe(lanes.length);
});
