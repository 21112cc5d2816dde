import { describe, expect, it } from 'vitest';
import { benchmarkHandlers, RunControl } from '../../../extension/runner/benchmarkHandlers';
import type { BenchmarkResult, RunnerEvents } from '../../../extension/protocol';
import type { Emit } from '../../../extension/runner/runnerService';
import { fakeServices } from '../benchmark/fakes';

const NEVER = { signal: new AbortController().signal };
const PLAN = {
  version: 1,
  name: 'Small',
  engines: ['fff', 'dense-twin'],
  widths: [16],
  depths: [3],
  batches: [1, 2, 4],
  ladder: { tokens: [], heads: 2 },
  limits: { passes: 1, minimumPairs: 4, minimumSeconds: 0, warmupSeconds: 0.01, burstMs: 0.02, leadMs: 0 },
};

function runner(onEvent: (name: string, payload: unknown) => void = () => undefined) {
  const events: [string, unknown][] = [];
  const emit: Emit = (name, payload) => {
    events.push([name, payload]);
    onEvent(name, payload);
  };
  const handlers = benchmarkHandlers(emit, () => Promise.resolve(fakeServices()));
  const results = (): BenchmarkResult[] =>
    events
      .filter(([name]) => name === 'benchmarkResult')
      .map(([, payload]) => (payload as RunnerEvents['benchmarkResult']).result);
  return { handlers, events, results };
}

describe('the benchmark part of the runner', () => {
  it('names the presets the issue of the paper needs, each with its whole plan', async () => {
    const { presets, engines } = await runner().handlers.benchmarkCatalogue(NEVER);
    expect(presets.map(({ name }) => name)).toEqual([
      'default',
      'selection',
      'paper-distinct',
      'paper-repeated',
      'depth-sweep',
      'batch-sweep',
      'width-sweep',
      'threads',
      'precision',
      'ladder',
    ]);
    expect(presets.filter(({ plan }) => plan === null).map(({ name }) => name)).toEqual(['selection']);
    expect(engines.find(({ name }) => name === 'dense-16')).toMatchObject({ weak: true });
  });

  it('completes the plan of a selection, and refuses a preset that does not exist', async () => {
    const { handlers } = runner();
    const source = { model: '/m', text: 'words' };
    expect(await handlers.benchmarkPreset('selection', source, NEVER)).toMatchObject({ source });
    await expect(handlers.benchmarkPreset('fastest', source, NEVER)).rejects.toThrow('There is no preset "fastest".');
  });

  it.each([
    ['{', 'The plan is not JSON'],
    ['{"version":1,"name":"x","engines":["gpu"]}', 'There is no engine "gpu"'],
    ['{"version":1,"name":"x","engines":["fff"],"batches":[0]}', '"batches[0]"'],
  ])('refuses the plan %s in the engine’s sentence', async (json, complaint) => {
    await expect(runner().handlers.checkBenchmarkPlan(json, NEVER)).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringContaining(complaint) as string,
    });
  });

  it('runs a plan, and tells a whole result after each cell with what is left', async () => {
    const { handlers, results } = runner();
    const plan = await handlers.checkBenchmarkPlan(JSON.stringify(PLAN), NEVER);
    const result = await handlers.runBenchmark({ id: 'a', plan, resume: null }, NEVER);
    expect(result.rows.map(({ batch }) => batch)).toEqual([1, 1, 2, 2, 4, 4]);
    expect(results().map(({ rows, unfinished }) => [rows.length, unfinished.length])).toEqual([
      [0, 3],
      [2, 2],
      [4, 1],
      [6, 0],
    ]);
    expect(results()[1]?.unfinished[0]).toMatchObject({ cell: { batch: 2 }, reason: 'not measured yet' });
  });

  it('ends with what was measured, and goes on with the rest when asked again', async () => {
    const { handlers, results } = runner((name) => {
      if (name === 'benchmarkResult' && results().at(-1)?.rows.length === 2) {
        void handlers.controlBenchmark({ id: 'a', action: 'end', disturbed: false }, NEVER);
      }
    });
    const plan = await handlers.checkBenchmarkPlan(JSON.stringify(PLAN), NEVER);
    const first = await handlers.runBenchmark({ id: 'a', plan, resume: null }, NEVER);
    expect(first.rows).toHaveLength(2);
    expect(first.unfinished.map(({ reason }) => reason)).toEqual(['the run was cancelled', 'the run was cancelled']);

    const again = runner();
    const whole = await again.handlers.runBenchmark({ id: 'a', plan, resume: first }, NEVER);
    expect(whole.rows).toHaveLength(6);
    expect(whole.rows.slice(0, 2)).toEqual(first.rows);
    expect(whole.unfinished).toEqual([]);
  });

  it('runs one at a time, and ends the run of a caller that is gone', async () => {
    const controller = new AbortController();
    const { handlers } = runner((name) => {
      if (name === 'benchmarkResult') {
        controller.abort();
      }
    });
    const plan = await handlers.checkBenchmarkPlan(JSON.stringify(PLAN), NEVER);
    const running = handlers.runBenchmark({ id: 'a', plan, resume: null }, { signal: controller.signal });
    await expect(handlers.runBenchmark({ id: 'b', plan, resume: null }, NEVER)).rejects.toThrow('running already');
    expect((await running).unfinished.length).toBeGreaterThan(0);
    await handlers.controlBenchmark({ id: 'a', action: 'pause', disturbed: false }, NEVER);
    expect((await handlers.runBenchmark({ id: 'c', plan, resume: null }, NEVER)).rows).toHaveLength(6);
  });
});

describe('RunControl', () => {
  it('holds between rounds, and its clock stands still meanwhile', async () => {
    let now = 1000;
    const control = new RunControl(() => now);
    control.pause(false);
    let through = false;
    const waiting = control.whilePaused().then(() => (through = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(through).toBe(false);
    now = 61_000;
    control.go();
    await waiting;
    expect(control.monotonicMs()).toBe(1000);
    expect(Math.abs(Date.now() - 60_000 - control.wallMs())).toBeLessThan(1000);
  });

  it('makes a disturbed round look like one in which the machine slept', () => {
    const control = new RunControl();
    const before = control.wallMs() - control.monotonicMs();
    control.pause(true);
    expect(control.wallMs() - control.monotonicMs() - before).toBeGreaterThan(3e6);
    control.end();
    expect(control.signal.aborted).toBe(true);
  });
});
