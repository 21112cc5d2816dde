/** A folder nobody trusts yet may be looked at, but must not choose which files native code parses. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectText, shownTokens, terminalTrace } from './explorer';
import { Workbench } from './workbench';

const TEXT = 'An untrusted folder can be inspected.';

describe('an untrusted workspace', () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: {
        'notes.txt': TEXT,
        '.vscode/settings.json': JSON.stringify({ 'fffExplorer.model.path': '/tmp/theirs' }),
      },
      trustPrompt: true,
    });
    await workbench.openFile('notes.txt');
  });

  afterAll(() => workbench.close());

  it('has its model path ignored, with the reason, and everything else works', async () => {
    // It is said while the trace is made, and goes away by itself some seconds later.
    const [said, frame] = await Promise.all([
      workbench.notification('is ignored'),
      inspectText(workbench, 'notes.txt', TEXT),
    ]);
    expect(said).toBe(
      'The model path "/tmp/theirs" of this workspace is ignored because the workspace is not trusted.',
    );
    expect(await shownTokens(frame)).toEqual((await terminalTrace(TEXT)).tokens.map(({ text }) => text));
  });
});
