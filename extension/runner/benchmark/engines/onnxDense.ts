/**
 * Dense layers in onnxruntime: the twin, the 3072-neuron layer, the 16-neuron control and the token-by-token one.
 *
 * The graph is the encoder's own. Tensors over the pool are made once and kept, so that a timed call holds as little of
 * our JavaScript as the binding allows; what remains is measured by `callOverhead` and reported.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { FffError } from '../../../errors';
import { denseGraph } from '../../encoder/denseGraph';
import { GraphBuilder } from '../../encoder/graph';
import type { DenseWeights } from '../distributions';
import type { EngineIdentity, LocalLayer } from './engine';

type Runtime = typeof import('onnxruntime-node');

export async function loadOnnxruntime(): Promise<Runtime> {
  try {
    const loaded = (await import('onnxruntime-node')) as Runtime & { default?: Runtime };
    return loaded.default ?? loaded;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FffError(
      'ONNXRUNTIME_FAILED',
      `onnxruntime-node does not load on ${process.platform}-${process.arch}: ${why}.`,
      'Reinstall the extension for this platform.',
      { cause },
    );
  }
}

export function onnxIdentity(runtime: Runtime, threads: number): EngineIdentity {
  return { implementation: `onnxruntime ${runtime.env.versions.node ?? ''}`.trim(), precision: 'fp32', threads };
}

/** @param perToken One call a token, as if each came alone. */
export async function onnxDenseLayer(
  runtime: Runtime,
  weights: DenseWeights,
  threads: number,
  perToken = false,
): Promise<LocalLayer> {
  const { width, neurons, first, firstBias, second, secondBias } = weights;
  const session = await openSession(
    runtime,
    denseGraph({
      hiddenSize: width,
      width: neurons,
      activation: 'GELU',
      gated: false,
      inspectable: false,
      first: {
        weight: { name: 'first', shape: [neurons, width], data: first },
        bias: { name: 'first_bias', shape: [neurons], data: firstBias },
      },
      second: {
        weight: { name: 'second', shape: [width, neurons], data: second },
        bias: secondBias === null ? null : { name: 'second_bias', shape: [width], data: secondBias },
      },
    }),
    threads,
  );
  const tensors = new TensorCache(runtime, width);
  const dispose = (): Promise<void> => session.release();
  if (!perToken) {
    return {
      run: async (input, tokens, output) => {
        await session.run({ ffn_input: tensors.of(input, tokens) }, { ffn_output: tensors.of(output, tokens) });
      },
      dispose,
    };
  }
  return {
    run: async (input, tokens, output) => {
      for (let token = 0; token < tokens; token++) {
        await session.run({ ffn_input: tensors.row(input, token) }, { ffn_output: tensors.row(output, token) });
      }
    },
    dispose,
  };
}

/** Microseconds of a call that computes next to nothing: what the binding adds to every onnxruntime figure. */
export async function callOverhead(runtime: Runtime, width: number): Promise<number> {
  const graph = new GraphBuilder('nothing');
  const input = graph.input('ffn_input', 'float32', ['N', width]);
  graph.node('Relu', 'ffn_output', [input]);
  graph.output('ffn_output', ['N', width]);
  const session = await openSession(runtime, graph.build(), 1);
  try {
    const tensors = new TensorCache(runtime, width);
    const feeds = { ffn_input: tensors.of(new Float32Array(width), 1) };
    const fetches = { ffn_output: tensors.of(new Float32Array(width), 1) };
    const durations: number[] = [];
    for (let call = 0; call < 300; call++) {
      const started = performance.now();
      await session.run(feeds, fetches);
      durations.push(performance.now() - started);
    }
    durations.splice(0, 100);
    durations.sort((a, b) => a - b);
    return durations[Math.floor(durations.length / 2)]! * 1000;
  } finally {
    await session.release();
  }
}

/** The same options the encoder uses, with threads that do not spin on into the next engine's time. */
async function openSession(runtime: Runtime, model: Uint8Array, threads: number): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(model, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
      extra: { session: { force_spinning_stop: '1' } },
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const code = /bad_alloc|allocate memory|out of memory/i.test(why) ? 'OUT_OF_MEMORY' : 'ONNXRUNTIME_FAILED';
    throw new FffError(code, `onnxruntime cannot build the dense layer: ${why}`, undefined, { cause });
  }
}

/** Tensors by the array they cover. Arrays are the windows of one pool, so the cache stays as small as the pool. */
class TensorCache {
  private readonly whole = new WeakMap<Float32Array, Tensor>();
  private readonly rows = new WeakMap<Float32Array, Tensor[]>();

  constructor(
    private readonly runtime: Runtime,
    private readonly width: number,
  ) {}

  of(array: Float32Array, tokens: number): Tensor {
    let tensor = this.whole.get(array);
    if (tensor === undefined) {
      tensor = new this.runtime.Tensor('float32', array, [tokens, this.width]);
      this.whole.set(array, tensor);
    }
    return tensor;
  }

  row(array: Float32Array, index: number): Tensor {
    let rows = this.rows.get(array);
    if (rows === undefined) {
      const { width } = this;
      rows = Array.from(
        { length: array.length / width },
        (_, row) => new this.runtime.Tensor('float32', array.subarray(row * width, (row + 1) * width), [1, width]),
      );
      this.rows.set(array, rows);
    }
    return rows[index]!;
  }
}
