/** Builds what stands around the session in the editor (marks, tree, follower, recorded traces); `main.ts` calls it once. */
import * as vscode from 'vscode';
import type { InsightCommands } from '../commands';
import type { Settings } from '../config';
import { DisposableStore, type Disposable } from '../disposable';
import { FffError } from '../errors';
import type { Log } from '../log';
import type { RunnerClient } from '../runner/client';
import type { Session } from '../session';
import type { TraceFile } from '../traceFile';
import { Decorations } from '../views/decorations';
import type { EditorTracker } from '../views/editors';
import { Follower } from '../views/follower';
import { saveAs } from '../views/saveFile';
import type { SidebarView } from '../views/sidebarView';
import { exportTraceFile, TraceEditor } from '../views/traceEditor';
import { TraceTree } from '../views/traceTree';
import type { ViewActions } from '../views/viewHost';
import type { Views } from '../views/views';
import { changeSetting } from '../workspace';
import { CompareCommands } from './compareCommands';
import type { Insights } from './insights';
import { pickScope, UsageCommand } from './mapUsage';
import { Reports } from './reports';
import { usageJson } from './usageReport';

export interface InsightParts {
  extensionUri: vscode.Uri;
  session: Session;
  insights: Insights;
  runner: RunnerClient;
  settings(): Settings;
  editors: EditorTracker;
  views: Views;
  actions: ViewActions;
  sidebar: SidebarView;
  log: Log;
}

export function startInsights(parts: InsightParts): { commands: InsightCommands } & Disposable {
  const { session, insights, settings, editors, sidebar, log } = parts;
  const store = new DisposableStore();
  const reports = store.add(new Reports());
  const usage = new UsageCommand({ ...parts, reports });
  const compare = new CompareCommands({ ...parts, reports });
  store.add(new Decorations(session, settings));
  store.add(new TraceTree(session));
  store.add(new TraceEditor(parts.views, parts.actions, parts.extensionUri, log).register());
  const follower = store.add(new Follower({ session, insights, editors, sidebar, isOn: () => settings().follow, log }));
  const uriOf = (argument: unknown): vscode.Uri | undefined => (argument instanceof vscode.Uri ? argument : undefined);
  const textOf = (argument: unknown): string | undefined => (typeof argument === 'string' ? argument : undefined);
  const commands: InsightCommands = {
    mapUsage: async () => {
      const scope = await pickScope();
      if (scope !== undefined) {
        await usage.run(scope);
      }
    },
    mapSelection: () => usage.run('selection'),
    mapFile: (target) => usage.run('file', uriOf(target)),
    mapFolder: (target) => usage.run('folder', uriOf(target)),
    mapWorkspace: (glob) => usage.run('workspace', textOf(glob)),
    exportUsage: (target) => {
      if (usage.last === null) {
        throw new FffError('BAD_INPUT', 'There is no usage map yet.', 'Map a selection, a file or a folder first.');
      }
      const { usage: map, label } = usage.last;
      return saveAs(`usage-${label.replace(/[^\w.-]+/g, '-')}.json`, 'json', usageJson(map, label), uriOf(target));
    },
    openReport: (kind) => reports.open(kind === 'usage' || kind === 'comparison' ? kind : undefined),
    compareWithPrevious: () => compare.withPrevious(),
    compareModels: (folder) => compare.models(uriOf(folder)),
    compareContexts: (word) => compare.contexts(textOf(word)),
    exportTrace: (target) => exportTraceFile(shownTrace(session, insights), uriOf(target)),
    undoIntervention: () => insights.undoIntervention(),
    clearInterventions: () => insights.setInterventions({ interventions: [], positions: [] }),
    toggleDecorations: () => changeSetting('editor.decorations', !settings().decorations),
    toggleFollow: () => changeSetting('follow', !settings().follow),
    setPinned: (pinned) => {
      follower.pinned = pinned;
    },
  };
  return { commands, dispose: () => store.dispose() };
}

/** What a `.ffftrace` file of the shown trace holds. @throws FffError BAD_INPUT where nothing is shown. */
export function shownTrace(session: Pick<Session, 'state'>, insights: Pick<Insights, 'state'>): TraceFile {
  const { trace, source, focus, timings, passTiming } = session.state;
  if (trace === null) {
    throw new FffError('BAD_INPUT', 'There is no trace to save.', 'Inspect a selection first.');
  }
  return { trace, source, focus, timings, passTiming, whatIf: insights.state.whatIf };
}
