import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FffError } from '../../../extension/errors';
import { CompareCommands } from '../../../extension/insight/compareCommands';
import type { Trace } from '../../../extension/protocol';
import type { Inspection } from '../../../extension/session';
import { MODEL, traceOf } from './fakes';

const { cancels } = vi.hoisted(() => ({ cancels: [] as (() => void)[] }));

vi.mock('vscode', () => ({
  ProgressLocation: { Notification: 15 },
  window: {
    withProgress: (_: unknown, task: (progress: unknown, token: unknown) => unknown) =>
      task({ report: () => undefined }, { onCancellationRequested: (listener: () => void) => cancels.push(listener) }),
  },
}));

/** A file of which all lines are selected. */
function editorOf(text: string): never {
  const document = { uri: 'file:///a.md', fileName: 'a.md', getText: () => text, offsetAt: () => 0 };
  return { document, selection: { start: { line: 0 }, end: { line: text.split('\n').length } } } as never;
}

describe('comparing', () => {
  const model = { directory: '/models/small', reads: 0 };
  const asked: { model: string; text: string; reject: (error: Error) => void; resolve: () => void }[] = [];
  let offered: string[];
  let session: { lastInspection: Inspection | null; isTracing: boolean; inspected: string[]; hash: string };

  function commands(text: string): CompareCommands {
    const fake = {
      ...{ lastInspection: null as Inspection | null, isTracing: false, inspected: [] as string[], hash: 'ab' },
      state: { trace: null as Trace | null },
      cancel: () => undefined,
      inspect(inspection: Inspection): Promise<Trace> {
        fake.lastInspection = inspection;
        fake.inspected.push(inspection.text);
        const trace = traceOf(9, inspection.text);
        fake.state.trace = { ...trace, model: { ...MODEL, weightsHash: fake.hash } };
        return Promise.resolve(fake.state.trace);
      },
    };
    session = fake;
    const insights = {
      traceAside: (directory: string, text: string) =>
        new Promise<Trace>((resolve, reject) =>
          asked.push({ model: directory, text, reject, resolve: () => resolve(traceOf(asked.length, text)) }),
        ),
      compareWith: () => undefined,
      setContexts: () => undefined,
    };
    return new CompareCommands({
      session: fake as never,
      insights: insights as never,
      settings: () => ({ modelDirectory: `${model.directory}${model.reads++}` }),
      editors: { current: editorOf(text) },
      actions: { openTracePanel: () => Promise.resolve() },
      reports: { offer: (_, __, sentence) => void offered.push(sentence) },
    });
  }

  beforeEach(() => {
    model.reads = 0;
    offered = [];
    [asked, cancels].forEach((list) => list.splice(0));
  });

  const nth = (index: number) => vi.waitUntil(() => asked[index]);

  it('traces the lines in which the word is a whole word, all with one model', async () => {
    const done = commands('he sat\nthe cat\nHe ran\nhere\nhe left').contexts('he ');
    (await nth(0)).resolve();
    (await nth(1)).resolve();
    await done;
    expect(asked.map(({ text }) => text)).toEqual(['he sat', 'He ran']);
    expect(new Set(asked.map(({ model: directory }) => directory))).toEqual(new Set(['/models/small0']));
    expect(session.inspected).toEqual(['he left']);
    expect(offered).toEqual([expect.stringMatching(/^“he” in 3 sentences: /)]);
  });

  it('refuses a word that is a part of longer ones before it traces anything, and says what to do', async () => {
    await expect(commands('the cat\nhe sat').contexts('he')).rejects.toMatchObject({
      message: '“he” is a whole word in fewer than two of the selected lines.',
      action: 'Select several lines that share a whole word.',
    });
    expect(asked).toEqual([]);
  });

  it('refuses sentences of two models', async () => {
    const comparing = commands('he sat\nhe ran');
    session.hash = 'cd';
    const done = comparing.contexts('he');
    (await nth(0)).resolve();
    await expect(done).rejects.toMatchObject({
      message: 'Comparing “he” in its sentences was given up because the model changed meanwhile.',
      action: 'Run the command again.',
    });
    expect(offered).toEqual([]);
  });

  it.each([
    ['contexts', 'Comparing “he” in its sentences'],
    ['models', 'Comparing the models'],
  ] as const)('%s says so when another text was inspected, and leaves that alone', async (which, what) => {
    const comparing = commands('he sat\nhe ran');
    const done =
      which === 'contexts' ? comparing.contexts('he') : comparing.models({ fsPath: '/models/other' } as never);
    const { reject } = await nth(0);
    session.lastInspection = { text: 'other', source: { label: 'b', uri: null, offset: 0 } };
    session.isTracing = true;
    reject(new FffError('CANCELLED', 'Another run was started.'));
    await expect(done).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: `${what} was given up because another text was inspected.`,
    });
    expect(session.inspected).toEqual([]);
  });

  it('stays a cancellation where the user pressed Cancel', async () => {
    const done = commands('he sat\nhe ran').contexts('he');
    const { reject } = await nth(0);
    cancels.forEach((cancel) => cancel());
    reject(new FffError('CANCELLED', 'The run was cancelled.'));
    await expect(done).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
