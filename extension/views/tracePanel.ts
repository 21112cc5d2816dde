/**
 * The *Trace* panel: one at most, beside the editor, and back where it was after the window is reloaded.
 */
import * as vscode from 'vscode';
import type { Disposable } from '../disposable';
import type { Views } from './views';

export const TRACE_PANEL_TYPE = 'fffExplorer.trace';

export class TracePanel implements vscode.WebviewPanelSerializer, Disposable {
  private panel: vscode.WebviewPanel | null = null;

  /**
   * @param onRestored called when VS Code brought the panel back after a reload; the session knows nothing then.
   */
  constructor(
    private readonly views: Views,
    private readonly extensionUri: vscode.Uri,
    private readonly onRestored: () => void,
  ) {}

  /** Opens the panel, or brings it to the front; the editor keeps the keyboard. */
  show(): void {
    if (this.panel !== null) {
      this.panel.reveal(undefined, true);
      return;
    }
    this.adopt(
      vscode.window.createWebviewPanel(
        TRACE_PANEL_TYPE,
        'FFF Trace',
        { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
        { enableScripts: true, localResourceRoots: this.views.resourceRoots },
      ),
    );
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.panel?.dispose();
    this.adopt(panel);
    this.onRestored();
    return Promise.resolve();
  }

  dispose(): void {
    this.panel?.dispose();
  }

  private adopt(panel: vscode.WebviewPanel): void {
    this.panel = panel;
    panel.iconPath = vscode.Uri.joinPath(this.extensionUri, 'media', 'icon.png');
    const attached = this.views.attach('trace', 'FFF Trace', panel.webview);
    attached.setVisible(panel.visible);
    panel.onDidChangeViewState(() => attached.setVisible(panel.visible));
    panel.onDidDispose(() => {
      attached.dispose();
      if (this.panel === panel) {
        this.panel = null;
      }
    });
  }
}
