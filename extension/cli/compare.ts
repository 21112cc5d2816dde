/**
 * Comparison of one expected tensor with what was computed. Pure functions.
 *
 * Selections of the vocabulary logits, which stand in for the whole where that would be too large, are derived here from
 * the whole: `mlm_logits_sel` [B,n,V] at `mlm_sel_positions` [n]; `mlm_logits_stride257` [B,S,ceil(V/257)];
 * `mlm_logits_pos0_and_last` [B,2,V]; `mlm_top10_ids` and `mlm_top10_values` [B,S,10], descending.
 */
import { topIndices } from '../runner/predictions';
import type { NamedTensor } from './caseTensors';

const STRIDE = 257;

export type Computed = ReadonlyMap<string, NamedTensor>;

export interface Comparison {
  /** `layer.3.hidden` is of the kind `hidden`. */
  kind: string;
  /** Values compared; for `nodes` paths. */
  values: number;
  /** Largest absolute difference; NaN when one of the values is not a number. 0 for integers that are equal. */
  largestDifference: number;
  /** Largest tolerance that a token of it had; 0 for integers. */
  tolerance: number;
  /** Integers (or paths, for `nodes`) that differ. */
  differing: number;
  /** Why the tensor does not pass, or null. */
  failure: string | null;
}

/** What tolerance a kind has. */
export type ToleranceOf = (kind: string) => number;

export function kindOf(name: string): string {
  return name.replace(/^layer\.\d+\./, '');
}

/** A tensor that cannot be compared at all. @param name Without the case. */
export function failedComparison(name: string, failure: string): Comparison {
  return { kind: kindOf(name), values: 0, largestDifference: NaN, tolerance: 0, differing: 0, failure };
}

/**
 * Compares one expected tensor.
 * @param name Without the case, for instance `layer.0.nodes`.
 * @param computed All tensors of the case.
 * @param selected Positions of `mlm_sel_positions`, if the case has them.
 */
export function compareTensor(
  name: string,
  expected: NamedTensor,
  computed: Computed,
  selected: Int32Array | null,
  toleranceOf: ToleranceOf,
): Comparison {
  const kind = kindOf(name);
  const fail = (failure: string): Comparison => failedComparison(name, failure);
  const logits = computed.get('mlm_logits');
  if (kind === 'mlm_top10_ids' && logits) {
    return compareTopIds(kind, expected, logits, toleranceOf(kind), fail);
  }
  const actual = computed.get(name) ?? (logits ? deriveSelection(name, expected.shape, logits, selected) : undefined);
  if (typeof actual === 'string') {
    return fail(actual);
  }
  if (!actual) {
    return fail('this model computes no tensor of that name');
  }
  if (actual.shape.join() !== expected.shape.join()) {
    return fail(`has shape [${actual.shape.join(', ')}] instead of [${expected.shape.join(', ')}]`);
  }
  if (actual.data instanceof Int32Array || expected.data instanceof Int32Array) {
    return compareIntegers(kind, expected, actual, fail);
  }
  // What attention adds to the residual stream is compared on that stream's scale: smaller differences are rounded away
  // when it is added. FFF outputs need no such allowance.
  const stream = kind === 'attn_out' ? computed.get(name.replace(kind, 'hidden'))?.data : undefined;
  const scale = { tokenWidth: expected.shape.at(-1) ?? 1, stream: stream instanceof Float32Array ? stream : null };
  return compareFloats(kind, expected.data, actual.data, toleranceOf(kind), scale);
}

/** Largest magnitude of a token's values up to which a tolerance is taken as it is. */
const PLAIN_RANGE = 64;

/**
 * The tolerance is absolute. For a token with values above 64 it grows in proportion: float32 steps are that much coarser
 * there, and sums of such values carry several of them (a residual stream of 200 has steps of 1.5e-5).
 * @param scale Values of one token (the last axis), and the residual stream whose values count too, or null.
 */
function compareFloats(
  kind: string,
  expected: Float32Array,
  actual: Float32Array,
  tolerance: number,
  scale: { tokenWidth: number; stream: Float32Array | null },
): Comparison {
  let largest = 0;
  let widest = tolerance;
  let worst = 0;
  let failure: string | null = null;
  for (let first = 0; first < expected.length; first += scale.tokenWidth) {
    let difference = 0;
    let range = PLAIN_RANGE;
    for (let i = first; i < first + scale.tokenWidth; i++) {
      // Math.max keeps NaN once it was seen, and NaN passes no tolerance.
      difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
      range = Math.max(range, finiteMagnitude(expected[i]!), finiteMagnitude(scale.stream?.[i] ?? 0));
    }
    const allowed = (tolerance * range) / PLAIN_RANGE;
    widest = Math.max(widest, allowed);
    largest = Math.max(largest, difference);
    if (!(difference <= allowed) && !(difference <= worst) && !Number.isNaN(worst)) {
      worst = difference;
      failure = `differs by up to ${difference}, more than ${allowed}`;
    }
  }
  return { kind, values: expected.length, largestDifference: largest, tolerance: widest, differing: 0, failure };
}

/** |value|, or 0 where it is not finite. */
function finiteMagnitude(value: number): number {
  return Number.isFinite(value) ? Math.abs(value) : 0;
}

function compareIntegers(
  kind: string,
  expected: NamedTensor,
  actual: NamedTensor,
  fail: (failure: string) => Comparison,
): Comparison {
  if (!(actual.data instanceof Int32Array && expected.data instanceof Int32Array)) {
    return fail('is stored with floats where integers belong, or the reverse');
  }
  // Node indices count as whole paths: one wrong turn makes everything below it differ too.
  const group = kind === 'nodes' ? expected.shape.at(-1)! : 1;
  let differing = 0;
  for (let first = 0; first < expected.data.length; first += group) {
    for (let i = first; i < first + group; i++) {
      if (expected.data[i] !== actual.data[i]) {
        differing++;
        break;
      }
    }
  }
  const what = kind === 'nodes' ? 'paths' : 'values';
  const values = group === 0 ? 0 : expected.data.length / group;
  const failure = differing === 0 ? null : `${differing} of ${values} ${what} differ`;
  return { kind, values, largestDifference: 0, tolerance: 0, differing, failure };
}

/** The selection of whole logits [B,S,V] that `name` stands for; a string says why there is none. */
function deriveSelection(
  name: string,
  shape: readonly number[],
  logits: NamedTensor,
  selected: Int32Array | null,
): NamedTensor | string | undefined {
  const [rows, positions, vocabulary] = logits.shape as [number, number, number];
  const at = (row: number, position: number): Float32Array => {
    const first = (row * positions + position) * vocabulary;
    return logits.data.subarray(first, first + vocabulary) as Float32Array;
  };
  const gather = (chosen: readonly number[], width: number, pick: (logits: Float32Array) => ArrayLike<number>) => {
    const data = new Float32Array(rows * chosen.length * width);
    for (let row = 0; row < rows; row++) {
      for (const [index, position] of chosen.entries()) {
        data.set(pick(at(row, position)), (row * chosen.length + index) * width);
      }
    }
    return { shape: [rows, chosen.length, width], data };
  };
  const everywhere = Array.from({ length: positions }, (_, position) => position);
  switch (name) {
    case 'mlm_sel_positions': {
      const valid = selected?.every((position) => position >= 0 && position < positions);
      return valid ? { shape: [...shape], data: selected! } : `names a position outside 0..${positions - 1}`;
    }
    case 'mlm_logits_sel':
      return selected?.every((position) => position >= 0 && position < positions)
        ? gather([...selected], vocabulary, (all) => all)
        : 'has no valid mlm_sel_positions beside it';
    case 'mlm_logits_stride257':
      return gather(everywhere, Math.ceil(vocabulary / STRIDE), (all) => all.filter((_, id) => id % STRIDE === 0));
    case 'mlm_logits_pos0_and_last':
      return gather([0, positions - 1], vocabulary, (all) => all);
    case 'mlm_top10_values': {
      const count = Math.min(shape.at(-1) ?? 0, vocabulary);
      return gather(everywhere, count, (all) => {
        const best = topIndices(all, count).map((id) => all[id]!);
        return [...best, ...new Array<number>(count - best.length).fill(NaN)];
      });
    }
    default:
      return undefined;
  }
}

/**
 * Ids of the largest logits. Two logits closer than the tolerance may change places between two correct computations,
 * so the expected id at rank r passes when its logit here is the r-th largest up to the tolerance.
 */
function compareTopIds(
  kind: string,
  expected: NamedTensor,
  logits: NamedTensor,
  tolerance: number,
  fail: (failure: string) => Comparison,
): Comparison {
  const [rows, positions, vocabulary] = logits.shape as [number, number, number];
  const count = expected.shape.at(-1) ?? 0;
  if (expected.shape.join() !== [rows, positions, count].join() || count > vocabulary) {
    return fail(`has shape [${expected.shape.join(', ')}] where [${rows}, ${positions}, n] belongs`);
  }
  if (!(expected.data instanceof Int32Array)) {
    return fail('is stored with floats where integers belong');
  }
  let largest = 0;
  let differing = 0;
  for (let position = 0; position < rows * positions; position++) {
    const all = logits.data.subarray(position * vocabulary, (position + 1) * vocabulary);
    const ids = expected.data.subarray(position * count, (position + 1) * count);
    const best = topIndices(all, count);
    const distinct = new Set(ids).size === count;
    for (let rank = 0; rank < count; rank++) {
      // An id outside the vocabulary has no logit: the difference is NaN and never passes.
      const difference = Math.abs((all[ids[rank]!] ?? NaN) - (all[best[rank] ?? -1] ?? NaN));
      largest = Math.max(largest, difference);
      differing += distinct && difference <= tolerance ? 0 : 1;
    }
  }
  const failure =
    differing === 0 ? null : `${differing} of ${expected.data.length} ids are not among the largest logits`;
  return { kind, values: expected.data.length, largestDifference: largest, tolerance, differing, failure };
}
