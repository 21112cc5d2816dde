/** Dense layers on the matrix libraries of a development machine. They are not shipped: without them the result says so. */
import type { DenseWeights } from '../distributions';
import type { PreparedEngine, Workload } from './engine';

export interface NativeLibraries {
  /** Names a plan can use, for instance `openblas`. */
  found: string[];
  /** Those that could be compared with but are not here, and why. */
  absent: { name: string; reason: string }[];
}

export interface NativeBaselines {
  libraries(): Promise<NativeLibraries>;
  /** @throws FffError where the library cannot be prepared. */
  prepare(
    library: string,
    layers: readonly DenseWeights[],
    workload: Workload,
    threads: number,
  ): Promise<PreparedEngine>;
}
