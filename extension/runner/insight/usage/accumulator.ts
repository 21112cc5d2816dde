/**
 * Visits of many documents, kept as counts of leaves. Documents are added, taken out and merged one by one, in time
 * proportional to their own length: after an edit only the edited document is counted again.
 */
import { FffError } from '../../../errors';
import type { DocumentRecord, UsageShape } from './record';

export class UsageAccumulator {
  /** A layer and tree: [2^depth] visits. */
  private readonly visits: Uint32Array[][];
  private readonly held = new Map<string, DocumentRecord>();
  private total = 0;

  constructor(readonly shape: UsageShape) {
    const { layers, trees, depth } = shape;
    this.visits = Array.from({ length: layers }, () =>
      Array.from({ length: trees }, () => new Uint32Array(2 ** depth)),
    );
  }

  /** Tokens of all documents. */
  get tokens(): number {
    return this.total;
  }

  /** Documents by name, in the order in which they were added. */
  get documents(): ReadonlyMap<string, DocumentRecord> {
    return this.held;
  }

  /** [2^depth] visits of each leaf. */
  leafVisits(layer: number, tree: number): Uint32Array {
    return this.visits[layer]![tree]!;
  }

  /** Adds a document; one of the same name is replaced, in its place. */
  add(name: string, record: DocumentRecord): void {
    const before = this.held.get(name);
    if (before === record) {
      return;
    }
    if (before !== undefined) {
      this.count(before, -1);
    }
    this.held.set(name, record);
    this.count(record, 1);
  }

  /** Takes a document out; false when there is none of that name. */
  remove(name: string): boolean {
    const record = this.held.get(name);
    if (record === undefined) {
      return false;
    }
    this.held.delete(name);
    this.count(record, -1);
    return true;
  }

  /** Adds all documents of another sum over the same model. */
  merge(other: UsageAccumulator): void {
    if (JSON.stringify(other.shape) !== JSON.stringify(this.shape)) {
      throw new FffError('INTERNAL', 'Usage of two models of different shape cannot be merged.');
    }
    other.held.forEach((record, name) => this.add(name, record));
  }

  private count(record: DocumentRecord, sign: 1 | -1): void {
    const { trees } = this.shape;
    this.total += sign * record.tokens;
    for (const [layer, leaves] of record.leaves.entries()) {
      const ofLayer = this.visits[layer]!;
      for (let path = 0; path < leaves.length; path++) {
        ofLayer[path % trees]![leaves[path]!]! += sign;
      }
    }
  }
}
