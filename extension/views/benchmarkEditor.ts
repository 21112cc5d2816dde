/**
 * The editor of `.fffbench` files: the benchmark's page with one recorded result, marked with the machine it was measured
 * on. It changes nothing; a file that is no result says so where its picture would be.
 */
import * as vscode from 'vscode';
import { exportPicture, exportResult, readFile } from '../benchmark/files';
import { RecordedBenchmark, unreadable } from '../benchmark/recorded';
import type { Disposable } from '../disposable';
import { FffError } from '../errors';
import { nameOf, opened } from '../openedFile';
import type { BenchmarkResult, WireError } from '../protocol';
import { attachBenchmark, shownOf, type BenchmarkViewServices } from './benchmarkPanel';

export const BENCHMARK_EDITOR_TYPE = 'fffExplorer.benchmarkResult';

interface ResultDocument extends vscode.CustomDocument {
  opened: { result: BenchmarkResult } | { error: WireError };
}

export class BenchmarkEditor implements vscode.CustomReadonlyEditorProvider<ResultDocument> {
  constructor(
    private readonly services: BenchmarkViewServices,
    /** Name of this machine's processor. */
    private readonly cpu: string,
  ) {}

  async openCustomDocument(uri: vscode.Uri): Promise<ResultDocument> {
    const read = async (): Promise<{ result: BenchmarkResult }> => ({ result: await readFile(uri) });
    return { uri, opened: await opened(uri, read, this.services.log), dispose: () => undefined };
  }

  resolveCustomEditor({ uri, opened: shown }: ResultDocument, panel: vscode.WebviewPanel): void {
    const elsewhere = (): never => {
      throw new FffError('BAD_INPUT', 'A recorded result is only looked at here.', 'Open the benchmark panel.');
    };
    const looking = {
      start: elsewhere,
      check: elsewhere,
      pause: elsewhere,
      cancel: elsewhere,
      resume: elsewhere,
      show: elsewhere,
      remove: elsewhere,
      openFile: elsewhere,
      compare: elsewhere,
      exportPicture,
      showLog: () => this.services.showLog(),
    };
    if ('error' in shown) {
      attachBenchmark(panel, this.services, unreadable(shown.error), { ...looking, exportResult: elsewhere });
      return;
    }
    const recorded = new RecordedBenchmark(this.services.session, nameOf(uri), shown.result, this.cpu);
    attachBenchmark(panel, this.services, recorded, {
      ...looking,
      compare: (id) => recorded.compare(id),
      exportResult: () => exportResult(shownOf(recorded)),
    });
    panel.onDidDispose(() => recorded.dispose());
  }

  /** Registers the editor. */
  register(): Disposable {
    return vscode.window.registerCustomEditorProvider(BENCHMARK_EDITOR_TYPE, this, {
      supportsMultipleEditorsPerDocument: true,
    });
  }
}
