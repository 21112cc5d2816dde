/** Where a node's most frequent tokens occur in the mapped texts. The map keeps places only; texts are read again. */
import type { UsageContext, UsageMap } from '../protocol';

export interface MappedText {
  text: string;
  /** Line of its file it begins with, from 1. */
  firstLine: number;
}

/** A mapped text as it was mapped, by its place in `UsageMap.documents`; null where it changed or is gone. */
export type TextOf = (document: number) => Promise<MappedText | null>;

/** UTF-16 units of text on either side. */
const AROUND = 48;
/** Marks a place that is not taken: the token occurs less often than there are places. */
const NONE = 0xffffffff;

/** @returns in the order of the node's tokens; empty where the map has no such node or keeps no places. */
export async function usageContexts(
  usage: UsageMap,
  { layer, tree, node }: { layer: number; tree: number; node: number },
  textOf: TextOf,
): Promise<UsageContext[]> {
  const ofTree = usage.layers[layer]?.[tree];
  if (ofTree === undefined) {
    return [];
  }
  const { tokenOffsets, contexts } = ofTree;
  const [from, to] = [tokenOffsets[node] ?? 0, tokenOffsets[node + 1] ?? 0];
  const read = new Map<number, MappedText | null>();
  const found: UsageContext[] = [];
  for (let at = from * usage.contextsPerToken; at < to * usage.contextsPerToken; at++) {
    const [document = NONE, start = 0, end = 0] = contexts.subarray(3 * at, 3 * at + 3);
    const name = usage.documents[document]?.name;
    if (document === NONE || name === undefined) {
      continue;
    }
    if (!read.has(document)) {
      read.set(document, await textOf(document));
    }
    const mapped = read.get(document) ?? null;
    found.push({
      entry: Math.floor(at / usage.contextsPerToken) - from,
      document: name,
      excerpt: mapped === null ? null : excerptOf(mapped, start, end),
    });
  }
  return found;
}

function excerptOf({ text, firstLine }: MappedText, start: number, end: number): NonNullable<UsageContext['excerpt']> {
  const folded = (from: number, to: number): string => text.slice(Math.max(0, from), to).replace(/\s+/g, ' ');
  return {
    before: folded(start - AROUND, start),
    text: folded(start, end),
    after: folded(end, end + AROUND),
    line: firstLine + (text.slice(0, start).match(/\n/g)?.length ?? 0),
  };
}
