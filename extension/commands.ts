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
}

export type CommandId =
  | 'fffExplorer.inspectSelection'
  | 'fffExplorer.openTracePanel'
  | 'fffExplorer.openBenchmark'
  | 'fffExplorer.cancel'
  | 'fffExplorer.restartRunner'
  | 'fffExplorer.showLog'
  | 'fffExplorer.selectModel';

export function commandTable(services: CommandServices): Record<CommandId, () => unknown> {
  const { session, runner } = services;
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
  };
}
