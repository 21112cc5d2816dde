/**
 * One forward pass: the loop over the layers and what it records.
 *
 * A pass alternates between a session (attention of layer n, which also adds the feedforward output of layer n-1) and a
 * feedforward layer. States stay [B*S, H] rows all the way; onnxruntime writes into the very arrays the kernel reads.
 */
import type { Architecture, EncoderBatch, EncoderOptions, EncoderOutput, LayerOutput } from '../contracts';
import { maskBias } from './batch';
import { throwIfCancelled } from './cancellation';
import type { LayerParts, ModelParts } from './parts';
import { allocate } from './session';
import type { ShapedArray } from './session';

type Feeds = Record<string, ShapedArray>;

export class ForwardPass {
  private readonly tokens: number;
  private readonly recordAll: boolean;
  private readonly maskBias: ShapedArray;
  private readonly headShape: ShapedArray;
  private readonly layers: LayerOutput[] = [];
  private readonly watch = new Stopwatch();

  /**
   * @param batch A checked batch.
   * @param unloading Heeded between layers, like the signal of the options.
   */
  constructor(
    private readonly parts: ModelParts,
    private readonly architecture: Architecture,
    private readonly batch: EncoderBatch,
    private readonly options: EncoderOptions,
    private readonly unloading: AbortSignal,
  ) {
    const { rows, positions } = batch;
    const { hiddenSize, heads } = architecture;
    this.tokens = rows * positions;
    this.recordAll = options.recordAll === true;
    this.maskBias = { data: maskBias(batch), shape: [rows, 1, 1, positions] };
    this.headShape = { data: BigInt64Array.from([rows, positions, heads, hiddenSize / heads], BigInt), shape: [4] };
  }

  async run(): Promise<EncoderOutput> {
    const { rows, positions } = this.batch;
    const { resume } = this.options;
    this.continueOrThrow();
    const embedding = this.newStates();
    this.watch.lap();
    await this.start(embedding);
    const embeddingMicroseconds = this.watch.lap();

    // The residual stream moves between two arrays: attention reads one and writes the other. A recorded embedding is
    // handed out and must not become one of them.
    let residual = embedding;
    let spare = this.newStates();
    let update: ShapedArray | null = resume ? this.states(new Float32Array(resume.hidden.length)) : null;
    for (const [index, layer] of this.parts.layers.entries()) {
      if (index < (resume?.layer ?? 0)) {
        continue;
      }
      this.continueOrThrow();
      const attended = spare;
      update = await this.runLayer(index, layer, residual, update, attended);
      spare = this.recordAll && index === 0 ? this.newStates() : residual;
      residual = attended;
      this.options.onLayer?.(index);
    }

    this.continueOrThrow();
    this.watch.lap();
    const finalNorm = this.newStates();
    await this.parts.closing.run(
      { residual, update: update ?? this.newStates() },
      { final_norm: finalNorm, ...this.hiddenOfLastLayer() },
    );
    const logits = await this.predict(finalNorm.data as Float32Array);
    return {
      rows,
      positions,
      layers: this.layers,
      finalNorm: finalNorm.data as Float32Array,
      logits,
      embeddingMicroseconds,
      headMicroseconds: this.watch.lap(),
      ...(this.recordAll ? { embedding: embedding.data as Float32Array } : {}),
    };
  }

  /** Fills in the residual stream before the first layer that runs. */
  private async start(embedding: ShapedArray): Promise<void> {
    const { ids, rows, positions } = this.batch;
    if (this.options.resume) {
      (embedding.data as Float32Array).set(this.options.resume.hidden);
    } else {
      await this.parts.embedding.run({ ids: { data: ids, shape: [rows, positions] } }, { embedding });
    }
  }

  /** Runs one layer, records it and returns its feedforward output, which the next attention graph adds. */
  private async runLayer(
    index: number,
    layer: LayerParts,
    residual: ShapedArray,
    update: ShapedArray | null,
    attended: ShapedArray,
  ): Promise<ShapedArray> {
    const ffnInput = allocate(this.tokens, this.architecture.hiddenSize);
    const feeds: Feeds = { residual, mask_bias: this.maskBias, head_shape: this.headShape };
    if (update !== null) {
      feeds['update'] = update;
    }
    const outputs: Feeds = { attended, ffn_input: this.states(ffnInput), ...this.hiddenOfLastLayer() };
    const record: LayerOutput = { fff: null, ffnInput, attentionMicroseconds: 0, feedforwardMicroseconds: 0 };
    if (this.recordAll) {
      const { rows, positions } = this.batch;
      const { heads } = this.architecture;
      record.attnProbs = allocate(rows, heads, positions, positions);
      record.attnOut = allocate(this.tokens, this.architecture.hiddenSize);
      outputs['attn_probs'] = { data: record.attnProbs, shape: [rows, heads, positions, positions] };
      outputs['attn_out'] = this.states(record.attnOut);
    }
    this.watch.lap();
    await layer.attention.run(feeds, outputs);
    record.attentionMicroseconds = this.watch.lap();

    const output = await this.runFeedforward(layer, record);
    record.feedforwardMicroseconds = this.watch.lap();
    const step = { layer: index, attended: attended.data as Float32Array, input: ffnInput, output, fff: record.fff };
    this.options.onFeedforward?.(step);
    if (this.recordAll) {
      record.ffnOutput = output;
    }
    this.layers.push(record);
    return this.states(output);
  }

  /** @returns [tokens, H], before the residual. */
  private async runFeedforward({ feedforward }: LayerParts, record: LayerOutput): Promise<Float32Array> {
    if (feedforward.kind === 'fff') {
      const { output, ...path } = feedforward.layer.forward(record.ffnInput, this.tokens);
      record.fff = path;
      return output;
    }
    const output = allocate(this.tokens, this.architecture.hiddenSize);
    const outputs: Feeds = { ffn_output: this.states(output) };
    if (this.recordAll) {
      const { width, activeWidth } = feedforward;
      record.ffnPreact = allocate(this.tokens, width);
      record.ffnAct = allocate(this.tokens, activeWidth);
      outputs['ffn_preact'] = { data: record.ffnPreact, shape: [this.tokens, width] };
      outputs['ffn_act'] = { data: record.ffnAct, shape: [this.tokens, activeWidth] };
    }
    await feedforward.session.run({ ffn_input: this.states(record.ffnInput) }, outputs);
    return output;
  }

  /** Vocabulary logits of the wanted rows of the final norm, or null when none are wanted. */
  private async predict(finalNorm: Float32Array): Promise<Float32Array | null> {
    const { hiddenSize, vocabularySize } = this.architecture;
    const wanted = this.options.logitsAt ?? [];
    const count = this.recordAll ? this.tokens : wanted.length;
    if (count === 0) {
      return null;
    }
    let rows = finalNorm;
    if (!this.recordAll) {
      rows = allocate(count, hiddenSize);
      wanted.forEach((from, to) => {
        rows.set(finalNorm.subarray(from * hiddenSize, (from + 1) * hiddenSize), to * hiddenSize);
      });
    }
    const logits = allocate(count, vocabularySize);
    await this.parts.decoder.run(
      { states: { data: rows, shape: [count, hiddenSize] } },
      { logits: { data: logits, shape: [count, vocabularySize] } },
    );
    return logits;
  }

  /** The output that closes the layer before, where it is to be kept: the next graph computes it anyway. */
  private hiddenOfLastLayer(): Feeds {
    const last = this.layers.at(-1);
    if (!this.recordAll || last === undefined) {
      return {};
    }
    last.hidden = allocate(this.tokens, this.architecture.hiddenSize);
    return { hidden: this.states(last.hidden) };
  }

  private newStates(): ShapedArray {
    return this.states(allocate(this.tokens, this.architecture.hiddenSize));
  }

  private states(data: Float32Array): ShapedArray {
    return { data, shape: [this.tokens, this.architecture.hiddenSize] };
  }

  private continueOrThrow(): void {
    throwIfCancelled(this.options.signal);
    throwIfCancelled(this.unloading);
  }
}

class Stopwatch {
  private last = performance.now();

  /** Microseconds since the last lap. */
  lap(): number {
    const now = performance.now();
    const elapsed = (now - this.last) * 1000;
    this.last = now;
    return elapsed;
  }
}
