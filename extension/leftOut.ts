/**
 * Characters of a text that no token stands for: a tokenizer drops what its vocabulary has no entry for, emoji and
 * Chinese characters with the model that ships, and nobody would see it. Counted by the runner, said by views and
 * terminal. Pure; shared by all bundles.
 */

/** UTF-16 offsets of a token; both equal where it stands for no character. */
export interface Span {
  start: number;
  end: number;
}

/**
 * Characters as a person counts them (grapheme clusters); white space does not count, nor does an accent that was taken
 * off a character which has a token.
 *
 * @param tokens in the order of the text.
 * @param end UTF-16 offset up to which the text was tokenized.
 */
export function countLeftOut(text: string, tokens: Iterable<Span>, end = text.length): number {
  let count = 0;
  let covered = 0;
  const gapTo = (start: number): void => {
    if (start > covered) {
      const gap = text.slice(covered, start);
      count += charactersIn(covered > 0 ? gap.replace(/^\p{M}+/u, '') : gap);
    }
  };
  for (const token of tokens) {
    if (token.end > token.start) {
      gapTo(token.start);
      covered = Math.max(covered, token.end);
    }
  }
  gapTo(end);
  return count;
}

/** The sentence for a user; null where nothing was left out. */
export function leftOutSentence(count: number | undefined): string | null {
  if (count === undefined || count < 1) {
    return null;
  }
  return count === 1
    ? "1 character is not in this model's vocabulary and was left out."
    : `${count.toLocaleString('en')} characters are not in this model's vocabulary and were left out.`;
}

function charactersIn(gap: string): number {
  const words = gap.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) {
    return 0;
  }
  const characters = new Intl.Segmenter('en', { granularity: 'grapheme' });
  return words.reduce((sum, word) => sum + [...characters.segment(word)].length, 0);
}
