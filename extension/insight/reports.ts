/**
 * Reports as read-only documents, shown as rendered Markdown. What they are about is drawn in the views first, so a
 * report is offered and waits: it never stands in front of the picture, and there is nothing in it to save by accident.
 */
import * as vscode from 'vscode';
import type { Disposable } from '../disposable';
import { FffError } from '../errors';
import type { ReportKind } from '../protocol';

const SCHEME = 'fff-explorer-report';
const NAMES: Record<ReportKind, string> = { usage: 'Usage.md', comparison: 'Comparison.md' };
const OPEN = 'Open Report';

export class Reports implements vscode.TextDocumentContentProvider, Disposable {
  /** The newest of each kind; `version` tells one from another. */
  private readonly contents = new Map<ReportKind, { content: string; version: number }>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  private last: ReportKind | null = null;
  private version = 0;

  /** Keeps a report in place of the one before, and tells the user in one sentence that it is there. */
  offer(kind: ReportKind, content: string, sentence: string): void {
    this.contents.set(kind, { content, version: ++this.version });
    this.last = kind;
    // Not awaited: the message stays until the user does something about it.
    void vscode.window.showInformationMessage(sentence, OPEN).then((pressed) => {
      if (pressed === OPEN) {
        // By way of the command, which reports what goes wrong.
        void vscode.commands.executeCommand('fffExplorer.openReport', kind);
      }
    });
  }

  /**
   * Opens a report where files are, rendered; as plain text where the editor's own Markdown preview is switched off.
   * @param kind the newest one where absent.
   * @throws FffError BAD_INPUT where there is none.
   */
  async open(kind: ReportKind | null = this.last): Promise<void> {
    const report = kind === null ? undefined : this.contents.get(kind);
    if (kind === null || report === undefined) {
      throw new FffError(
        'BAD_INPUT',
        'There is no report yet.',
        kind === 'comparison' ? 'Compare two traces first.' : 'Map the usage of a text or compare two traces first.',
      );
    }
    // An address of its own: a preview that is open already would go on showing what it read before.
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${NAMES[kind]}`, query: String(report.version) });
    try {
      await vscode.commands.executeCommand('markdown.showPreview', uri);
    } catch {
      // There is no such command where the editor's Markdown extension is off.
      await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.One, preview: true });
    }
  }

  /** A preview that VS Code restored after a reload asks for what is not there any more. */
  provideTextDocumentContent({ path }: vscode.Uri): string {
    const [kind] = (Object.keys(NAMES) as ReportKind[]).filter((name) => path === `/${NAMES[name]}`);
    const report = kind === undefined ? undefined : this.contents.get(kind);
    return report?.content ?? 'This report is gone with its window. Map or compare again.\n';
  }

  dispose(): void {
    this.registration.dispose();
  }
}
