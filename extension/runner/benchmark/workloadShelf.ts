/**
 * Layers and tokens between passes. Making them takes longer than a pass of a quick cell, and the float64 references that
 * verification has worked out hang on them; those of many groups would fill the memory, so some are kept and the others
 * are made again, from the same seed.
 */
import { workloadBytes } from './memory';
import type { Cell, Plan } from './plan';
import { PreparedWorkload } from './workload';
import type { HiddenStateSource } from './workload';

/** Part of the memory that is free at the beginning which may be kept. */
const SHARE = 0.25;

export class WorkloadShelf {
  private readonly kept = new Map<Cell, { workload: PreparedWorkload; bytes: number }>();
  private givenBack: { workload: WeakRef<PreparedWorkload>; bytes: number }[] = [];

  /**
   * @param freeBytes at the beginning of the run.
   * @param freeNow bytes that the system says can be allocated.
   */
  constructor(
    private readonly plan: Plan,
    private readonly source: HiddenStateSource | null,
    private readonly freeBytes: number,
    private readonly freeNow: () => Promise<number>,
  ) {}

  /** @param group its first cell. */
  has(group: Cell): boolean {
    return this.kept.has(group);
  }

  /** The workload of a group; one that was kept, with its tokens elsewhere in memory. */
  async take(group: Cell, batches: readonly number[]): Promise<PreparedWorkload> {
    const known = this.kept.get(group)?.workload;
    if (known !== undefined) {
      known.moveTokens();
      return known;
    }
    const workload = await PreparedWorkload.build(this.plan, group, batches, this.source);
    // A source's own layers are there already, but its dense layers and references are not.
    const bytes = workloadBytes({ ...group, batch: Math.max(...batches), distribution: 'spread' }, this.plan);
    const total = [...this.kept.values()].reduce((sum, one) => sum + one.bytes, bytes);
    if (total <= SHARE * this.freeBytes) {
      this.kept.set(group, { workload, bytes });
    }
    return workload;
  }

  /** Gives all of it back. @param inUse a group whose layers and tokens are kept even so. */
  clear(inUse: Cell | null = null): void {
    for (const [group, { workload, bytes }] of this.kept) {
      if (group !== inUse) {
        this.kept.delete(group);
        this.givenBack.push({ workload: new WeakRef(workload), bytes });
      }
    }
  }

  /** Bytes that can be allocated: what was given back is among them before the collector has come to it. */
  async available(): Promise<number> {
    const free = await this.freeNow();
    this.givenBack = this.givenBack.filter(({ workload }) => workload.deref() !== undefined);
    return this.givenBack.reduce((sum, { bytes }) => sum + bytes, free);
  }

  /** Bytes that can be allocated; where so many are not, all but what is in use is given back. */
  async roomFor(bytes: number, inUse: Cell | null = null): Promise<number> {
    if ((await this.available()) < bytes) {
      this.clear(inUse);
    }
    return this.available();
  }
}
