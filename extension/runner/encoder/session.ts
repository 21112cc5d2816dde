/**
 * One onnxruntime session: built from a graph in memory, fed with typed arrays, writing into typed arrays.
 *
 * Outputs are always arrays of the caller, which onnxruntime fills directly; without them its Node binding would
 * allocate and copy every result. onnxruntime is loaded when the first session opens, so that a missing or broken
 * binary is an error with a code and not a process that dies on import.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { FffError } from '../../errors';

type Runtime = typeof import('onnxruntime-node');

/** A typed array and the shape it is read with. */
export interface ShapedArray {
  data: Float32Array | Int32Array | BigInt64Array;
  shape: readonly number[];
}

export interface SessionOptions {
  /** Most threads of one operator, the caller's included. */
  threads: number;
}

export class GraphSession {
  private constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
    private readonly what: string,
  ) {}

  /**
   * @param model A serialized ONNX model.
   * @param what Named in errors, for instance `attention of layer 3`.
   * @throws FffError ONNXRUNTIME_FAILED or OUT_OF_MEMORY.
   */
  static async open(model: Uint8Array, what: string, options: SessionOptions): Promise<GraphSession> {
    const runtime = await loadRuntime();
    try {
      const session = await runtime.InferenceSession.create(model, {
        intraOpNumThreads: options.threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        // Failures arrive as exceptions; the log would only repeat them on the terminal.
        logSeverityLevel: 4,
        // Each layer has a session and each session its own threads: they may spin between the operators of one run,
        // but not on into the next layer's, or into the kernel's, time.
        extra: { session: { force_spinning_stop: '1' } },
      });
      return new GraphSession(runtime, session, what);
    } catch (cause) {
      throw runtimeError(cause, `onnxruntime cannot build the ${what}`);
    }
  }

  /**
   * Runs the graph. Takes one turn of the event loop before it starts, so that messages get through in between.
   *
   * @param feeds Every input of the graph.
   * @param outputs The wanted outputs (float32), overwritten.
   */
  async run(
    feeds: Readonly<Record<string, ShapedArray>>,
    outputs: Readonly<Record<string, ShapedArray>>,
  ): Promise<void> {
    try {
      await this.session.run(this.tensors(feeds), this.tensors(outputs));
    } catch (cause) {
      throw runtimeError(cause, `onnxruntime failed in the ${this.what}`);
    }
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  private tensors(arrays: Readonly<Record<string, ShapedArray>>): Record<string, Tensor> {
    const tensors: Record<string, Tensor> = {};
    for (const [name, { data, shape }] of Object.entries(arrays)) {
      tensors[name] =
        data instanceof Float32Array
          ? new this.runtime.Tensor('float32', data, shape)
          : data instanceof Int32Array
            ? new this.runtime.Tensor('int32', data, shape)
            : new this.runtime.Tensor('int64', data, shape);
    }
    return tensors;
  }
}

/**
 * A float32 array for results that are written in full. It starts with whatever the memory held: clearing it first
 * would cost more than the smaller operators of a layer.
 *
 * @throws FffError OUT_OF_MEMORY.
 */
export function allocate(...shape: number[]): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  try {
    return new Float32Array(Buffer.allocUnsafeSlow(length * Float32Array.BYTES_PER_ELEMENT).buffer, 0, length);
  } catch (cause) {
    throw new FffError(
      'OUT_OF_MEMORY',
      `There is not enough memory for a result of ${shape.join(' x ')} values.`,
      'Trace less text at once.',
      { cause },
    );
  }
}

async function loadRuntime(): Promise<Runtime> {
  try {
    const loaded = (await import('onnxruntime-node')) as Runtime & { default?: Runtime };
    return loaded.default ?? loaded;
  } catch (cause) {
    throw new FffError(
      'ONNXRUNTIME_FAILED',
      `onnxruntime-node does not load on ${process.platform}-${process.arch}: ${textOf(cause)}.`,
      'Reinstall the extension for this platform.',
      { cause },
    );
  }
}

function runtimeError(cause: unknown, what: string): FffError {
  const text = textOf(cause);
  if (/bad_alloc|allocate memory|out of memory/i.test(text)) {
    return new FffError('OUT_OF_MEMORY', `${what}: there is not enough memory.`, 'Trace less text at once.', { cause });
  }
  return new FffError('ONNXRUNTIME_FAILED', `${what}: ${text}.`, 'Open the FFF Explorer log for details.', { cause });
}

function textOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).replace(/[\s.]+$/, '');
}
