/**
 * What the FFF is worth on the last trace, in a few words for the status bar: the layers against their dense twins, and
 * never without what that is worth to the whole forward pass. Pure.
 */
import type { LayerTiming, Trace } from './protocol';

export interface Gains {
  /** Dense over FFF, all layers together. */
  layers: number;
  /** The forward pass with dense layers in place, over the pass as it is. */
  pass: number;
  /** The same if the FFF cost nothing at all (Amdahl). */
  ceiling: number;
}

/** Null until every layer that routes was measured. */
export function gainsOf({ trace, timings }: { trace: Trace | null; timings: readonly LayerTiming[] }): Gains | null {
  const routed = trace?.layers.filter((layer) => layer !== null).length ?? 0;
  if (trace === null || routed === 0 || timings.length < routed) {
    return null;
  }
  const { embeddingMs, attentionMs, feedforwardMs, headMs } = trace.phases;
  const total = trace.feedforwardMicroseconds.reduce((sum, value) => sum + value, 0);
  const dense = trace.feedforwardMicroseconds.reduce((sum, value, at) => sum + (trace.layers[at] ? 0 : value), 0);
  const denseShare = total > 0 ? dense / total : 0;
  const restUs = 1000 * (embeddingMs + attentionMs + headMs + feedforwardMs * denseShare);
  const fffUs = timings.reduce((sum, { fffMicroseconds }) => sum + fffMicroseconds.median, 0);
  const twinUs = timings.reduce((sum, { denseMicroseconds }) => sum + denseMicroseconds.median, 0);
  const gains = {
    layers: twinUs / fffUs,
    pass: (restUs + twinUs) / (restUs + fffUs),
    ceiling: (restUs + twinUs) / restUs,
  };
  return Object.values(gains).every(Number.isFinite) ? gains : null;
}

/** Follows the latency in the item. */
export function gainsText(gains: Gains | null): string {
  return gains === null ? '' : `, layers ${times(gains.layers)}, model ${times(gains.pass)}`;
}

/** Follows the sentence about the run. */
export function gainsSentence(gains: Gains | null): string {
  return gains === null
    ? ''
    : ` FFF layers ${times(gains.layers)} as fast as dense ones, the forward pass ${times(gains.pass)} of at most ${times(gains.ceiling)}.`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 0)}×`;
}
