/** The four encoders of the ladder: built from one set of attention weights, verified, and run. */
import { FffError } from '../../errors';
import type { FffLayer } from '../contracts';
import { GraphSession } from '../encoder/session';
import type { ShapedArray } from '../encoder/session';
import { randomDenseWeights, randomFffWeights, syntheticTokens, twinOf } from './distributions';
import { attentionPart, outputName, randomAttention, wholeEncoder } from './encoderGraphs';
import type { BenchmarkKernel } from './engines/fffKernel';
import type { LadderConfig, LadderRung } from './ladder';
import { sampleIndices, verifyOutput } from './verify';

export const BERT_NEURONS = 3072;
const VERIFIED_TOKENS = 8;
/** Sequences that take turns, so that no two calls in a row see the same tokens. */
const SEQUENCES = 8;

export class LadderEncoders {
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
