import { describe, expect, it, vi } from 'vitest';
import { compareTraces, contextTest, findWord } from '../../../extension/compare';
import { sharedWord } from '../../../extension/insight/compareCommands';
import { compareMarkdown, contextMarkdown } from '../../../extension/insight/compareReport';
import { usageJson, usageMarkdown } from '../../../extension/insight/usageReport';
import { traceOf, usageOf } from './fakes';

vi.mock('vscode', () => ({}));

describe('report of a usage map', () => {
  const report = usageMarkdown(usageOf(1), 'docs', [{ name: 'c.bin', reason: 'no text' }]);

  it('says what was mapped and what was not', () => {
    expect(report).toMatch(/^# Usage of small by docs\n/);
    expect(report).toContain('2 texts, 4 tokens; 1 of the texts were known and not read again.');
    expect(report).toContain('| a\\.md | 3 | read |');
    expect(report).toContain('| b\\|c\\.md | 1 | known already |');
    expect(report).toContain('- c\\.bin: no text');
  });

  it('has a line for every layer and tree', () => {
    expect(report).toContain('| 0 | 0 | 0.81 of 2 | 0.625 | 2 of 4 | 28.6 % |');
    expect(report).toContain('| 1 | 0 | 0.81 of 2 | 0.625 | 2 of 4 | 28.6 % |');
  });

  it('shows traffic and frequent tokens of every sub-tree, and what nobody reached', () => {
    expect(report).toContain(`| 3 | 3 | 75.0 % | ${'█'.repeat(15)} |  |`);
    expect(report).toContain('2 sub-trees with 2 nodes were never reached; the largest begin at 4, 5.');
  });

  it('lists a file the memory had no room for as left out', () => {
    const usage = usageOf(1);
    usage.documents[1]!.omitted = true;
    const text = usageMarkdown(usage, 'docs', []);
    expect(text).toContain('| b\\|c\\.md | 1 | left out |');
    expect(text).toContain('- b\\|c\\.md: the memory kept for usage is full');
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
    const occurrences = findWord(traces, 'bank');
    const report = contextMarkdown('bank', traces, occurrences, contextTest(traces, occurrences));
    expect(report).toMatch(/^# “bank” in 3 sentences\n\n3 occurrences\./);
    // Leaves 1, 1 and 0 of a tree with two decisions.
    expect(report).toMatch(/\| 0 \| 66\.7 % \| [\d.]+ % \| 33\.3 % \|/);
    expect(report).toContain('| 2 | a bank here |');
    expect(report).toContain('| 1 | 100.0 % | 100.0 % | 50.0 % |');
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
