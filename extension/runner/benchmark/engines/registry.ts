/** From the engines a plan names to engines that run: which exist here, and how each is prepared. */
import { FffError } from '../../../errors';
import type { EngineSpec } from '../engineSpec';
import { ENGINES, engineSpecText } from '../engineSpec';
import type { DenseWeights } from '../distributions';
import type { PreparedWorkload } from '../workload';
import { LocalEngine } from './engine';
import type { PreparedEngine } from './engine';
import { prepareFff } from './fffKernel';
import type { BenchmarkKernel } from './fffKernel';
import type { NativeBaselines } from './native';
import { loadOnnxruntime, onnxDenseLayer, onnxIdentity } from './onnxDense';
import { paperDenseLayer, paperFffLayer } from './paperLevels';

/** What engines are made of; everything is asked for when first needed. */
export interface EngineServices {
  /** @throws FffError KERNEL_LOAD_FAILED. */
  kernel(): BenchmarkKernel;
  native: NativeBaselines;
}

/** An engine of the plan that this machine does not have, and why. */
export interface MissingEngine {
  engine: string;
  reason: string;
}

const NEURONS = { 'dense-3072': 3072, 'dense-16': 16 } as const;

/** Replaces `@*` by what this machine has. */
export async function availableEngines(
  specs: readonly EngineSpec[],
  services: EngineServices,
): Promise<{ specs: EngineSpec[]; missing: MissingEngine[] }> {
  const available: EngineSpec[] = [];
  const missing: MissingEngine[] = [];
  for (const spec of specs) {
    const native = spec.engine === 'native-twin' || spec.engine === 'native-3072';
    if (native) {
      const { found, absent } = await services.native.libraries();
      const wanted = spec.implementation === '*' || spec.implementation === null ? null : spec.implementation;
      const names = wanted === null ? found : found.filter((name) => name === wanted);
      names.forEach((implementation) => available.push({ ...spec, implementation }));
      absent
        .filter(({ name }) => wanted === null || name === wanted)
        .forEach(({ name, reason }) => missing.push({ engine: `${spec.engine}@${name}`, reason }));
      if (wanted !== null && names.length === 0 && !absent.some(({ name }) => name === wanted)) {
        missing.push({ engine: engineSpecText(spec), reason: 'no native library of that name is known' });
      }
    } else if (spec.engine === 'fff' && spec.implementation === '*') {
      // One that differs in bf16 only would measure another one's code under its own name.
      const differs = spec.precision === 'bf16' || spec.precision === 'exact-low';
      const names = services
        .kernel()
        .implementations.filter(({ supported, multipliesBf16 }) => supported && (differs || !multipliesBf16));
      names.forEach(({ name }) => available.push({ ...spec, implementation: name }));
    } else {
      available.push(spec);
    }
  }
  return { specs: available, missing };
}

/**
 * @param threads Already resolved: at least 1.
 * @throws FffError where the engine cannot be prepared; the run then goes on without it.
 */
export async function prepareEngine(
  spec: EngineSpec,
  workload: PreparedWorkload,
  threads: number,
  services: EngineServices,
): Promise<PreparedEngine> {
  const { engine } = spec;
  switch (engine) {
    case 'fff':
      return prepareFff(services.kernel(), workload, spec.implementation, spec.precision, threads);
    case 'dense-twin':
    case 'dense-3072':
    case 'dense-16':
    case 'dense-per-token': {
      const runtime = await loadOnnxruntime();
      const perToken = engine === 'dense-per-token';
      return new LocalEngine(
        onnxIdentity(runtime, threads),
        workload,
        await allOf(denseWeights(spec, workload), (weights) => onnxDenseLayer(runtime, weights, threads, perToken)),
      );
    }
    case 'native-twin':
    case 'native-3072':
      return services.native.prepare(spec.implementation ?? '', denseWeights(spec, workload), workload, threads);
    case 'paper-fff-1':
    case 'paper-fff-2':
      return loops(
        workload,
        workload.layers.map((weights) => paperFffLayer(engine === 'paper-fff-1' ? 1 : 2, weights)),
      );
    case 'paper-dense-1':
    case 'paper-dense-2':
    case 'paper-dense-3': {
      const level = engine === 'paper-dense-1' ? 1 : engine === 'paper-dense-2' ? 2 : 3;
      return loops(
        workload,
        workload.twins().map((weights) => paperDenseLayer(level, weights)),
      );
    }
  }
}

/** The dense layers an engine computes, or an error for engines that compute none. */
export function denseWeights(spec: EngineSpec, workload: PreparedWorkload): readonly DenseWeights[] {
  const { kind } = ENGINES[spec.engine];
  switch (kind) {
    case 'dense-twin':
      return workload.twins();
    case 'dense-3072':
    case 'dense-16':
      return workload.dense(NEURONS[kind]);
    case 'fff':
      throw new FffError('INTERNAL', `Engine ${spec.engine} is no dense layer.`);
  }
}

function loops(workload: PreparedWorkload, layers: ReturnType<typeof paperFffLayer>[]): PreparedEngine {
  return new LocalEngine({ implementation: 'plain loops', precision: 'fp32', threads: 1 }, workload, layers);
}

/** One after the other; what was prepared is given back when one fails. */
async function allOf<T, R extends { dispose(): void | Promise<void> }>(
  values: readonly T[],
  prepare: (value: T) => Promise<R>,
): Promise<R[]> {
  const prepared: R[] = [];
  try {
    for (const value of values) {
      prepared.push(await prepare(value));
    }
    return prepared;
  } catch (thrown) {
    for (const one of prepared) {
      await one.dispose();
    }
    throw thrown;
  }
}
