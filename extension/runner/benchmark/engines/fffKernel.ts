/** Our own kernel: the implementation it chooses, or a forced one, in any precision it stores. */
import { FffError } from '../../../errors';
import type { FffLayer, FffWeights, KernelImplementation } from '../../contracts';
import type { Precision } from '../engineSpec';
import { LocalEngine } from './engine';
import type { Workload } from './engine';

/** What the benchmark needs of the loaded addon. */
export interface BenchmarkKernel {
  readonly implementation: string;
  readonly implementations: readonly Pick<KernelImplementation, 'name' | 'supported' | 'multipliesBf16'>[];
  createLayer(
    weights: FffWeights,
    options: { precision: Precision; threads: number; implementation?: string },
  ): FffLayer;
}

/** An FFF engine also tells which leaves it reached, so that path flips can be counted. */
export class FffEngine extends LocalEngine {
  readonly multipliesBf16: boolean;

  constructor(
    kernel: BenchmarkKernel,
    private readonly fffLayers: readonly FffLayer[],
    private readonly source: Workload,
    precision: Precision,
    threads: number,
  ) {
    super(
      // All layers are packed alike; a kernel may choose by precision.
      { implementation: fffLayers[0]!.implementation, precision, threads },
      source,
      fffLayers.map((layer) => ({
        run: (input, tokens, output) => layer.forwardInto(input, tokens, output),
        dispose: () => layer.dispose(),
      })),
    );
    const { implementation } = this.identity;
    this.multipliesBf16 = kernel.implementations.some(
      ({ name, multipliesBf16 }) => multipliesBf16 && name === implementation,
    );
  }

  /** Leaf nodes [tokens, trees] of the pool's first tokens through the first layer. */
  leafNodes(tokens: number): Int32Array {
    const { width, trees, depth, pool } = this.source;
    const { nodes } = this.fffLayers[0]!.forward(pool.subarray(0, tokens * width), tokens);
    return Int32Array.from({ length: tokens * trees }, (_, path) => nodes[path * (depth + 1) + depth]!);
  }
}

/** @throws FffError KERNEL_UNKNOWN_IMPLEMENTATION, KERNEL_REFUSED, OUT_OF_MEMORY. */
export function prepareFff(
  kernel: BenchmarkKernel,
  workload: Workload,
  implementation: string | null,
  precision: Precision,
  threads: number,
): FffEngine {
  const supported = kernel.implementations.filter((known) => known.supported).map(({ name }) => name);
  if (implementation !== null && !supported.includes(implementation)) {
    throw new FffError(
      'KERNEL_UNKNOWN_IMPLEMENTATION',
      `This CPU cannot run the kernel implementation "${implementation}"; it can run ${supported.join(', ')}.`,
      'Leave that engine out.',
    );
  }
  const chosen = implementation === null ? {} : { implementation };
  const layers: FffLayer[] = [];
  try {
    for (const weights of workload.layers) {
      layers.push(kernel.createLayer(weights, { precision, threads, ...chosen }));
    }
  } catch (thrown) {
    layers.forEach((layer) => layer.dispose());
    throw thrown;
  }
  return new FffEngine(kernel, layers, workload, precision, threads);
}
