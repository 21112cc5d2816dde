/** Softmax distributions given by their logits: how sure they are and how far apart. Float64; NaN stays NaN. */

/** `ln sum exp`, without overflow. */
export function logSumExp(logits: Float32Array): number {
  let largest = -Infinity;
  for (const logit of logits) {
    if (!(logit <= largest)) {
      largest = logit;
    }
  }
  let sum = 0;
  for (const logit of logits) {
    sum += Math.exp(logit - largest);
  }
  return largest + Math.log(sum);
}

/** Kullback-Leibler divergence of softmax(other) from softmax(logits), `sum p ln(p / q)`, in nats. */
export function klDivergence(logits: Float32Array, other: Float32Array): number {
  const [norm, otherNorm] = [logSumExp(logits), logSumExp(other)];
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const logP = logits[i]! - norm;
    sum += Math.exp(logP) * (logP - (other[i]! - otherNorm));
  }
  // Rounding may leave a tiny negative number where the two are equal.
  return sum < 0 ? 0 : sum;
}

/** Entropy of softmax(logits), in bits. */
export function softmaxEntropyBits(logits: Float32Array): number {
  const norm = logSumExp(logits);
  let sum = 0;
  for (const logit of logits) {
    const logP = logit - norm;
    sum -= Math.exp(logP) * logP;
  }
  return sum / Math.LN2;
}

/** How many entries come before this one in descending order; equal values in the order of their indices. */
export function rankOf(logits: Float32Array, index: number): number {
  const value = logits[index]!;
  let rank = 0;
  for (let i = 0; i < logits.length; i++) {
    if (logits[i]! > value || (logits[i] === value && i < index)) {
      rank++;
    }
  }
  return rank;
}
