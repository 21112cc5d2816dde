/**
 * The parts of VS Code the wiring needs more than one call for: settings, the folder picker, messages, and the text to
 * come back to after a reload.
 */
import * as vscode from 'vscode';
import { placeOf, readSettings, type Settings, type SettingPlace } from './config';
import { DisposableStore, type Disposable } from './disposable';
import { FffError } from './errors';
import type { Log } from './log';
import { Notifier } from './notify';
import type { WireError } from './protocol';
import type { RunnerClient } from './runner/client';
import type { Inspection, Session } from './session';

const REMEMBERED_KEY = 'fffExplorer.lastInspection';
/** A window's state is no place for big texts. */
const REMEMBERED_CHARACTERS = 20_000;

const TARGETS: Record<SettingPlace, vscode.ConfigurationTarget> = {
  user: vscode.ConfigurationTarget.Global,
  workspace: vscode.ConfigurationTarget.Workspace,
  folder: vscode.ConfigurationTarget.WorkspaceFolder,
};

/** Our settings as they hold in the first folder, where relative paths start. */
function configuration(): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration('fffExplorer', vscode.workspace.workspaceFolders?.[0]?.uri ?? null);
}

/** Settings that a folder of several may set for itself (`scope` in package.json); the others are the window's. */
const FOLDER_SETTINGS: readonly string[] = ['model.path', 'threads'];

/** Changes a setting where it takes effect. */
export async function changeSetting(key: string, value: unknown, isRead = true): Promise<void> {
  const settings = configuration();
  const canBeFolders = vscode.workspace.workspaceFile !== undefined && FOLDER_SETTINGS.includes(key);
  await settings.update(key, value, TARGETS[placeOf(settings.inspect(key), isRead, canBeFolders)]);
}

/** Reads the settings at each call, and says once when one was ignored. */
export function settingsReader(context: vscode.ExtensionContext, log: Log): () => Settings {
  let told: string | null = null;
  return () => {
    const settings = readSettings(configuration(), {
      isTrusted: vscode.workspace.isTrusted,
      workspaceFolder: vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? null,
      embeddedModel: vscode.Uri.joinPath(context.extensionUri, 'models', 'default').fsPath,
    });
    if (settings.notice !== null && settings.notice !== told) {
      log.warn(settings.notice);
      void offerTrust(settings.notice);
    }
    told = settings.notice;
    return settings;
  };
}

async function offerTrust(notice: string): Promise<void> {
  const manage = 'Manage Workspace Trust';
  if ((await vscode.window.showWarningMessage(notice, manage)) === manage) {
    await vscode.commands.executeCommand('workbench.trust.manage');
  }
}

/** Lets the user pick a checkpoint folder and stores it where it takes effect; false when they changed their mind. */
export async function pickModel(): Promise<boolean> {
  const picked = await vscode.window.showOpenDialog({
    title: 'Select a checkpoint folder (config.json, model.safetensors, tokenizer.json)',
    openLabel: 'Use This Model',
    canSelectFiles: false,
    canSelectFolders: true,
    canSelectMany: false,
  });
  const folder = picked?.[0];
  if (folder === undefined) {
    return false;
  }
  await changeSetting('model.path', folder.fsPath, vscode.workspace.isTrusted);
  return true;
}

/** The notifier over VS Code's messages; each button runs the command of that name. */
export function createNotifier(
  log: vscode.LogOutputChannel,
  now: () => number,
  isShown: (error: WireError) => boolean,
): Notifier {
  return new Notifier({
    isShown,
    show: (kind, message, button) => {
      const buttons = button === null ? [] : [button];
      return kind === 'error'
        ? vscode.window.showErrorMessage(message, ...buttons)
        : vscode.window.showInformationMessage(message, ...buttons);
    },
    press: {
      'Show Log': () => log.show(),
      'Restart Runner': () => vscode.commands.executeCommand('fffExplorer.restartRunner'),
      'Open Settings': () => vscode.commands.executeCommand('workbench.action.openSettings', 'fffExplorer'),
      'Open Benchmark': () => vscode.commands.executeCommand('fffExplorer.openBenchmark'),
    },
    log,
    now,
  });
}

/**
 * Tells the user when the runner died, and ends one whose settings changed; the next request starts another. A run under
 * way whose settings changed starts over with those of now.
 */
export function watchRunner(runner: RunnerClient, session: Session, notifier: Notifier): Disposable {
  const store = new DisposableStore();
  store.add(
    runner.on('state', (state) => {
      if (state.kind === 'crashed') {
        // Later: a run that fails with it says so in the views first.
        setImmediate(() => void notifier.report(FffError.fromWire(state.error)));
      }
    }),
  );
  store.add(
    vscode.workspace.onDidChangeConfiguration((change) => {
      const isOtherRunner = change.affectsConfiguration('fffExplorer.threads');
      if (isOtherRunner || change.affectsConfiguration('fffExplorer.model.path')) {
        const again = session.isTracing;
        if (isOtherRunner) {
          runner.stop();
        }
        if (again) {
          void notifier.guard('Starting over with the changed settings', () => session.inspectAgain());
        }
      }
    }),
  );
  return store;
}

/** Keeps the last inspected text, so that a panel that survives a reload is not empty. */
export class Memory implements Disposable {
  private readonly subscription: Disposable;

  constructor(
    private readonly state: vscode.Memento,
    private readonly session: Session,
    log: Log,
  ) {
    this.subscription = session.on('traced', ({ trace, source }) => {
      const inspection: Inspection | undefined =
        trace.text.length <= REMEMBERED_CHARACTERS ? { text: trace.text, source } : undefined;
      state.update(REMEMBERED_KEY, inspection).then(undefined, (thrown: unknown) => {
        log.warn(`The inspected text could not be remembered: ${String(thrown)}`);
      });
    });
  }

  /** Inspects again what was inspected before the reload, unless something else has been since. */
  async restore(): Promise<void> {
    const inspection = this.state.get<Inspection>(REMEMBERED_KEY);
    if (inspection !== undefined && this.session.lastInspection === null) {
      await this.session.inspect(inspection);
    }
  }

  dispose(): void {
    this.subscription.dispose();
  }
}
