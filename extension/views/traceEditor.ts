/**
 * The editor of `.ffftrace` files: the trace panel's page with one recorded trace. It changes nothing; a file that is no
 * trace says so where its picture would be.
 */
import * as vscode from 'vscode';
import type { Disposable } from '../disposable';
import { FffError } from '../errors';
import { RecordedTrace } from '../recordedTrace';
import { readTraceFile, writeTraceFile, type TraceFile } from '../traceFile';
import { revealToken } from './editors';
import { saveAs } from './saveFile';
import type { ViewActions } from './viewHost';
import type { Views } from './views';

export const TRACE_EDITOR_TYPE = 'fffExplorer.traceFile';

interface TraceDocument extends vscode.CustomDocument {
  content: TraceFile;
}

export class TraceEditor implements vscode.CustomReadonlyEditorProvider<TraceDocument> {
  constructor(
    private readonly views: Views,
    private readonly actions: ViewActions,
    private readonly extensionUri: vscode.Uri,
  ) {}

  /** VS Code shows what is thrown in place of the editor. @throws FffError BAD_INPUT. */
  async openCustomDocument(uri: vscode.Uri): Promise<TraceDocument> {
    const name = uri.path.split('/').at(-1) ?? uri.path;
    let bytes: Uint8Array;
    try {
      bytes = await vscode.workspace.fs.readFile(uri);
    } catch (thrown) {
      throw new FffError('BAD_INPUT', `${name} cannot be read.`, undefined, { cause: thrown });
    }
    return { uri, content: readTraceFile(new TextDecoder().decode(bytes), name), dispose: () => undefined };
  }

  resolveCustomEditor(document: TraceDocument, panel: vscode.WebviewPanel): void {
    const recorded = new RecordedTrace(document.content);
    panel.iconPath = vscode.Uri.joinPath(this.extensionUri, 'media', 'icon.png');
    const attached = this.views.attach('trace', 'FFF Trace', panel.webview, {
      session: recorded,
      insights: recorded.insights,
      actions: {
        ...this.actions,
        revealToken: (token) => revealToken(recorded.state, token),
        exportTrace: () => exportTraceFile(document.content),
      },
    });
    attached.setVisible(panel.visible);
    panel.onDidChangeViewState(() => attached.setVisible(panel.visible));
    panel.onDidDispose(() => attached.dispose());
  }

  register(): Disposable {
    return vscode.window.registerCustomEditorProvider(TRACE_EDITOR_TYPE, this, {
      supportsMultipleEditorsPerDocument: true,
    });
  }
}

/** Asks where to, unless told, and saves; false when the user changed their mind. */
export function exportTraceFile(content: TraceFile, target?: vscode.Uri): Promise<boolean> {
  const name = (content.source?.label ?? 'trace').replace(/[^\w.-]+/g, '-');
  return saveAs(`${name}.ffftrace`, 'ffftrace', writeTraceFile(content), target);
}
