/**
 * What the benchmark asks of an engine: compute a batch once so that it can be checked, and run many calls so that they
 * can be timed. How it does so (in this process, in another, in a native program) is its own affair.
 */
import type { FffWeights } from '../../contracts';
import type { DenseWeights } from '../distributions';
import type { Precision } from '../engineSpec';

/** The layers and tokens all engines of a cell share. */
export interface Workload {
  width: number;
  depth: number;
  trees: number;
  /** One layer when weights are warm, several that take turns when they are cold. */
  layers: readonly FffWeights[];
  /** As many dense layers of so many neurons; the same ones at every call. */
  dense(neurons: number): readonly DenseWeights[];
  /** [tokens, width]; calls move on through it. */
  pool: Float32Array;
  tokens: number;
}

/** What is printed in the engine's rows. */
export interface EngineIdentity {
  /** Implementation or library with its version, for instance `avx512` or `onnxruntime 1.30.0`. */
  implementation: string;
  precision: Precision;
  /** Threads it may use. */
  threads: number;
}

export interface PreparedEngine {
  readonly identity: EngineIdentity;
  /** Its outputs are sums of products in bf16, also where its precision stores something else. */
  readonly multipliesBf16?: boolean;
  /**
   * Computes tokens `first .. first + batch - 1` of the pool through one layer of the workload.
   * @returns [batch, width], valid until the next call.
   */
  compute(first: number, batch: number, layer: number): Promise<Float32Array>;
  /**
   * Runs so many calls of `batch` tokens, each on tokens the last one did not see and on the next layer.
   * @returns the microseconds all of them took.
   */
  burst(batch: number, calls: number): Promise<number>;
  dispose(): Promise<void>;
}

/** A layer as a local engine offers it: writes [tokens, width]. Asynchronous only where the library is. */
export interface LocalLayer {
  run(input: Float32Array, tokens: number, output: Float32Array): void | Promise<void>;
  dispose(): void | Promise<void>;
}

/** Runs layers that live in this process over the pool. */
export class LocalEngine implements PreparedEngine {
  /** Windows of the pool, made once for each batch: a view costs more than a short call. */
  private readonly windows = new Map<number, Float32Array[]>();
  private output = new Float32Array(0);
  private nextWindow = 0;
  private nextLayer = 0;

  constructor(
    readonly identity: EngineIdentity,
    private readonly workload: Pick<Workload, 'width' | 'pool' | 'tokens'>,
    private readonly layers: readonly LocalLayer[],
  ) {}

  async compute(first: number, batch: number, layer: number): Promise<Float32Array> {
    const { width, pool } = this.workload;
    const output = this.outputFor(batch);
    // An engine that writes nothing must not pass on what another call left behind.
    output.fill(NaN);
    await this.layers[layer]!.run(pool.subarray(first * width, (first + batch) * width), batch, output);
    return output;
  }

  async burst(batch: number, calls: number): Promise<number> {
    const windows = this.windowsFor(batch);
    const output = this.outputFor(batch);
    const { layers } = this;
    let window = this.nextWindow % windows.length;
    let layer = this.nextLayer;
    const started = performance.now();
    for (let call = 0; call < calls; call++) {
      const pending = layers[layer]!.run(windows[window]!, batch, output);
      if (pending !== undefined) {
        await pending;
      }
      window = window + 1 === windows.length ? 0 : window + 1;
      layer = layer + 1 === layers.length ? 0 : layer + 1;
    }
    const elapsedMs = performance.now() - started;
    this.nextWindow = window;
    this.nextLayer = layer;
    return elapsedMs * 1000;
  }

  async dispose(): Promise<void> {
    this.windows.clear();
    for (const layer of this.layers) {
      await layer.dispose();
    }
  }

  private windowsFor(batch: number): Float32Array[] {
    let windows = this.windows.get(batch);
    if (windows === undefined) {
      const { width, pool, tokens } = this.workload;
      windows = Array.from({ length: Math.floor(tokens / batch) }, (_, index) =>
        pool.subarray(index * batch * width, (index + 1) * batch * width),
      );
      this.windows.set(batch, windows);
    }
    return windows;
  }

  private outputFor(batch: number): Float32Array {
    const length = batch * this.workload.width;
    if (this.output.length !== length) {
      this.output = new Float32Array(length);
    }
    return this.output;
  }
}
