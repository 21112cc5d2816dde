/**
 * The settings under `fffExplorer.*`, read in one place and checked. Knows no VS Code: the host hands in its
 * configuration, so that the rules for untrusted workspaces are unit-tested.
 */
import * as os from 'node:os';
import * as path from 'node:path';

/** The part of `WorkspaceConfiguration` (section `fffExplorer`) that is read. */
export interface SettingsSource {
  get(key: string): unknown;
  inspect(key: string): { globalValue?: unknown; workspaceValue?: unknown; workspaceFolderValue?: unknown } | undefined;
}

/** Where a changed setting takes effect: the place whose value hides the others. */
export type SettingPlace = 'user' | 'workspace' | 'folder';

/**
 * @param isRead whether values of the workspace and its folders are read at all; they are not for a model path while the
 *   workspace is not trusted.
 * @param canBeFolders whether a folder can have a value of its own. Where one folder is all there is, VS Code reports the
 *   workspace's values as that folder's too, and refuses to write those that are the window's there.
 */
export function placeOf(
  inspected: ReturnType<SettingsSource['inspect']>,
  isRead: boolean,
  canBeFolders: boolean,
): SettingPlace {
  if (!isRead || inspected === undefined) {
    return 'user';
  }
  const ofFolder = inspected.workspaceFolderValue !== undefined;
  if (ofFolder && canBeFolders) {
    return 'folder';
  }
  return ofFolder || inspected.workspaceValue !== undefined ? 'workspace' : 'user';
}

export interface Settings {
  /** Absolute folder of the checkpoint to load. */
  modelDirectory: string;
  /** Threads of onnxruntime and the kernel; 0 lets the runner choose. */
  threads: number;
  /** Words shown at each masked position; 0 skips the head. */
  topPredictions: number;
  /** How long each layer's timing is refined; 0 switches it off. */
  measureBudgetMsPerLayer: number;
  /** Whether the sidebar inspects what the user is at in the editor. */
  follow: boolean;
  /** Whether the traced tokens are marked in the editor. */
  decorations: boolean;
  /** How many decisions the marks tell apart. */
  decorationDepth: number;
  /** One sentence for the user when a setting was ignored. */
  notice: string | null;
}

export interface SettingsContext {
  /** Whether the user trusts the workspace. */
  isTrusted: boolean;
  /** Folder relative paths start from; null without a workspace. */
  workspaceFolder: string | null;
  /** The model that ships inside the extension. */
  embeddedModel: string;
}

export function readSettings(source: SettingsSource, context: SettingsContext): Settings {
  const model = modelPath(source, context);
  return {
    modelDirectory: model.directory,
    notice: model.notice,
    threads: wholeNumber(source.get('threads'), 0, 256, 0),
    topPredictions: wholeNumber(source.get('predictions.count'), 0, 50, 5),
    measureBudgetMsPerLayer: wholeNumber(source.get('measure.budgetMsPerLayer'), 0, 60_000, 250),
    follow: source.get('follow') !== false,
    decorations: source.get('editor.decorations') !== false,
    decorationDepth: wholeNumber(source.get('editor.decorationDepth'), 1, 3, 3),
  };
}

/** A folder's files are parsed by native code, so a folder that an untrusted workspace names is not opened. */
function modelPath(source: SettingsSource, context: SettingsContext): { directory: string; notice: string | null } {
  const inspected = source.inspect('model.path');
  const fromWorkspace = inspected?.workspaceFolderValue ?? inspected?.workspaceValue;
  const ignored = !context.isTrusted && typeof fromWorkspace === 'string' && fromWorkspace.trim() !== '';
  const configured = context.isTrusted ? source.get('model.path') : inspected?.globalValue;
  return {
    directory: resolveModelPath(typeof configured === 'string' ? configured.trim() : '', context),
    notice: ignored
      ? `The model path "${fromWorkspace.trim()}" of this workspace is ignored because the workspace is not trusted.`
      : null,
  };
}

function resolveModelPath(configured: string, context: SettingsContext): string {
  if (configured === '') {
    return context.embeddedModel;
  }
  const expanded = /^~(?=$|[\\/])/.test(configured) ? path.join(os.homedir(), configured.slice(1)) : configured;
  return path.resolve(context.workspaceFolder ?? os.homedir(), expanded);
}

/** Settings files are edited by hand: what is no number in range falls back or is pulled into it. */
function wholeNumber(value: unknown, low: number, high: number, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value)
    ? Math.min(high, Math.max(low, Math.round(value)))
    : fallback;
}
