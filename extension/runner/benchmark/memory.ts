/** Whether a cell fits into memory, worked out before anything is allocated: where it does not, a system may end the process. */
import { setImmediate } from 'node:timers/promises';
import { nodeCount } from '../../tree';
import { poolTokens } from './distributions';
import { ENGINES, parseEngineSpec, type EngineKind } from './engineSpec';
import type { Cell, Plan } from './plan';

const DENSE_NEURONS = 3072;
const CONTROL_NEURONS = 16;

/** Bytes of the layers and tokens that all engines of a cell share; those of a model and its text are there already. */
export function workloadBytes(cell: Cell, { coldLayers }: Plan): number {
  const { width, depth, weights, distribution } = cell;
  if (distribution === 'hidden-states') {
    return 0;
  }
  const layers = weights === 'cold' ? coldLayers : 1;
  // The tree's layer, which its dense twin shares, and the layer of 3072 neurons.
  const neurons = nodeCount(depth) + DENSE_NEURONS;
  return 4 * width * layers * 2 * neurons + tokenBytes(cell);
}

/** Bytes of the tokens alone, which a later pass copies to another place. */
export function tokenBytes({ width, batch, distribution }: Cell): number {
  return distribution === 'hidden-states' ? 0 : 4 * width * poolTokens(width, batch);
}

/** Bytes of the copy of the weights that each engine lays out for itself, once for all cells of a group. */
export function engineWeightBytes({ width, depth, weights }: Cell, { engines, coldLayers }: Plan): number {
  const layers = weights === 'cold' ? coldLayers : 1;
  const bytes = engines.map((name) => {
    const { engine, precision } = parseEngineSpec(name);
    const bytesPerWeight = precision === 'bf16' || precision === 'fp16' ? 2 : 4;
    return bytesPerWeight * neuronsOf(ENGINES[engine].kind, depth);
  });
  return layers * 2 * width * sum(bytes);
}

/** Bytes of the engines' own buffers: dense ones keep activations before and after GELU, each an output. */
export function activationBytes({ width, depth, batch }: Cell, { engines }: Plan): number {
  const kept = engines.map((name) => {
    const { kind } = ENGINES[parseEngineSpec(name).engine];
    return kind === 'fff' ? 0 : 2 * neuronsOf(kind, depth);
  });
  return 4 * batch * (sum(kept) + engines.length * width);
}

function neuronsOf(kind: EngineKind, depth: number): number {
  return kind === 'dense-3072' ? DENSE_NEURONS : kind === 'dense-16' ? CONTROL_NEURONS : nodeCount(depth);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * A sentence where the bytes a cell needs are not there; null where they are.
 * @param available bytes; asked a second time before a cell is refused.
 */
export async function shortage(cell: Cell, needed: number, available: () => Promise<number>): Promise<string | null> {
  if (shortageOf(cell, needed, await available()) === null) {
    return null;
  }
  // What was let go of a moment ago is given back when its finalizers have had their turn.
  await setImmediate();
  return shortageOf(cell, needed, await available());
}

function shortageOf({ batch }: Cell, needed: number, available: number): string | null {
  return needed <= available
    ? null
    : `a batch of ${batch} needs about ${size(needed)}, and ${size(available)} are free`;
}

/** Bytes in the unit people know memory by. */
export function size(bytes: number): string {
  const megabytes = Math.round(bytes / 2 ** 20);
  return megabytes < 10_000 ? `${megabytes} MB` : `${Math.round(megabytes / 1024)} GB`;
}
