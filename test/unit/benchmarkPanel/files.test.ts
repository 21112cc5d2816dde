import { describe, expect, it } from 'vitest';
import { csvText, fffbenchText, markdownText } from '../../../extension/benchmark/exports';
import { entryOf, readResult } from '../../../extension/benchmark/resultFile';
import { completePlan } from '../../../extension/runner/benchmark/plan';
import { runPlan } from '../../../extension/runner/benchmark/run';
import { SAMPLE_CPU, sampleResult } from '../../webview/support/sampleBenchmark';
import { fakeServices } from '../benchmark/fakes';

const plan = completePlan({
  version: 1,
  name: 'Small',
  engines: ['fff', 'dense-twin'],
  widths: [16],
  depths: [3],
  batches: [1, 4],
  ladder: { tokens: [], heads: 2 },
  limits: { minimumPairs: 4, minimumSeconds: 0, warmupSeconds: 0.01, burstMs: 0.02, leadMs: 0 },
});

describe('a .fffbench file', () => {
  it('reads back the engine’s own result, byte for byte', async () => {
    const result = await runPlan(plan, fakeServices());
    expect(result.rows.length).toBeGreaterThan(0);
    const read = readResult(fffbenchText(result), 'small.fffbench');
    expect(fffbenchText(read)).toBe(`${JSON.stringify(result)}\n`);
  });

  it('may hold engines, fields and machines this version does not know', () => {
    const result = sampleResult({ gpu: 'Some GPU' });
    result.rows[0]!.engine = 'gpu-fff-persistent';
    const read = readResult(JSON.stringify({ ...result, extra: { kept: true } }), 'gpu.fffbench');
    expect(read).toMatchObject({ extra: { kept: true } });
    expect(entryOf('a', read, { kind: 'recorded', file: 'gpu.fffbench' }, SAMPLE_CPU)).toMatchObject({
      machine: 'Some GPU',
      thisMachine: false,
    });
  });

  /** A file of which the value at a path is another. */
  const broken = (value: unknown, ...path: (string | number)[]): string => {
    const file = JSON.parse(JSON.stringify(sampleResult())) as Record<string | number, unknown>;
    let place = file;
    for (const step of path.slice(0, -1)) {
      place = place[step] as Record<string | number, unknown>;
    }
    place[path.at(-1)!] = value;
    return JSON.stringify(file);
  };

  it.each([
    ['', 'x.fffbench is damaged or was not written to its end.'],
    ['[]', 'the file must be an object'],
    ['{}', '"format" is not "fffbench"'],
    [broken(2, 'version'), '"version" is 2, and this extension reads version 1'],
    [broken({}, 'rows'), '"rows" must be a list'],
    [broken([null], 'rows'), '"rows[0]" must be an object'],
    [broken([{}], 'ladder'), '"ladder[0].milliseconds" must be an object'],
    [broken([{ row: 99, microsecondsPerToken: [] }], 'samples'), '"samples[0].row" is no row of the file'],
    [broken([{ row: 0, microsecondsPerToken: 3 }], 'samples'), '"samples[0].microsecondsPerToken" must be a list'],
    [broken([{ row: 0, passes: [0], microsecondsPerToken: [1, 2] }], 'samples'), 'must name a pass for each sample'],
    [broken([{ row: 0, passes: [0.5], microsecondsPerToken: [1] }], 'samples'), 'must name a pass for each sample'],
    [broken([{ cell: {}, reason: '', passes: { complete: 3, of: 2 } }], 'unfinished'), 'how many passes are complete'],
    [broken({ cpu: 1 }, 'environment'), '"environment.cpu" must be a text'],
    [broken(null, 'rows', 1, 'microsecondsPerToken', 'p5'), '"rows[1].microsecondsPerToken.p5" must be a number'],
    [broken({ median: 1 }, 'rows', 0, 'ratioToBestDense'), '"rows[0].ratioToBestDense.low" must be a number'],
  ])('is refused in one sentence: %#', (text, complaint) => {
    expect(() => readResult(text, 'x.fffbench')).toThrow(complaint);
    expect(() => readResult(text, 'x.fffbench')).toThrow(/^x\.fffbench .*\.$/);
  });
});

describe('passes in a file', () => {
  it('are read where they are named, and are one where they are not', async () => {
    const result = await runPlan(plan, fakeServices());
    expect(readResult(fffbenchText(result), 'new.fffbench').samples[0]!.passes).toEqual([0, 0, 1, 1]);
    const old = sampleResult();
    expect(JSON.stringify(old)).not.toContain('passes');
    expect(readResult(JSON.stringify(old), 'old.fffbench')).toEqual(old);
    const column = csvText(old).split('\n')[0]!.split(',').indexOf('passes');
    expect(csvText(old).split('\n')[1]!.split(',')[column]).toBe('1');
    expect(markdownText(old)).not.toContain('passes');
  });

  it('are in every export', () => {
    const result = sampleResult({ batches: [1, 16] });
    result.rows.forEach((row) => (row.passes = row.batch === 1 ? 5 : 3));
    const lines = csvText(result).trimEnd().split('\n');
    const column = lines[0]!.split(',').indexOf('passes');
    expect(new Set(lines.slice(1, 6).map((line) => line.split(',')[column]))).toEqual(new Set(['5']));
    expect(new Set(lines.slice(6).map((line) => line.split(',')[column]))).toEqual(new Set(['3']));
    expect(markdownText(result)).toContain('warm weights; measured in 5 passes.');
    expect(markdownText(result)).toContain('warm weights; measured in 3 passes.');
  });
});

describe('exports', () => {
  it('writes a line of CSV a row, with all digits and no formulas', () => {
    const result = sampleResult({ batches: [1, 16] });
    result.rows[0]!.implementation = '=HYPERLINK("x"),1';
    result.rows[1]!.ratioToBestDense = null;
    const lines = csvText(result).trimEnd().split('\n');
    expect(lines).toHaveLength(11);
    const columns = lines[0]!.split(',');
    expect(columns.slice(0, 3)).toEqual(['engine', 'implementation', 'precision']);
    expect(lines[1]).toContain(`"'=HYPERLINK(""x""),1"`);
    const second = lines[2]!.split(',');
    expect(second[columns.indexOf('ratioToBestDense')]).toBe('');
    expect(Number(second[columns.indexOf('microsecondsPerTokenMedian')])).toBe(
      result.rows[1]!.microsecondsPerToken.median,
    );
  });

  it('writes Markdown with machine, cells, encoder and what was left out, and claims nothing undecided', () => {
    const result = sampleResult({ batches: [16], blur: 1000 });
    result.environment.remarks = ['It was <b>busy</b>.'];
    const text = markdownText(result);
    expect(text).toContain('# Default');
    expect(text).toContain('- Machine: Sample CPU @ 2.00GHz, 2 cores');
    expect(text).toContain('It was \\<b\\>busy\\</b\\>.');
    expect(text).toContain('## Batch 16, 768 wide, 4095 nodes of which a token visits 12');
    expect(text).toContain('no verdict (');
    expect(text).toContain('is the best');
    expect(text).toContain('2.98x (2.92 to 3.04) over the dense twin, of 3.10x');
    expect(text).toContain('native-twin@openblas is missing');
    expect(markdownText(sampleResult({ ladder: false }))).toContain('those of single layers, not of a model');
  });
});
