/** *Map Usage*: from what the user picked to the map in all views and a report beside it. */
import * as vscode from 'vscode';
import { FffError } from '../errors';
import type { RunnerEvents, UsageMap } from '../protocol';
import { readSelection, type EditorLike } from '../selection';
import type { Session } from '../session';
import type { Disposable } from '../disposable';
import { documentOf, filesMatching, filesOf, readDocuments, type Collected } from './documents';
import type { InsightRunner, Insights } from './insights';
import { usageMarkdown } from './usageReport';

export interface MapUsageServices {
  session: Pick<Session, 'newRunId'>;
  insights: Pick<Insights, 'setUsage'>;
  runner: Pick<InsightRunner, 'mapUsage'> & {
    on(name: 'progress', listener: (progress: RunnerEvents['progress']) => void): Disposable;
  };
  settings(): { modelDirectory: string };
  editors: { readonly current: EditorLike | undefined };
}

type Progress = vscode.Progress<{ message?: string; increment?: number }>;

/** What to map, and how it is called. */
interface Scope {
  label: string;
  collect(signal: AbortSignal, progress: Progress): Promise<Collected>;
}

export type UsageScope = 'selection' | 'file' | 'folder' | 'workspace';

/** Asks which of the four; undefined when the user changed their mind. */
export async function pickScope(): Promise<UsageScope | undefined> {
  const items: (vscode.QuickPickItem & { scope: UsageScope })[] = [
    { scope: 'selection', label: '$(selection) Selection', description: 'what is selected in the editor' },
    { scope: 'file', label: '$(file) File', description: 'the file in the editor' },
    { scope: 'folder', label: '$(folder) Folder', description: 'all text files of a folder' },
    { scope: 'workspace', label: '$(globe) Workspace files', description: 'those that match a glob' },
  ];
  return (await vscode.window.showQuickPick(items, { title: 'Map usage of' }))?.scope;
}

export class UsageCommand {
  /** The last map, for the export. */
  last: { usage: UsageMap; label: string } | null = null;

  constructor(private readonly services: MapUsageServices) {}

  /**
   * Maps and reports.
   * @param target file, folder or glob; asked for, or taken from the editor, where absent.
   * @returns false when the user changed their mind.
   */
  async run(scope: UsageScope, target?: vscode.Uri | string): Promise<boolean> {
    const what = await this.scopeOf(scope, target);
    if (what === null) {
      return false;
    }
    const { label } = what;
    const { usage, skipped } = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: `Mapping usage of ${label}`, cancellable: true },
      async (progress, token) => {
        const controller = new AbortController();
        token.onCancellationRequested(() => controller.abort());
        return this.map(await what.collect(controller.signal, progress), progress, controller.signal);
      },
    );
    this.last = { usage, label };
    this.services.insights.setUsage(usage, label);
    await showReport(usageMarkdown(usage, label, skipped));
    return true;
  }

  private async map(
    { documents, skipped }: Collected,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<{ usage: UsageMap; skipped: Collected['skipped'] }> {
    const { runner, session, settings } = this.services;
    const runId = session.newRunId();
    let shown = 0;
    const listening = runner.on('progress', (report) => {
      if (report.runId === runId && report.total > 0) {
        const percent = (100 * report.done) / report.total;
        progress.report({ message: report.what, increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      }
    });
    try {
      const usage = await runner.mapUsage({ runId, model: settings().modelDirectory, documents }, signal);
      return { usage, skipped };
    } finally {
      listening.dispose();
    }
  }

  private async scopeOf(scope: UsageScope, target: vscode.Uri | string | undefined): Promise<Scope | null> {
    const uri = target instanceof vscode.Uri ? target : undefined;
    const nameOf = (of: vscode.Uri): string => vscode.workspace.asRelativePath(of, false);
    switch (scope) {
      case 'selection': {
        const { text, source } = readSelection(this.services.editors.current);
        return {
          label: source.label,
          collect: () => Promise.resolve({ documents: [documentOf(source.label, text)], skipped: [] }),
        };
      }
      case 'file': {
        const file = uri ?? this.services.editors.current?.document.uri;
        if (file === undefined) {
          throw new FffError('BAD_INPUT', 'There is no file to map; open one first.');
        }
        return { label: nameOf(file), collect: (signal) => readDocuments([file], signal, () => undefined) };
      }
      case 'folder': {
        const folder = uri ?? (await pickFolder());
        return folder === undefined
          ? null
          : { label: nameOf(folder), collect: (...rest) => collectFiles(filesOf(folder), ...rest) };
      }
      case 'workspace': {
        const glob = typeof target === 'string' ? target : await askGlob();
        return glob === undefined
          ? null
          : { label: glob, collect: (...rest) => collectFiles(filesMatching(glob), ...rest) };
      }
    }
  }
}

async function collectFiles(
  found: PromiseLike<vscode.Uri[]>,
  signal: AbortSignal,
  progress: Progress,
): Promise<Collected> {
  return readDocuments(await found, signal, (done, total) =>
    progress.report({ message: `Reading ${done} of ${total} files` }),
  );
}

async function pickFolder(): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({
    title: 'Map the usage of a folder',
    openLabel: 'Map Usage',
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return picked?.[0];
}

function askGlob(): PromiseLike<string | undefined> {
  return vscode.window.showInputBox({
    title: 'Map the usage of workspace files',
    prompt: 'Glob of the files to read',
    value: '**/*.{ts,js,py,md,txt}',
    validateInput: (glob) => (glob.trim() === '' ? 'Enter a glob, for instance **/*.md.' : undefined),
  });
}

/** Opens a report as a Markdown document where files are, so that it does not cover the trace panel. */
export async function showReport(content: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: 'markdown', content });
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.One, preview: true });
}
