/**
 * The *Benchmark* panel: one at most, back where it was after the window is reloaded. What it shows is the session's; a
 * run goes on while the panel is closed.
 */
import * as vscode from 'vscode';
import { fffbenchText } from '../benchmark/exports';
import { exportPicture, exportResult } from '../benchmark/files';
import type { BenchmarkSession } from '../benchmark/session';
import type { Disposable } from '../disposable';
import { FffError } from '../errors';
import type { Log } from '../log';
import type { ShownBenchmark } from '../protocol';
import { BenchmarkHost, type BenchmarkActions, type BenchmarkTruth } from './benchmarkHost';
import { webviewHtml } from './webviewHtml';

export const BENCHMARK_PANEL_TYPE = 'fffExplorer.benchmark';
const TITLE = 'FFF Benchmark';

/** What panel and editor need to fill a webview. */
export interface BenchmarkViewServices {
  extensionUri: vscode.Uri;
  session: BenchmarkSession;
  log: Log;
  showLog(): Promise<void>;
}

export class BenchmarkPanel implements vscode.WebviewPanelSerializer, Disposable {
  private panel: vscode.WebviewPanel | null = null;

  constructor(private readonly services: BenchmarkViewServices) {}

  /** Whether the user has it in view. */
  get visible(): boolean {
    return this.panel?.visible ?? false;
  }

  /** Opens the panel, or brings it to the front. */
  show(): void {
    if (this.panel !== null) {
      this.panel.reveal();
      return;
    }
    this.adopt(
      vscode.window.createWebviewPanel(BENCHMARK_PANEL_TYPE, TITLE, vscode.ViewColumn.Active, { enableScripts: true }),
    );
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.panel?.dispose();
    this.adopt(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.panel?.dispose();
  }

  private adopt(panel: vscode.WebviewPanel): void {
    this.panel = panel;
    const { session, showLog } = this.services;
    attachBenchmark(panel, this.services, session, {
      start: (choice) => session.start(choice),
      check: (json) => session.check(json),
      pause: (paused) => session.pause(paused),
      cancel: () => session.cancel(),
      resume: (id) => session.resume(id),
      show: (id) => session.show(id),
      compare: (id) => session.compare(id),
      remove: (id) => session.remove(id),
      openFile: () => session.openFile(),
      exportResult: () => exportResult(shownOf(session)),
      exportPicture: (picture) => exportPicture(picture),
      showLog: () => showLog(),
    });
    panel.onDidDispose(() => {
      if (this.panel === panel) {
        this.panel = null;
      }
    });
  }
}

/** Fills a webview panel with the benchmark's page and answers it until the panel is gone. */
export function attachBenchmark(
  panel: vscode.WebviewPanel,
  { extensionUri, session, log }: BenchmarkViewServices,
  truth: BenchmarkTruth,
  actions: BenchmarkActions,
): void {
  const { webview } = panel;
  const root = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
  const file = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(root, name)).toString();
  panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'icon.png');
  webview.options = { enableScripts: true, localResourceRoots: [root] };
  // The host listens before the page loads, so that its first word is not missed.
  const host = new BenchmarkHost(
    { send: (message) => webview.postMessage(message), listen: (listener) => webview.onDidReceiveMessage(listener) },
    truth,
    actions,
    log,
    () => void session.loadCatalogue(),
  );
  webview.html = webviewHtml({
    view: 'benchmark',
    title: TITLE,
    cspSource: webview.cspSource,
    scriptUri: file('benchmark.js'),
    styleUri: file('benchmark.css'),
  });
  panel.onDidChangeViewState(() => {
    if (!panel.visible) {
      host.hidden();
    }
  });
  panel.onDidDispose(() => host.dispose());
}

/** @throws FffError BAD_INPUT where nothing is shown. */
export function shownOf({ state }: BenchmarkTruth): ShownBenchmark & { text: string } {
  if (state.shown === null) {
    throw new FffError('BAD_INPUT', 'There is no result to save.', 'Run a plan first.');
  }
  return { ...state.shown, text: fffbenchText(state.shown.result) };
}
