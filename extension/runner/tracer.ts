/**
 * One loaded model and everything that can be asked of it: text or ids to a trace, a trace to timings.
 *
 * The one home of this for both the runner's process and the terminal. The parts live elsewhere: checkpoint, tokenizer,
 * windows, encoder, kernel, timing; here they are put in order.
 */
import { availableParallelism } from 'node:os';
import { FffError } from '../errors';
import type { LayerTiming, MeasureRequest, ModelInfo, PassTiming, Trace, TraceRequest, TraceToken } from '../protocol';
import { sampleIndices } from './benchmark/verify';
import { openCheckpoint } from './checkpoint/checkpoint';
import type { Architecture, Checkpoint, EncoderBatch, EncoderOptions, EncoderOutput, Kernel } from './contracts';
import { throwIfCancelled } from './encoder/cancellation';
import { loadEncoder, type Encoder } from './encoder/encoder';
import { readFff } from './encoder/weights';
import { Insight } from './insight/insight';
import { loadKernel } from './kernel';
import { timeLayer, verifyLayer, type TimedResult } from './layerTiming';
import { describeModel } from './modelInfo';
import { firstWindows, passTimingOf, restOfPass, samplePasses, type PassWindow } from './passTiming';
import { loadTokenizer, type Tokenizer } from './tokenizer';
import { TraceBuilder } from './traceBuilder';
import { cutIntoWindows } from './windows';

/** More threads than this gain nothing on matrices of a few hundred rows. */
const MAX_THREADS = 8;
/** Tokens whose hidden states are kept for timing: enough for a stable measurement, little enough to keep. */
export const MEASURED_TOKENS = 512;
/** Tokens checked in float64 before a layer is timed. */
const VERIFIED_TOKENS = 8;

export interface TraceHooks {
  signal?: AbortSignal;
  onProgress?: (done: number, total: number, what: string) => void;
}

export interface MeasureHooks {
  signal?: AbortSignal;
  onTiming?: (timing: LayerTiming) => void;
  /** Called once, after the last layer. */
  onPassTiming?: (timing: PassTiming) => void;
}

/** What is kept of the last run to be measured. */
interface MeasurableRun {
  runId: number;
  tokens: number;
  /** [tokens, H] a layer. */
  ffnInputs: Float32Array[];
  windows: PassWindow[];
}

export class Tracer {
  /** Closer looks at the model and at the last trace. */
  readonly insight: Insight;
  private lastRun: MeasurableRun | null = null;

  private constructor(
    readonly info: ModelInfo,
    private readonly checkpoint: Checkpoint,
    private readonly kernel: Kernel,
    private readonly encoder: Encoder,
    /** The tokenizer, or why there is none. */
    private readonly tokenizer: Tokenizer | FffError,
    private readonly threads: number,
  ) {
    const [usable, labelOf] = [() => this.usableTokenizer(), (id: number) => this.labelOf(id)];
    this.insight = new Insight({ info, checkpoint, encoder, tokenizer: usable, labelOf });
  }

  /**
   * Loads a checkpoint folder.
   * @param options `threads`: threads of onnxruntime; 0 chooses. `signal`: ends the load, and frees what it has.
   * @throws FffError CANCELLED, or of the checkpoint, the kernel or onnxruntime. An unusable tokenizer is no obstacle
   * until text is traced.
   */
  static async open(directory: string, options: { threads: number; signal?: AbortSignal }): Promise<Tracer> {
    const threads = options.threads > 0 ? options.threads : Math.min(availableParallelism(), MAX_THREADS);
    const kernel = loadKernel();
    const checkpoint = await openCheckpoint(directory);
    let encoder: Encoder | null = null;
    try {
      const tokenizer = await tokenizerOf(checkpoint);
      const hash = checkpoint.weightsHash();
      // Read beside the load; its failure is reported by the `await` below, not as an unhandled rejection.
      hash.catch(() => undefined);
      encoder = await loadEncoder(checkpoint, kernel, { ...options, threads });
      throwIfCancelled(options.signal);
      const usable = tokenizer instanceof FffError ? null : tokenizer;
      const info = describeModel(checkpoint, usable, await hash);
      return new Tracer(info, checkpoint, kernel, encoder, tokenizer, threads);
    } catch (error) {
      await encoder?.dispose();
      await checkpoint.close();
      throw error;
    }
  }

  /**
   * Runs the model over a text or ids, window after window.
   * @throws FffError BAD_INPUT, TOKENIZER_INVALID, CANCELLED or an error of the engine.
   */
  async trace(request: TraceRequest, hooks: TraceHooks = {}): Promise<Trace> {
    const start = performance.now();
    const idToToken = (id: number): string | null => this.nameOf(id);
    const cut = await cutIntoWindows(request.input, this.info, () => this.usableTokenizer(), idToToken);
    const tokenizeMs = performance.now() - start;
    const tokenCount = cut.windows.reduce((sum, window) => sum + window.length, 0);
    checkPredictAt(request.predictAt, tokenCount);
    const pass = await this.insight.startTrace(request.interventions, tokenCount);
    const builder = new TraceBuilder(this.checkpoint.architecture, tokenCount, MEASURED_TOKENS, (id) =>
      this.labelOf(id),
    );
    const layers = this.info.layers;
    const passed: { ids: Int32Array; logitsAt: number[] }[] = [];
    for (const [index, window] of cut.windows.entries()) {
      const wanted = this.positionsToPredict(window, builder.tokensDone, request);
      const batch = batchOf(window);
      passed.push({ ids: batch.ids, logitsAt: wanted });
      const output = await this.encoder.forward(batch, {
        logitsAt: wanted,
        ...(hooks.signal ? { signal: hooks.signal } : {}),
        onFeedforward: pass.at(builder.tokensDone),
        onLayer: (layer) =>
          hooks.onProgress?.(
            index * layers + layer + 1,
            cut.windows.length * layers,
            `Layer ${layer + 1} of ${layers}`,
          ),
      });
      builder.add(window, output, wanted, request.topPredictions);
      await breathe(hooks.signal);
    }
    const measurable = builder.measurable();
    this.lastRun = { runId: request.runId, ...measurable, windows: firstWindows(passed, measurable.tokens) };
    const trace = builder.finish({
      runId: request.runId,
      model: this.info,
      text: 'text' in request.input ? request.input.text : '',
      omittedWindows: cut.omittedWindows,
      leftOutCharacters: cut.leftOutCharacters,
      kernelImplementation: this.kernel.implementation,
      tokenizeMs,
      totalMs: performance.now() - start,
    });
    return this.insight.remember(trace, pass, this.lastRun.ffnInputs);
  }

  /**
   * Times every FFF layer of the last trace against its dense twin, on that trace's own hidden states, and the rest of
   * the pass amid and after them.
   * @returns One timing a layer; none for dense models, whose layers have no FFF to compare.
   * @throws FffError BAD_INPUT when another run was traced since, CANCELLED.
   */
  async measure(request: MeasureRequest, hooks: MeasureHooks = {}): Promise<LayerTiming[]> {
    const run = this.lastRun;
    if (run?.runId !== request.runId) {
      throw new FffError(
        'BAD_INPUT',
        `Run ${request.runId} is not the last one, so it cannot be measured.`,
        'Trace it again.',
      );
    }
    if (this.info.feedforward.kind === 'dense') {
      return [];
    }
    const rest: number[] = [];
    const pass = (): Promise<number> => restOfPass(this.encoder, run.windows, hooks.signal);
    const results: TimedResult[] = [];
    const routed = run.ffnInputs.flatMap((input, layer) => {
      const fff = this.encoder.fffLayer(layer);
      return fff === null ? [] : [{ layer, input, fff }];
    });
    // Both bursts together take no longer than the layers may.
    const burstMs = (request.budgetMsPerLayer * routed.length) / 2;
    for (const { layer, input, fff } of routed) {
      await breathe(hooks.signal);
      // In two bursts, amid and after the layers: the machine may be quicker early and slower late.
      if (results.length === Math.floor(routed.length / 2)) {
        await samplePasses(pass, rest, burstMs);
      }
      const weights = await readFff(this.checkpoint, layer);
      const verified = verifyLayer(fff, weights, input, run.tokens, sampleIndices(run.tokens, VERIFIED_TOKENS));
      const twin = await this.encoder.twinOf(layer);
      try {
        const timed = {
          layer,
          fff,
          twin,
          input,
          tokens: run.tokens,
          threads: this.threads,
          verifiedMaxDifference: verified,
        };
        results.push(await timeLayer(timed, { budgetMs: request.budgetMsPerLayer, ...hooks }));
      } finally {
        await twin.release();
      }
    }
    await samplePasses(pass, rest, burstMs);
    hooks.onPassTiming?.(passTimingOf(rest, results, run.tokens));
    return results.map(({ timing }) => timing);
  }

  get architecture(): Architecture {
    return this.checkpoint.architecture;
  }

  /** Name of the kernel implementation that runs. */
  get implementation(): string {
    return this.kernel.implementation;
  }

  /** Runs one padded batch as it is, without windows and predictions: what fixtures are compared with. */
  forward(batch: EncoderBatch, options: EncoderOptions): Promise<EncoderOutput> {
    return this.encoder.forward(batch, options);
  }

  /** Frees the weights; running calls end with CANCELLED. */
  async dispose(): Promise<void> {
    this.lastRun = null;
    await this.insight.dispose();
    await this.encoder.dispose();
    await this.checkpoint.close();
  }

  private usableTokenizer(): Tokenizer {
    if (this.tokenizer instanceof FffError) {
      throw this.tokenizer;
    }
    return this.tokenizer;
  }

  private nameOf(id: number): string | null {
    return this.tokenizer instanceof FffError ? null : this.tokenizer.idToToken(id);
  }

  private labelOf(id: number): string {
    return this.nameOf(id) ?? `#${id}`;
  }

  /** Positions within the window: the masks, and what the request names by index within the whole trace. */
  private positionsToPredict(window: readonly TraceToken[], first: number, request: TraceRequest): number[] {
    if (request.topPredictions < 1) {
      return [];
    }
    const maskId = this.tokenizer instanceof FffError ? null : this.tokenizer.maskId;
    const asked = new Set(request.predictAt);
    return [...window.keys()].filter((position) => window[position]!.id === maskId || asked.has(first + position));
  }
}

async function tokenizerOf(checkpoint: Checkpoint): Promise<Tokenizer | FffError> {
  if (checkpoint.tokenizerFile === null) {
    return new FffError(
      'TOKENIZER_INVALID',
      `${checkpoint.directory} has no tokenizer.json, so it can be run on token ids only.`,
      'Add the tokenizer.json of this model.',
    );
  }
  try {
    return await loadTokenizer(checkpoint.tokenizerFile, checkpoint.architecture.vocabularySize);
  } catch (error) {
    if (error instanceof FffError) {
      return error;
    }
    throw error;
  }
}

function batchOf(window: readonly TraceToken[]): EncoderBatch {
  return { ids: Int32Array.from(window, (token) => token.id), mask: null, rows: 1, positions: window.length };
}

function checkPredictAt(predictAt: readonly number[] | undefined, tokens: number): void {
  const bad = predictAt?.find((index) => !Number.isInteger(index) || index < 0 || index >= tokens);
  if (bad !== undefined) {
    throw new FffError('BAD_INPUT', `There is no token ${bad} to predict at; the text has ${tokens} tokens.`);
  }
}

/** Lets messages in, among them a cancellation. */
async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) {
    throw new FffError('CANCELLED', 'The run was cancelled.');
  }
}
