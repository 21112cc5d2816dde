/** From vocabulary logits to the most probable words. */

export interface Candidate {
  id: number;
  /** Softmax over the whole vocabulary, 0..1. */
  probability: number;
}

/**
 * The `count` most probable entries, most probable first; of equal logits the lower id comes first.
 * @param logits [vocabulary] at one position.
 */
export function topCandidates(logits: Float32Array, count: number): Candidate[] {
  const best = topIndices(logits, count);
  if (best.length === 0) {
    return [];
  }
  const largest = logits[best[0]!]!;
  let sum = 0;
  for (const logit of logits) {
    sum += Math.exp(logit - largest);
  }
  return best.map((id) => ({ id, probability: Math.exp(logits[id]! - largest) / sum }));
}

/** Indices of the largest values, descending; equal values in the order of their indices. NaN is never among them. */
export function topIndices(values: ArrayLike<number>, count: number): number[] {
  const best: number[] = [];
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (Number.isNaN(value) || (best.length === count && !(value > values[best[count - 1]!]!))) {
      continue;
    }
    let place = best.length;
    while (place > 0 && value > values[best[place - 1]!]!) {
      place--;
    }
    best.splice(place, 0, index);
    best.length = Math.min(best.length, count);
  }
  return best;
}
