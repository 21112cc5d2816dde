/**
 * The model as the rest of the runner sees it: loaded once, run many times, freed once.
 *
 * onnxruntime computes everything that is not FFF, our kernel what is. Not here: tokenizing, cutting text into windows,
 * timing runs for benchmarks.
 */
import { FffError } from '../../errors';
import { nodeCount } from '../../tree';
import type { Checkpoint, EncoderBatch, EncoderOptions, EncoderOutput, FffLayer, Kernel } from '../contracts';
import { checkBatch } from './batch';
import { decodeStates } from './decode';
import { denseGraph } from './denseGraph';
import { ForwardPass } from './forward';
import { openParts } from './parts';
import type { ModelParts } from './parts';
import { GraphSession, allocate } from './session';
import type { SessionOptions } from './session';
import { readTwin } from './weights';

/** A dense feedforward layer with all the neurons of an FFF layer, for comparison. */
export interface DenseTwin {
  /**
   * @param input [tokens, H].
   * @returns [tokens, H], a new array.
   * @throws FffError BAD_INPUT when the input is not that long.
   */
  run(input: Float32Array, tokens: number): Promise<Float32Array>;
  /** Frees its weights, which are as large as those of the FFF layer. */
  release(): Promise<void>;
}

export interface Encoder {
  /** @throws FffError BAD_INPUT, CANCELLED, OUT_OF_MEMORY, ONNXRUNTIME_FAILED. */
  forward(batch: EncoderBatch, options?: EncoderOptions): Promise<EncoderOutput>;
  /**
   * Vocabulary logits of rows of the residual stream, as if the model ended there: final norm and head.
   * @param states [count, H].
   * @returns [count, V], a new array.
   * @throws FffError BAD_INPUT when the input is not that long.
   */
  decode(states: Float32Array, count: number): Promise<Float32Array>;
  /**
   * Builds the dense twin of an FFF layer from the checkpoint, which has to be open still.
   * @throws FffError BAD_INPUT for a layer that does not exist or is dense anyway.
   */
  twinOf(layer: number): Promise<DenseTwin>;
  /** The packed FFF layer, or null in a dense model. */
  fffLayer(layer: number): FffLayer | null;
  /** Ends running passes at their next layer (they reject with CANCELLED), waits for them and frees everything. */
  dispose(): Promise<void>;
}

/** A serialized graph is one protobuf message, which ends at 2 GiB; weights take nearly all of it. */
const MAX_GRAPH_BYTES = 2 ** 31 - 2 ** 20;

/**
 * Loads a model.
 *
 * @param options `threads`: most threads of one onnxruntime operator or one kernel call, which never run at once;
 *   `signal`: stops between two parts.
 * @throws FffError CHECKPOINT_INVALID, CHECKPOINT_UNSUPPORTED, ONNXRUNTIME_FAILED, OUT_OF_MEMORY, KERNEL_REFUSED,
 *   CANCELLED.
 */
export async function loadEncoder(
  checkpoint: Checkpoint,
  kernel: Kernel,
  options: SessionOptions & { signal?: AbortSignal },
): Promise<Encoder> {
  if (!Number.isInteger(options.threads) || options.threads < 1) {
    throw new FffError('BAD_INPUT', `The number of threads must be a whole number above 0, not ${options.threads}.`);
  }
  return new LoadedEncoder(checkpoint, await openParts(checkpoint, kernel, options), options);
}

class LoadedEncoder implements Encoder {
  private readonly running = new Set<Promise<unknown>>();
  private readonly twins = new Set<LayerTwin>();
  private readonly unloading = new AbortController();
  private disposal: Promise<void> | null = null;

  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly parts: ModelParts,
    private readonly options: SessionOptions,
  ) {}

  async forward(batch: EncoderBatch, options: EncoderOptions = {}): Promise<EncoderOutput> {
    this.assertUsable();
    const { architecture } = this.checkpoint;
    checkBatch(batch, options, architecture);
    const pass = new ForwardPass(this.parts, architecture, batch, options, this.unloading.signal);
    return this.track(pass.run());
  }

  async decode(states: Float32Array, count: number): Promise<Float32Array> {
    this.assertUsable();
    return this.track(decodeStates(this.parts, this.checkpoint.architecture, states, count));
  }

  async twinOf(layer: number): Promise<DenseTwin> {
    this.assertUsable();
    const fff = this.fffLayer(layer);
    if (fff === null) {
      throw new FffError('BAD_INPUT', `Layer ${layer} is dense, so it has no dense twin.`);
    }
    const bytes = 2 * fff.trees * nodeCount(fff.depth) * fff.width * Float32Array.BYTES_PER_ELEMENT;
    if (bytes > MAX_GRAPH_BYTES) {
      const gigabytes = (bytes / 1e9).toFixed(1);
      throw new FffError(
        'ONNXRUNTIME_FAILED',
        `The dense twin of layer ${layer} has ${gigabytes} GB of weights, more than one onnxruntime graph holds.`,
      );
    }
    return this.track(this.openTwin(layer));
  }

  fffLayer(layer: number): FffLayer | null {
    const parts = this.parts.layers[layer];
    if (parts === undefined) {
      throw new FffError('BAD_INPUT', `There is no layer ${layer}; the model has ${this.parts.layers.length}.`);
    }
    return parts.feedforward.kind === 'fff' ? parts.feedforward.layer : null;
  }

  dispose(): Promise<void> {
    this.unloading.abort();
    this.disposal ??= this.free();
    return this.disposal;
  }

  private async openTwin(layer: number): Promise<LayerTwin> {
    const twin = await LayerTwin.open(this.checkpoint, layer, this.options, (done) => this.twins.delete(done));
    this.twins.add(twin);
    return twin;
  }

  private async free(): Promise<void> {
    await Promise.allSettled(this.running);
    await Promise.all(Array.from(this.twins, (twin) => twin.release()));
    await this.parts.release();
  }

  private async track<T>(work: Promise<T>): Promise<T> {
    this.running.add(work);
    try {
      return await work;
    } finally {
      this.running.delete(work);
    }
  }

  private assertUsable(): void {
    if (this.unloading.signal.aborted) {
      throw new FffError('CANCELLED', 'The model was unloaded.');
    }
  }
}

class LayerTwin implements DenseTwin {
  private readonly running = new Set<Promise<void>>();
  private released: Promise<void> | null = null;

  private constructor(
    private readonly session: GraphSession,
    private readonly hiddenSize: number,
    private readonly onRelease: (twin: LayerTwin) => void,
  ) {}

  static async open(
    checkpoint: Checkpoint,
    layer: number,
    options: SessionOptions,
    onRelease: (twin: LayerTwin) => void,
  ): Promise<LayerTwin> {
    const model = denseGraph(await readTwin(checkpoint, layer));
    const session = await GraphSession.open(model, `dense twin of layer ${layer}`, options);
    return new LayerTwin(session, checkpoint.architecture.hiddenSize, onRelease);
  }

  async run(input: Float32Array, tokens: number): Promise<Float32Array> {
    if (this.released !== null) {
      throw new FffError('CANCELLED', 'The dense twin was released.');
    }
    if (!Number.isInteger(tokens) || tokens < 1 || input.length !== tokens * this.hiddenSize) {
      throw new FffError(
        'BAD_INPUT',
        `The dense twin got ${input.length} values where ${tokens} x ${this.hiddenSize} are needed.`,
      );
    }
    const shape = [tokens, this.hiddenSize];
    const output = allocate(tokens, this.hiddenSize);
    const work = this.session.run({ ffn_input: { data: input, shape } }, { ffn_output: { data: output, shape } });
    this.running.add(work);
    try {
      await work;
    } finally {
      this.running.delete(work);
    }
    return output;
  }

  release(): Promise<void> {
    this.released ??= this.free();
    return this.released;
  }

  private async free(): Promise<void> {
    await Promise.allSettled(this.running);
    await this.session.release();
    this.onRelease(this);
  }
}
