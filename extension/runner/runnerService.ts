/**
 * What the runner does for its owner: loads a model, traces and measures, one thing at a time.
 *
 * Thin on purpose: the model lives in `tracer.ts`. Kept apart from the process it runs in, so that tests drive it
 * without one.
 */
import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import { FffError } from '../errors';
import {
  PROTOCOL_VERSION,
  type LayerTiming,
  type MeasureRequest,
  type ModelInfo,
  type PassTiming,
  type RunnerApi,
  type RunnerEvents,
  type RunnerHello,
  type RunnerOptions,
  type Trace,
  type TraceRequest,
} from '../protocol';
import type { Handlers, RequestContext } from '../rpc';
import { benchmarkHandlers } from './benchmarkHandlers';
import { insightHandlers, type InsightLike } from './insight/handlers';

/** One loaded model; `tracer.ts` has the real one. */
export interface TracerLike {
  readonly info: ModelInfo;
  /** Closer looks at the model and its last trace. */
  readonly insight?: InsightLike;
  trace(
    request: TraceRequest,
    hooks: { signal?: AbortSignal; onProgress?: (done: number, total: number, what: string) => void },
  ): Promise<Trace>;
  measure(
    request: MeasureRequest,
    hooks: {
      signal?: AbortSignal;
      onTiming?: (timing: LayerTiming) => void;
      onPassTiming?: (timing: PassTiming) => void;
    },
  ): Promise<LayerTiming[]>;
  dispose(): void | Promise<void>;
}

/** The native side, loaded when the host says hello, so that a failure is an answer and not a crash. */
export interface Engine {
  onnxruntimeVersion: string;
  kernelImplementation: string;
  supportedImplementations: string[];
  /** @param signal ends the load; what was loaded so far is freed and the promise rejects with CANCELLED. */
  open(directory: string, options: RunnerOptions, signal: AbortSignal): Promise<TracerLike>;
}

export type Emit = <Name extends keyof RunnerEvents>(name: Name, payload: RunnerEvents[Name]) => void;

interface LoadedModel {
  directory: string;
  /** Changes when a file of the folder does. */
  stamp: string;
  tracer: TracerLike;
}

export class RunnerService {
  private engine: Engine | null = null;
  private options: RunnerOptions = { threads: 0 };
  private model: LoadedModel | null = null;
  /** The load under way. It outlives a run that is given up: the next one most likely wants the same model. */
  private loading: { directory: string; controller: AbortController } | null = null;
  private queue: Promise<unknown> = Promise.resolve();
  private running: AbortController | null = null;

  /** What a pump serves. */
  readonly handlers: Handlers<RunnerApi> = {
    hello: (options) => this.hello(options),
    loadModel: (directory, context) => this.loadModel(directory, context),
    trace: (request, context) => this.trace(request, context),
    measure: (request, context) => this.measure(request, context),
    ...benchmarkHandlers((name, payload) => this.emit(name, payload)),
    ...insightHandlers({
      current: () => this.model?.tracer.insight,
      open: async (directory, fresh) => (await this.openBeside(directory, fresh)).insight,
      idle: () => this.queue.then(() => undefined),
      progress: (progress) => this.emit('progress', progress),
    }),
  };

  constructor(
    private readonly loadEngine: () => Promise<Engine>,
    private readonly emit: Emit,
  ) {}

  private async hello(options: RunnerOptions): Promise<RunnerHello> {
    this.options = options;
    this.engine = await this.loadEngine();
    return {
      protocolVersion: PROTOCOL_VERSION,
      pid: process.pid,
      nodeVersion: process.versions.node,
      onnxruntimeVersion: this.engine.onnxruntimeVersion,
      kernelImplementation: this.engine.kernelImplementation,
      supportedImplementations: this.engine.supportedImplementations,
    };
  }

  private loadModel(directory: string, { signal }: RequestContext): Promise<ModelInfo> {
    this.stopLoadingOthers(directory);
    return this.exclusively(signal, async () => (await this.open(directory)).info);
  }

  private trace(request: TraceRequest, { signal }: RequestContext): Promise<Trace> {
    this.stopLoadingOthers(request.model);
    return this.exclusively(signal, async (ownSignal) => {
      const progress = (done: number, total: number, what: string): void =>
        this.emit('progress', { runId: request.runId, done, total, what });
      if (this.model?.directory !== path.resolve(request.model)) {
        progress(0, 0, 'Loading the model');
      }
      const tracer = await this.open(request.model);
      ownSignal.throwIfAborted();
      return tracer.trace(request, { signal: ownSignal, onProgress: progress });
    });
  }

  private measure(request: MeasureRequest, { signal }: RequestContext): Promise<LayerTiming[]> {
    return this.exclusively(signal, (ownSignal) => {
      if (this.model === null) {
        throw new FffError('BAD_INPUT', 'There is no trace to measure.', 'Inspect a selection first.');
      }
      return this.model.tracer.measure(request, {
        signal: ownSignal,
        onTiming: (timing) => this.emit('timing', { runId: request.runId, timing }),
        onPassTiming: (passTiming) => this.emit('passTiming', { runId: request.runId, passTiming }),
      });
    });
  }

  /**
   * Runs one piece of work after the one before has ended. The newest request is the one the user is waiting for, so
   * it cancels the others instead of queueing behind them.
   */
  private exclusively<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.running?.abort();
    const controller = new AbortController();
    this.running = controller;
    const abort = (): void => controller.abort();
    signal.addEventListener('abort', abort, { once: true });
    const result = this.queue.then(async () => {
      try {
        if (signal.aborted || controller.signal.aborted) {
          throw new FffError('CANCELLED', 'The run was cancelled.');
        }
        return await work(controller.signal);
      } finally {
        signal.removeEventListener('abort', abort);
      }
    });
    this.queue = result.catch(() => undefined);
    return result;
  }

  /** Nobody waits any more for another model than the one that is wanted now; two at once may not fit. */
  private stopLoadingOthers(directory: string): void {
    if (this.loading !== null && this.loading.directory !== path.resolve(directory)) {
      this.loading.controller.abort();
    }
  }

  /** Opens a model without cancelling what runs; where it has to be loaded, in its turn. */
  private openBeside(directory: string, fresh: boolean): Promise<TracerLike> {
    if (!fresh && this.model?.directory === path.resolve(directory)) {
      return Promise.resolve(this.model.tracer);
    }
    const opened = this.queue.then(() => this.open(directory));
    this.queue = opened.catch(() => undefined);
    return opened;
  }

  private async open(directory: string): Promise<TracerLike> {
    if (this.engine === null) {
      throw new FffError('PROTOCOL_MISMATCH', 'The first request to the runner must be the handshake.');
    }
    const resolved = path.resolve(directory);
    const stamp = await stampOf(resolved);
    if (this.model?.directory === resolved && this.model.stamp === stamp) {
      return this.model.tracer;
    }
    // The old weights go first: two models at once may not fit.
    const previous = this.model;
    this.model = null;
    await previous?.tracer.dispose();
    const startedAt = performance.now();
    const tracer = await this.load(this.engine, resolved);
    this.model = { directory: resolved, stamp, tracer };
    const elapsedMs = Math.round(performance.now() - startedAt);
    this.emit('log', { level: 'info', message: `Loaded ${resolved} in ${elapsedMs} ms` });
    return tracer;
  }

  private async load(engine: Engine, directory: string): Promise<TracerLike> {
    const loading = { directory, controller: new AbortController() };
    this.loading = loading;
    const { signal } = loading.controller;
    try {
      const tracer = await engine.open(directory, this.options, signal);
      if (signal.aborted) {
        await tracer.dispose();
        throw new FffError('CANCELLED', 'Another model was asked for while this one was loaded.');
      }
      return tracer;
    } finally {
      this.loading = null;
    }
  }
}

/** Size and time of every file that could change what a checkpoint folder means; missing ones are left to the reader. */
async function stampOf(directory: string): Promise<string> {
  const files = ['config.json', 'model_config.json', 'model.safetensors', 'pytorch_model.bin', 'tokenizer.json'];
  const stamps = await Promise.all(
    files.map((file) =>
      stat(path.join(directory, file)).then(
        ({ size, mtimeMs }) => `${file}:${size}:${mtimeMs}`,
        () => '',
      ),
    ),
  );
  return stamps.join('|');
}
