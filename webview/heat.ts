/**
 * Whose visits a tree shows: those of the trace, those of a mapped corpus, or the difference to a compared trace. Pure
 * data for both forms of the tree.
 */
import type { Compared, UsageMap } from '../extension/protocol';
import { formatCount, formatPercent, plural } from './format';
import { subTreeOfNode, type LayerView } from './routing';
import { trafficStep } from './charts/layout/icicle';
import { mix, TRAFFIC_STEPS, type Theme } from './theme';

export interface Heat {
  kind: 'corpus' | 'difference';
  /** `[nodes]` visits, or magnitude of the difference. */
  counts: Uint32Array;
  /** Largest count there can be. */
  total: number;
  /** `[nodes]` visits of the shown trace less those of the other; null for a corpus. */
  signed: Int32Array | null;
}

interface Shown {
  view: LayerView;
  tree: number;
  colourLevel: number;
  heat?: Heat | null;
}

export function corpusHeat(map: UsageMap, layer: number, tree: number): Heat | null {
  const usage = map.layers[layer]?.[tree];
  return usage === undefined ? null : { kind: 'corpus', counts: usage.visits, total: map.tokens, signed: null };
}

export function differenceHeat({ comparison }: Compared, view: LayerView, tree: number): Heat | null {
  const compared = comparison.layers[view.layer];
  if (compared === null || compared === undefined) {
    return null;
  }
  const nodes = 2 ** view.levels - 1;
  const signed = compared.visitDifference.subarray(tree * nodes, (tree + 1) * nodes);
  const counts = Uint32Array.from(signed, Math.abs);
  return { kind: 'difference', counts, total: Math.max(1, ...counts), signed };
}

/** Visits of each node, as shown. */
export function countsOf({ view, tree, heat }: Shown): Uint32Array {
  return heat?.counts ?? view.traffic(tree);
}

export function totalOf({ view, heat }: Shown): number {
  return heat?.total ?? view.tokens;
}

/** Step 0..TRAFFIC_STEPS - 1 of a node's traffic. */
export function stepOf(shown: Shown, count: number): number {
  return trafficStep(count, totalOf(shown), TRAFFIC_STEPS);
}

/** Fill of a node with visits. */
export function fillOf(shown: Shown, theme: Theme, node: number, count: number): string {
  const step = stepOf(shown, count);
  if (shown.heat?.signed) {
    const more = (shown.heat.signed[node] ?? 0) > 0;
    // Both start at 3:1 against the page and only gain contrast towards the text's colour.
    return mix(more ? theme.positive : theme.negative, theme.foreground, (0.45 * step) / (TRAFFIC_STEPS - 1));
  }
  const colourLevel = Math.min(shown.colourLevel, shown.view.depth);
  return theme.traffic(subTreeOfNode(node, colourLevel), 2 ** colourLevel, step);
}

/** A node's count as written into its cell. */
export function countText({ heat }: Pick<Shown, 'heat'>, node: number, count: number): string {
  const difference = heat?.signed?.[node];
  return difference === undefined ? formatCount(count) : `${difference > 0 ? '+' : '−'}${formatCount(count)}`;
}

/** What the readout adds about a node; empty where the trace's own visits are shown. */
export function heatSentence({ heat }: Pick<Shown, 'heat'>, node: number): string {
  const count = heat?.counts[node] ?? 0;
  switch (heat?.kind) {
    case 'corpus':
      return `${formatCount(count)} of ${plural(heat.total, 'token')} of the corpus (${formatPercent(count / heat.total)})`;
    case 'difference':
      return count === 0
        ? 'as many as in the other trace'
        : `${countText({ heat }, node, count)} against the other trace`;
    case undefined:
      return '';
  }
}
