/** Stand-ins for clock, kernel and services, so that the engine's logic is tested without measuring anything. */
import { nodeCount } from '../../../extension/tree';
import type { FffLayer, FffWeights } from '../../../extension/runner/contracts';
import type { BenchmarkKernel } from '../../../extension/runner/benchmark/engines/fffKernel';
import type { Environment } from '../../../extension/runner/benchmark/environment';
import type { NativeBaselines } from '../../../extension/runner/benchmark/engines/native';
import { paperDenseLayer, paperFffLayer } from '../../../extension/runner/benchmark/engines/paperLevels';
import { exactPath } from '../../../extension/runner/benchmark/reference';
import type { Clock, Subject } from '../../../extension/runner/benchmark/schedule';
import type { BenchmarkServices } from '../../../extension/runner/benchmark/run';
import type { Precision } from '../../../extension/runner/benchmark/engineSpec';
import type { Workload } from '../../../extension/runner/benchmark/engines/engine';

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  ms = 0;
  /** What the calendar is ahead. */
  skewMs = 0;

  monotonicMs(): number {
    return this.ms;
  }

  wallMs(): number {
    return 1e12 + this.ms + this.skewMs;
  }
}

/** A subject whose n-th call takes what `microseconds` says; it moves the clock and keeps a log of its bursts. */
export function fakeSubject(
  id: string,
  clock: FakeClock,
  log: { id: string; calls: number }[],
  microseconds: (call: number) => number,
  reference = false,
): Subject {
  let call = 0;
  return {
    id,
    reference,
    burst: async (calls) => {
      log.push({ id, calls });
      let sum = 0;
      for (let i = 0; i < calls; i++) {
        sum += microseconds(call++);
      }
      clock.ms += sum / 1000;
      return sum;
    },
  };
}

/** A kernel in TypeScript; `spoil` may falsify its outputs. */
export function fakeKernel(
  spoil: (output: Float32Array) => void = () => undefined,
): BenchmarkKernel & { calls: number } {
  const kernel = {
    implementation: 'fake',
    implementations: [
      { name: 'fake', supported: true, multipliesBf16: false },
      { name: 'other', supported: false, multipliesBf16: false },
      { name: 'fake16', supported: true, multipliesBf16: true },
    ],
    calls: 0,
    createLayer(weights: FffWeights, { precision }: { precision: Precision }): FffLayer {
      const { width, depth, trees } = weights;
      const loops = paperFffLayer(1, weights);
      const forwardInto = (input: Float32Array, tokens: number, output: Float32Array): void => {
        kernel.calls++;
        void loops.run(input, tokens, output);
        spoil(output);
      };
      return {
        width,
        depth,
        trees,
        // As a kernel that chooses by precision.
        implementation: precision === 'exact-low' ? 'fake16' : 'fake',
        bytes: 8 * width * nodeCount(depth) * trees,
        forwardInto,
        forward: (input, tokens) => {
          const output = new Float32Array(tokens * width);
          forwardInto(input, tokens, output);
          const nodes = new Int32Array(tokens * trees * (depth + 1));
          for (let token = 0; token < tokens; token++) {
            for (let tree = 0; tree < trees; tree++) {
              const path = exactPath(weights, input.subarray(token * width, (token + 1) * width), tree);
              nodes.set(path.nodes, (token * trees + tree) * (depth + 1));
            }
          }
          return { output, nodes, logits: new Float32Array(nodes.length), activations: new Float32Array(nodes.length) };
        },
        dispose: () => undefined,
      };
    },
  };
  return kernel;
}

export const fakeEnvironment: Environment = {
  recordedAt: '2026-01-01T00:00:00.000Z',
  cpu: 'Test CPU',
  logicalCores: 2,
  simd: ['avx2'],
  caches: { l1d: 32768, l2: null, l3: null },
  memoryBytes: 8e9,
  availableMemoryBytes: 4e9,
  os: 'Test 1',
  architecture: 'x64',
  loadAverage: 0,
  nodeVersion: '20.0.0',
  onnxruntimeVersion: '1.0.0',
  kernelImplementation: 'fake',
  supportedImplementations: ['fake'],
  modelHash: null,
  version: null,
  commit: null,
  remarks: [],
};

/**
 * Native libraries whose layers compute what is right, in plain loops, and take what they are told.
 *
 * @param setUp called whenever a library's layer is set up; answers how long so many calls of it take, in microseconds.
 */
export function fakeNative(
  found: string[],
  setUp: (library: string, workload: Workload) => (calls: number) => number,
): NativeBaselines {
  return {
    libraries: async () => ({ found, absent: [] }),
    prepare: async (library, layers, workload) => {
      const microseconds = setUp(library, workload);
      const loops = paperDenseLayer(1, layers[0]!);
      return {
        identity: { implementation: library, precision: 'fp32', threads: 1 },
        compute: async (first, batch) => {
          const output = new Float32Array(batch * workload.width);
          await loops.run(workload.pool.subarray(first * workload.width), batch, output);
          return output;
        },
        burst: async (_batch, calls) => microseconds(calls),
        dispose: async () => undefined,
      };
    },
  };
}

/** Services of a machine with a kernel in TypeScript, the real onnxruntime, no native libraries and no ladder. */
export function fakeServices(changes: Partial<BenchmarkServices> = {}): BenchmarkServices {
  const kernel = fakeKernel();
  return {
    kernel: () => kernel,
    native: {
      libraries: async () => ({ found: [], absent: [{ name: 'openblas', reason: 'not here' }] }),
      prepare: () => Promise.reject(new Error('there are none')),
    },
    environment: async (modelHash) => ({ ...fakeEnvironment, modelHash, remarks: [] }),
    openSource: () => Promise.reject(new Error('there is no source')),
    ladder: () => Promise.reject(new Error('there is no ladder')),
    availableMemory: async () => 1e12,
    cores: 2,
    ...changes,
  };
}
