/**
 * Entry of the extension: builds the services in the order they depend on each other, registers the views and the
 * command table, and returns. Everything else is elsewhere.
 */
import * as vscode from 'vscode';
import { startBenchmarks } from './benchmark/wiring';
import { commandTable } from './commands';
import { Insights } from './insight/insights';
import { shownTrace, startInsights } from './insight/wiring';
import { describeThrown } from './log';
import { RunnerClient } from './runner/client';
import { forkRunner } from './runner/process';
import { readSelection } from './selection';
import { Session } from './session';
import { isShownBy } from './statusLine';
import { EditorTracker, viewActions } from './views/editors';
import { SIDEBAR_VIEW_ID, SidebarView } from './views/sidebarView';
import { StatusBar } from './views/statusBar';
import { exportTraceFile } from './views/traceEditor';
import { TRACE_PANEL_TYPE, TracePanel } from './views/tracePanel';
import { Views } from './views/views';
import { Memory, createNotifier, pickModel, settingsReader, watchRunner } from './workspace';

/** What `activate` returns; the tests inside the extension host look at it. */
export interface FffExplorer {
  session: Session;
  insights: Insights;
  runner: RunnerClient;
  views: Views;
}

export function activate(context: vscode.ExtensionContext): FffExplorer | undefined {
  const log = vscode.window.createOutputChannel('FFF Explorer', { log: true });
  context.subscriptions.push(log);
  try {
    return start(context, log);
  } catch (thrown) {
    // VS Code would only write a line into its own log.
    log.error(`Activation failed. ${describeThrown(thrown)}`);
    void vscode.window
      .showErrorMessage('FFF Explorer could not be started; its log says why.', 'Show Log')
      .then(() => log.show());
    return undefined;
  }
}

function start(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): FffExplorer {
  const own = <T extends vscode.Disposable>(item: T): T => {
    context.subscriptions.push(item);
    return item;
  };
  const now = (): number => performance.now();

  const settings = settingsReader(context, log);
  const runner = own(
    new RunnerClient({
      spawn: () => forkRunner(context.asAbsolutePath('dist/runner.js'), log),
      options: () => ({ threads: settings().threads }),
      log,
      now,
    }),
  );
  const session: Session = own(new Session({ runner, settings, hasVisibleView: () => views.anyVisible, log, now }));
  const insights = own(new Insights({ session, runner, settings }));
  // A view the user looks at says what failed; telling them twice would not help.
  const notifier = createNotifier(log, now, (error) => views.anyVisible && isShownBy(session.state, error));
  const actions = viewActions(session, () => exportTraceFile(shownTrace(session, insights)));
  const views: Views = new Views(context.extensionUri, { session, insights, log, actions });
  const editors = own(new EditorTracker());
  const memory = own(new Memory(context.workspaceState, session, log));
  const restore = (): void => void notifier.guard('Restoring the trace', () => memory.restore());
  const tracePanel = own(new TracePanel(views, context.extensionUri, restore));

  const benchmarks = own(startBenchmarks({ context, log, inspections: runner, settings, editors, notifier, now }));
  own(new StatusBar(session));
  const sidebar = new SidebarView(views);
  own(vscode.window.registerWebviewViewProvider(SIDEBAR_VIEW_ID, sidebar));
  own(vscode.window.registerWebviewPanelSerializer(TRACE_PANEL_TYPE, tracePanel));
  const shared = { session, insights, runner, settings, editors, views, actions, log };
  const { commands: insight } = own(startInsights({ ...shared, sidebar, extensionUri: context.extensionUri }));
  const commands = commandTable({
    insight,
    session,
    runner,
    now,
    readSelection: () => readSelection(editors.current),
    showTracePanel: () => tracePanel.show(),
    showBenchmark: () => benchmarks.show(),
    hasVisibleView: () => views.anyVisible,
    showLog: () => log.show(),
    pickModel,
  });
  for (const [id, handler] of Object.entries(commands)) {
    own(vscode.commands.registerCommand(id, (argument: unknown) => notifier.guard(id, () => handler(argument))));
  }

  own(watchRunner(runner, session, notifier));
  return { session, insights, runner, views };
}
