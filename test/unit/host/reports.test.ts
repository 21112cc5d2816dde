import { beforeEach, describe, expect, it, vi } from 'vitest';
import { compareTraces } from '../../../extension/compare';
import { contextsOf } from '../../../extension/contexts';
import { sharedWord } from '../../../extension/insight/compareCommands';
import { compareMarkdown, contextMarkdown, contextSentence } from '../../../extension/insight/compareReport';
import { Reports } from '../../../extension/insight/reports';
import { usageJson, usageMarkdown, usageSentence } from '../../../extension/insight/usageReport';
import { usagePicture } from '../../../extension/insight/usagePicture';
import { code } from '../../../extension/pathTable';
import { traceOf, usageOf } from './fakes';

const { editor } = vi.hoisted(() => ({ editor: { pressed: undefined as string | undefined, ran: [] as unknown[][] } }));

vi.mock('vscode', () => ({
  workspace: { registerTextDocumentContentProvider: () => ({ dispose: () => undefined }) },
  window: { showInformationMessage: () => Promise.resolve(editor.pressed) },
  commands: {
    executeCommand: (...command: unknown[]) => {
      editor.ran.push(command);
      return Promise.resolve();
    },
  },
}));

describe('a report on offer', () => {
  beforeEach(() => void editor.ran.splice(0));

  it.each([
    ['Open Report', [['fffExplorer.openReport', 'usage']]],
    [undefined, []],
  ])('is opened by the command, which reports failures, when %s is pressed', async (pressed, ran) => {
    editor.pressed = pressed;
    new Reports().offer('usage', '# Usage', 'Mapped.');
    await new Promise((resolve) => setImmediate(resolve));
    expect(editor.ran).toEqual(ran);
  });
});

describe('report of a usage map', () => {
  const report = usageMarkdown(usageOf(1), 'docs', [{ name: 'c.bin', reason: 'no text' }]);

  it('says what was mapped and what was not', () => {
    expect(report).toMatch(/^# Usage of small by `docs`\n/);
    expect(report).toContain('2 texts, 4 tokens; 1 text was known and not read again.');
    expect(report).toContain('| `a.md` | 3 | read |');
    expect(report).toContain('| `b\\|c.md` | 1 | known already |');
    expect(report).toContain('- `c.bin`: no text');
    expect(usageSentence(usageOf(1), 'docs', 1)).toBe('Mapped docs: 4 tokens of 2 texts. 1 text left out.');
  });

  it('counts one text as one, and says when nothing or everything was known', () => {
    const usage = usageOf(1);
    usage.documents.pop();
    usage.tokens = 1;
    expect(usageMarkdown(usage, 'a', [])).toContain('1 text, 1 token; all of it was read.');
    usage.documents[0]!.fromCache = true;
    expect(usageMarkdown(usage, 'a', [])).toContain('1 text, 1 token; all of it was known and not read again.');
    expect(usageSentence(usage, 'a', 0)).toBe('Mapped a: 1 token of 1 text.');
  });

  it.each([
    ['plain', '`plain`'],
    ['a`b', '``a`b``'],
    ['`', '`` ` ``'],
    ['', '`  `'],
    [' two\nlines ', '`  two lines  `'],
  ])('shows %j as code', (text, markdown) => {
    expect(code(text)).toBe(markdown);
  });

  it('has a line for every layer and tree', () => {
    expect(report).toContain('| 0 | 0 | 0.81 of 2 | 0.625 | 2 of 4 | 28.6 % |');
    expect(report).toContain('| 1 | 0 | 0.81 of 2 | 0.625 | 2 of 4 | 28.6 % |');
  });

  it('shows traffic and frequent tokens of every sub-tree, and what nobody reached', () => {
    expect(report).toContain(`| 3 | 3 | 75.0 % | ${'█'.repeat(15)} |  |`);
    expect(report).toContain('2 sub-trees with 2 nodes were never reached; the largest begin at 4, 5.');
  });

  it('draws every tree: taller marks where more tokens pass, nothing where none does', () => {
    const pictures = [
      ...report.matchAll(/!\[Visits of all nodes of layer (\d), root on top: 2 of 4 leaves reached\]\((\S+)\)/g),
    ];
    expect(pictures.map(([, layer]) => layer)).toEqual(['0', '1']);
    const [type, data] = pictures[0]![2]!.split(';base64,');
    expect(type).toBe('data:image/svg+xml');
    const image = Buffer.from(data!, 'base64').toString('utf8');
    expect(image).toContain('viewBox="0 0 640 30"');
    // Root: all four tokens. Level 1: three and one. Leaves: three in the first, one in the last.
    const cells = [...image.matchAll(/M([\d.]+) (\d+)H([\d.]+)v-(\d+)/g)].map(([, ...numbers]) => numbers.map(Number));
    expect(cells.sort(([a = 0, b = 0], [c = 0, d = 0]) => b - d || a - c)).toEqual([
      [0, 9, 640, 9],
      [0, 19, 320, 9],
      [320, 19, 640, 5],
      [0, 29, 160, 9],
      [480, 29, 640, 5],
    ]);
  });

  it('sums up levels that are wider than the picture', () => {
    const visits = new Uint32Array(2 ** 12 - 1).fill(1);
    const image = usagePicture(visits, 11);
    expect(image).toContain('viewBox="0 0 640 120"');
    expect(image.length).toBeLessThan(4000);
  });

  it('lists a file the memory had no room for as left out', () => {
    const usage = usageOf(1);
    usage.documents[1]!.omitted = true;
    const text = usageMarkdown(usage, 'docs', []);
    expect(text).toContain('| `b\\|c.md` | 1 | left out |');
    expect(text).toContain('- `b|c.md`: the memory kept for usage is full');
  });

  it('is complete as JSON', () => {
    const json = JSON.parse(usageJson(usageOf(1), 'docs')) as Record<string, unknown>;
    expect(json).toMatchObject({
      format: 'fffusage',
      version: 1,
      label: 'docs',
      layers: [[{ visits: [4, 3, 1, 3, 0, 0, 1], unreached: [4, 5] }], [{}]],
    });
  });
});

describe('report of a comparison', () => {
  it('says how far the paths agree, and where each token parts', () => {
    const [first, second] = [traceOf(1, 'one two'), traceOf(2, 'one new two')];
    const report = compareMarkdown({ trace: first, source: null, comparison: compareTraces(first, second) }, second);
    expect(report).toContain('- 3 tokens belong together');
    expect(report).toContain('- Only in the first: none');
    expect(report).toContain('- Only in the second: new');
    // Leaves 0, 1, 2 against 0, 2, 3: the same, parting at the root, parting above the leaves.
    expect(report).toContain('| 0 | 50.0 % | 33.3 % | 1: 1, 2: 1, never: 1 |');
    expect(report).toContain('| one | = | = |');
    expect(report).toContain('| two | 1 | 1 |');
    expect(report).toContain('| \\<sep\\> | 2 | 2 |');
  });

  it('says where models cannot be compared', () => {
    const [first, second] = [traceOf(1, 'one'), traceOf(2, 'one')];
    first.layers[1] = null;
    const report = compareMarkdown({ trace: first, source: null, comparison: compareTraces(first, second) }, second);
    expect(report).toContain('| 1 | not comparable | | |');
  });
});

describe('report of a context test', () => {
  it('sets the word against any two tokens, layer by layer', () => {
    const traces = [traceOf(1, 'the bank'), traceOf(2, 'a bank here'), traceOf(3, 'bank')];
    const test = contextsOf(
      'bank ',
      traces.map((trace) => ({ trace, source: null })),
      2,
    );
    const report = contextMarkdown(test);
    expect(report).toMatch(/^# “bank” in 3 sentences\n\n3 occurrences, and 2 more sentences that were left out\./);
    // Leaves 1, 1 and 0 of a tree with two decisions.
    expect(report).toMatch(/\| 0 \| 66\.7 % \| [\d.]+ % \| 33\.3 % \|/);
    expect(report).toContain('| 2 | a bank here |');
    expect(report).toContain('| 1 | 100.0 % | 100.0 % | 50.0 % |');
    expect(contextSentence(test)).toBe(
      '“bank” in 3 sentences: it shares the fewest decisions with itself in layer 0, 66.7 %.',
    );
  });

  it.each([
    [0, 1, ', and 1 more sentence that was left out.'],
    [1, 0, ', and 1 more occurrence that was left out.'],
    [1, 1, ', and 1 more occurrence and 1 more sentence that were left out.'],
    [3, 2, ', and 3 more occurrences and 2 more sentences that were left out.'],
  ])('counts what was left out: %i and %i', (omittedOccurrences, omittedSentences, text) => {
    const traces = [traceOf(1, 'the bank'), traceOf(2, 'a bank here')];
    const test = contextsOf(
      'bank',
      traces.map((trace) => ({ trace, source: null })),
      omittedSentences,
    );
    expect(contextMarkdown({ ...test, omittedOccurrences })).toContain(`\n\n2 occurrences${text}`);
  });

  it.each([
    [['The bank is closed.', 'A river bank.', 'We bank on it.'], 'bank'],
    [['one two', 'two one longer'], 'one'],
    [['a_b x', 'A_B'], 'a_b'],
    [[], ''],
  ])('suggests the word that most lines share: %s', (lines, word) => {
    expect(sharedWord(lines)).toBe(word);
  });
});
