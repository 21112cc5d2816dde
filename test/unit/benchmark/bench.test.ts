import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { benchCommand } from '../../../extension/cli/bench';
import { benchReport } from '../../../extension/cli/benchReport';
import { completePlan } from '../../../extension/runner/benchmark/plan';
import { runPlan } from '../../../extension/runner/benchmark/run';
import type { LadderResult } from '../../../extension/runner/benchmark/ladder';
import { fakeKernel, fakeServices } from './fakes';

const directory = mkdtempSync(path.join(tmpdir(), 'fff-bench-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const io = {
  out: () => undefined,
  err: () => undefined,
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
});
