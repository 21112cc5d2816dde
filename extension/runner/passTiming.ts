/**
 * What the FFF layers' gain is worth to the whole forward pass: the rest of the pass, timed in whole passes that are
 * repeated until they are warm and enough, joined with the layers' own timings.
 */
import { ratiosOf, type PassParts, type Ratios } from '../gains';
import type { PassTiming, RatioInterval } from '../protocol';
import type { EncoderBatch, EncoderOptions, EncoderOutput } from './contracts';
import { intervalAround, median, resampleMedians, spreadOf } from './benchmark/statistics';
import type { TimedResult } from './layerTiming';

/** One burst of passes; the first of it finds the caches as other work left them and is not counted. */
const BURST_MS = 50;
/** Measured even where that takes longer, as long as the budget lasts. */
const USUAL_PASSES = 4;
/** Measured even where the budget is spent: of the two bursts of a measurement, four samples. */
const MIN_PASSES = 2;
const MAX_PASSES = 100;

/** One window of a pass and the positions in it whose logits are wanted. */
export interface PassWindow {
  batch: EncoderBatch;
  logitsAt: number[];
}

/**
 * Cuts windows to the first tokens of a trace: those whose hidden states are kept, and the layers timed on.
 * @param ids Token ids, a list a window.
 */
export function firstWindows(
  windows: readonly { ids: Int32Array; logitsAt: readonly number[] }[],
  tokens: number,
): PassWindow[] {
  const cut: PassWindow[] = [];
  let left = tokens;
  for (const { ids, logitsAt } of windows) {
    const positions = Math.min(ids.length, left);
    if (positions === 0) {
      break;
    }
    left -= positions;
    cut.push({
      batch: { ids: ids.subarray(0, positions), mask: null, rows: 1, positions },
      logitsAt: logitsAt.filter((position) => position < positions),
    });
  }
  return cut;
}

/** Runs one forward pass over all windows; microseconds of everything in it but the FFF layers. */
export async function restOfPass(
  encoder: { forward(batch: EncoderBatch, options: EncoderOptions): Promise<EncoderOutput> },
  windows: readonly PassWindow[],
  signal: AbortSignal | undefined,
): Promise<number> {
  let microseconds = 0;
  for (const { batch, logitsAt } of windows) {
    const output = await encoder.forward(batch, { logitsAt, ...(signal ? { signal } : {}) });
    microseconds += output.embeddingMicroseconds + output.headMicroseconds;
    for (const { attentionMicroseconds, feedforwardMicroseconds, fff } of output.layers) {
      microseconds += attentionMicroseconds + (fff === null ? feedforwardMicroseconds : 0);
    }
  }
  return microseconds;
}

/**
 * Runs a burst of passes and adds to the samples.
 * @param pass Runs one forward pass; microseconds of everything in it but the FFF layers. Rejects when cancelled.
 * @param budgetMs Milliseconds the burst may take, its first pass included.
 */
export async function samplePasses(
  pass: () => Promise<number>,
  samples: number[],
  budgetMs: number,
  now: () => number = () => performance.now(),
): Promise<void> {
  const end = now() + budgetMs;
  await pass();
  const start = now();
  const isWanted = (count: number): boolean =>
    count < MIN_PASSES || (now() < end && (count < USUAL_PASSES || now() - start < BURST_MS));
  for (let count = 0; count < MAX_PASSES && isWanted(count); count++) {
    samples.push(await pass());
  }
}

/**
 * Joins the rest of the pass with the layers.
 * @param rest Samples in microseconds.
 * @param layers Results of every FFF layer, on the same tokens.
 */
export function passTimingOf(rest: readonly number[], layers: readonly TimedResult[], tokens: number): PassTiming {
  const total = (of: (layer: TimedResult) => number): number => layers.reduce((sum, layer) => sum + of(layer), 0);
  const measured: PassParts = {
    rest: median(rest),
    fff: total(({ timing }) => timing.fffMicroseconds.median),
    dense: total(({ timing }) => timing.denseMicroseconds.median),
  };
  // Rest and layers were not measured in pairs, so each is resampled by itself; seed 0 is no layer's.
  const { above: rests } = resampleMedians(rest, rest, { seed: 0 });
  const resampled = Array.from(rests, (value, i) =>
    ratiosOf({
      rest: value,
      fff: total((layer) => layer.resampled.below[i]!),
      dense: total((layer) => layer.resampled.above[i]!),
    }),
  );
  const ratios = ratiosOf(measured);
  const interval = (key: keyof Ratios): RatioInterval =>
    intervalAround(
      ratios[key],
      resampled.map((one) => one[key]),
    );
  return {
    tokens,
    restMicroseconds: spreadOf(rest),
    layers: interval('layers'),
    pass: interval('pass'),
    ceiling: interval('ceiling'),
  };
}
