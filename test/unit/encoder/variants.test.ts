/** Architectures without a stored fixture, against the float64 reference: every recorded tensor of every variant. */
import { describe, expect, it } from 'vitest';
import { loadEncoder } from '../../../extension/runner/encoder/encoder';
import type { Activation, Architecture, EncoderBatch } from '../../../extension/runner/contracts';
import { largestDifference, recorded } from './fixture';
import { memoryCheckpoint } from './memoryCheckpoint';
import { plainArchitecture, randomModel, uniformNumbers } from './randomModel';
import { referenceForward } from './reference';
import type { ReferenceResult } from './reference';
import { ReferenceKernel } from './referenceKernel';

const dense = (activation: Activation, gated = false): Partial<Architecture> => ({
  feedforward: { kind: 'dense', width: 20, activation, gated },
});
const fff = (depth: number, trees: number): Partial<Architecture> => ({
  feedforward: { kind: 'fff', depth, trees, activation: 'GELU' },
});

const variants: [string, Partial<Architecture>][] = [
  ['a single node', fff(0, 1)],
  ['a deep tree', fff(8, 1)],
  ['five trees', fff(2, 5)],
  ['one layer', { layers: 1 }],
  ['five layers', { layers: 5 }],
  ['one head', { heads: 1 }],
  ['head dimension one', { heads: 24 }],
  ['an odd width', { hiddenSize: 21, heads: 3 }],
  ['learned positions', { positions: 'learned' }],
  ['plain sinusoidal positions', { positions: 'sinusoidal' }],
  ['no positions', { positions: 'none' }],
  ['no embedding norm', { embeddingNorm: false }],
  ['no final norm', { finalNorm: false }],
  ['a large epsilon', { normEpsilon: 1e-2 }],
  ['query, key and value biases', { qkvBias: true }],
  ['biases', { useBias: true }],
  ['a decoder bias', { decoderBias: true }],
  ['a head transform', { headTransform: true }],
  ['dense GELU', dense('GELU')],
  ['dense GELU with biases', { ...dense('GELU'), useBias: true, qkvBias: true, decoderBias: true }],
  ['dense ReLU', dense('ReLU')],
  ['dense SiLU', dense('SiLU')],
  ['dense Tanh', dense('Tanh')],
  ['dense Mish', dense('Mish')],
  ['gated GELU', dense('GELU', true)],
  ['gated SiLU with biases', { ...dense('SiLU', true), useBias: true }],
  ['gated GELU with a head transform and biases', { ...dense('GELU', true), headTransform: true, useBias: true }],
  [
    'everything that adds weights',
    { ...fff(3, 2), qkvBias: true, useBias: true, decoderBias: true, headTransform: true },
  ],
];

/** Three rows of nine, the second short, the third with holes. */
function batchFor(architecture: Architecture, seed: number): EncoderBatch {
  const random = uniformNumbers(seed);
  const [rows, positions] = [3, 9];
  return {
    ids: Int32Array.from({ length: rows * positions }, () => Math.floor(random() * architecture.vocabularySize)),
    mask: Int32Array.from({ length: rows * positions }, (_, index) => {
      const [row, position] = [Math.floor(index / positions), index % positions];
      return row === 0 || (row === 1 ? position < 4 : position % 3 !== 1) ? 1 : 0;
    }),
    rows,
    positions,
  };
}

/** Smallest distance of a decision from zero: paths can be compared only where float32 cannot flip one. */
function smallestMargin(reference: ReferenceResult): number {
  const logits = Array.from(reference).filter(([name]) => name.endsWith('.logits'));
  return Math.min(Infinity, ...logits.flatMap(([, values]) => Array.from(values, Math.abs)));
}

describe('architecture variants', () => {
  it.each(variants)('%s', async (_, changes) => {
    const architecture = plainArchitecture(changes);
    const tensors = randomModel(architecture, 7);
    const batch = batchFor(architecture, 11);
    const reference = referenceForward(architecture, tensors, batch);
    expect(smallestMargin(reference), 'margin of the test model').toBeGreaterThan(5e-5);

    const encoder = await loadEncoder(memoryCheckpoint(architecture, tensors), new ReferenceKernel(), { threads: 1 });
    const output = await encoder.forward(batch, { recordAll: true });
    await encoder.dispose();
    const differences = Array.from(reference, ([key, values]) => {
      return { key, largest: largestDifference(recorded(output, key), values) };
    });
    const tolerance = (key: string): number =>
      key.endsWith('.nodes') ? 0 : key === 'embedding' || key.endsWith('attn_probs') ? 2e-5 : 5e-5;
    expect(differences.filter(({ key, largest }) => !(largest <= tolerance(key)))).toEqual([]);
    // Nothing was left out: three results outside the layers, eight of an FFF layer, seven of a dense one.
    expect(differences.length).toBe(3 + architecture.layers * (architecture.feedforward.kind === 'fff' ? 8 : 7));
  });
});
