/** Builds everything the benchmark needs and registers its panel and its editor; `main.ts` calls it once. */
import { randomUUID } from 'node:crypto';
import * as os from 'node:os';
import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../disposable';
import { RunnerClient } from '../runner/client';
import { forkRunner } from '../runner/process';
import type { Notifier } from '../notify';
import { readSelection, type EditorLike } from '../selection';
import { BENCHMARK_PANEL_TYPE, BenchmarkPanel } from '../views/benchmarkPanel';
import { BenchmarkEditor } from '../views/benchmarkEditor';
import { tellFailures } from './failures';
import { historyStorage, pickResult } from './files';
import { History } from './history';
import type { InteractiveRunner } from './contracts';
import { BenchmarkSession } from './session';

export interface BenchmarkParts {
  context: vscode.ExtensionContext;
  log: vscode.LogOutputChannel;
  /** The runner that answers inspections. */
  inspections: InteractiveRunner;
  settings(): { modelDirectory: string };
  /** Whose selection *This selection on this model* measures. */
  editors: { readonly current: EditorLike | undefined };
  notifier: Notifier;
  now(): number;
}

export interface Benchmarks extends Disposable {
  session: BenchmarkSession;
  show(): void;
}

export function startBenchmarks(parts: BenchmarkParts): Benchmarks {
  const { context, log, now } = parts;
  const store = new DisposableStore();
  // Plans name their threads themselves; the setting is for inspections.
  const runner = store.add(
    new RunnerClient({
      spawn: () => forkRunner(context.asAbsolutePath('dist/runner.js'), log),
      options: () => ({ threads: 0 }),
      log,
      now,
    }),
  );
  const cpu = os.cpus()[0]?.model.trim() ?? 'unknown';
  const session = store.add(
    new BenchmarkSession({
      runner,
      inspections: parts.inspections,
      history: new History(historyStorage(context), log),
      source: () => ({
        model: parts.settings().modelDirectory,
        text: readSelection(parts.editors.current).text,
      }),
      pickFile: pickResult,
      cpu,
      newId: randomUUID,
      wallMs: () => Date.now(),
      log,
    }),
  );
  const services = {
    extensionUri: context.extensionUri,
    session,
    log,
    showLog: async () => log.show(),
  };
  const panel = store.add(new BenchmarkPanel(services));
  store.add(vscode.window.registerWebviewPanelSerializer(BENCHMARK_PANEL_TYPE, panel));
  store.add(new BenchmarkEditor(services, cpu).register());
  store.add(tellFailures(session, panel, parts.notifier));
  return { session, show: () => panel.show(), dispose: () => store.dispose() };
}
