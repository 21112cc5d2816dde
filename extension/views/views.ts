/**
 * What the sidebar and the trace panel have in common: filling a webview with its page, and knowing which are visible.
 */
import * as vscode from 'vscode';
import type { Disposable } from '../disposable';
import { ViewHost, type MessagePort, type ViewServices } from './viewHost';
import { webviewHtml, type ViewName } from './webviewHtml';

export class Views {
  private readonly visible = new Set<ViewHost>();

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly services: ViewServices,
  ) {}

  get anyVisible(): boolean {
    return this.visible.size > 0;
  }

  /** Where a webview may load files from. */
  get resourceRoots(): vscode.Uri[] {
    return [vscode.Uri.joinPath(this.extensionUri, 'dist', 'webview')];
  }

  /**
   * Fills the webview and answers it until disposed.
   * @param recorded what it shows instead of the session; such a view is no place for a new picture.
   */
  attach(
    view: ViewName,
    title: string,
    webview: vscode.Webview,
    recorded?: Pick<ViewServices, 'session' | 'insights' | 'actions'>,
  ): AttachedView {
    const [root] = this.resourceRoots;
    const file = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(root ?? this.extensionUri, name)).toString();
    webview.options = { enableScripts: true, localResourceRoots: this.resourceRoots };
    // The host listens before the page loads, so that its first word is not missed.
    const port: MessagePort = {
      send: (message) => webview.postMessage(message),
      listen: (listener) => webview.onDidReceiveMessage(listener),
    };
    const host = new ViewHost(view, port, { ...this.services, ...recorded });
    webview.html = webviewHtml({
      view,
      title,
      cspSource: webview.cspSource,
      scriptUri: file(`${view}.js`),
      styleUri: file(`${view}.css`),
    });
    return {
      setVisible: (visible) => {
        if (!visible) {
          this.visible.delete(host);
          host.hidden();
          return;
        }
        host.shown();
        if (recorded === undefined) {
          this.visible.add(host);
        }
      },
      dispose: () => {
        this.visible.delete(host);
        host.dispose();
      },
    };
  }
}

export interface AttachedView extends Disposable {
  setVisible(visible: boolean): void;
}
