/**
 * The last trace as a native tree: token, layer, steps of the path. Keyboard and screen reader come with it.
 */
import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../disposable';
import { pathSteps, signedText } from '../pathTable';
import type { Session } from '../session';

export const TRACE_TREE_ID = 'fffExplorer.traceTree';

/** A row: a token, one of its layers, or one node it visits there. */
export type TraceTreeItem =
  | { kind: 'token'; token: number }
  | { kind: 'layer'; token: number; layer: number; tree: number }
  | { kind: 'step'; token: number; layer: number; tree: number; level: number };

export class TraceTree implements vscode.TreeDataProvider<TraceTreeItem>, Disposable {
  private readonly store = new DisposableStore();
  private readonly changed = this.store.add(new vscode.EventEmitter<undefined>());
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly session: Session) {
    const view = this.store.add(
      vscode.window.createTreeView(TRACE_TREE_ID, { treeDataProvider: this, showCollapseAll: true }),
    );
    this.store.add(session.on('traced', () => this.changed.fire(undefined)));
    this.store.add(
      view.onDidChangeSelection(({ selection: [item] }) => {
        if (item !== undefined) {
          this.look(item);
        }
      }),
    );
  }

  getChildren(item?: TraceTreeItem): TraceTreeItem[] {
    const { trace } = this.session.state;
    if (trace === null) {
      return [];
    }
    const { feedforward } = trace.model;
    const trees = feedforward.kind === 'fff' ? [...Array(feedforward.trees).keys()] : [];
    switch (item?.kind) {
      case undefined:
        return trace.tokens.map((_, token) => ({ kind: 'token', token }));
      case 'token':
        return trace.layers.flatMap((routing, layer) =>
          routing === null
            ? []
            : trees.map((tree): TraceTreeItem => ({ kind: 'layer', token: item.token, layer, tree })),
        );
      case 'layer':
        return pathSteps(trace, item.token, item.layer, item.tree).map(({ level }) => ({
          ...item,
          kind: 'step',
          level,
        }));
      case 'step':
        return [];
    }
  }

  getTreeItem(item: TraceTreeItem): vscode.TreeItem {
    const { trace } = this.session.state;
    const { None, Collapsed } = vscode.TreeItemCollapsibleState;
    if (trace === null) {
      return new vscode.TreeItem('', None);
    }
    if (item.kind === 'token') {
      const row = new vscode.TreeItem(trace.tokens[item.token]?.text ?? '', Collapsed);
      row.description = `token ${item.token}`;
      return row;
    }
    const steps = pathSteps(trace, item.token, item.layer, item.tree);
    if (item.kind === 'layer') {
      const { feedforward } = trace.model;
      const several = feedforward.kind === 'fff' && feedforward.trees > 1;
      const row = new vscode.TreeItem(`Layer ${item.layer}${several ? `, tree ${item.tree}` : ''}`, Collapsed);
      row.description = `to leaf ${steps.at(-1)?.node ?? ''}`;
      return row;
    }
    const step = steps[item.level];
    const row = new vscode.TreeItem(`Node ${step?.node ?? ''}`, None);
    if (step !== undefined) {
      row.description = `${step.turn ?? 'leaf'}, logit ${signedText(step.logit)}, activation ${signedText(step.activation)}`;
      row.accessibilityInformation = { label: `Level ${step.level}, node ${step.node}, ${row.description}` };
      row.iconPath = new vscode.ThemeIcon(
        step.turn === null ? 'circle-filled' : step.turn === 'left' ? 'arrow-left' : 'arrow-right',
      );
    }
    return row;
  }

  dispose(): void {
    this.store.dispose();
  }

  /** What is selected here is what all views look at. */
  private look(item: TraceTreeItem): void {
    const { focus, trace } = this.session.state;
    if (trace === null) {
      return;
    }
    const place = item.kind === 'token' ? {} : { layer: item.layer, tree: item.tree };
    const node =
      item.kind === 'step' ? (pathSteps(trace, item.token, item.layer, item.tree)[item.level]?.node ?? null) : null;
    this.session.setFocus({ ...focus, ...place, token: item.token, node }, this);
  }
}
