import { describe, expect, it } from 'vitest';
import { countLeftOut, leftOutSentence } from '../../../extension/leftOut';

/** Spans of every run of letters and digits. */
const words = (text: string) =>
  [...text.matchAll(/[a-z0-9]+/g)].map((found) => ({ start: found.index, end: found.index + found[0].length }));

describe('characters without a token', () => {
  it.each([
    ['nothing left out', 'one two', 0],
    ['white space alone', ' one\t\n\u00a0two\u3000\ufeff', 0],
    ['before, between and behind', '!one ? two.', 3],
    ['an emoji of several code points as one', 'one \u{1f468}\u200d\u{1f469}\u200d\u{1f467} two \u{1f44d}\u{1f3fd}', 2],
    ['Chinese one by one, white space between them or not', '\u6f22\u5b57 \u6f22', 3],
    ['control characters', 'one\u0001\u0002two', 2],
    ['a lone surrogate', 'one \ud800', 1],
    ['no accent of a character that has a token', 'cafe\u0301 one', 0],
    ['an accent that stands alone', '\u0301one', 1],
  ])('counts %s', (_, text, count) => {
    expect(countLeftOut(text, words(text))).toBe(count);
  });

  it('skips tokens that stand for no character, and takes overlapping ones', () => {
    const tokens = [
      { start: 0, end: 0 },
      { start: 1, end: 3 },
      { start: 1, end: 2 },
      { start: 0, end: 0 },
    ];
    expect(countLeftOut('?ab!', tokens)).toBe(2);
    expect(countLeftOut('?ab!', tokens, 3)).toBe(1);
    expect(countLeftOut('??', [])).toBe(2);
  });

  it('are said in one sentence, or not at all', () => {
    expect(leftOutSentence(0)).toBeNull();
    expect(leftOutSentence(undefined)).toBeNull();
    expect(leftOutSentence(1)).toBe("1 character is not in this model's vocabulary and was left out.");
    expect(leftOutSentence(1234)).toBe("1,234 characters are not in this model's vocabulary and were left out.");
  });
});
