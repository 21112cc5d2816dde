/** The engines of a group of cells in one pass, prepared when first needed and kept for all its batches. */
import { toWireError } from '../../errors';
import { ENGINES, engineSpecText } from './engineSpec';
import type { EngineSpec } from './engineSpec';
import { FffEngine } from './engines/fffKernel';
import { denseWeights, prepareEngine } from './engines/registry';
import type { EngineServices } from './engines/registry';
import type { PreparedEngine } from './engines/engine';
import { Random } from './random';
import type { Reference } from './verify';
import type { PreparedWorkload } from './workload';

export interface GroupEngine {
  /** Unique in the group: what the plan calls it, and its threads where it names them. */
  id: string;
  spec: EngineSpec;
  engine: PreparedEngine;
  /** What a layer of the workload must compute. */
  reference(layer: number): Reference;
  /** Leaf nodes [tokens, trees] it reaches, for engines that can tell. */
  leafNodes: ((tokens: number) => Int32Array) | null;
}

/** An engine that could not be prepared, by what the plan calls it, and why. */
export interface FailedEngine {
  engine: string;
  reason: string;
}

/** Gaps between engines are up to so many pages of 4 KB: some of the largest pages there are. */
const GAP_PAGES = 2048;

export class EngineGroup {
  /** Held as long as the engines are: an allocator likes to hand out again the very memory that the last pass gave back. */
  private readonly gaps: ArrayBuffer[] = [];
  private prepared: Promise<{ engines: GroupEngine[]; failed: FailedEngine[] }> | null = null;

  /**
   * @param threads Of engines that do not name their own.
   * @param pass In each one the engines' memory comes to lie elsewhere.
   */
  constructor(
    readonly workload: PreparedWorkload,
    private readonly specs: readonly EngineSpec[],
    private readonly threads: number,
    private readonly cores: number,
    private readonly services: EngineServices,
    private readonly pass = 0,
  ) {}

  /** All engines; those that cannot be prepared are named with the reason. */
  engines(): Promise<{ engines: GroupEngine[]; failed: FailedEngine[] }> {
    this.prepared ??= this.prepareAll();
    return this.prepared;
  }

  async dispose(): Promise<void> {
    const prepared = await this.prepared;
    for (const { engine } of prepared?.engines ?? []) {
      await engine.dispose();
    }
    this.gaps.length = 0;
  }

  private async prepareAll(): Promise<{ engines: GroupEngine[]; failed: FailedEngine[] }> {
    const engines: GroupEngine[] = [];
    const failed: FailedEngine[] = [];
    const seen = new Set<string>();
    const random = new Random(this.pass);
    for (const spec of this.specs) {
      const threads = this.threadsOf(spec);
      const identity = `${engineSpecText({ ...spec, threads: null })}/${threads}`;
      if (seen.has(identity)) {
        // On one core `dense-twin` and `dense-twin/all` are the same thing.
        continue;
      }
      seen.add(identity);
      try {
        if (this.pass > 0) {
          this.gaps.push(new ArrayBuffer(4096 * random.below(GAP_PAGES)));
        }
        const engine = await prepareEngine(spec, this.workload, threads, this.services);
        engines.push({ id: engineSpecText(spec), spec, engine, ...this.referenceOf(spec, engine) });
      } catch (thrown) {
        failed.push({ engine: engineSpecText(spec), reason: toWireError(thrown).message });
      }
    }
    return { engines, failed };
  }

  private threadsOf(spec: EngineSpec): number {
    if (spec.engine.startsWith('paper-')) {
      return 1;
    }
    return spec.threads === null ? this.threads : spec.threads === 0 ? this.cores : spec.threads;
  }

  private referenceOf(spec: EngineSpec, engine: PreparedEngine): Pick<GroupEngine, 'reference' | 'leafNodes'> {
    const { workload } = this;
    if (ENGINES[spec.engine].kind === 'fff') {
      return {
        reference: (layer) => ({ kind: 'fff', weights: workload.layers[layer]! }),
        leafNodes: engine instanceof FffEngine ? (tokens) => engine.leafNodes(tokens) : null,
      };
    }
    const weights = denseWeights(spec, workload);
    return { reference: (layer) => workload.referenceOf(weights[layer]!), leafNodes: null };
  }
}
