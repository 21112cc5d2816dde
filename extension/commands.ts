/**
 * Every command of the palette: id -> handler. `main.ts` registers the table; package.json contributes the same ids,
 * which a test compares.
 */
import type { Session, Inspection } from './session';

/** What the commands act on. Knows no VS Code, so that the table can be read and tested without it. */
export interface CommandServices {
  session: Pick<Session, 'inspect' | 'inspectAgain' | 'cancel'>;
  runner: { restart(): Promise<unknown> };
  /** Milliseconds of the clock the session measures with. */
  now(): number;
  /** @throws FffError BAD_INPUT when there is nothing to read. */
  readSelection(): Inspection;
  /** Opens the trace panel, or shows it when it is hidden. */
  showTracePanel(): void;
  /** Opens the benchmark panel, or brings it to the front. */
  showBenchmark(): void;
  hasVisibleView(): boolean;
  showLog(): void;
  /** Lets the user pick a checkpoint folder and stores it; false when they changed their mind. */
  pickModel(): Promise<boolean>;
  insight: InsightCommands;
}

/**
 * Commands that look closer, and at more than one text. Arguments come from menus and key bindings, and are what VS Code
 * or the user puts there: a file's URI, or a text; whatever else is taken for none.
 */
export interface InsightCommands {
  mapUsage(): Promise<unknown>;
  mapSelection(): Promise<unknown>;
  mapFile(target: unknown): Promise<unknown>;
  mapFolder(target: unknown): Promise<unknown>;
  mapWorkspace(glob: unknown): Promise<unknown>;
  exportUsage(target: unknown): Promise<unknown>;
  openReport(kind: unknown): Promise<unknown>;
  compareWithPrevious(): Promise<unknown>;
  compareModels(folder: unknown): Promise<unknown>;
  compareContexts(word: unknown): Promise<unknown>;
  exportTrace(target: unknown): Promise<unknown>;
  undoIntervention(): Promise<unknown>;
  clearInterventions(): Promise<unknown>;
  toggleDecorations(): Promise<unknown>;
  toggleFollow(): Promise<unknown>;
  setPinned(pinned: boolean): void;
}

export type CommandId =
  | 'fffExplorer.inspectSelection'
  | 'fffExplorer.openTracePanel'
  | 'fffExplorer.openBenchmark'
  | 'fffExplorer.cancel'
  | 'fffExplorer.restartRunner'
  | 'fffExplorer.showLog'
  | 'fffExplorer.selectModel'
  | 'fffExplorer.mapUsage'
  | 'fffExplorer.mapSelection'
  | 'fffExplorer.mapFile'
  | 'fffExplorer.mapFolder'
  | 'fffExplorer.mapWorkspace'
  | 'fffExplorer.exportUsage'
  | 'fffExplorer.openReport'
  | 'fffExplorer.compareWithPrevious'
  | 'fffExplorer.compareModels'
  | 'fffExplorer.compareContexts'
  | 'fffExplorer.exportTrace'
  | 'fffExplorer.undoIntervention'
  | 'fffExplorer.clearInterventions'
  | 'fffExplorer.toggleDecorations'
  | 'fffExplorer.toggleFollow'
  | 'fffExplorer.pin'
  | 'fffExplorer.unpin';

export function commandTable(services: CommandServices): Record<CommandId, (argument?: unknown) => unknown> {
  const { session, runner, insight } = services;
  return {
    'fffExplorer.inspectSelection': async () => {
      const startedAt = services.now();
      const inspection = services.readSelection();
      // The picture needs a place; a view that is open already is where the user is looking.
      if (!services.hasVisibleView()) {
        services.showTracePanel();
      }
      await session.inspect(inspection, startedAt);
    },
    'fffExplorer.openTracePanel': () => services.showTracePanel(),
    'fffExplorer.openBenchmark': () => services.showBenchmark(),
    'fffExplorer.cancel': () => session.cancel(),
    'fffExplorer.restartRunner': async () => {
      session.cancel();
      await runner.restart();
    },
    'fffExplorer.showLog': () => services.showLog(),
    'fffExplorer.selectModel': async () => {
      if (await services.pickModel()) {
        await session.inspectAgain();
      }
    },
    'fffExplorer.mapUsage': () => insight.mapUsage(),
    'fffExplorer.mapSelection': () => insight.mapSelection(),
    'fffExplorer.mapFile': (argument) => insight.mapFile(argument),
    'fffExplorer.mapFolder': (argument) => insight.mapFolder(argument),
    'fffExplorer.mapWorkspace': (argument) => insight.mapWorkspace(argument),
    'fffExplorer.exportUsage': (argument) => insight.exportUsage(argument),
    'fffExplorer.openReport': (argument) => insight.openReport(argument),
    'fffExplorer.compareWithPrevious': () => insight.compareWithPrevious(),
    'fffExplorer.compareModels': (argument) => insight.compareModels(argument),
    'fffExplorer.compareContexts': (argument) => insight.compareContexts(argument),
    'fffExplorer.exportTrace': (argument) => insight.exportTrace(argument),
    'fffExplorer.undoIntervention': () => insight.undoIntervention(),
    'fffExplorer.clearInterventions': () => insight.clearInterventions(),
    'fffExplorer.toggleDecorations': () => insight.toggleDecorations(),
    'fffExplorer.toggleFollow': () => insight.toggleFollow(),
    'fffExplorer.pin': () => insight.setPinned(true),
    'fffExplorer.unpin': () => insight.setPinned(false),
  };
}
