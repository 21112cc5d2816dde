/**
 * The status bar item: progress of a run, which a click cancels, and afterwards the last result, which a click opens.
 */
import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../disposable';
import type { RunStatus, Trace } from '../protocol';
import { gainsOf, gainsSentence, gainsText, type Gains } from '../gains';
import type { Latency, Session } from '../session';

export class StatusBar implements Disposable {
  private readonly store = new DisposableStore();
  private readonly item: vscode.StatusBarItem;
  private status: RunStatus = { kind: 'idle' };
  private trace: Trace | null = null;
  /** How long the user waited for the last picture; null until there is one. */
  private latency: Latency | null = null;
  /** Of the last trace, once every layer was measured. */
  private gains: Gains | null = null;

  constructor(session: Session) {
    this.item = this.store.add(
      vscode.window.createStatusBarItem('fffExplorer.status', vscode.StatusBarAlignment.Right, 90),
    );
    this.item.name = 'FFF Explorer';
    this.store.add(
      session.on('traced', ({ trace }) => {
        this.trace = trace;
        this.latency = null;
        this.gains = null;
      }),
    );
    this.store.add(
      session.on('painted', (latency) => {
        this.latency = latency;
        this.draw();
      }),
    );
    this.store.add(
      session.on('timing', () => {
        this.gains = gainsOf(session.state);
        this.draw();
      }),
    );
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
    const { item, status, trace } = this;
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
        item.text = `$(list-tree) FFF ${(this.latency?.pictureMs ?? trace.phases.totalMs).toFixed(0)} ms${gainsText(this.gains)}`;
        item.tooltip = `FFF Explorer: ${describeResult(trace, this.latency)}${gainsSentence(this.gains)} Click to open the trace.`;
        item.command = 'fffExplorer.openTracePanel';
        item.show();
    }
  }
}

/** What the last run took, in one sentence. */
function describeResult(trace: Trace, latency: Latency | null): string {
  const what = `${trace.tokens.length} tokens through ${trace.model.layers} layers of ${trace.model.name}`;
  const traceMs = trace.phases.totalMs.toFixed(1);
  return latency === null
    ? `${what} in ${traceMs} ms.`
    : `${what}, ${latency.pictureMs.toFixed(1)} ms from selection to picture, ${latency.traceMs.toFixed(1)} ms of them until the trace (run ${trace.runId}).`;
}
