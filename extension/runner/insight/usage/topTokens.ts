/**
 * The most frequent tokens of every node of one tree, exactly, and where they occur.
 *
 * All (leaf, token) pairs of a layer are sorted and counted; lists of siblings are then merged upwards level by level.
 * At no time more than one tree's pairs are in memory: 4 or 8 bytes a token.
 */
import { firstOfLevel, nodeCount } from '../../../tree';
import type { DocumentRecord, UsageShape } from './record';

/** No document: fewer occurrences than places for them. */
export const NO_CONTEXT = 0xffffffff;

export interface TopTokens {
  /** [nodes + 1]. */
  offsets: Uint32Array;
  /** [entries] token ids and visits, most frequent first; of equal ones the lower id. */
  ids: Uint32Array;
  counts: Uint32Array;
}

/** Runs of one level: node-major, ids ascending within a node. */
interface Level {
  /** Heap index of each run's node. */
  nodes: Uint32Array;
  ids: Uint32Array;
  counts: Uint32Array;
  length: number;
}

/** @param records Documents of one accumulator; `layer` and `tree` choose the paths. */
export function topTokens(
  records: Iterable<DocumentRecord>,
  shape: UsageShape,
  layer: number,
  tree: number,
  count: number,
): TopTokens {
  const best: { id: number; count: number }[][] = Array.from({ length: nodeCount(shape.depth) }, () => []);
  let level = leafLevel([...records], shape, layer, tree);
  for (let depth = shape.depth; ; depth--) {
    chooseBest(level, count, best);
    if (depth === 0) {
      break;
    }
    level = parentLevel(level);
  }
  const offsets = new Uint32Array(best.length + 1);
  best.forEach((entries, node) => (offsets[node + 1] = offsets[node]! + entries.length));
  const entries = best.flat();
  return {
    offsets,
    ids: Uint32Array.from(entries, ({ id }) => id),
    counts: Uint32Array.from(entries, (entry) => entry.count),
  };
}

function leafLevel(records: readonly DocumentRecord[], shape: UsageShape, layer: number, tree: number): Level {
  const { trees, depth, vocabularySize } = shape;
  const total = records.reduce((sum, { tokens }) => sum + tokens, 0);
  const keys = 2 ** depth * vocabularySize <= 2 ** 32 ? new Uint32Array(total) : new Float64Array(total);
  let next = 0;
  for (const { tokens, ids, leaves } of records) {
    const ofLayer = leaves[layer]!;
    for (let token = 0; token < tokens; token++) {
      keys[next++] = ofLayer[token * trees + tree]! * vocabularySize + ids[token]!;
    }
  }
  keys.sort();
  const level = emptyLevel(countRuns(keys));
  const firstLeaf = firstOfLevel(depth);
  keys.forEach((key, i) => {
    if (i === 0 || key !== keys[i - 1]) {
      const leaf = Math.floor(key / vocabularySize);
      append(level, firstLeaf + leaf, key - leaf * vocabularySize, 1);
    } else {
      level.counts[level.length - 1]!++;
    }
  });
  return level;
}

/** Merges the lists of the two children of every node. */
function parentLevel(children: Level): Level {
  const level = emptyLevel(children.length);
  for (let from = 0; from < children.length;) {
    const parent = (children.nodes[from]! - 1) >> 1;
    const left = 2 * parent + 1;
    let a = from;
    const middle = endOfNode(children, from, left);
    let b = middle;
    const end = endOfNode(children, middle, left + 1);
    while (a < middle || b < end) {
      const idA = a < middle ? children.ids[a]! : Infinity;
      const idB = b < end ? children.ids[b]! : Infinity;
      const visits = (idA <= idB ? children.counts[a++]! : 0) + (idB <= idA ? children.counts[b++]! : 0);
      append(level, parent, Math.min(idA, idB), visits);
    }
    from = end;
  }
  return level;
}

function chooseBest(level: Level, count: number, best: { id: number; count: number }[][]): void {
  for (let i = 0; i < level.length; i++) {
    const chosen = best[level.nodes[i]!]!;
    const visits = level.counts[i]!;
    if (chosen.length === count && !(count > 0 && visits > chosen[count - 1]!.count)) {
      continue;
    }
    // Ids ascend, so an equal count goes behind those already there.
    let place = chosen.length;
    while (place > 0 && visits > chosen[place - 1]!.count) {
      place--;
    }
    chosen.splice(place, 0, { id: level.ids[i]!, count: visits });
    chosen.length = Math.min(chosen.length, count);
  }
}

/**
 * First occurrences of every entry, in the order of the documents.
 * @returns [entries][contextsPerToken][3]: document index, start, end.
 */
export function firstContexts(
  records: Iterable<DocumentRecord>,
  shape: UsageShape,
  layer: number,
  tree: number,
  top: TopTokens,
  contextsPerToken: number,
): Uint32Array {
  const { trees } = shape;
  const firstLeaf = firstOfLevel(shape.depth);
  const contexts = new Uint32Array(top.ids.length * contextsPerToken * 3).fill(NO_CONTEXT);
  const filled = new Uint32Array(top.ids.length);
  let document = -1;
  for (const { tokens, ids, leaves, starts, lengths } of records) {
    document++;
    const ofLayer = leaves[layer]!;
    for (let token = 0; token < tokens; token++) {
      const id = ids[token]!;
      // From the leaf upwards; the root's parent would be -1.
      for (let node = firstLeaf + ofLayer[token * trees + tree]!; node >= 0; node = (node - 1) >> 1) {
        const end = top.offsets[node + 1]!;
        let entry = top.offsets[node]!;
        while (entry < end && top.ids[entry] !== id) {
          entry++;
        }
        if (entry < end && filled[entry]! < contextsPerToken) {
          const at = (entry * contextsPerToken + filled[entry]!++) * 3;
          contexts[at] = document;
          contexts[at + 1] = starts[token]!;
          contexts[at + 2] = starts[token]! + lengths[token]!;
        }
      }
    }
  }
  return contexts;
}

function countRuns(sorted: Uint32Array | Float64Array): number {
  let runs = 0;
  for (let i = 0; i < sorted.length; i++) {
    runs += i === 0 || sorted[i] !== sorted[i - 1] ? 1 : 0;
  }
  return runs;
}

function emptyLevel(capacity: number): Level {
  const empty = (): Uint32Array => new Uint32Array(capacity);
  return { nodes: empty(), ids: empty(), counts: empty(), length: 0 };
}

function append(level: Level, node: number, id: number, count: number): void {
  level.nodes[level.length] = node;
  level.ids[level.length] = id;
  level.counts[level.length++] = count;
}

/** Index after the runs of `node` that begin at `from`. */
function endOfNode({ nodes, length }: Level, from: number, node: number): number {
  let end = from;
  while (end < length && nodes[end] === node) {
    end++;
  }
  return end;
}
