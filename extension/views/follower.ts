/**
 * The sidebar follows the editor: what is selected, or the sentence around the cursor, is inspected once the user rests.
 * Only while somebody looks at the sidebar, and not while the trace is pinned.
 */
import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../disposable';
import { isCancellation } from '../errors';
import { describeThrown, type Log } from '../log';
import { readAround } from '../selection';
import type { Inspection, Session } from '../session';

/** Longer than the pause between two key strokes. */
const REST_MS = 350;
/** What takes longer than a moment is inspected when asked for only. */
const MOST_CHARACTERS = 4000;

export interface FollowerServices {
  session: Pick<Session, 'state' | 'inspect' | 'lastInspection'>;
  insights: { readonly isTracingAside: boolean };
  editors: { readonly current: vscode.TextEditor | undefined };
  sidebar: { readonly visible: boolean; onDidBecomeVisible(listener: () => void): Disposable };
  isOn(): boolean;
  log: Log;
}

export class Follower implements Disposable {
  private readonly store = new DisposableStore();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isPinned = false;

  constructor(private readonly services: FollowerServices) {
    const soon = (): void => this.soon();
    this.store.add(vscode.window.onDidChangeTextEditorSelection(soon));
    this.store.add(
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0 && document === services.editors.current?.document) {
          soon();
        }
      }),
    );
    this.store.add(vscode.window.onDidChangeActiveTextEditor(soon));
    this.store.add(services.sidebar.onDidBecomeVisible(soon));
    this.store.add({ dispose: () => clearTimeout(this.timer) });
  }

  /** A pinned trace stays until it is unpinned or another text is inspected by command. */
  set pinned(pinned: boolean) {
    this.isPinned = pinned;
    void vscode.commands.executeCommand('setContext', 'fffExplorer.pinned', pinned);
    if (!pinned) {
      this.soon();
    }
  }

  dispose(): void {
    this.store.dispose();
  }

  private get follows(): boolean {
    return this.services.isOn() && !this.isPinned && this.services.sidebar.visible;
  }

  private soon(): void {
    clearTimeout(this.timer);
    if (this.follows) {
      this.timer = setTimeout(() => void this.follow(), REST_MS);
    }
  }

  private async follow(): Promise<void> {
    const { session, insights, editors, log } = this.services;
    if (session.state.status.kind === 'running' || insights.isTracingAside) {
      // What the user asked for is not superseded by what they happen to be at.
      this.soon();
      return;
    }
    const editor = editors.current;
    const inspection = this.follows && editor !== undefined ? readAround(editor) : null;
    if (inspection === null || inspection.text.length > MOST_CHARACTERS || this.isShown(inspection)) {
      return;
    }
    try {
      await session.inspect(inspection);
    } catch (thrown) {
      // The sidebar, which is visible, says so.
      if (!isCancellation(thrown)) {
        log.debug(`Following the editor: ${describeThrown(thrown)}`);
      }
    }
  }

  /** The same text again, or one token of the trace that was revealed in the editor: nothing new to look at. */
  private isShown({ text, source }: Inspection): boolean {
    const { lastInspection, state } = this.services.session;
    const last = lastInspection?.source;
    if (lastInspection?.text === text && last?.uri === source.uri && last.offset === source.offset) {
      return true;
    }
    const from = state.source?.uri === source.uri ? source.offset - state.source.offset : -1;
    return state.trace?.tokens.some(({ start, end }) => start === from && end === from + text.length) ?? false;
  }
}
