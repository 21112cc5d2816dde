/** The file that training/fff_training/benchmark wrote on a processor opens as a recorded result, with its machine. */
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { markdownText } from '../../../extension/benchmark/exports';
import { RecordedBenchmark } from '../../../extension/benchmark/recorded';
import { entryOf, readResult } from '../../../extension/benchmark/resultFile';
import { Events } from '../../../extension/disposable';
import type { BenchmarkViewEvents } from '../../../extension/protocol';
import { completePlan } from '../../../extension/runner/benchmark/plan';
import { runPlan } from '../../../extension/runner/benchmark/run';
import { headline, machineFacts } from '../../../webview/benchmark/words';
import { sampleBenchmark } from '../../webview/support/sampleBenchmark';
import { fakeEnvironment, fakeServices } from '../benchmark/fakes';

const NAME = 'pytorch-cpu.fffbench';
const text = fs.readFileSync(`test/fixtures/benchmark/${NAME}`, 'utf8');
const CPU = 'Intel(R) Xeon(R) Processor';

const keys = (value: object): string[] => Object.keys(value).sort();
/** Files of what was measured in one pass do not say so. */
const inOnePass = (value: object): string[] => keys(value).filter((key) => key !== 'passes' && key !== 'again');

describe('a result that PyTorch measured', () => {
  const result = readResult(text, NAME);

  it('has every part of a result of our own engine but those of passes, and no other', async () => {
    const own = await runPlan(
      completePlan({
        version: 1,
        name: 'Small',
        engines: ['fff', 'dense-twin'],
        widths: [16],
        depths: [3],
        batches: [4],
        ladder: { tokens: [], heads: 2 },
        limits: { minimumPairs: 3, minimumSeconds: 0, warmupSeconds: 0.01, burstMs: 0.02, leadMs: 0 },
      }),
      fakeServices(),
    );
    expect(keys(result)).toEqual(keys(own));
    expect(keys(result.plan)).toEqual(keys(own.plan));
    expect(keys(result.environment)).toEqual(keys(fakeEnvironment));
    for (const row of result.rows) {
      expect(keys(row)).toEqual(inOnePass(own.rows[0]!));
    }
    expect(keys(result.samples[0]!)).toEqual(inOnePass(own.samples[0]!));
    expect(keys(result.selfTests[0]!)).toEqual(inOnePass(own.selfTests[0]!));
    expect(result.rows).toHaveLength(20);
    expect(result.samples.map(({ row }) => row)).toEqual(result.rows.map((_, index) => index));
  });

  it('is shown as recorded, with the machine that measured it', () => {
    const events = new Events<BenchmarkViewEvents>();
    const session = {
      state: sampleBenchmark(null),
      on: events.on.bind(events),
      load: () => Promise.reject(new Error('nothing to load')),
    };
    const shown = new RecordedBenchmark(session, NAME, result, 'Another CPU');
    expect(shown.state).toMatchObject({
      mode: 'file',
      run: { kind: 'idle' },
      shown: {
        entry: {
          name: 'PyTorch on a processor',
          machine: CPU,
          thisMachine: false,
          ending: { kind: 'recorded', file: NAME },
          rows: 20,
          unfinished: 0,
        },
      },
    });
    shown.dispose();
  });

  it('names no kernel and no onnxruntime, but what computed', () => {
    const facts = new Map(machineFacts(result));
    expect([facts.get('Processor'), facts.has('Kernel'), facts.has('onnxruntime')]).toEqual([
      `${CPU}, 1 core`,
      false,
      false,
    ]);
    expect(result.environment.remarks[0]).toMatch(/^Measured with Python 3\.\d+\.\d+, PyTorch 2\.11\.0\S* on 1 thread/);
    const page = markdownText(result);
    expect(page).toContain('- version 0.1.0');
    expect(page).toContain('PyTorch 2.11.0');
    expect(page).not.toContain('Kernel');
  });

  it('is judged by the fastest form of a cell, like ours', () => {
    const routed = result.rows.filter(({ engine, precision }) => engine === 'fff' && precision === 'fp32');
    const best = [1, 16].map(
      (batch) =>
        routed
          .filter((row) => row.batch === batch)
          .sort((a, b) => a.microsecondsPerToken.median - b.microsecondsPerToken.median)[0]!.implementation,
    );
    expect(best).toEqual(['PyTorch masked', 'PyTorch masked']);
    expect(headline(result, false)).toMatch(
      /^One FFF layer is 0\.\d+× to 0\.\d+× in fp32 and 0\.\d+× to 0\.\d+× in bf16 as fast as the best dense layer of its size; the whole encoder was not measured/,
    );
  });
});

describe('the result of a GPU that docs/performance.md reads', () => {
  const file = 'gpu-h200.fffbench';
  const result = readResult(fs.readFileSync(`docs/benchmarks/results/${file}`, 'utf8'), file);

  it('opens as recorded, under the name of the GPU', () => {
    const entry = entryOf('file', result, { kind: 'recorded', file }, result.environment.cpu);
    expect(entry).toMatchObject({ machine: 'NVIDIA H200', thisMachine: false, rows: 110 });
    expect(machineFacts(result)[0]).toEqual(['GPU', 'NVIDIA H200']);
    expect(result.excluded).toEqual([]);
    // The gain in fp32, which that GPU computes without its matrix units, does not stand alone.
    expect(headline(result, false)).toMatch(
      /^One FFF layer is 1\.52× to 35\.5× in fp32 and 1\.50× to 3\.02× in bf16 as fast as the best dense layer of its size;/,
    );
    expect(result.selfTests.map(({ passed }) => passed)).toEqual([true, true, true, true, true]);
  });

  it('says what the page says: the paper’s form gains two at best, and the walk what is read there', () => {
    const bert = (engine: string, implementation: string, precision: string, batch: number): string => {
      const row = result.rows.find(
        (one) =>
          one.engine === engine &&
          one.implementation === implementation &&
          one.precision === precision &&
          one.batch === batch,
      )!;
      return row.ratioToBest3072!.median.toFixed(1);
    };
    const paper = result.rows.filter(({ engine }) => engine === 'paper-fff-torch');
    expect(Math.max(...paper.map((row) => row.ratioToBest3072!.high))).toBeLessThan(2.1);
    expect(bert('fff', 'Triton walk, CUDA graph', 'fp32', 16384)).toBe('26.5');
    expect(bert('fff', 'Triton walk, CUDA graph', 'bf16', 16384)).toBe('2.3');
    expect(bert('fff', 'PyTorch grouped, CUDA graph', 'fp32', 16384)).toBe('3.9');
  });
});
