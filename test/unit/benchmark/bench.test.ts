import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { benchCommand } from '../../../extension/cli/bench';
import { ProgressLine } from '../../../extension/cli/benchProgress';
import { benchReport } from '../../../extension/cli/benchReport';
import { verdictSentence } from '../../../extension/cli/benchVerdict';
import { completePlan } from '../../../extension/runner/benchmark/plan';
import { runPlan } from '../../../extension/runner/benchmark/run';
import type { LadderResult } from '../../../extension/runner/benchmark/ladder';
import type { BenchmarkResult } from '../../../extension/runner/benchmark/result';
import { sampleResult } from '../../webview/support/sampleBenchmark';
import { fakeKernel, fakeServices } from './fakes';

const directory = mkdtempSync(path.join(tmpdir(), 'fff-bench-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const io = {
  out: () => undefined,
  err: () => undefined,
  errColumns: null,
  stdin: async () => new Uint8Array(),
  color: false,
  defaultModel: directory,
};

const interval = (median: number) => ({ median, low: median * 0.9, high: median * 1.1 });
const spread = (median: number) => ({ median, p5: median, p95: median });
const ladder: LadderResult = {
  tokens: 8,
  layers: 1,
  width: 16,
  nodes: 15,
  heads: 2,
  threads: 1,
  implementation: 'fake',
  milliseconds: { fff: spread(1), twin: spread(3), dense3072: spread(2.5), withoutFeedforward: spread(0.9) },
  gainOverTwin: interval(3),
  ceilingOverTwin: interval(3.3),
  gainOver3072: interval(2.5),
  ceilingOver3072: interval(2.8),
  feedforwardShare: { fff: 0.1, twin: 0.7, dense3072: 0.64 },
  samples: { fff: [1], twin: [3], dense3072: [2.5], withoutFeedforward: [0.9] },
};

const plan = completePlan({
  version: 1,
  name: 'Report',
  engines: ['fff', 'dense-twin', 'dense-3072', 'native-twin'],
  widths: [16],
  depths: [3],
  batches: [4],
  distributions: ['repeated'],
  ladder: { tokens: [8], heads: 2 },
  limits: { minimumPairs: 4, minimumSeconds: 0, warmupSeconds: 0.01, burstMs: 0.02, leadMs: 0 },
});

describe('the command line of bench', () => {
  it.each([
    [['--plan', 'a', '--preset', 'default'], 'Only one of --plan, --preset'],
    [['--preset', 'fast'], '"fast" is no preset'],
    [['--preset', 'selection'], 'needs --file'],
    [['--batch', '1,x'], '--batch takes a whole number from 1 to 65536, not "x"'],
    [['--batch', ','], '--batch takes numbers'],
    [['--depth', '16'], '--depth takes a whole number from 0 to 15'],
    [['--engines', 'fff,gpu'], 'There is no engine "gpu"'],
    [['--distribution', 'even'], '"distributions[0]" is "even"'],
    [['--distribution', 'hidden-states'], 'needs a "source"'],
    [['--model', 'm'], '--model needs --file'],
    [['--speed', '1'], "Unknown option '--speed'"],
    [['--plan', path.join(directory, 'none.json')], 'none.json does not exist'],
  ])('refuses %j', async (args, complaint) => {
    await expect(benchCommand.run(args, io)).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringContaining(complaint) as string,
    });
  });

  it('names the plan file and the place in it', async () => {
    const file = path.join(directory, 'plan.json');
    writeFileSync(file, JSON.stringify({ version: 1, name: 'x', engines: ['fff'], batches: ['1'] }));
    await expect(benchCommand.run(['--plan', file], io)).rejects.toThrow(
      `${file}: "batches[0]" must be a whole number.`,
    );
  });
});

describe('the report', () => {
  it('shows the layer’s gain together with the encoder’s and says what each figure means', async () => {
    const report = benchReport(await runPlan(plan, fakeServices({ ladder: async () => ladder })), io);
    expect(report).toContain('Batch 4: 16 wide, 15 nodes of which a token visits 4');
    expect(report).toContain('one token repeated, as in the published benchmark code, which flatters trees');
    expect(report).toContain('a call reaches 1 distinct leaf,');
    expect(report).toMatch(/fff \(fake\) +1 .*x \(.* to .*\)/);
    expect(report).toContain('is the best');
    expect(report).toContain('the encoder gains 3.00x (2.70 to 3.30) over its dense twin');
    expect(report).toContain('a feedforward that took no time would gain 3.30x');
    expect(report).toContain('self-test: fff against itself');
    expect(report).toContain('native-twin@openblas is missing: not here');
    expect(report).toContain('dense-3072: A dense layer of 3072 neurons');
    expect(report).not.toContain('undefined');
    expect(report).toMatch(
      /^Report\nMeasured: FFF layers against dense ones in 1 cell, every engine verified first: (one FFF layer is \S+x \(\S+ to \S+, batch 4, one token repeated, which flatters trees\) as fast as|in no cell is one FFF layer shown)[^;]*; the whole encoder of 1 layer at 8 tokens is 3\.00x \(2\.70 to 3\.30\) as fast, of at most 3\.30x/,
    );
  });

  it('says in how many passes a cell was measured, and what that means', async () => {
    const services = fakeServices({ ladder: async () => ladder });
    const report = benchReport(await runPlan(plan, services), io);
    expect(report).toMatch(/one layer stays resident; measured in 2 passes\n/);
    expect(report).toContain('passes: all cells were gone over so many times');
    const inOne = { ...plan, limits: { ...plan.limits, passes: 1 } };
    expect(benchReport(await runPlan(inOne, services), io)).not.toContain('passes');
  });

  it('shows no gain of a layer where the encoder was not measured', async () => {
    const report = benchReport(await runPlan(plan, fakeServices()), io);
    expect(report).toContain('no gain of a layer is shown');
    expect(report).not.toContain('against best dense');
    expect(report).not.toMatch(/\dx \(/);
  });

  it('names a wrong engine and why it was not timed', async () => {
    const kernel = fakeKernel((output) => output.fill(1));
    const report = benchReport(await runPlan(plan, fakeServices({ kernel: () => kernel })), io);
    expect(report).toMatch(/fff was not timed at batch 4: token \d of 4 differs from float64/);
  });

  it('calls an interval that spans 1 undecided', async () => {
    const undecided = { ...ladder, gainOverTwin: { median: 1.01, low: 0.9, high: 1.2 } };
    const report = benchReport(await runPlan(plan, fakeServices({ ladder: async () => undecided })), io);
    expect(report).toContain('the encoder gains 1.01x (0.900 to 1.20) undecided over its dense twin');
  });

  it('begins with the smallest and the largest gain, and leaves undecided cells out', () => {
    const result = sampleResult({ batches: [1, 16, 1024] }) as unknown as BenchmarkResult;
    const routed = result.rows.filter(({ engine, precision }) => engine === 'fff' && precision === 'fp32');
    routed[0]!.ratioToBestDense = { median: 210, low: 200, high: 220 };
    routed[1]!.ratioToBestDense = { median: 1.1, low: 0.9, high: 1.3 };
    routed[2]!.ratioToBestDense = { median: 45.25, low: 40, high: 50.5 };
    expect(verdictSentence(result)).toBe(
      'Measured: FFF layers against dense ones in 3 cells, every engine verified first: one FFF layer is ' +
        '45.3x (40.0 to 50.5, batch 1,024) to 210x (200 to 220, batch 1) as fast as the best dense layer of its size ' +
        '(no verdict in 1 cell); the whole encoder of 1 layer at 128 tokens is 2.98x (2.92 to 3.04) as fast, of at most ' +
        '3.10x (3.04 to 3.16).',
    );
    expect(verdictSentence({ ...result, ladder: [] })).toMatch(
      /the whole encoder was not, so no gain of a layer is told\.$/,
    );
    expect(verdictSentence({ ...result, rows: [] })).toBe('Nothing was measured.');
  });

  it('names what a machine lacks in one line, and explains exact-low where it was measured', async () => {
    const result = sampleResult() as unknown as BenchmarkResult;
    const libraries = ['own', 'openblas', 'onednn', 'mkl'];
    result.missing = ['native-twin', 'native-3072'].flatMap((engine) =>
      libraries.map((library) => ({ engine: `${engine}@${library}`, reason: 'they are not built' })),
    );
    const report = benchReport(result, io);
    expect(report.match(/they are not built/g)).toHaveLength(1);
    expect(report).toContain('native-twin@own, native-twin@openblas');
    expect(report).toContain('native-3072@mkl are missing: they are not built');
    expect(report).toContain('exact-low: weights stored in 16 bits');
    result.rows = result.rows.filter(({ precision }) => precision === 'fp32');
    expect(benchReport(result, io)).not.toContain('exact-low:');
  });
});

describe('progress on standard error', () => {
  const steps = [0, 0.5, 1].map((part) => ({ done: 0, total: 3, part, what: 'a cell: measuring', remainingMs: 1500 }));
  const written = (errColumns: number | null): string[] => {
    const texts: string[] = [];
    const line = new ProgressLine(plan, { err: (text) => void texts.push(text), errColumns });
    steps.forEach((step) => line.show(step));
    line.end();
    return texts;
  };

  it('is one line where standard error is no terminal', () => {
    expect(written(null)).toEqual(['Measuring "Report": 3 parts.\n']);
  });

  it('is a line that is written over and goes away where it is one', () => {
    expect(written(80)).toEqual(['\r\u001b[K1 of 3, about 2 s left: a cell: measuring', '\r\u001b[K']);
    expect(written(12)[0]).toBe('\r\u001b[K1 of 3, abo');
  });
});
