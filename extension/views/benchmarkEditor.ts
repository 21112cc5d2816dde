/**
 * The editor of `.fffbench` files: the benchmark's page with one recorded result, marked with the machine it was measured
 * on. It changes nothing; a file that is no result says so where its picture would be.
 */
import * as vscode from 'vscode';
import { exportPicture, exportResult, readFile } from '../benchmark/files';
import { RecordedBenchmark } from '../benchmark/recorded';
import type { Disposable } from '../disposable';
import { FffError } from '../errors';
import type { BenchmarkResult } from '../protocol';
import { attachBenchmark, shownOf, type BenchmarkViewServices } from './benchmarkPanel';

export const BENCHMARK_EDITOR_TYPE = 'fffExplorer.benchmarkResult';

interface ResultDocument extends vscode.CustomDocument {
  result: BenchmarkResult;
}

export class BenchmarkEditor implements vscode.CustomReadonlyEditorProvider<ResultDocument> {
  constructor(
    private readonly services: BenchmarkViewServices,
    /** Name of this machine's processor. */
    private readonly cpu: string,
  ) {}

  /** VS Code shows what is thrown in place of the editor. @throws FffError BAD_INPUT. */
  async openCustomDocument(uri: vscode.Uri): Promise<ResultDocument> {
    return { uri, result: await readFile(uri), dispose: () => undefined };
  }

  resolveCustomEditor(document: ResultDocument, panel: vscode.WebviewPanel): void {
    const file = document.uri.path.split('/').at(-1) ?? document.uri.path;
    const recorded = new RecordedBenchmark(this.services.session, file, document.result, this.cpu);
    const elsewhere = (): never => {
      throw new FffError('BAD_INPUT', 'A recorded result is only looked at here.', 'Open the benchmark panel.');
    };
    attachBenchmark(panel, this.services, recorded, {
      start: elsewhere,
      check: elsewhere,
      pause: elsewhere,
      cancel: elsewhere,
      resume: elsewhere,
      show: elsewhere,
      remove: elsewhere,
      openFile: elsewhere,
      compare: (id) => recorded.compare(id),
      exportResult: () => exportResult(shownOf(recorded)),
      exportPicture: (picture) => exportPicture(picture),
      showLog: () => this.services.showLog(),
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
