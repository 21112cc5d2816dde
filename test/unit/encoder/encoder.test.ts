/** How the encoder behaves around its numbers: limits, predictions, cancellation, disposal, twins. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maskBias } from '../../../extension/runner/encoder/batch';
import { loadEncoder } from '../../../extension/runner/encoder/encoder';
import type { Encoder } from '../../../extension/runner/encoder/encoder';
import type { EncoderBatch, EncoderOptions, EncoderOutput } from '../../../extension/runner/contracts';
import { nodeCount } from '../../../extension/tree';
import { largestDifference } from './fixture';
import { memoryCheckpoint } from './memoryCheckpoint';
import { plainArchitecture, randomModel } from './randomModel';
import { nonlinearity } from './reference';
import { ReferenceKernel } from './referenceKernel';

const architecture = plainArchitecture({
  layers: 5,
  feedforward: { kind: 'fff', depth: 3, trees: 2, activation: 'GELU' },
});
const tensors = randomModel(architecture, 21);
const checkpoint = memoryCheckpoint(architecture, tensors);
const kernel = new ReferenceKernel();

function batchOf(rows: number, positions: number, mask: number[] | null = null): EncoderBatch {
  return {
    ids: Int32Array.from({ length: rows * positions }, (_, index) => (7 * index + 3) % architecture.vocabularySize),
    mask: mask === null ? null : Int32Array.from(mask),
    rows,
    positions,
  };
}

/** Every number of an output but the timings. */
function numbersOf(output: EncoderOutput): unknown {
  const layers = output.layers.map(({ fff, ffnInput }) => ({ fff, ffnInput }));
  return { layers, finalNorm: output.finalNorm, logits: output.logits };
}

let encoder: Encoder;
beforeAll(async () => {
  encoder = await loadEncoder(checkpoint, kernel, { threads: 1 });
});
afterAll(() => encoder.dispose());

describe('bad input', () => {
  const whole = batchOf(2, 4);
  const refused: [string, EncoderBatch, RegExp, EncoderOptions?][] = [
    ['no positions', batchOf(1, 0), /at least one/],
    ['no rows', batchOf(0, 4), /at least one/],
    ['half a row', { ...whole, rows: 0.5 }, /at least one/],
    ['more positions than the model has', batchOf(1, 17), /has 17 tokens.*at most 16/],
    [
      'an id beyond the vocabulary',
      { ...whole, ids: Int32Array.of(1, 2, 3, 4, 5, 50, 7, 8) },
      /Token id 50 .*1 of row 1/,
    ],
    ['a negative id', { ...whole, ids: Int32Array.of(-1, 2, 3, 4, 5, 6, 7, 8) }, /Token id -1/],
    ['too few ids', { ...whole, ids: new Int32Array(7) }, /7 token ids where 2 x 4/],
    ['too short a mask', { ...whole, mask: new Int32Array(7) }, /mask has 7 values where 2 x 4/],
    ['a mask with a 2', batchOf(1, 3, [1, 2, 0]), /mask has the value 2/],
    ['a prediction outside', whole, /position 8 of 8/, { logitsAt: [0, 8] }],
    ['a prediction between positions', whole, /position 0.5/, { logitsAt: [0.5] }],
  ];
  it.each(refused)('refuses %s', async (_, batch, message, options) => {
    await expect(encoder.forward(batch, options)).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses threads that are no number of threads', async () => {
    await expect(loadEncoder(checkpoint, kernel, { threads: 0 })).rejects.toMatchObject({ code: 'BAD_INPUT' });
    await expect(loadEncoder(checkpoint, kernel, { threads: 1.5 })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('refuses layers that do not exist', async () => {
    expect(() => encoder.fffLayer(5)).toThrow(/no layer 5; the model has 5/);
    await expect(encoder.twinOf(-1)).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('refuses FFF layers with a nonlinearity the kernel does not compute', async () => {
    const feedforward = { kind: 'fff', depth: 3, trees: 2, activation: 'ReLU' } as const;
    const other = memoryCheckpoint({ ...architecture, feedforward }, tensors);
    await expect(loadEncoder(other, kernel, { threads: 1 })).rejects.toMatchObject({ code: 'CHECKPOINT_UNSUPPORTED' });
  });
});

describe('forward', () => {
  it('gives the same numbers with and without recording, and again', async () => {
    const batch = batchOf(2, 5, [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    const recording = await encoder.forward(batch, { recordAll: true });
    const fast = await encoder.forward(batch);
    expect(numbersOf(fast)).toEqual({ ...(numbersOf(recording) as object), logits: null });
    expect(numbersOf(await encoder.forward(batch))).toEqual(numbersOf(fast));
    expect(fast.embedding).toBeUndefined();
    expect(Object.keys(fast.layers[0]!).sort()).toEqual(
      ['attentionMicroseconds', 'feedforwardMicroseconds', 'ffnInput', 'fff'].sort(),
    );
  });

  it('predicts the wanted rows in the order asked for', async () => {
    const batch = batchOf(2, 4);
    const all = (await encoder.forward(batch, { recordAll: true })).logits!;
    const wanted = [6, 0, 3, 6];
    const { logits } = await encoder.forward(batch, { logitsAt: wanted });
    const size = architecture.vocabularySize;
    const expected = wanted.flatMap((row) => [...all.subarray(row * size, (row + 1) * size)]);
    expect(largestDifference(logits ?? undefined, expected)).toBeLessThan(1e-5);
    expect((await encoder.forward(batch, { logitsAt: [] })).logits).toBeNull();
  });

  it('gives a row the same result whatever it is batched with', async () => {
    const alone = await encoder.forward(batchOf(1, 6));
    const together = await encoder.forward({
      rows: 2,
      positions: 6,
      ids: Int32Array.from([...batchOf(1, 6).ids, 1, 2, 3, 4, 5, 6]),
      mask: Int32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0),
    });
    expect(largestDifference(together.finalNorm.subarray(0, alone.finalNorm.length), alone.finalNorm)).toBeLessThan(
      2e-5,
    );
  });

  it('adds -10000 to the scores of masked keys and nothing to the others', () => {
    expect([...maskBias(batchOf(2, 2, [1, 0, 0, 1]))]).toEqual([0, -10000, -10000, 0]);
    expect([...maskBias(batchOf(1, 3))]).toEqual([0, 0, 0]);
  });

  it('stays finite for a row whose mask is all zero', async () => {
    const output = await encoder.forward(batchOf(1, 4, [0, 0, 0, 0]), { recordAll: true });
    expect(output.finalNorm.every(Number.isFinite)).toBe(true);
  });

  it('takes the longest row the model has', async () => {
    const output = await encoder.forward(batchOf(1, architecture.maxSequenceLength));
    expect(output.finalNorm.length).toBe(architecture.maxSequenceLength * architecture.hiddenSize);
  });

  it('keeps concurrent passes apart', async () => {
    const batches = [batchOf(1, 3), batchOf(2, 7), batchOf(1, 16), batchOf(1, 3)];
    const apart: unknown[] = [];
    for (const batch of batches) {
      apart.push(numbersOf(await encoder.forward(batch)));
    }
    const together = await Promise.all(batches.map((batch) => encoder.forward(batch)));
    expect(together.map(numbersOf)).toEqual(apart);
  });

  it('runs with two threads to the same paths', async () => {
    const threaded = await loadEncoder(checkpoint, kernel, { threads: 2 });
    const [one, two] = [await encoder.forward(batchOf(2, 16)), await threaded.forward(batchOf(2, 16))];
    await threaded.dispose();
    expect(two.layers.map(({ fff }) => fff?.nodes)).toEqual(one.layers.map(({ fff }) => fff?.nodes));
    expect(largestDifference(two.finalNorm, one.finalNorm)).toBeLessThan(2e-5);
  });

  it('reports a time for every phase', async () => {
    const output = await encoder.forward(batchOf(1, 4), { logitsAt: [1] });
    const times = [
      output.embeddingMicroseconds,
      output.headMicroseconds,
      ...output.layers.flatMap((layer) => [layer.attentionMicroseconds, layer.feedforwardMicroseconds]),
    ];
    expect(times.length).toBe(12);
    expect(times.every((time) => time > 0 && Number.isFinite(time))).toBe(true);
  });
});

describe('cancellation', () => {
  it('refuses to start when already cancelled', async () => {
    const run = encoder.forward(batchOf(1, 4), { signal: AbortSignal.abort() });
    await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('stops after the layer in which it was cancelled', async () => {
    const controller = new AbortController();
    const layers: number[] = [];
    const run = encoder.forward(batchOf(1, 4), {
      signal: controller.signal,
      onLayer: (layer) => {
        layers.push(layer);
        if (layer === 1) {
          controller.abort();
        }
      },
    });
    await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(layers).toEqual([0, 1]);
  });

  it('lets other events through between layers', async () => {
    const controller = new AbortController();
    const layers: number[] = [];
    const run = encoder.forward(batchOf(1, 4), { signal: controller.signal, onLayer: (layer) => layers.push(layer) });
    setTimeout(() => controller.abort(), 0);
    setImmediate(() => setImmediate(() => controller.abort()));
    await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(layers.length).toBeLessThan(architecture.layers);
  });

  it('stops loading', async () => {
    const before = kernel.alive.size;
    const loading = loadEncoder(checkpoint, kernel, { threads: 1, signal: AbortSignal.abort() });
    await expect(loading).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(kernel.alive.size).toBe(before);
  });
});

describe('disposal', () => {
  it('ends what runs, frees everything and can be followed by a new encoder', async () => {
    const own = new ReferenceKernel();
    const first = await loadEncoder(checkpoint, own, { threads: 1 });
    expect(own.alive.size).toBe(architecture.layers);
    const expected = numbersOf(await first.forward(batchOf(1, 4)));
    const twin = await first.twinOf(0);
    const running = first.forward(batchOf(1, 4));
    const disposals = [first.dispose(), first.dispose()];
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    await Promise.all(disposals);
    expect(own.alive.size).toBe(0);
    await expect(first.forward(batchOf(1, 4))).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(first.twinOf(0)).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(twin.run(new Float32Array(24), 1)).rejects.toMatchObject({ code: 'CANCELLED' });

    const second = await loadEncoder(checkpoint, own, { threads: 1 });
    expect(numbersOf(await second.forward(batchOf(1, 4)))).toEqual(expected);
    await second.dispose();
    expect(own.alive.size).toBe(0);
  });

  it('frees what was opened when loading fails', async () => {
    const own = new ReferenceKernel();
    const incomplete = new Map(tensors);
    incomplete.delete('encoder.final_norm.weight');
    const loading = loadEncoder(memoryCheckpoint(architecture, incomplete), own, { threads: 1 });
    await expect(loading).rejects.toThrow(/no tensor encoder\.final_norm\.weight/);
    expect(own.alive.size).toBe(0);
  });
});

describe('dense twin', () => {
  it('evaluates all neurons of all trees', async () => {
    const layer = 3;
    const { hiddenSize } = architecture;
    const tokens = 6;
    const { layers } = await encoder.forward(batchOf(1, tokens));
    const input = layers[layer]!.ffnInput;
    const prefix = `encoder.layers.${layer}.ffn`;
    const [weightIn, bias, weightOut] = ['linear_in.weight', 'linear_in.bias', 'linear_out.weight'].map(
      (name) => tensors.get(`${prefix}.${name}`)!.data,
    );
    const neurons = 2 * nodeCount(3);
    const expected = new Float64Array(tokens * hiddenSize);
    for (let token = 0; token < tokens; token++) {
      for (let neuron = 0; neuron < neurons; neuron++) {
        let sum = bias![neuron]!;
        for (let i = 0; i < hiddenSize; i++) {
          sum += weightIn![neuron * hiddenSize + i]! * input[token * hiddenSize + i]!;
        }
        for (let o = 0; o < hiddenSize; o++) {
          expected[token * hiddenSize + o]! += nonlinearity('GELU', sum) * weightOut![o * neurons + neuron]!;
        }
      }
    }
    const twin = await encoder.twinOf(layer);
    expect(largestDifference(await twin.run(input, tokens), expected)).toBeLessThan(2e-5);
    await expect(twin.run(input, tokens + 1)).rejects.toMatchObject({ code: 'BAD_INPUT' });
    await twin.release();
    await twin.release();
    await expect(twin.run(input, tokens)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('does not exist in a dense model', async () => {
    const dense = plainArchitecture({ feedforward: { kind: 'dense', width: 8, activation: 'GELU', gated: false } });
    const model = await loadEncoder(memoryCheckpoint(dense, randomModel(dense, 1)), kernel, { threads: 1 });
    expect(model.fffLayer(0)).toBeNull();
    await expect(model.twinOf(0)).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringMatching(/Layer 0 is dense/) as string,
    });
    await model.dispose();
  });
});
