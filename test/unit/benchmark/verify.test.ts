import { describe, expect, it } from 'vitest';
import { gelu, nodeCount } from '../../../extension/tree';
import type { FffWeights } from '../../../extension/runner/contracts';
import {
  layerNormRows,
  randomDenseWeights,
  randomFffWeights,
  syntheticTokens,
  twinOf,
} from '../../../extension/runner/benchmark/distributions';
import { fastGelu, paperDenseLayer, paperFffLayer } from '../../../extension/runner/benchmark/engines/paperLevels';
import { admissiblePaths, exactPath } from '../../../extension/runner/benchmark/reference';
import { denseReferenceOf, sampleIndices, verifyOutput } from '../../../extension/runner/benchmark/verify';

/** The layer as the training code computes it: every neuron, then all but the visited ones masked away. */
function maskedDense(weights: FffWeights, input: Float32Array, tokens: number): Float32Array {
  const { width, depth, trees } = weights;
  const nodes = nodeCount(depth);
  const output = new Float32Array(tokens * width);
  for (let token = 0; token < tokens; token++) {
    const x = input.subarray(token * width, (token + 1) * width);
    const sums = new Float64Array(width);
    for (let tree = 0; tree < trees; tree++) {
      const logits = Array.from({ length: nodes }, (_, node) => {
        const row = tree * nodes + node;
        return x.reduce(
          (sum, value, i) => sum + value * weights.inputWeights[row * width + i]!,
          weights.inputBias[row]!,
        );
      });
      const visited = new Set<number>();
      for (let node = 0; node < nodes; node = 2 * node + 1 + (logits[node]! > 0 ? 1 : 0)) {
        visited.add(node);
      }
      logits.forEach((logit, node) => {
        const mask = visited.has(node) ? 1 : 0;
        for (let i = 0; i < width; i++) {
          sums[i]! += mask * gelu(logit) * weights.outputWeights[i * trees * nodes + tree * nodes + node]!;
        }
      });
    }
    output.set(sums, token * width);
  }
  return output;
}

/** Several trees in one set of weights. */
function forest(width: number, depth: number, trees: number): FffWeights {
  const nodes = nodeCount(depth);
  const wide = randomDenseWeights(width, trees * nodes, 3, 0);
  return {
    width,
    depth,
    trees,
    inputWeights: wide.first,
    inputBias: wide.firstBias,
    outputWeights: wide.second,
  };
}

const shapes = [
  { width: 13, depth: 0, trees: 1 },
  { width: 16, depth: 4, trees: 1 },
  { width: 31, depth: 3, trees: 3 },
];

describe('the float64 reference', () => {
  it.each(shapes)('agrees with the masked dense layer at $width x $depth x $trees', ({ width, depth, trees }) => {
    const weights = forest(width, depth, trees);
    const input = syntheticTokens('spread', width, 40, 9);
    const output = maskedDense(weights, input, 40);
    const answer = verifyOutput({ kind: 'fff', weights }, 'fp32', input, output, sampleIndices(40, 40));
    expect(answer).toMatchObject({ verified: true, tokens: 40, pathFlips: 0, complaint: null });
    expect(answer.worstError).toBeLessThan(1e-6);
  });

  it('walks one path where every decision is clear and both where one is not', () => {
    const weights = forest(8, 2, 1);
    const input = syntheticTokens('spread', 8, 1, 1);
    const clear = admissiblePaths(weights, input, 0, 'fp32');
    expect(clear).toHaveLength(1);
    expect(clear[0]).toEqual(exactPath(weights, input, 0));

    const open = {
      ...weights,
      inputWeights: Float32Array.from(weights.inputWeights),
      inputBias: Float32Array.from(weights.inputBias),
    };
    open.inputWeights.fill(0, 0, 8);
    open.inputBias[0] = 0;
    const paths = admissiblePaths(open, input, 0, 'fp32');
    expect(paths.map(({ nodes }) => nodes[1])).toEqual([1, 2]);
  });
});

describe('verification', () => {
  const weights = randomFffWeights(24, 4, 1, 0);
  const input = syntheticTokens('spread', 24, 50, 2);
  const right = maskedDense(weights, input, 50);
  const check = (output: Float32Array, precision: 'fp32' | 'bf16' = 'fp32') =>
    verifyOutput({ kind: 'fff', weights }, precision, input, output, sampleIndices(50, 50));

  it('accepts what rounding explains and reports the worst error', () => {
    const rounded = right.map((value) => value * (1 + 2 ** -20));
    const answer = check(rounded);
    expect(answer.verified).toBe(true);
    expect(answer.worstError).toBeCloseTo(2 ** -20, 6);
  });

  it('accepts bf16 errors only from bf16', () => {
    const rounded = right.map((value) => value * (1 + 2 ** -9));
    expect(check(rounded).verified).toBe(false);
    expect(check(rounded, 'bf16').verified).toBe(true);
  });

  it('expects of exact-low what its engine multiplies', () => {
    const rounded = right.map((value) => value * (1 + 2 ** -8));
    const verify = (multipliesBf16?: boolean): boolean =>
      verifyOutput({ kind: 'fff', weights }, 'exact-low', input, rounded, sampleIndices(50, 50), multipliesBf16)
        .verified;
    expect([verify(), verify(false), verify(true)]).toEqual([false, false, true]);
  });

  it('admits the path that rounding both weights and token to bf16 leads to', () => {
    const [up, down] = [1 + 2 ** -8 + 1e-6, 1 + 2 ** -8 - 1e-6].map(Math.fround) as [number, number];
    const weights: FffWeights = {
      width: 2,
      depth: 1,
      trees: 1,
      inputWeights: Float32Array.of(down, up, 0, 0, 0, 0),
      inputBias: Float32Array.of(0.012, 1, 1),
      outputWeights: Float32Array.of(0, 1, 2, 0, 1, 2),
    };
    const token = Float32Array.of(down, -up);
    // Rounded, both factors of each product are further apart: 1 against 1.0078125.
    expect(1 - 1.0078125 ** 2 + weights.inputBias[0]!).toBeLessThan(0);
    expect(admissiblePaths(weights, token, 0, 'bf16').map(({ nodes }) => nodes[1])).toEqual([2, 1]);
    expect(admissiblePaths(weights, token, 0, 'fp32').map(({ nodes }) => nodes[1])).toEqual([2]);
  });

  it('refuses the output of another path and names the token', () => {
    const wrong = Float32Array.from(right);
    wrong.set(right.subarray(0, 24), 24 * 49);
    const answer = check(wrong);
    expect(answer.verified).toBe(false);
    expect(answer.complaint).toMatch(/^token 49 of 50 differs from float64/);
  });

  it.each([NaN, Infinity])('never accepts %d', (value) => {
    const wrong = Float32Array.from(right);
    wrong[30 * 24 + 5] = value;
    const answer = check(wrong);
    expect(answer.verified).toBe(false);
    expect(answer.worstError).not.toBeLessThan(1);
  });

  it('accepts the other child where a logit is zero, and counts a flip', () => {
    const open = {
      ...weights,
      inputWeights: Float32Array.from(weights.inputWeights),
      inputBias: Float32Array.from(weights.inputBias),
    };
    open.inputWeights.fill(0, 0, 24);
    open.inputBias[0] = 0;
    // A bias of a millionth leads right; the exact answer for zero is left.
    const nudged = { ...open, inputBias: Float32Array.from(open.inputBias) };
    nudged.inputBias[0] = 1e-7;
    const output = maskedDense(nudged, input, 50);
    const answer = verifyOutput({ kind: 'fff', weights: open }, 'fp32', input, output, sampleIndices(50, 50));
    expect(answer).toMatchObject({ verified: true, pathFlips: 50 });
  });

  it('checks dense layers, with and without output bias', () => {
    for (const dense of [twinOf(weights), randomDenseWeights(24, 70, 4, 1)]) {
      const reference = denseReferenceOf(dense);
      const output = new Float32Array(50 * 24);
      void paperDenseLayer(1, dense).run(input, 50, output);
      expect(verifyOutput(reference, 'fp32', input, output, sampleIndices(50, 5)).verified).toBe(true);
      output[49 * 24 + 3]! += 0.01;
      expect(verifyOutput(reference, 'fp32', input, output, sampleIndices(50, 5)).verified).toBe(false);
    }
  });

  it('looks at the ends of a batch and evenly between', () => {
    expect(sampleIndices(1024, 5)).toEqual([0, 256, 512, 767, 1023]);
    expect(sampleIndices(3, 5)).toEqual([0, 1, 2]);
  });
});

describe('the paper’s levels', () => {
  it.each([1, 2] as const)('level %i of the FFF is right on odd shapes and several trees', (level) => {
    for (const { width, depth, trees } of shapes) {
      const weights = forest(width, depth, trees);
      const input = syntheticTokens('spread', width, 21, 9);
      const output = new Float32Array(21 * width).fill(NaN);
      void paperFffLayer(level, weights).run(input, 21, output);
      const answer = verifyOutput({ kind: 'fff', weights }, 'fp32', input, output, sampleIndices(21, 21));
      expect(answer.complaint).toBeNull();
    }
  });

  it.each([1, 2, 3] as const)('level %i of the dense layer is right on odd shapes', (level) => {
    const weights = randomDenseWeights(19, 45, 2, 0);
    const input = syntheticTokens('spread', 19, 11, 9);
    const output = new Float32Array(11 * 19).fill(NaN);
    void paperDenseLayer(level, weights).run(input, 11, output);
    expect(verifyOutput(denseReferenceOf(weights), 'fp32', input, output, sampleIndices(11, 11)).complaint).toBeNull();
  });

  it('use a GELU that is exact to float32', () => {
    for (let x = -6; x <= 6; x += 0.01) {
      expect(Math.abs(fastGelu(x) - gelu(x))).toBeLessThan(5e-7);
    }
  });
});

describe('layer norm of tokens', () => {
  it('leaves mean 0 and variance 1, and zero of a constant row', () => {
    const rows = Float32Array.from([1, 2, 3, 10, 5, 5, 5, 5]);
    layerNormRows(rows, 4);
    const first = rows.subarray(0, 4);
    expect(first.reduce((a, b) => a + b)).toBeCloseTo(0, 6);
    expect(first.reduce((a, b) => a + b * b, 0) / 4).toBeCloseTo(1, 6);
    expect([...rows.subarray(4)]).toEqual([0, 0, 0, 0]);
  });
});
