/** What the editor of `.fffbench` files makes of a file, and what it writes down of one it cannot open. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';
import { BenchmarkEditor } from '../../../extension/views/benchmarkEditor';
import type { BenchmarkViewServices } from '../../../extension/views/benchmarkPanel';
import { sampleResult } from '../../webview/support/sampleBenchmark';
import { disk } from '../host/fakeDisk';
import { memoryLog } from '../host/fakes';

vi.mock('vscode', async () => (await import('../host/fakeDisk')).vscode);

const PATH = '/home/somebody/results/mine.fffbench';
const uri = { path: PATH, toString: () => `file://${PATH}` } as unknown as vscode.Uri;

describe('the editor of result files', () => {
  let log: ReturnType<typeof memoryLog>;
  let editor: BenchmarkEditor;

  beforeEach(() => {
    disk.clear();
    log = memoryLog();
    editor = new BenchmarkEditor({ log } as unknown as BenchmarkViewServices, 'Some CPU');
  });

  it('opens a result', async () => {
    disk.set(PATH, JSON.stringify(sampleResult()));
    expect((await editor.openCustomDocument(uri)).opened).toMatchObject({ result: { rows: { length: 20 } } });
    expect(log.lines).toEqual([]);
  });

  const text = JSON.stringify(sampleResult());

  it.each([
    [text.slice(0, 900), 'mine.fffbench is damaged or was not written to its end.', /SyntaxError: .*position \d+/],
    ['{}', 'mine.fffbench is no benchmark result: "format" is not "fffbench".', /"format" is not "fffbench"/],
    [undefined, 'mine.fffbench cannot be read.', /ENOENT/],
  ])(
    'says in a sentence and an action what is wrong, and the rest to the log: %#',
    async (content, sentence, detail) => {
      if (content !== undefined) {
        disk.set(PATH, content);
      }
      expect((await editor.openCustomDocument(uri)).opened).toEqual({
        error: { code: 'BAD_INPUT', message: sentence, action: 'Open another .fffbench file.' },
      });
      expect(log.lines).toHaveLength(1);
      expect(log.lines[0]).toContain(`warn: Opening file://${PATH}: `);
      expect(log.lines[0]).toMatch(detail);
    },
  );
});
