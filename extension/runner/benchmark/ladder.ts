/**
 * The rung that a user feels: a whole encoder with FFF layers against the same encoder with dense ones. Layer ratios
 * beyond a hundred shrink here to what attention leaves over, and the ceiling says how little more a free feedforward
 * layer would give (Amdahl).
 */
import { FffError } from '../../errors';
import { nodeCount } from '../../tree';
import type { EncoderShape } from './encoderGraphs';
import type { BenchmarkKernel } from './engines/fffKernel';
import { BERT_NEURONS, LadderEncoders } from './ladderEncoders';
import type { Limits } from './plan';
import { Random } from './random';
import { pairedRatio } from './result';
import type { PassCount } from './result';
import { measure } from './schedule';
import type { Clock, Measurement, SubjectSamples } from './schedule';
import { spreadOf } from './statistics';
import type { RatioInterval } from './statistics';

export interface LadderConfig extends EncoderShape {
  depth: number;
  tokens: number;
  threads: number;
  seed: number;
  limits: Limits;
}

export interface LadderOptions {
  clock: Clock;
  /** As in `ScheduleOptions`. */
  budgetMs: number;
  signal?: AbortSignal | undefined;
  whilePaused?: (() => Promise<void>) | undefined;
  onProgress?: ((part: number) => void) | undefined;
  /** What the passes before gave; null in the first one. Without complete passes, or of another kernel, it is not used. */
  earlier: LadderResult | null;
  /** Bytes that can be allocated; where so many are not free, what the run keeps for itself is given back first. */
  roomFor?: ((bytes: number) => Promise<number>) | undefined;
}

export type LadderRung = 'fff' | 'twin' | 'dense3072' | 'withoutFeedforward';

/** Times of a whole encoder (no embedding, no head) for one sequence. */
export interface LadderResult {
  tokens: number;
  layers: number;
  width: number;
  nodes: number;
  heads: number;
  threads: number;
  implementation: string;
  milliseconds: Record<LadderRung, { median: number; p5: number; p95: number }>;
  /** Encoder with the dense twin over encoder with FFF, and what it would be if the FFF took no time at all. */
  gainOverTwin: RatioInterval;
  ceilingOverTwin: RatioInterval;
  gainOver3072: RatioInterval;
  ceilingOver3072: RatioInterval;
  /** Part of the encoder's time that the feedforward layers take, 0..1. */
  feedforwardShare: Record<Exclude<LadderRung, 'withoutFeedforward'>, number>;
  /** Raw samples by rung, in milliseconds; those of one index were measured in one round. */
  samples: Record<LadderRung, number[]>;
  /** Passes the samples are from, counted from 0; this and what follows is absent in files of versions that had one. */
  samplePasses?: number[];
  /** A sample of each rung is the mean over so many calls. */
  callsPerSample?: Record<LadderRung, number>;
  passes?: PassCount;
}

const RUNGS: readonly LadderRung[] = ['fff', 'twin', 'dense3072', 'withoutFeedforward'];

/** Roughly what the four encoders hold: attention weights four times, and every weight twice, as given and as packed. */
export function ladderBytes({ width, depth, layers }: LadderConfig): number {
  const attention = 4 * width * width;
  const feedforward = 2 * width * (2 * nodeCount(depth) + BERT_NEURONS);
  return 2 * 4 * layers * (4 * attention + feedforward);
}

/**
 * One pass: builds the four encoders from one set of attention weights, verifies them and measures them in turns.
 * @returns what all passes so far have given.
 * @throws FffError CANCELLED before enough was measured, OUT_OF_MEMORY, ONNXRUNTIME_FAILED, INTERNAL when an encoder
 * computes something wrong.
 */
export async function runLadder(
  kernel: BenchmarkKernel,
  config: LadderConfig,
  options: LadderOptions,
): Promise<LadderResult> {
  options.onProgress?.(0);
  const encoders = await LadderEncoders.build(kernel, config);
  try {
    await encoders.verify();
    const subjects = RUNGS.map((id) => ({ id, reference: true, burst: (calls: number) => encoders.burst(id, calls) }));
    const earlier = canGoOn(options.earlier, kernel, config) ? measurementOf(options.earlier) : null;
    const measured = await measure(
      subjects,
      {
        limits: config.limits,
        random: new Random(config.seed, 0x1adde7 + (earlier?.passes ?? 0)),
        clock: options.clock,
        budgetMs: options.budgetMs,
        signal: options.signal,
        whilePaused: options.whilePaused,
        onProgress: options.onProgress,
      },
      earlier,
    );
    return summarize(kernel, config, measured);
  } finally {
    await encoders.dispose();
  }
}

/** Whether there are complete passes, and of encoders that compute in the same way. */
function canGoOn(
  earlier: LadderResult | null,
  { implementation }: BenchmarkKernel,
  { threads }: LadderConfig,
): earlier is LadderResult {
  return (
    earlier !== null &&
    earlier.passes?.complete !== 0 &&
    earlier.implementation === implementation &&
    earlier.threads === threads
  );
}

/** The schedule's view of an earlier result. */
function measurementOf({ samples, samplePasses, callsPerSample, passes }: LadderResult): Measurement {
  const { complete, of } = passes ?? { complete: 1, of: 1 };
  const passOf = (round: number): number => samplePasses?.[round] ?? 0;
  const subjects = RUNGS.map((id): SubjectSamples => ({
    id,
    samples: samples[id]
      .map((ms, round) => ({ round, pass: passOf(round), microsecondsPerCall: ms * 1000 }))
      .filter(({ pass }) => pass < complete),
    callsPerSample: callsPerSample?.[id] ?? 1,
    settled: true,
    failure: null,
  }));
  const spentMs = subjects.reduce(
    (sum, one) => one.samples.reduce((a, b) => a + (b.microsecondsPerCall * one.callsPerSample) / 1000, sum),
    0,
  );
  const rounds = Math.max(...subjects.map((subject) => subject.samples.length));
  return {
    ...{ subjects, passes: complete, of, rounds, measuredMs: spentMs, interruptions: 0 },
    ...{ ended: 'complete', lacks: null },
  };
}

function summarize(kernel: BenchmarkKernel, config: LadderConfig, measurement: Measurement): LadderResult {
  const { subjects: measured } = measurement;
  const failure = measured.find((subject) => subject.failure !== null);
  if (failure !== undefined) {
    throw new FffError('INTERNAL', `The encoder "${failure.id}" failed: ${failure.failure}`);
  }
  const [fff, twin, bert, rest] = measured.map(({ samples }) => samples);
  const ratio = (above: SubjectSamples['samples'], below: SubjectSamples['samples']): RatioInterval => {
    const interval = pairedRatio(above, below, config.seed);
    if (interval === null) {
      throw new FffError('CANCELLED', 'The run was cancelled before a whole encoder was measured.');
    }
    return interval;
  };
  const milliseconds = {} as LadderResult['milliseconds'];
  const samples = {} as LadderResult['samples'];
  // A cancelled last round may lack some rungs; samples are kept as pairs.
  const whole = rest!.filter(({ round }) =>
    measured.every((subject) => subject.samples.some((sample) => sample.round === round)),
  );
  const rounds = whole.map(({ round }) => round);
  const callsPerSample = {} as NonNullable<LadderResult['callsPerSample']>;
  RUNGS.forEach((rung, index) => {
    samples[rung] = measured[index]!.samples.filter(({ round }) => rounds.includes(round)).map(
      ({ microsecondsPerCall }) => microsecondsPerCall / 1000,
    );
    callsPerSample[rung] = measured[index]!.callsPerSample;
  });
  const gainOverTwin = ratio(twin!, fff!);
  RUNGS.forEach((rung) => {
    const { median, p5, p95 } = spreadOf(samples[rung]);
    milliseconds[rung] = { median, p5, p95 };
  });
  const share = (rung: LadderRung): number =>
    Math.max(0, 1 - milliseconds.withoutFeedforward.median / milliseconds[rung].median);
  const { tokens, layers, width, depth, heads, threads } = config;
  return {
    tokens,
    layers,
    width,
    nodes: nodeCount(depth),
    heads,
    threads,
    implementation: kernel.implementation,
    milliseconds,
    gainOverTwin,
    ceilingOverTwin: ratio(twin!, rest!),
    gainOver3072: ratio(bert!, fff!),
    ceilingOver3072: ratio(bert!, rest!),
    feedforwardShare: { fff: share('fff'), twin: share('twin'), dense3072: share('dense3072') },
    samples,
    samplePasses: whole.map(({ pass }) => pass),
    callsPerSample,
    passes: { complete: measurement.passes, of: measurement.of },
  };
}
