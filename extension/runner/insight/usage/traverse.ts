/**
 * Runs the model over documents and records the leaf of every token.
 *
 * Windows of different documents share batches: short ones alone would leave the matrices thin. They are sorted by
 * length first, so that little is padded. Special tokens that the tokenizer adds are computed but not recorded: they
 * are in no document.
 */
import type { TraceToken, UsageDocument } from '../../../protocol';
import { leafOfNode } from '../../../tree';
import type { EncoderBatch } from '../../contracts';
import type { Encoder } from '../../encoder/encoder';
import type { Tokenizer } from '../../tokenizer';
import { piecesOf } from './pieces';
import { emptyRecord, type DocumentRecord, type UsageShape } from './record';

/** Tokens of one batch: enough for full speed, little enough to stay in the caches and to be cancelled quickly. */
const BATCH_TOKENS = 512;
/** Windows that wait until there is a choice of lengths to sort. */
const WAITING_WINDOWS = 64;

export interface TraverseModel {
  encoder: Encoder;
  tokenizer: Tokenizer;
  windowTokens: number;
  shape: UsageShape;
}

export interface TraverseHooks {
  /** Called before each batch: waits while others go first. @throws FffError CANCELLED. */
  giveWay(): Promise<void>;
  signal: AbortSignal;
  /** So many characters more of a document are done. */
  onProgress(characters: number, name: string): void;
  /** A document is complete; in no particular order. */
  onRecord(record: DocumentRecord): void;
}

/** A document on its way: its windows are filled in as their batches end. */
interface OpenDocument {
  name: string;
  hash: string;
  windows: OpenWindow[];
  /** Windows not computed yet. */
  waiting: number;
  /** All of its text is tokenized. */
  complete: boolean;
}

interface OpenWindow {
  document: OpenDocument;
  ids: Int32Array;
  /** Positions of the document's own tokens, and where those are in it. */
  positions: number[];
  starts: number[];
  lengths: number[];
  /** Characters of the piece the window ends, for progress. */
  characters: number;
  /** A layer: [positions.length, trees]. */
  leaves: Uint32Array[];
}

export class Traversal {
  private readonly waiting: OpenWindow[] = [];

  constructor(
    private readonly model: TraverseModel,
    private readonly hooks: TraverseHooks,
  ) {}

  /** Takes in a document; its record may come later, at the latest with `finish`. */
  async add({ name, text, hash }: UsageDocument): Promise<void> {
    const document: OpenDocument = { name, hash, windows: [], waiting: 0, complete: false };
    for (const piece of piecesOf(text)) {
      const { windows } = await this.model.tokenizer.encodeWindows(piece.text, this.model.windowTokens, Infinity);
      for (const [index, tokens] of windows.entries()) {
        const isLast = index === windows.length - 1;
        this.enqueue(document, tokens, piece.start, isLast ? piece.text.length : 0);
      }
      // All of them, so that no short window waits for ever and documents are complete soon after their end.
      if (this.waiting.length >= WAITING_WINDOWS) {
        await this.finish();
      }
    }
    document.complete = true;
    this.closeIfDone(document);
  }

  /** Computes what still waits. */
  async finish(): Promise<void> {
    while (this.waiting.length > 0) {
      await this.computeSome();
    }
  }

  private enqueue(document: OpenDocument, tokens: readonly TraceToken[], offset: number, characters: number): void {
    const positions = [...tokens.keys()].filter((position) => tokens[position]!.end > tokens[position]!.start);
    const window: OpenWindow = {
      document,
      ids: Int32Array.from(tokens, ({ id }) => id),
      positions,
      starts: positions.map((position) => offset + tokens[position]!.start),
      lengths: positions.map((position) => tokens[position]!.end - tokens[position]!.start),
      characters,
      leaves: [],
    };
    if (positions.length === 0) {
      this.hooks.onProgress(characters, document.name);
      return;
    }
    document.windows.push(window);
    document.waiting++;
    this.waiting.push(window);
  }

  /** Computes one batch of the longest windows that wait. */
  private async computeSome(): Promise<void> {
    await this.hooks.giveWay();
    this.waiting.sort((one, other) => other.ids.length - one.ids.length);
    const positions = this.waiting[0]!.ids.length;
    const windows = this.waiting.splice(0, Math.max(1, Math.floor(BATCH_TOKENS / positions)));
    const { layers } = await this.model.encoder.forward(batchOf(windows, positions), { signal: this.hooks.signal });
    const { trees, depth } = this.model.shape;
    const levels = depth + 1;
    for (const [row, window] of windows.entries()) {
      window.leaves = layers.map(({ fff }) => {
        const leaves = new Uint32Array(window.positions.length * trees);
        window.positions.forEach((position, token) => {
          for (let tree = 0; tree < trees; tree++) {
            const path = (row * positions + position) * trees + tree;
            leaves[token * trees + tree] = leafOfNode(fff!.nodes[path * levels + depth]!, depth);
          }
        });
        return leaves;
      });
      window.document.waiting--;
      this.hooks.onProgress(window.characters, window.document.name);
      this.closeIfDone(window.document);
    }
  }

  private closeIfDone(document: OpenDocument): void {
    if (document.complete && document.waiting === 0) {
      this.hooks.onRecord(recordOf(document, this.model.shape));
    }
  }
}

function batchOf(windows: readonly OpenWindow[], positions: number): EncoderBatch {
  const ids = new Int32Array(windows.length * positions);
  const mask = new Int32Array(windows.length * positions);
  windows.forEach((window, row) => {
    ids.set(window.ids, row * positions);
    mask.fill(1, row * positions, row * positions + window.ids.length);
  });
  return { ids, mask: mask.includes(0) ? mask : null, rows: windows.length, positions };
}

function recordOf({ hash, windows }: OpenDocument, shape: UsageShape): DocumentRecord {
  const tokens = windows.reduce((sum, { positions }) => sum + positions.length, 0);
  const record = emptyRecord(hash, tokens, shape);
  let first = 0;
  for (const { ids, positions, starts, lengths, leaves } of windows) {
    positions.forEach((position, token) => {
      record.ids[first + token] = ids[position]!;
      record.starts[first + token] = starts[token]!;
      record.lengths[first + token] = Math.min(lengths[token]!, 0xffff);
    });
    leaves.forEach((ofLayer, layer) => record.leaves[layer]!.set(ofLayer, first * shape.trees));
    first += positions.length;
  }
  return record;
}
