/**
 * Maps documents: those whose content is known are only counted, the others traversed. What was traversed stays known
 * until memory is wanted, also when the request is cancelled half-way, so that asking again goes on from there.
 */
import { FffError } from '../../../errors';
import type { MappedDocument, UsageDocument, UsageMap, UsageRequest } from '../../../protocol';
import { throwIfCancelled } from '../../encoder/cancellation';
import type { InsightModel } from '../model';
import { UsageAccumulator } from './accumulator';
import { RecordCache, type DocumentRecord, type UsageShape } from './record';
import { treeUsage, WordList } from './summary';
import { Traversal } from './traverse';

/** Memory of all records: some 16 million tokens of the default model, 6 million of one with sixteen layers. */
export const USAGE_BUDGET_BYTES = 256 * 1024 * 1024;

export interface UsageHooks {
  signal: AbortSignal;
  /** Characters done and to do, and what is being done. */
  onProgress(done: number, total: number, what: string): void;
  /** Called before each batch; resolves when nothing more urgent runs. */
  giveWay(): Promise<void>;
}

/** Usage of one loaded model. */
export class UsageMapper {
  private readonly cache: RecordCache;
  private readonly shape: UsageShape;

  /** @throws FffError BAD_INPUT for a dense model. */
  constructor(
    private readonly model: InsightModel,
    budgetBytes = USAGE_BUDGET_BYTES,
  ) {
    const { feedforward, layers, vocabularySize, name } = model.info;
    if (feedforward.kind !== 'fff') {
      throw new FffError('BAD_INPUT', `The model ${name} has dense layers, so there are no trees to map.`);
    }
    this.shape = { layers, vocabularySize, trees: feedforward.trees, depth: feedforward.depth };
    this.cache = new RecordCache(budgetBytes);
  }

  /** @throws FffError BAD_INPUT, TOKENIZER_INVALID, CANCELLED or an error of the engine. */
  async map(request: UsageRequest, hooks: UsageHooks): Promise<UsageMap> {
    const detail = { topTokens: request.topTokens ?? 5, contextsPerToken: request.contextsPerToken ?? 1 };
    checkCount('topTokens', detail.topTokens);
    checkCount('contextsPerToken', detail.contextsPerToken);
    checkNames(request.documents);
    const known = new Set(request.documents.filter(({ hash }) => this.cache.get(hash)).map(({ hash }) => hash));
    await this.traverse(request.documents, known, hooks);

    const accumulator = new UsageAccumulator(this.shape);
    const documents: MappedDocument[] = [];
    const counted: MappedDocument[] = [];
    for (const { name, hash } of request.documents) {
      const record = this.cache.get(hash);
      const document = {
        name,
        hash,
        tokens: record?.tokens ?? 0,
        fromCache: known.has(hash),
        omitted: record === undefined,
      };
      documents.push(document);
      if (record !== undefined) {
        accumulator.add(name, record);
        counted.push(document);
      }
    }
    const words = new WordList((id) => this.model.labelOf(id));
    const { layers, trees } = this.shape;
    const maps: UsageMap['layers'] = [];
    for (let layer = 0; layer < layers; layer++) {
      hooks.onProgress(layer, layers, 'Counting');
      await hooks.giveWay();
      throwIfCancelled(hooks.signal);
      maps.push(Array.from({ length: trees }, (_, tree) => treeUsage(accumulator, layer, tree, detail, words)));
    }
    if (counted.length < documents.length) {
      maps.flat().forEach((tree) => renumber(tree.contexts, counted, documents));
    }
    return {
      runId: request.runId,
      model: this.model.info,
      documents,
      tokens: accumulator.tokens,
      contextsPerToken: detail.contextsPerToken,
      words: words.words,
      layers: maps,
    };
  }

  /** Traverses what is not known yet, as far as memory goes. */
  private async traverse(
    documents: readonly UsageDocument[],
    known: ReadonlySet<string>,
    hooks: UsageHooks,
  ): Promise<void> {
    const unknown = new Map(
      documents.filter(({ hash }) => !known.has(hash)).map((document) => [document.hash, document]),
    );
    if (unknown.size === 0) {
      return;
    }
    const total = [...unknown.values()].reduce((sum, { text }) => sum + text.length, 0);
    const needed = new Set(documents.map(({ hash }) => hash));
    let done = 0;
    const memory = { full: false };
    const traversal = new Traversal(
      {
        encoder: this.model.encoder,
        tokenizer: this.model.tokenizer(),
        windowTokens: this.model.info.windowTokens,
        shape: this.shape,
      },
      {
        signal: hooks.signal,
        giveWay: hooks.giveWay,
        onProgress: (characters, name) => hooks.onProgress((done += characters), total, name),
        onRecord: (record: DocumentRecord) => {
          memory.full = !this.cache.put(record, needed) || memory.full;
        },
      },
    );
    for (const document of unknown.values()) {
      // A full memory shows only after the fact; what does not fit any more is not even traversed.
      if (memory.full) {
        break;
      }
      throwIfCancelled(hooks.signal);
      await traversal.add(document);
    }
    await traversal.finish();
  }
}

/** Contexts count the documents that were counted; the result lists the omitted ones too. */
function renumber(contexts: Uint32Array, counted: readonly MappedDocument[], all: readonly MappedDocument[]): void {
  const places = counted.map((document) => all.indexOf(document));
  for (let at = 0; at < contexts.length; at += 3) {
    contexts[at] = places[contexts[at]!] ?? contexts[at]!;
  }
}

function checkCount(what: string, count: number): void {
  if (!Number.isInteger(count) || count < 0 || count > 1000) {
    throw new FffError('BAD_INPUT', `${what} must be a whole number from 0 to 1000, not ${count}.`);
  }
}

function checkNames(documents: readonly UsageDocument[]): void {
  const names = new Set<string>();
  for (const { name } of documents) {
    if (names.has(name)) {
      throw new FffError('BAD_INPUT', `Two documents are named ${name}.`, 'Give each document its own name.');
    }
    names.add(name);
  }
}
