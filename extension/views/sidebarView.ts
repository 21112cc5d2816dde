/**
 * The *Tree Path* view in the activity bar's container.
 */
import type * as vscode from 'vscode';
import { Events, type Disposable } from '../disposable';
import type { Views } from './views';

export const SIDEBAR_VIEW_ID = 'fffExplorer.treePath';

export class SidebarView implements vscode.WebviewViewProvider {
  private readonly events = new Events<{ shown: undefined }>();
  private view: vscode.WebviewView | null = null;

  constructor(private readonly views: Views) {}

  get visible(): boolean {
    return this.view?.visible ?? false;
  }

  onDidBecomeVisible(listener: () => void): Disposable {
    return this.events.on('shown', listener);
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    const attached = this.views.attach('sidebar', 'Tree Path', view.webview);
    const update = (): void => {
      attached.setVisible(view.visible);
      if (view.visible) {
        this.events.fire('shown', undefined);
      }
    };
    update();
    const subscription = view.onDidChangeVisibility(update);
    view.onDidDispose(() => {
      this.view = null;
      subscription.dispose();
      attached.dispose();
    });
  }
}
