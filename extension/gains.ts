/**
 * What the FFF gains: layers against their dense twins, and never without what that is worth to the whole forward pass.
 * The one home of this arithmetic; runner, host, views and terminal share it. Pure.
 */
import type { LayerTiming, PassTiming, Trace } from './protocol';

/** Times of a forward pass in one unit: everything but the FFF layers, all FFF layers, and all their dense twins. */
export interface PassParts {
  rest: number;
  fff: number;
  dense: number;
}

export interface Ratios {
  /** Dense over FFF, all layers together. */
  layers: number;
  /** The forward pass with the dense twins in place of the FFF, over the pass with the FFF. */
  pass: number;
  /** The same if the FFF cost nothing at all (Amdahl). */
  ceiling: number;
}

export function ratiosOf({ rest, fff, dense }: PassParts): Ratios {
  return { layers: dense / fff, pass: (rest + dense) / (rest + fff), ceiling: (rest + dense) / rest };
}

/** What is measured on a trace, as far as it is. */
export interface Measured {
  trace: Trace;
  timings: readonly LayerTiming[];
  /** Null until the rest of the pass was measured too. */
  passTiming: PassTiming | null;
}

export interface Ladder {
  /** Dense over FFF, all layers measured so far together; ratio of the sums of their medians. */
  layerGain: number;
  /** Layers measured so far, out of the layers that route. */
  measured: number;
  routed: number;
  /** Gains with intervals, once every layer and the rest of the pass were measured. */
  pass: PassTiming | null;
}

/** Null where nothing is measured yet, and where an output differs from the twin's: then no gain is claimed. */
export function ladderOf({ trace, timings, passTiming }: Measured): Ladder | null {
  if (timings.length === 0 || !timings.every(isVerified)) {
    return null;
  }
  const sum = (pick: (timing: LayerTiming) => number): number => timings.reduce((total, t) => total + pick(t), 0);
  const routed = trace.layers.filter((routing) => routing !== null).length;
  return {
    layerGain: sum((timing) => timing.denseMicroseconds.median) / sum((timing) => timing.fffMicroseconds.median),
    measured: timings.length,
    routed,
    pass: passTiming !== null && timings.length === routed && isSound(passTiming) ? passTiming : null,
  };
}

function isSound({ layers, pass, ceiling }: PassTiming): boolean {
  return [layers, pass, ceiling].every((ratio) => Object.values(ratio).every(Number.isFinite));
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

/** This run's forward pass alone: embedding to head, without tokenizing and bookkeeping. */
export function passMs({ phases }: Trace): number {
  return phases.embeddingMs + phases.attentionMs + phases.feedforwardMs + phases.headMs;
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
