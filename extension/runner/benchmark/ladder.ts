/**
 * The rung that a user feels: a whole encoder with FFF layers against the same encoder with dense ones. Layer ratios
 * beyond a hundred shrink here to what attention leaves over, and the ceiling says how little more a free feedforward
 * layer would give (Amdahl).
 */
import { FffError } from '../../errors';
import { nodeCount } from '../../tree';
import type { FffLayer } from '../contracts';
import { GraphSession } from '../encoder/session';
import type { ShapedArray } from '../encoder/session';
import { randomDenseWeights, randomFffWeights, syntheticTokens, twinOf } from './distributions';
import { attentionPart, outputName, randomAttention, wholeEncoder } from './encoderGraphs';
import type { EncoderShape } from './encoderGraphs';
import type { BenchmarkKernel } from './engines/fffKernel';
import type { Limits } from './plan';
import { Random } from './random';
import { pairedRatio } from './result';
import { measure } from './schedule';
import type { Clock, SubjectSamples } from './schedule';
import { spreadOf } from './statistics';
import type { RatioInterval } from './statistics';
import { sampleIndices, verifyOutput } from './verify';

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
}

const RUNGS: readonly LadderRung[] = ['fff', 'twin', 'dense3072', 'withoutFeedforward'];
const VERIFIED_TOKENS = 8;
const BERT_NEURONS = 3072;

/** Roughly what the four encoders hold: attention weights four times, and every weight twice, as given and as packed. */
export function ladderBytes({ width, depth, layers }: LadderConfig): number {
  const attention = 4 * width * width;
  const feedforward = 2 * width * (2 * nodeCount(depth) + BERT_NEURONS);
  return 2 * 4 * layers * (4 * attention + feedforward);
}

/**
 * Builds the four encoders from one set of attention weights, verifies them and measures them in turns.
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
    const { subjects: measured } = await measure(subjects, {
      limits: config.limits,
      random: new Random(config.seed, 0x1adde7),
      clock: options.clock,
      budgetMs: options.budgetMs,
      signal: options.signal,
      whilePaused: options.whilePaused,
      onProgress: options.onProgress,
    });
    return summarize(kernel, config, measured);
  } finally {
    await encoders.dispose();
  }
}

function summarize(kernel: BenchmarkKernel, config: LadderConfig, measured: readonly SubjectSamples[]): LadderResult {
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
  const rounds = rest!
    .map(({ round }) => round)
    .filter((round) => measured.every((subject) => subject.samples.some((sample) => sample.round === round)));
  RUNGS.forEach((rung, index) => {
    samples[rung] = measured[index]!.samples.filter(({ round }) => rounds.includes(round)).map(
      ({ microsecondsPerCall }) => microsecondsPerCall / 1000,
    );
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
  };
}

/** Sequences that take turns, so that no two calls in a row see the same tokens. */
const SEQUENCES = 8;

class LadderEncoders {
  private readonly inputs: Float32Array[];
  private readonly constants: Record<'mask_bias' | 'head_shape', ShapedArray>;
  private readonly shape: number[];
  private readonly output: Float32Array;
  /** The residual stream; a session reads one and writes the other. */
  private readonly streams: [Float32Array, Float32Array];
  private readonly ffnInput: Float32Array;
  private readonly update: Float32Array;
  private next = 0;

  private constructor(
    private readonly config: LadderConfig,
    private readonly whole: Record<Exclude<LadderRung, 'fff'>, GraphSession>,
    private readonly attention: readonly GraphSession[],
    private readonly feedforward: readonly FffLayer[],
  ) {
    const { tokens, width, heads, seed } = config;
    this.inputs = Array.from({ length: SEQUENCES }, (_, i) => syntheticTokens('spread', width, tokens, seed + i));
    this.constants = {
      mask_bias: { data: new Float32Array(tokens), shape: [1, 1, 1, tokens] },
      head_shape: { data: BigInt64Array.from([1, tokens, heads, width / heads], BigInt), shape: [4] },
    };
    this.shape = [tokens, width];
    const buffer = (): Float32Array => new Float32Array(tokens * width);
    this.output = buffer();
    this.streams = [buffer(), buffer()];
    this.ffnInput = buffer();
    this.update = buffer();
  }

  static async build(kernel: BenchmarkKernel, config: LadderConfig): Promise<LadderEncoders> {
    const { width, depth, layers, seed, threads } = config;
    const indices = Array.from({ length: layers }, (_, layer) => layer);
    const open: { release(): Promise<void> }[] = [];
    const session = async (model: Uint8Array, what: string): Promise<GraphSession> => {
      const opened = await GraphSession.open(model, what, { threads });
      open.push(opened);
      return opened;
    };
    try {
      const attention = indices.map((layer) => randomAttention(config, seed, layer));
      const whole = async (feedforward: Parameters<typeof wholeEncoder>[2], what: string): Promise<GraphSession> =>
        session(wholeEncoder(config, attention, feedforward), what);
      const weights = indices.map((layer) => randomFffWeights(width, depth, seed, layer));
      const sessions = {
        twin: await whole(weights.map(twinOf), 'encoder with the dense twin'),
        dense3072: await whole(
          indices.map((layer) => randomDenseWeights(width, BERT_NEURONS, seed, layer)),
          'encoder with 3072 neurons',
        ),
        withoutFeedforward: await whole(null, 'encoder without feedforward layers'),
      };
      const parts: GraphSession[] = [];
      for (const layer of indices) {
        parts.push(await session(attentionPart(attention[layer]!, config, layer), `attention of layer ${layer}`));
      }
      const fff = weights.map((layer) => kernel.createLayer(layer, { precision: 'fp32', threads }));
      return new LadderEncoders(config, sessions, parts, fff);
    } catch (thrown) {
      for (const one of open) {
        await one.release();
      }
      throw thrown;
    }
  }

  async burst(rung: LadderRung, calls: number): Promise<number> {
    const started = performance.now();
    for (let call = 0; call < calls; call++) {
      const input = this.inputs[this.next++ % SEQUENCES]!;
      await (rung === 'fff' ? this.runFff(input) : this.runWhole(rung, input));
    }
    return (performance.now() - started) * 1000;
  }

  /**
   * The graph without feedforward layers and the chain of attention sessions must agree when the chain adds what the
   * graph adds, the norm's own output; and every FFF layer must agree with float64 on the states it really gets.
   */
  async verify(): Promise<void> {
    const { config } = this;
    const input = this.inputs[0]!;
    await this.runWhole('withoutFeedforward', input);
    const expected = Float32Array.from(this.output);
    await this.runChain(input, () => this.update.set(this.ffnInput));
    const chained = this.output;
    for (let i = 0; i < expected.length; i++) {
      if (!(Math.abs(chained[i]! - expected[i]!) <= 1e-3 * (1 + Math.abs(expected[i]!)))) {
        throw new FffError(
          'INTERNAL',
          `The two ways of running the encoder disagree at value ${i} (${chained[i]} and ${expected[i]}), so it is not timed.`,
        );
      }
    }
    const indices = sampleIndices(config.tokens, VERIFIED_TOKENS);
    await this.runChain(input, (layer) => {
      this.feedforward[layer]!.forwardInto(this.ffnInput, config.tokens, this.update);
      const weights = randomFffWeights(config.width, config.depth, config.seed, layer);
      const { complaint } = verifyOutput({ kind: 'fff', weights }, 'fp32', this.ffnInput, this.update, indices);
      if (complaint !== null) {
        throw new FffError(
          'INTERNAL',
          `FFF layer ${layer} of the encoder is wrong (${complaint}), so it is not timed.`,
        );
      }
    });
  }

  async dispose(): Promise<void> {
    this.feedforward.forEach((layer) => layer.dispose());
    for (const session of [...Object.values(this.whole), ...this.attention]) {
      await session.release();
    }
  }

  private async runWhole(rung: Exclude<LadderRung, 'fff'>, input: Float32Array): Promise<void> {
    await this.whole[rung].run(
      { residual: { data: input, shape: this.shape }, ...this.constants },
      { [outputName(this.config)]: { data: this.output, shape: this.shape } },
    );
  }

  private runFff(input: Float32Array): Promise<void> {
    return this.runChain(input, (layer) =>
      this.feedforward[layer]!.forwardInto(this.ffnInput, this.config.tokens, this.update),
    );
  }

  /** Attention sessions with something between them that fills `update` from `ffnInput`; adds the last update itself. */
  private async runChain(input: Float32Array, feedforward: (layer: number) => void): Promise<void> {
    const { shape } = this;
    let residual = input;
    for (const [layer, session] of this.attention.entries()) {
      const attended = this.streams[layer % 2]!;
      await session.run(
        {
          residual: { data: residual, shape },
          ...(layer === 0 ? {} : { update: { data: this.update, shape } }),
          ...this.constants,
        },
        { attended: { data: attended, shape }, ffn_input: { data: this.ffnInput, shape } },
      );
      residual = attended;
      feedforward(layer);
    }
    for (let i = 0; i < this.output.length; i++) {
      this.output[i] = residual[i]! + this.update[i]!;
    }
  }
}
