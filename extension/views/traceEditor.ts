/**
 * The editor of `.ffftrace` files: the trace panel's page with one recorded trace. It changes nothing; a file that is no
 * trace says so where its picture would be.
 */
import * as vscode from 'vscode';
import type { Disposable } from '../disposable';
import type { Log } from '../log';
import { nameOf, opened, readText } from '../openedFile';
import type { WireError } from '../protocol';
import { RecordedTrace, unreadableTrace } from '../recordedTrace';
import { OTHER_FILE, readTraceFile, writeTraceFile, type TraceFile } from '../traceFile';
import { revealToken } from './editors';
import { saveAs } from './saveFile';
import type { ViewActions, ViewServices } from './viewHost';
import type { Views } from './views';

export const TRACE_EDITOR_TYPE = 'fffExplorer.traceFile';

interface TraceDocument extends vscode.CustomDocument {
  opened: { content: TraceFile } | { error: WireError };
}

export class TraceEditor implements vscode.CustomReadonlyEditorProvider<TraceDocument> {
  constructor(
    private readonly views: Views,
    private readonly actions: ViewActions,
    private readonly extensionUri: vscode.Uri,
    private readonly log: Log,
  ) {}

  async openCustomDocument(uri: vscode.Uri): Promise<TraceDocument> {
    const read = async (): Promise<{ content: TraceFile }> => ({
      content: readTraceFile(await readText(uri, OTHER_FILE), nameOf(uri)),
    });
    return { uri, opened: await opened(uri, read, this.log), dispose: () => undefined };
  }

  resolveCustomEditor({ opened: found }: TraceDocument, panel: vscode.WebviewPanel): void {
    panel.iconPath = vscode.Uri.joinPath(this.extensionUri, 'media', 'icon.png');
    const attached = this.views.attach('trace', 'FFF Trace', panel.webview, this.shown(found));
    attached.setVisible(panel.visible);
    panel.onDidChangeViewState(() => attached.setVisible(panel.visible));
    panel.onDidDispose(() => attached.dispose());
  }

  private shown(found: TraceDocument['opened']): Pick<ViewServices, 'session' | 'insights' | 'actions'> {
    if ('error' in found) {
      return { ...unreadableTrace(found.error), actions: this.actions };
    }
    const recorded = new RecordedTrace(found.content);
    return {
      session: recorded,
      insights: recorded.insights,
      actions: {
        ...this.actions,
        revealToken: (token) => revealToken(recorded.state, token),
        exportTrace: () => exportTraceFile(found.content),
      },
    };
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
