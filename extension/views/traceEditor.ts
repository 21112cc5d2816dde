/**
 * The editor of `.ffftrace` files: the trace panel's page with one recorded trace. It changes nothing; a file that is no
 * trace says so where its picture would be.
 */
import * as vscode from 'vscode';
import type { Disposable } from '../disposable';
import { FffError, toWireError } from '../errors';
import { describeThrown, type Log } from '../log';
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

  /** Never rejects: VS Code would ask in a dialog, at every click, what to do about an unexpected error. */
  async openCustomDocument(uri: vscode.Uri): Promise<TraceDocument> {
    const dispose = (): void => undefined;
    try {
      return { uri, opened: { content: await readFile(uri) }, dispose };
    } catch (thrown) {
      this.log.warn(`Opening ${uri.toString(true)}: ${describeThrown(thrown)}`);
      return { uri, opened: { error: toWireError(thrown) }, dispose };
    }
  }

  resolveCustomEditor({ opened }: TraceDocument, panel: vscode.WebviewPanel): void {
    panel.iconPath = vscode.Uri.joinPath(this.extensionUri, 'media', 'icon.png');
    const attached = this.views.attach('trace', 'FFF Trace', panel.webview, this.shown(opened));
    attached.setVisible(panel.visible);
    panel.onDidChangeViewState(() => attached.setVisible(panel.visible));
    panel.onDidDispose(() => attached.dispose());
  }

  private shown(opened: TraceDocument['opened']): Pick<ViewServices, 'session' | 'insights' | 'actions'> {
    if ('error' in opened) {
      return { ...unreadableTrace(opened.error), actions: this.actions };
    }
    const recorded = new RecordedTrace(opened.content);
    return {
      session: recorded,
      insights: recorded.insights,
      actions: {
        ...this.actions,
        revealToken: (token) => revealToken(recorded.state, token),
        exportTrace: () => exportTraceFile(opened.content),
      },
    };
  }

  register(): Disposable {
    return vscode.window.registerCustomEditorProvider(TRACE_EDITOR_TYPE, this, {
      supportsMultipleEditorsPerDocument: true,
    });
  }
}

/** @throws FffError BAD_INPUT for a file that cannot be read or is no trace. */
async function readFile(uri: vscode.Uri): Promise<TraceFile> {
  const name = uri.path.split('/').at(-1) ?? uri.path;
  let bytes: Uint8Array;
  try {
    bytes = await vscode.workspace.fs.readFile(uri);
  } catch (thrown) {
    throw new FffError('BAD_INPUT', `${name} cannot be read.`, OTHER_FILE, { cause: thrown });
  }
  return readTraceFile(new TextDecoder().decode(bytes), name);
}

/** Asks where to, unless told, and saves; false when the user changed their mind. */
export function exportTraceFile(content: TraceFile, target?: vscode.Uri): Promise<boolean> {
  const name = (content.source?.label ?? 'trace').replace(/[^\w.-]+/g, '-');
  return saveAs(`${name}.ffftrace`, 'ffftrace', writeTraceFile(content), target);
}
