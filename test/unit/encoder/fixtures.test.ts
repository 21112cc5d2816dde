/** The encoder against the stored results of the official modules: every case, every tensor, from the stored files. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../extension/runner/checkpoint/checkpoint';
import type { Checkpoint, EncoderOutput, Kernel } from '../../../extension/runner/contracts';
import { loadEncoder } from '../../../extension/runner/encoder/encoder';
import type { Encoder } from '../../../extension/runner/encoder/encoder';
import { loadKernel } from '../../../extension/runner/kernel';
import { fixtureCases, fixtureFolder, largestDifference, recorded } from './fixture';
import type { FixtureCase } from './fixture';
import { ReferenceKernel } from './referenceKernel';

/** Absolute tolerances; node paths must be equal. */
function toleranceOf(key: string): number {
  return key.endsWith('.nodes') ? 0 : key === 'embedding' || key.endsWith('.attn_probs') ? 2e-5 : 5e-5;
}

/** What the output has for a key; selections of logits are taken from the full ones. */
function valueOf(output: EncoderOutput, key: string, { batch, expected }: FixtureCase): ArrayLike<number> | undefined {
  switch (key) {
    case 'input_ids':
    case 'mlm_sel_positions':
      return expected.get(key)?.data;
    case 'attention_mask':
      return batch.mask ?? undefined;
    case 'mlm_logits_sel': {
      const logits = output.logits!;
      const size = logits.length / (batch.rows * batch.positions);
      const positions = [...expected.get('mlm_sel_positions')!.data];
      return Float32Array.from(positions.flatMap((at) => [...logits.subarray(at * size, (at + 1) * size)]));
    }
    default:
      return recorded(output, key);
  }
}

/** Our kernel as this CPU runs it, and the plain one, which tells a fault of the encoder from one of the kernel. */
const kernels: [string, () => Kernel][] = [
  ['the native kernel', loadKernel],
  ['the reference kernel', () => new ReferenceKernel()],
];
const runs = ['F1', 'F2', 'D1'].flatMap((fixture) => kernels.map(([name, make]) => ({ fixture, name, make })));

describe.each(runs)('$fixture with $name', ({ fixture, make }) => {
  let checkpoint: Checkpoint;
  let encoder: Encoder;
  beforeAll(async () => {
    checkpoint = await openCheckpoint(fixtureFolder(fixture));
    encoder = await loadEncoder(checkpoint, make(), { threads: 1 });
  });
  afterAll(async () => {
    await encoder.dispose();
    await checkpoint.close();
  });

  it.each(fixtureCases(fixture))('$name', async (stored) => {
    const output = await encoder.forward(stored.batch, { recordAll: true });
    const differences = Array.from(stored.expected, ([key, { data }]) => {
      return { key, largest: largestDifference(valueOf(output, key, stored), data) };
    });
    expect(differences.filter(({ key, largest }) => !(largest <= toleranceOf(key)))).toEqual([]);
    expect(differences.length).toBeGreaterThan(10);
  });

  it('follows the same paths without recording', async () => {
    for (const { batch, expected } of fixtureCases(fixture)) {
      const { layers } = await encoder.forward(batch);
      layers.forEach(({ fff }, layer) => {
        expect(fff?.nodes).toEqual(expected.get(`layer.${layer}.nodes`)?.data);
      });
    }
  });
});
