/**
 * What *Inspect Selection* takes from an editor. Uses VS Code's types and none of its code, so that the rules are
 * unit-tested without it.
 */
import * as path from 'node:path';
import type { Range, TextDocument } from 'vscode';
import { FffError } from './errors';
import type { Inspection } from './session';

/** The part of a text editor that is read. */
export interface EditorLike {
  readonly document: Pick<TextDocument, 'uri' | 'fileName' | 'getText' | 'offsetAt' | 'lineAt'>;
  readonly selection: Range;
}

/**
 * The selected text; with nothing selected, the line the cursor is in, as VS Code's own commands do.
 *
 * @throws FffError BAD_INPUT when there is nothing to read.
 */
export function readSelection(editor: EditorLike | undefined): Inspection {
  if (editor === undefined) {
    throw new FffError('BAD_INPUT', 'There is no text editor to read from; open a file and select some text.');
  }
  const { document, selection } = editor;
  const range = selection.isEmpty ? document.lineAt(selection.start.line).range : selection;
  const text = document.getText(range);
  if (text.trim() === '') {
    throw new FffError(
      'BAD_INPUT',
      selection.isEmpty
        ? 'Nothing is selected and the current line is blank; select some text and try again.'
        : 'The selection holds only white space; select some text and try again.',
    );
  }
  return inspectionOf(document, text, document.offsetAt(range.start), sourceLabel(document, range, selection.isEmpty));
}

/**
 * Every line of the selection that holds text, each to be inspected by itself.
 *
 * @throws FffError BAD_INPUT where fewer than two lines are selected.
 */
export function linesOf(editor: EditorLike | undefined): Inspection[] {
  const { document, selection } = editor ?? {};
  if (document === undefined || selection === undefined || selection.start.line === selection.end.line) {
    throw new FffError('BAD_INPUT', 'Fewer than two lines are selected; select several that share a word.');
  }
  const start = document.offsetAt(selection.start);
  const text = document.getText(selection);
  return [...text.matchAll(/[^\r\n]+/g)]
    .filter(([line]) => line.trim() !== '')
    .map((found) => {
      const line = selection.start.line + (text.slice(0, found.index).match(/\n/g)?.length ?? 0) + 1;
      return inspectionOf(document, found[0], start + found.index, `${fileName(document)}:${line}`);
    });
}

/** Languages whose sentences go on over the end of a line. */
const PROSE = new Set(['markdown', 'plaintext', 'latex', 'restructuredtext', 'asciidoc', 'typst', 'git-commit']);
/** A paragraph is looked for this many lines around the cursor. */
const PARAGRAPH_LINES = 100;

/**
 * What the user is at: the selected text; with nothing selected, the sentence around the cursor, which in code is the
 * line.
 *
 * @returns null where there is only white space.
 */
export function readAround(
  editor: EditorLike & { readonly document: Pick<TextDocument, 'lineCount' | 'languageId'> },
): Inspection | null {
  const { document, selection } = editor;
  if (!selection.isEmpty) {
    const text = document.getText(selection);
    const label = sourceLabel(document, selection, false);
    return text.trim() === '' ? null : inspectionOf(document, text, document.offsetAt(selection.start), label);
  }
  const at = selection.start.line;
  const isBlank = (line: number): boolean =>
    line < 0 || line >= document.lineCount || document.lineAt(line).text.trim() === '';
  if (isBlank(at)) {
    return null;
  }
  let [first, last] = [at, at];
  if (PROSE.has(document.languageId)) {
    while (!isBlank(first - 1) && at - first < PARAGRAPH_LINES) {
      first--;
    }
    while (!isBlank(last + 1) && last - at < PARAGRAPH_LINES) {
      last++;
    }
  }
  const paragraph = document.lineAt(first).range.union(document.lineAt(last).range);
  const start = document.offsetAt(paragraph.start);
  const { from, to } = sentenceAt(document.getText(paragraph), document.offsetAt(selection.start) - start);
  const text = document.getText(paragraph).slice(from, to);
  return text === '' ? null : inspectionOf(document, text, start + from, sourceLabel(document, selection, false));
}

/** The sentence that holds the character at `offset`, without the white space around it. */
export function sentenceAt(paragraph: string, offset: number): { from: number; to: number } {
  // A line's end is no sentence's end; the segmenter would take it for one.
  const flat = paragraph.replace(/[\r\n]/g, ' ');
  const sentences = [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(flat)];
  const holding = sentences.find(({ index, segment }) => offset < index + segment.length) ?? sentences.at(-1);
  const { index, segment } = holding ?? { index: 0, segment: '' };
  const from = index + segment.length - segment.trimStart().length;
  return { from, to: from + segment.trim().length };
}

function inspectionOf(document: Pick<TextDocument, 'uri'>, text: string, offset: number, label: string): Inspection {
  return { text, source: { label, uri: document.uri.toString(), offset } };
}

/** `file.ts:12`, `file.ts:12-18`, or `file.ts:12 (whole line)`. */
function sourceLabel(document: { fileName: string }, range: Range, wholeLine: boolean): string {
  const name = fileName(document);
  const first = range.start.line + 1;
  // A selection that ends before a line's first character does not include that line.
  const last = range.end.line + (range.end.character === 0 && range.end.line > range.start.line ? 0 : 1);
  return `${name}:${last > first ? `${first}-${last}` : first}${wholeLine ? ' (whole line)' : ''}`;
}

function fileName(document: { fileName: string }): string {
  return path.posix.basename(document.fileName.replaceAll('\\', '/'));
}
