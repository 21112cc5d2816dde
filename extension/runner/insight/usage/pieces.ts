/** Cuts long texts where no token is, so that a large file is never tokenized at once. */

/** UTF-16 units; some twenty thousand tokens, whose objects take a few megabytes. */
export const PIECE_LENGTH = 65_536;

export interface TextPiece {
  text: string;
  /** UTF-16 offset within the whole text. */
  start: number;
}

/**
 * Consecutive pieces of at most `length` units that together are the text. A piece ends after a line end, else after
 * other white space, else wherever it must, but never within a surrogate pair.
 */
export function* piecesOf(text: string, length = PIECE_LENGTH): Generator<TextPiece> {
  for (let start = 0; start < text.length;) {
    const end = start + length >= text.length ? text.length : cutBefore(text, start, start + length);
    yield { text: text.slice(start, end), start };
    start = end;
  }
}

function cutBefore(text: string, start: number, end: number): number {
  const line = text.lastIndexOf('\n', end - 1) + 1;
  // Where lines are that long, a line end far back would make tiny pieces.
  if (line > start + (end - start) / 2) {
    return line;
  }
  for (let at = end; at > start + (end - start) / 2; at--) {
    if (/\s/.test(text[at - 1]!)) {
      return at;
    }
  }
  const splitsPair = (text.charCodeAt(end - 1) & 0xfc00) === 0xd800 && end - 1 > start;
  return splitsPair ? end - 1 : end;
}
