/** From counted documents to what the views and the terminal show. */
import type { TreeUsage } from '../../../protocol';
import type { UsageAccumulator } from './accumulator';
import { entropyBits, giniOf, nodeVisits, unreachedSubtrees } from './statistics';
import { firstContexts, topTokens } from './topTokens';

export interface UsageDetail {
  topTokens: number;
  contextsPerToken: number;
}

/** Words of all lists, each once. */
export class WordList {
  readonly words: { id: number; text: string }[] = [];
  private readonly places = new Map<number, number>();

  constructor(private readonly labelOf: (id: number) => string) {}

  placeOf(id: number): number {
    let place = this.places.get(id);
    if (place === undefined) {
      place = this.words.length;
      this.words.push({ id, text: this.labelOf(id) });
      this.places.set(id, place);
    }
    return place;
  }
}

/** Usage of one tree of one layer. */
export function treeUsage(
  accumulator: UsageAccumulator,
  layer: number,
  tree: number,
  detail: UsageDetail,
  words: WordList,
): TreeUsage {
  const { shape } = accumulator;
  const records = [...accumulator.documents.values()];
  const leafVisits = accumulator.leafVisits(layer, tree);
  const visits = nodeVisits(leafVisits, shape.depth);
  const top = topTokens(records, shape, layer, tree, detail.topTokens);
  return {
    visits,
    entropyBits: entropyBits(leafVisits),
    gini: giniOf(leafVisits),
    leavesReached: leafVisits.reduce((reached, count) => reached + (count > 0 ? 1 : 0), 0),
    unreached: unreachedSubtrees(visits),
    tokenOffsets: top.offsets,
    tokenWords: top.ids.map((id) => words.placeOf(id)),
    tokenCounts: top.counts,
    contexts: firstContexts(records, shape, layer, tree, top, detail.contextsPerToken),
  };
}
