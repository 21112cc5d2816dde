/** Made-up benchmark results and states: plausible in form, wrong on purpose in number, the same every time. */
import type {
  BenchmarkCatalogue,
  BenchmarkEntry,
  BenchmarkLadder,
  BenchmarkPlan,
  BenchmarkResult,
  BenchmarkRow,
  BenchmarkViewState,
  RatioInterval,
} from '../../../extension/protocol';

export const SAMPLE_CPU = 'Sample CPU @ 2.00GHz';

export interface SampleOptions {
  batches?: number[];
  depths?: number[];
  threads?: number[];
  weights?: ('warm' | 'cold')[];
  /** Half width of every ratio's interval, relative; a thousand leaves no verdict possible. */
  blur?: number;
  name?: string;
  cpu?: string;
  gpu?: string;
  /** Scales the time of every engine. */
  slower?: number;
  ladder?: boolean;
  seed?: number;
  samples?: number;
}

/** Engine, precision, microseconds a token at batch 1 and at large batches, and bytes as share of the dense layer's. */
const ENGINES: readonly [string, string, string, number, number][] = [
  ['fff', 'fp32', 'avx512', 3.1, 1.9],
  ['fff', 'exact-low', 'avx512', 2.2, 1.1],
  ['dense-twin', 'fp32', 'onnxruntime', 820, 205],
  ['dense-3072', 'fp32', 'onnxruntime', 610, 152],
  ['dense-16', 'fp32', 'onnxruntime', 9, 1.4],
];

export function sampleResult({
  batches = [1, 16, 128, 1024],
  depths = [11],
  threads = [1],
  weights = ['warm'],
  blur = 0.03,
  name = 'Default',
  cpu = SAMPLE_CPU,
  gpu,
  slower = 1,
  ladder = true,
  seed = 1,
  samples = 30,
}: SampleOptions = {}): BenchmarkResult {
  const random = generator(seed);
  const rows: BenchmarkRow[] = [];
  const raw: BenchmarkResult['samples'] = [];
  const selfTests: BenchmarkResult['selfTests'] = [];
  for (const weight of weights) {
    for (const depth of depths) {
      for (const threadCount of threads) {
        for (const batch of batches) {
          const cell = {
            width: 768,
            depth,
            batch,
            threads: threadCount,
            distribution: 'spread' as const,
            weights: weight,
            layer: null,
          };
          selfTests.push({ cell, engine: 'fff', ratio: interval(1.002, 0.012), passed: true });
          const timeOf = (single: number, many: number, grows: boolean): number =>
            ((many + (single - many) / batch ** 0.6) *
              slower *
              (weight === 'cold' ? 1.6 : 1) *
              (grows ? 2 ** (depth - 11) : (depth + 1) / 12)) /
            threadCount ** 0.8;
          const twin = timeOf(820, 205, true);
          const bert = timeOf(610, 152, false);
          for (const [engine, precision, implementation, single, many] of ENGINES) {
            const median = timeOf(single, many, engine === 'dense-twin');
            const nodes = 2 ** (depth + 1) - 1;
            const visited = Math.min(nodes, 12 * batch ** 0.9);
            const times = Array.from(
              { length: samples },
              () => median * (0.97 + 0.06 * random() + (random() > 0.9 ? 0.12 : 0)),
            );
            const sorted = [...times].sort((a, b) => a - b);
            raw.push({
              row: rows.length,
              callsPerSample: 9,
              rounds: times.map((_, round) => round),
              microsecondsPerToken: times,
            });
            rows.push({
              engine,
              precision,
              implementation,
              batch,
              width: 768,
              nodes,
              levels: depth + 1,
              microsecondsPerToken: { median, p5: sorted[1] ?? median, p95: sorted.at(-2) ?? median },
              ratioToBestDense: engine === 'dense-twin' ? interval(1, 0) : interval(twin / median, blur),
              ratioToBest3072: engine === 'dense-3072' ? interval(1, 0) : interval(bert / median, blur),
              distinctLeaves: Math.min(2 ** depth, Math.round(batch * 0.97 + 0.03)),
              bytesTouched: Math.round((engine === 'fff' ? visited : engine === 'dense-16' ? 16 : nodes) * 768 * 8),
              verified: true,
              threads: threadCount,
              cellThreads: threadCount,
              distribution: 'spread',
              weights: weight,
              layer: null,
              distinctLeavesInAll: 2 ** depth,
              pathFlips: engine === 'fff' ? { flips: 0, tokens: 4096 } : null,
              worstError: 3e-7,
              pairs: samples,
              settled: true,
            });
          }
        }
      }
    }
  }
  return {
    format: 'fffbench',
    version: 1,
    plan: samplePlan(name),
    environment: {
      recordedAt: '2026-11-27T12:00:00.000Z',
      cpu,
      logicalCores: 2,
      simd: ['avx2', 'avx512f'],
      caches: { l1d: 32768, l2: 1048576, l3: 34603008 },
      memoryBytes: 8e9,
      os: 'Linux 6.1',
      architecture: 'x64',
      loadAverage: 0.2,
      nodeVersion: '20.19.0',
      onnxruntimeVersion: '1.30.0',
      kernelImplementation: 'avx512',
      modelHash: null,
      version: '0.1.0',
      commit: '66ce839c0ffee',
      remarks: [],
      ...(gpu === undefined ? {} : { gpu }),
    },
    rows,
    samples: raw,
    selfTests,
    excluded: [],
    missing: [{ engine: 'native-twin@openblas', reason: 'the bench program is not built' }],
    ladder: ladder ? [sampleLadder()] : [],
    unfinished: [],
  };
}

export function sampleLadder(): BenchmarkLadder {
  const spread = (median: number) => ({ median, p5: median * 0.97, p95: median * 1.06 });
  return {
    tokens: 128,
    layers: 1,
    width: 768,
    nodes: 4095,
    heads: 12,
    threads: 1,
    implementation: 'avx512',
    milliseconds: { fff: spread(12.4), twin: spread(36.9), dense3072: spread(31.2), withoutFeedforward: spread(11.9) },
    gainOverTwin: interval(2.98, 0.02),
    ceilingOverTwin: interval(3.1, 0.02),
    gainOver3072: interval(2.52, 0.02),
    ceilingOver3072: interval(2.62, 0.02),
    feedforwardShare: { fff: 0.04, twin: 0.68, dense3072: 0.62 },
  };
}

export function samplePlan(name: string): BenchmarkPlan {
  return {
    version: 1,
    name,
    engines: ['fff', 'fff:exact-low', 'dense-twin', 'dense-3072', 'dense-16'],
    widths: [768],
    depths: [11],
    batches: [1, 16, 128, 1024],
    threads: [1],
    distributions: ['spread'],
    weights: ['warm'],
  };
}

export const SAMPLE_CATALOGUE: BenchmarkCatalogue = {
  presets: [
    {
      name: 'default',
      title: 'Default',
      purpose: 'The published layer shape, in under a minute.',
      plan: samplePlan('Default'),
    },
    {
      name: 'selection',
      title: 'This selection on this model',
      purpose: 'Every layer on the selected text.',
      plan: null,
    },
    { name: 'batch-sweep', title: 'Batch sweep', purpose: 'Batches from 1 to 16384.', plan: samplePlan('Batch sweep') },
  ],
  engines: [
    {
      name: 'fff',
      kind: 'fff',
      weak: false,
      meaning: 'Our FFF kernel, called through the addon as the product calls it.',
    },
    {
      name: 'dense-twin',
      kind: 'dense-twin',
      weak: false,
      meaning: 'All neurons of the same tree with the same weights.',
    },
    { name: 'dense-3072', kind: 'dense-3072', weak: false, meaning: 'A dense layer of 3072 neurons, as in BERT-base.' },
    { name: 'dense-16', kind: 'dense-16', weak: true, meaning: 'A control of only 16 neurons.' },
  ],
};

export function sampleEntry(result: BenchmarkResult, changes: Partial<BenchmarkEntry> = {}): BenchmarkEntry {
  const { environment, plan, rows, unfinished } = result;
  return {
    id: 'one',
    name: plan.name,
    recordedAt: environment.recordedAt,
    machine: environment.gpu ?? environment.cpu,
    thisMachine: environment.gpu === undefined && environment.cpu === SAMPLE_CPU,
    ending: { kind: 'finished' },
    rows: rows.length,
    unfinished: unfinished.length,
    ...changes,
  };
}

/** A state that shows a result, or nothing. */
export function sampleBenchmark(
  result: BenchmarkResult | null = sampleResult(),
  changes: Partial<BenchmarkViewState> = {},
  entry: Partial<BenchmarkEntry> = {},
): BenchmarkViewState {
  const shown = result === null ? null : { entry: sampleEntry(result, entry), result };
  return {
    mode: 'panel',
    catalogue: SAMPLE_CATALOGUE,
    run: { kind: 'idle' },
    liveRows: [],
    shown,
    baseline: null,
    history: shown === null ? [] : [shown.entry],
    notices: [],
    ...changes,
  };
}

function interval(median: number, blur: number): RatioInterval {
  return { median, low: median / (1 + blur), high: median * (1 + blur) };
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}
