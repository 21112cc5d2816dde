/**
 * The status bar item: progress of a run, which a click cancels, and afterwards the last result, which a click opens.
 */
import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../disposable';
import type { RunStatus } from '../protocol';
import type { Latency, Session } from '../session';
import { resultText, resultTooltip } from '../statusText';

export class StatusBar implements Disposable {
  private readonly store = new DisposableStore();
  private readonly item: vscode.StatusBarItem;
  private status: RunStatus = { kind: 'idle' };
  /** How long the user waited for the last picture; null until there is one. */
  private latency: Latency | null = null;

  constructor(private readonly session: Session) {
    this.item = this.store.add(
      vscode.window.createStatusBarItem('fffExplorer.status', vscode.StatusBarAlignment.Right, 90),
    );
    this.item.name = 'FFF Explorer';
    this.store.add(
      session.on('traced', () => {
        this.latency = null;
      }),
    );
    this.store.add(
      session.on('painted', (latency) => {
        this.latency = latency;
        this.draw();
      }),
    );
    this.store.add(session.on('passTiming', () => this.draw()));
    this.store.add(
      session.on('status', (status) => {
        this.status = status;
        this.draw();
      }),
    );
  }

  dispose(): void {
    this.store.dispose();
  }

  private draw(): void {
    const { item, status } = this;
    const { trace, timings, passTiming } = this.session.state;
    item.backgroundColor = undefined;
    switch (status.kind) {
      case 'running': {
        const progress = status.total > 0 ? ` ${status.done}/${status.total}` : '';
        item.text = `$(sync~spin) FFF${progress}`;
        item.tooltip = `FFF Explorer: ${status.what} (${status.label}). Click to cancel.`;
        item.command = 'fffExplorer.cancel';
        item.show();
        return;
      }
      case 'failed':
        item.text = '$(warning) FFF';
        item.tooltip = `FFF Explorer: ${status.error.message} Click for the log.`;
        item.command = 'fffExplorer.showLog';
        item.backgroundColor = new vscode.ThemeColor('statusBarItem.warningBackground');
        item.show();
        return;
      case 'idle':
        if (trace === null) {
          item.hide();
          return;
        }
        item.text = `$(list-tree) ${resultText({ trace, timings, passTiming }, this.latency)}`;
        item.tooltip = resultTooltip({ trace, timings, passTiming }, this.latency);
        item.command = 'fffExplorer.openTracePanel';
        item.show();
    }
  }
}
