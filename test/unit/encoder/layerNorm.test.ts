/** Layer norm with epsilon 1e-12 on rows that are constant or nearly so: where a one-pass variance turns into NaN. */
import { expect, it } from 'vitest';
import { loadEncoder } from '../../../extension/runner/encoder/encoder';
import { recorded } from './fixture';
import { memoryCheckpoint } from './memoryCheckpoint';
import { plainArchitecture, randomModel } from './randomModel';
import { referenceForward } from './reference';
import { ReferenceKernel } from './referenceKernel';

const centres = [0, 1, 1.1, -12.3, 123.4, 1234.5, 40000.3, 1e6 + 0.3];
const spreads = [0, 1e-6, 1e-5, 1e-4, 1e-3, 1];

it.each([24, 384])('keeps nearly constant rows of width %i finite and as exact as float32 allows', async (width) => {
  // A model that hands its embedding through: attention and feedforward add nothing, norms do not scale.
  const architecture = plainArchitecture({ hiddenSize: width, positions: 'none', embeddingNorm: false });
  const tensors = randomModel(architecture, 3);
  for (const [name, { data }] of tensors) {
    if (/attn\.dense|linear_out|norm\d?\.bias/.test(name)) {
      data.fill(0);
    } else if (/norm\d?\.weight/.test(name)) {
      data.fill(1);
    }
  }
  const kinds = centres.flatMap((centre) => spreads.map((spread) => ({ centre, spread })));
  const words = tensors.get('encoder.embedding.word_embedding.weight')!.data;
  kinds.forEach(({ centre, spread }, row) => {
    for (let i = 0; i < width; i++) {
      words[row * width + i] = centre + spread * Math.sin(i * 1.3);
    }
  });

  const batch = { ids: Int32Array.from(kinds.keys()), mask: null, rows: kinds.length, positions: 1 };
  const encoder = await loadEncoder(memoryCheckpoint(architecture, tensors), new ReferenceKernel(), { threads: 1 });
  const output = await encoder.forward(batch, { recordAll: true });
  await encoder.dispose();
  const reference = referenceForward(architecture, tensors, batch);

  // Norms after the first addition, after two, and the final one.
  const tooFar = ['layer.0.ffn_input', 'layer.1.ffn_input', 'final_norm'].flatMap((key) => {
    const [actual, expected] = [recorded(output, key)!, reference.get(key)!];
    return kinds.filter((_, row) => {
      const stored = Float64Array.from(words.slice(row * width, (row + 1) * width));
      const mean = stored.reduce((a, b) => a + b / width, 0);
      const deviation = Math.sqrt(stored.reduce((a, b) => a + (b - mean) ** 2 / width, 0) + 1e-12);
      // A mean rounded to float32 shifts the whole row by that much of its spread; a constant row has no excuse.
      const constantRow = stored.every((value) => value === stored[0]);
      const bound = 1e-6 + (constantRow ? 0 : (2 ** -23 * Math.abs(mean)) / deviation);
      for (let i = row * width; i < (row + 1) * width; i++) {
        if (!(Math.abs(actual[i]! - expected[i]!) <= bound)) {
          return true;
        }
      }
      return false;
    });
  });
  expect(tooFar).toEqual([]);
});
