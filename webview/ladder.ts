/**
 * The speed ladder's arithmetic: what a layer's gain is worth to the whole forward pass. Every number comes from the
 * trace's phases and the timings measured on it. Pure.
 */
import type { LayerTiming, Trace } from '../extension/protocol';

export interface Ladder {
  /** Sum of the FFF medians over all measured layers, microseconds, and of their dense twins'. */
  fffMicroseconds: number;
  denseMicroseconds: number;
  /** Dense over FFF, all measured layers together. */
  layerGain: number;
  /**
   * The forward pass with the dense twin in place of the FFF, over the pass with the FFF: everything else as measured in
   * this run. Null until every FFF layer has been measured.
   */
  passGain: number | null;
  /** The same if the FFF cost nothing at all (Amdahl). Null with `passGain`. */
  ceiling: number | null;
  /** Layers measured so far, out of the layers that route. */
  measured: number;
  routed: number;
}

/** Share of this run's forward pass that was feedforward, 0..1; NaN where nothing was timed. */
export function feedforwardShare(trace: Trace): number {
  return trace.phases.feedforwardMs / passMs(trace);
}

/** The part of the feedforward time spent in layers that route, milliseconds: all of it unless the model is mixed. */
export function routedMs({ phases, layers, feedforwardMicroseconds }: Trace): number {
  const total = feedforwardMicroseconds.reduce((sum, value) => sum + value, 0);
  const routed = feedforwardMicroseconds.reduce((sum, value, layer) => sum + (layers[layer] === null ? 0 : value), 0);
  return total > 0 ? phases.feedforwardMs * (routed / total) : 0;
}

/** The forward pass alone: embedding to head, without tokenizing and bookkeeping. */
export function passMs({ phases }: Trace): number {
  return phases.embeddingMs + phases.attentionMs + phases.feedforwardMs + phases.headMs;
}

/** Null where nothing is measured yet. */
export function ladderOf(trace: Trace, timings: readonly LayerTiming[]): Ladder | null {
  if (timings.length === 0) {
    return null;
  }
  const sum = (pick: (timing: LayerTiming) => number): number => timings.reduce((total, t) => total + pick(t), 0);
  const fff = sum((timing) => timing.fffMicroseconds.median);
  const dense = sum((timing) => timing.denseMicroseconds.median);
  const routed = trace.layers.filter((routing) => routing !== null).length;
  const rest = (passMs(trace) - routedMs(trace)) * 1e3;
  const complete = timings.length === routed && rest > 0;
  return {
    fffMicroseconds: fff,
    denseMicroseconds: dense,
    layerGain: dense / fff,
    passGain: complete ? (rest + dense) / (rest + fff) : null,
    ceiling: complete ? (rest + dense) / rest : null,
    measured: timings.length,
    routed,
  };
}

/** Largest difference between FFF and masked twin at which the two count as computing the same (float32). */
const SAME_OUTPUT = 1e-3;

/** False for NaN, too: what could not be compared was not verified. */
export function isVerified({ verifiedMaxDifference }: LayerTiming): boolean {
  return verifiedMaxDifference <= SAME_OUTPUT;
}

/** What a ratio with its interval says: a gain, a loss, or nothing while the interval spans 1 or outputs differ. */
export function verdict(timing: LayerTiming): 'faster' | 'slower' | 'unclear' | 'unverified' {
  const { ratio } = timing;
  if (!isVerified(timing)) {
    return 'unverified';
  }
  if (!(ratio.low <= ratio.high) || (ratio.low <= 1 && ratio.high >= 1)) {
    return 'unclear';
  }
  return ratio.low > 1 ? 'faster' : 'slower';
}

/** Replaces or adds a layer's timing, sorted by layer. */
export function mergeTiming(timings: readonly LayerTiming[], timing: LayerTiming): LayerTiming[] {
  return [...timings.filter(({ layer }) => layer !== timing.layer), timing].sort((a, b) => a.layer - b.layer);
}
