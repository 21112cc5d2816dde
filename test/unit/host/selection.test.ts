import { describe, expect, it } from 'vitest';
import { linesOf, readAround, readSelection } from '../../../extension/selection';

/** An editor over a string; positions are line and character, as in VS Code. */
function editor(
  text: string,
  from: [number, number],
  to: [number, number] = from,
  fileName = '/src/file.ts',
  languageId = 'typescript',
): Parameters<typeof readAround>[0] {
  const lines = text.split(/(?<=\n)/);
  const offsetAt = ({ line, character }: { line: number; character: number }): number =>
    lines.slice(0, line).join('').length + character;
  const range = (start: [number, number], end: [number, number]) => ({
    start: { line: start[0], character: start[1] },
    end: { line: end[0], character: end[1] },
    isEmpty: start[0] === end[0] && start[1] === end[1],
    /** With a later range. */
    union: (later: { end: { line: number; character: number } }): unknown =>
      range(start, [later.end.line, later.end.character]),
  });
  return {
    document: {
      uri: { toString: () => `file://${fileName}` },
      fileName,
      languageId,
      lineCount: lines.length,
      offsetAt,
      getText: (wanted: ReturnType<typeof range>) => text.slice(offsetAt(wanted.start), offsetAt(wanted.end)),
      lineAt: (line: number) => {
        const content = (lines[line] ?? '').replace(/\r?\n$/, '');
        return { text: content, range: range([line, 0], [line, content.length]) };
      },
    },
    selection: range(from, to),
  } as unknown as Parameters<typeof readAround>[0];
}

const TEXT = 'first line\r\n  second 🙂 line\r\n   \r\nlast';

describe('readSelection', () => {
  it('takes the selected text verbatim, with where it came from', () => {
    expect(readSelection(editor(TEXT, [0, 6], [1, 8]))).toEqual({
      text: 'line\r\n  second',
      source: { label: 'file.ts:1-2', uri: 'file:///src/file.ts', offset: 6 },
    });
  });

  it('counts UTF-16 units', () => {
    const { text, source } = readSelection(editor(TEXT, [1, 12], [1, 16]));
    expect([text, source.offset]).toEqual(['line', 24]);
  });

  it('takes the whole line when nothing is selected, and says so', () => {
    expect(readSelection(editor(TEXT, [1, 4]))).toEqual({
      text: '  second 🙂 line',
      source: { label: 'file.ts:2 (whole line)', uri: 'file:///src/file.ts', offset: 12 },
    });
  });

  it('does not name a line of which nothing is selected', () => {
    expect(readSelection(editor(TEXT, [0, 0], [1, 0])).source.label).toBe('file.ts:1');
    expect(readSelection(editor(TEXT, [0, 0], [3, 2])).source.label).toBe('file.ts:1-4');
  });

  it('names files of either kind of path, and untitled ones', () => {
    expect(readSelection(editor('a', [0, 0], [0, 1], 'C:\\work\\b.md')).source.label).toBe('b.md:1');
    expect(readSelection(editor('a', [0, 0], [0, 1], 'Untitled-1')).source.label).toBe('Untitled-1:1');
  });

  it.each([
    ['a blank line', editor(TEXT, [2, 1]), /current line is blank/],
    ['white space', editor(TEXT, [2, 0], [2, 3]), /only white space/],
    ['no editor', undefined, /no text editor/],
  ])('refuses %s in one sentence', (_, from, message) => {
    expect(() => readSelection(from)).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }) as Error);
    expect(() => readSelection(from)).toThrow(message);
  });

  it('takes lone surrogates and control characters as they are', () => {
    const text = 'a\ud800b\u0000\ufffe';
    expect(readSelection(editor(text, [0, 0], [0, text.length])).text).toBe(text);
  });
});

describe('readAround', () => {
  const PROSE = 'A heading\n\nThe first sentence\nends here. The second, e.g. this\none, is longer! And?\n\nNext.';
  const around = (at: [number, number], language: string): string | undefined =>
    readAround(editor(PROSE, at, at, '/notes.md', language))?.text;

  it('takes the sentence around the cursor, over the ends of lines', () => {
    expect(around([2, 4], 'markdown')).toBe('The first sentence\nends here.');
    expect(around([3, 3], 'markdown')).toBe('The first sentence\nends here.');
    expect(around([3, 14], 'markdown')).toBe('The second, e.g. this\none, is longer!');
    expect(around([4, 20], 'markdown')).toBe('And?');
    expect(around([6, 0], 'plaintext')).toBe('Next.');
  });

  it('says where it stands, so that its tokens can be found again', () => {
    const inspection = readAround(editor(PROSE, [4, 2], [4, 2], '/notes.md', 'markdown'));
    expect(PROSE.slice(inspection?.source.offset).startsWith(inspection!.text)).toBe(true);
    expect(inspection?.source.label).toBe('notes.md:5');
  });

  it('takes the sentence of one line in code', () => {
    expect(readAround(editor('a();\n  return b.c; // Done.\n}', [1, 5]))?.text).toBe('return b.c; // Done.');
  });

  it('takes the selection as it is, and nothing from a blank line or selection', () => {
    expect(readAround(editor(TEXT, [0, 6], [1, 8]))?.text).toBe('line\r\n  second');
    expect(readAround(editor(TEXT, [2, 1]))).toBeNull();
    expect(readAround(editor(TEXT, [2, 0], [2, 2]))).toBeNull();
  });
});

describe('linesOf', () => {
  it('takes each selected line with text by itself', () => {
    expect(linesOf(editor(TEXT, [0, 6], [3, 2]))).toEqual([
      { text: 'line', source: { label: 'file.ts:1', uri: 'file:///src/file.ts', offset: 6 } },
      { text: '  second 🙂 line', source: { label: 'file.ts:2', uri: 'file:///src/file.ts', offset: 12 } },
      { text: 'la', source: { label: 'file.ts:4', uri: 'file:///src/file.ts', offset: 35 } },
    ]);
  });

  it('asks for more than one line', () => {
    expect(() => linesOf(editor(TEXT, [0, 0], [0, 5]))).toThrow('Fewer than two lines are selected');
    expect(() => linesOf(undefined)).toThrow('Fewer than two lines are selected');
  });
});
