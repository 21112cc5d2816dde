/**
 * What is remembered of a mapped document: one leaf a token, layer and tree. A leaf encodes a whole path, so visits, top
 * tokens and contexts of every node follow from it exactly, a document can be taken out of a sum again, and memory is
 * bounded by the number of tokens: for the default model 16 bytes each.
 */

export interface UsageShape {
  layers: number;
  trees: number;
  depth: number;
  vocabularySize: number;
}

export type Indices = Uint16Array | Uint32Array;

export interface DocumentRecord {
  hash: string;
  tokens: number;
  /** [tokens] token ids. */
  ids: Indices;
  /** [tokens] UTF-16 offset and length of each token in the document. */
  starts: Uint32Array;
  lengths: Uint16Array;
  /** A layer: [tokens, trees] leaf ordinals. */
  leaves: Indices[];
}

/** An array for whole numbers below `limit`. */
export function indices(length: number, limit: number): Indices {
  return limit <= 2 ** 16 ? new Uint16Array(length) : new Uint32Array(length);
}

export function emptyRecord(hash: string, tokens: number, shape: UsageShape): DocumentRecord {
  return {
    hash,
    tokens,
    ids: indices(tokens, shape.vocabularySize),
    starts: new Uint32Array(tokens),
    lengths: new Uint16Array(tokens),
    leaves: Array.from({ length: shape.layers }, () => indices(tokens * shape.trees, 2 ** shape.depth)),
  };
}

export function bytesOf({ ids, starts, lengths, leaves }: DocumentRecord): number {
  return [ids, starts, lengths, ...leaves].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Bytes of a record of one token. */
export function bytesPerToken(shape: UsageShape): number {
  return bytesOf(emptyRecord('', 1, shape));
}

/** Records by content hash; what was used least recently gives way when memory is full. */
export class RecordCache {
  private readonly records = new Map<string, DocumentRecord>();
  private bytes = 0;

  constructor(private readonly budgetBytes: number) {}

  /** The record of a content, which thereby counts as used. */
  get(hash: string): DocumentRecord | undefined {
    const record = this.records.get(hash);
    if (record !== undefined) {
      this.records.delete(hash);
      this.records.set(hash, record);
    }
    return record;
  }

  /**
   * Keeps a record if there is room beside those that must stay.
   * @param needed Hashes that are not to be given up for it.
   * @returns Whether it was kept.
   */
  put(record: DocumentRecord, needed: ReadonlySet<string>): boolean {
    const size = bytesOf(record);
    for (const [hash, old] of this.records) {
      if (this.bytes + size <= this.budgetBytes) {
        break;
      }
      if (!needed.has(hash)) {
        this.records.delete(hash);
        this.bytes -= bytesOf(old);
      }
    }
    if (this.bytes + size > this.budgetBytes) {
      return false;
    }
    this.records.set(record.hash, record);
    this.bytes += size;
    return true;
  }
}
