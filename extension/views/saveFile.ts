/** Saving something under a name the user chooses, wherever the workspace lives. */
import * as vscode from 'vscode';
import { FffError } from '../errors';

const FORMATS = {
  svg: 'SVG picture',
  png: 'PNG picture',
  csv: 'CSV table',
  json: 'JSON',
  ffftrace: 'FFF trace',
} as const;

export type SavedFormat = keyof typeof FORMATS;

/**
 * @param target where to, without asking.
 * @returns false when the user changed their mind.
 * @throws FffError BAD_INPUT where the place cannot be written to.
 */
export async function saveAs(
  suggestedName: string,
  format: SavedFormat,
  data: string | Uint8Array,
  target?: vscode.Uri,
): Promise<boolean> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const uri =
    target ??
    (await vscode.window.showSaveDialog({
      // A name from a page must stay a name.
      ...(folder === undefined
        ? {}
        : { defaultUri: vscode.Uri.joinPath(folder, suggestedName.replace(/[\\/]/g, '-')) }),
      filters: { [FORMATS[format]]: [format] },
    }));
  if (uri === undefined) {
    return false;
  }
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  try {
    await vscode.workspace.fs.writeFile(uri, bytes);
  } catch (thrown) {
    throw new FffError('BAD_INPUT', `${uri.path} cannot be written.`, 'Choose another place.', { cause: thrown });
  }
  return true;
}
