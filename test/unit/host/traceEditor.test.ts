/** What the editor of `.ffftrace` files makes of a file, and what it writes down of one it cannot open. */
import { describe, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';
import { unreadableTrace } from '../../../extension/recordedTrace';
import { TraceEditor } from '../../../extension/views/traceEditor';
import type { ViewActions } from '../../../extension/views/viewHost';
import type { Views } from '../../../extension/views/views';
import { disk } from './fakeDisk';
import { memoryLog } from './fakes';

vi.mock('vscode', async () => (await import('./fakeDisk')).vscode);

const PATH = '/home/somebody/traces/mine.ffftrace';
const uri = { path: PATH, toString: () => `file://${PATH}` } as unknown as vscode.Uri;

describe('the editor of trace files', () => {
  it.each([
    ['{"format":"fff', 'mine.ffftrace cannot be opened: it is damaged or was not written to its end.', /SyntaxError/],
    ['{}', 'mine.ffftrace cannot be opened: it is no trace of FFF Explorer.', /no trace/],
    [undefined, 'mine.ffftrace cannot be read.', /ENOENT/],
  ])(
    'says in a sentence and an action what is wrong, and the rest to the log: %#',
    async (content, message, detail) => {
      disk.clear();
      if (content !== undefined) {
        disk.set(PATH, content);
      }
      const log = memoryLog();
      const editor = new TraceEditor({} as unknown as Views, {} as ViewActions, uri, log);
      const error = { code: 'BAD_INPUT', message, action: 'Open another .ffftrace file.' };
      expect((await editor.openCustomDocument(uri)).opened).toEqual({ error });
      expect(log.lines).toHaveLength(1);
      expect(log.lines[0]).toContain(`warn: Opening file://${PATH}: `);
      expect(log.lines[0]).toMatch(detail);
    },
  );

  it('shows the error alone where the trace would be, and asks no runner', () => {
    const error = { code: 'BAD_INPUT' as const, message: 'x.ffftrace cannot be read.' };
    const { session, insights } = unreadableTrace(error);
    expect(session.state).toMatchObject({
      trace: null,
      status: { kind: 'failed', error },
      runner: { kind: 'stopped' },
    });
    expect(() => insights.lens(0)).toThrow('A trace from a file is only looked at.');
  });
});
