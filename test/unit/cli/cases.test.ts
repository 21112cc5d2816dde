import { describe, expect, it } from 'vitest';
import { cli, useScratch, verifying } from './testIo';

const scratch = useScratch();

describe('a cases file', () => {
  it.each<[string, unknown, RegExp]>([
    ['without cases', {}, /has no object `cases`/],
    ['with an empty list', { cases: {} }, /has no object `cases`/],
    ['with ragged ids', { cases: { a: { input_ids: [[1, 2], [3]] } } }, /case a: input_ids is not a matrix/],
    ['with text for ids', { cases: { a: { input_ids: 'abc' } } }, /not a matrix/],
    ['with no ids', { cases: { a: { input_ids: [[]] } } }, /not a matrix/],
    ['with ids beyond the vocabulary', { cases: { a: { input_ids: [[1000]] } } }, /has the id 1000/],
    [
      'with too many positions',
      { cases: { a: { input_ids: [new Array(65).fill(1)] } } },
      /65 positions, but .* holds 64/,
    ],
    [
      'with a mask of another shape',
      { cases: { a: { input_ids: [[1]], attention_mask: [[1, 1]] } } },
      /mask of another shape/,
    ],
    [
      'with a mask of other numbers',
      { cases: { a: { input_ids: [[1]], attention_mask: [[2]] } } },
      /other entries than 0 and 1/,
    ],
  ])('%s is bad input', async (_, json, said) => {
    const path = await scratch.file('cases.json', JSON.stringify(json));
    const { code, err } = await cli(verifying('F2', { cases: path }));
    expect(code).toBe(2);
    expect(err).toMatch(said);
    expect(err).toContain(path);
  });
});
