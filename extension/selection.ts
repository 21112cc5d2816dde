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
  return {
    text,
    source: {
      label: sourceLabel(document, range, selection.isEmpty),
      uri: document.uri.toString(),
      offset: document.offsetAt(range.start),
    },
  };
}

/** `file.ts:12`, `file.ts:12-18`, or `file.ts:12 (whole line)`. */
function sourceLabel(document: { fileName: string }, range: Range, wholeLine: boolean): string {
  const name = path.posix.basename(document.fileName.replaceAll('\\', '/'));
  const first = range.start.line + 1;
  // A selection that ends before a line's first character does not include that line.
  const last = range.end.line + (range.end.character === 0 && range.end.line > range.start.line ? 0 : 1);
  return `${name}:${last > first ? `${first}-${last}` : first}${wholeLine ? ' (whole line)' : ''}`;
}
