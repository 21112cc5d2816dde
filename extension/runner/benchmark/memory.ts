/** Whether a cell fits into memory, worked out before anything is allocated: where it does not, a system may end the process. */
import { nodeCount } from '../../tree';
import { poolTokens } from './distributions';
import type { Cell, Plan } from './plan';

const DENSE_NEURONS = 3072;

/** Bytes of the layers and tokens that all engines of a cell share; those of a model and its text are there already. */
export function workloadBytes({ width, depth, batch, weights, distribution }: Cell, { coldLayers }: Plan): number {
  if (distribution === 'hidden-states') {
    return 0;
  }
  const layers = weights === 'cold' ? coldLayers : 1;
  // The tree's layer, which its dense twin shares, and the layer of 3072 neurons.
  const neurons = nodeCount(depth) + DENSE_NEURONS;
  return 4 * width * (layers * 2 * neurons + poolTokens(width, batch));
}

/** Bytes of the engines' own buffers: dense ones keep activations before and after GELU, each an output. */
export function activationBytes({ width, depth, batch }: Cell, { engines }: Plan): number {
  const dense = engines.filter((engine) => /dense|native/.test(engine)).length;
  return 4 * batch * (dense * 2 * nodeCount(depth) + engines.length * width);
}

/** A sentence where the bytes a cell needs are not there; null where they are. */
export function shortage({ batch }: Cell, needed: number, available: number): string | null {
  return needed <= available
    ? null
    : `a batch of ${batch} needs about ${megabytes(needed)} MB, and ${megabytes(available)} MB are free`;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
