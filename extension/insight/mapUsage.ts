/** *Map Usage*: from what the user picked to the map in all views, with a report for whoever wants to read. */
import * as vscode from 'vscode';
import { FffError } from '../errors';
import type { RunnerEvents, UsageMap } from '../protocol';
import { readSelection, type EditorLike } from '../selection';
import type { Session } from '../session';
import type { Disposable } from '../disposable';
import type { ViewActions } from '../views/viewHost';
import { documentOf, filesMatching, filesOf, readDocuments, type Collected } from './documents';
import type { InsightRunner, Insights } from './insights';
import { withCancel, type Progress } from './longWork';
import type { Reports } from './reports';
import type { TextOf } from './usageContexts';
import { usageMarkdown, usageSentence } from './usageReport';

export interface MapUsageServices {
  session: Pick<Session, 'newRunId' | 'state' | 'inspect'>;
  insights: Pick<Insights, 'setUsage'>;
  reports: Pick<Reports, 'offer'>;
  /** The map is drawn in the trace panel. */
  actions: Pick<ViewActions, 'openTracePanel'>;
  runner: Pick<InsightRunner, 'mapUsage'> & {
    on(name: 'progress', listener: (progress: RunnerEvents['progress']) => void): Disposable;
  };
  settings(): { modelDirectory: string };
  editors: { readonly current: EditorLike | undefined };
}

/** Text of a mapped document that is traced where nothing is shown yet. */
const EXCERPT_CHARACTERS = 200;

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
   * Maps, shows the map in the trace panel, and offers the report.
   * @param target file, folder or glob; asked for, or taken from the editor, where absent.
   * @returns false when the user changed their mind.
   * @throws FffError CANCELLED; the map before stays, and what was read so far is not read again.
   */
  async run(scope: UsageScope, target?: vscode.Uri | string): Promise<boolean> {
    const what = await this.scopeOf(scope, target);
    if (what === null) {
      return false;
    }
    const { label } = what;
    const { usage, skipped, textOf } = await withCancel(`Mapping usage of ${label}`, async (signal, progress) =>
      this.map(await what.collect(signal, progress), progress, signal),
    );
    const { insights, reports, actions } = this.services;
    this.last = { usage, label };
    insights.setUsage(usage, label, textOf);
    await actions.openTracePanel();
    reports.offer('usage', usageMarkdown(usage, label, skipped), usageSentence(usage, label, skipped.length));
    await this.traceSomething(usage, textOf);
    return true;
  }

  /** The map is drawn on a trace's trees: where there is none of this model, the first mapped text lends its beginning. */
  private async traceSomething({ model, documents }: UsageMap, textOf: TextOf): Promise<void> {
    const { session } = this.services;
    if (session.state.trace?.model.weightsHash === model.weightsHash) {
      return;
    }
    const text = excerptOf((await textOf(0))?.text ?? '');
    if (text !== '') {
      await session.inspect({ text, source: { label: documents[0]?.name ?? '', uri: null, offset: 0 } });
    }
  }

  private async map(
    { documents, skipped, textOf }: Collected,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<{ usage: UsageMap } & Omit<Collected, 'documents'>> {
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
      return { usage, skipped, textOf };
    } finally {
      listening.dispose();
    }
  }

  private async scopeOf(scope: UsageScope, target: vscode.Uri | string | undefined): Promise<Scope | null> {
    const uri = target instanceof vscode.Uri ? target : undefined;
    const nameOf = (of: vscode.Uri): string => vscode.workspace.asRelativePath(of, false);
    switch (scope) {
      case 'selection': {
        const { editors } = this.services;
        const { text, source } = readSelection(editors.current);
        const firstLine = (editors.current?.selection.start.line ?? 0) + 1;
        return {
          label: source.label,
          collect: () =>
            Promise.resolve({
              documents: [documentOf(source.label, text)],
              skipped: [],
              textOf: () => Promise.resolve({ text, firstLine }),
            }),
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

/** The first lines, as far as they are short; a long line is cut after a word. */
export function excerptOf(text: string): string {
  const start = text.trimStart().slice(0, EXCERPT_CHARACTERS + 1);
  if (start.length <= EXCERPT_CHARACTERS) {
    return start.trimEnd();
  }
  const line = start.lastIndexOf('\n');
  const cut = line > 0 ? line : start.search(/\s\S*$/);
  return start.slice(0, cut > 0 ? cut : EXCERPT_CHARACTERS).trimEnd();
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
