/**
 * Text editors, for the views: which one the user means, and the way back from a token to its characters.
 */
import * as vscode from 'vscode';
import { FffError } from '../errors';
import type { CommandId } from '../commands';
import type { ViewState } from '../protocol';
import { saveAs } from './saveFile';
import type { ViewActions } from './viewHost';

/** Selects a token's characters in the editor they came from, opening it where needed. */
export async function revealToken(state: Pick<ViewState, 'trace' | 'source'>, index: number): Promise<void> {
  const { trace, source } = state;
  const token = trace?.tokens[index];
  if (token === undefined || !source?.uri || token.end <= token.start) {
    return;
  }
  const uri = vscode.Uri.parse(source.uri, true);
  const visible = vscode.window.visibleTextEditors.find((editor) => editor.document.uri.toString() === uri.toString());
  const document = visible?.document ?? (await open(uri));
  const editor = await vscode.window.showTextDocument(document, {
    viewColumn: visible?.viewColumn ?? vscode.ViewColumn.One,
    preserveFocus: true,
  });
  const range = new vscode.Range(
    document.positionAt(source.offset + token.start),
    document.positionAt(source.offset + token.end),
  );
  editor.selection = new vscode.Selection(range.start, range.end);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

async function open(uri: vscode.Uri): Promise<vscode.TextDocument> {
  try {
    return await vscode.workspace.openTextDocument(uri);
  } catch (thrown) {
    throw new FffError(
      'BAD_INPUT',
      `The text this trace came from, ${uri.path}, cannot be opened any more.`,
      undefined,
      {
        cause: thrown,
      },
    );
  }
}

/** What views ask of the host beyond the session: mostly commands, which report their own failures. */
export function viewActions(
  session: { readonly state: Pick<ViewState, 'trace' | 'source'> },
  exportTrace: () => Promise<boolean>,
): ViewActions {
  const run = async (id: CommandId, argument?: string): Promise<void> => {
    await vscode.commands.executeCommand(id, argument);
  };
  return {
    inspectSelection: () => run('fffExplorer.inspectSelection'),
    showLog: () => run('fffExplorer.showLog'),
    restartRunner: () => run('fffExplorer.restartRunner'),
    openTracePanel: () => run('fffExplorer.openTracePanel'),
    mapUsage: () => run('fffExplorer.mapUsage'),
    compareContexts: () => run('fffExplorer.compareContexts'),
    openReport: (kind) => run('fffExplorer.openReport', kind),
    exportTrace,
    exportFile: ({ suggestedName, kind, data }) => saveAs(suggestedName, kind, data),
    revealToken: (token) => revealToken(session.state, token),
  };
}

/**
 * The text editor the user means. VS Code has no active one while a webview panel has the keyboard, so the last one is
 * remembered; the Output view is an editor too, and never meant.
 */
export class EditorTracker implements vscode.Disposable {
  private last = vscode.window.activeTextEditor;
  private readonly subscription = vscode.window.onDidChangeActiveTextEditor((editor) => {
    this.last = editor ?? this.last;
  });

  get current(): vscode.TextEditor | undefined {
    const candidates = vscode.window.visibleTextEditors.filter(({ document }) => document.uri.scheme !== 'output');
    const meant = vscode.window.activeTextEditor ?? this.last;
    return candidates.find((editor) => editor === meant) ?? candidates[0];
  }

  dispose(): void {
    this.subscription.dispose();
  }
}
