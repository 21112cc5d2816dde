/**
 * The *Tree Path* view in the activity bar's container.
 */
import type * as vscode from 'vscode';
import type { Views } from './views';

export const SIDEBAR_VIEW_ID = 'fffExplorer.treePath';

export class SidebarView implements vscode.WebviewViewProvider {
  constructor(private readonly views: Views) {}

  resolveWebviewView(view: vscode.WebviewView): void {
    const attached = this.views.attach('sidebar', 'Tree Path', view.webview);
    attached.setVisible(view.visible);
    const subscription = view.onDidChangeVisibility(() => attached.setVisible(view.visible));
    view.onDidDispose(() => {
      subscription.dispose();
      attached.dispose();
    });
  }
}
