import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FffError } from '../../../extension/errors';
import { openCheckpoint } from '../../../extension/runner/checkpoint/checkpoint';
import { DECODER, isBuffer, WORD_EMBEDDING } from '../../../extension/runner/checkpoint/tensorPlan';
import { f32, safetensors, Scratch, tinyArch, tinyTensors, type RawTensors, type TestArch } from './testFolder';

const FIXTURES = join(__dirname, '../../fixtures');
const LAYER = 'encoder.layers.0';

let scratch: Scratch;
beforeAll(async () => {
  scratch = await Scratch.create();
});
afterAll(() => scratch.remove());

/** Opens a folder and expects a refusal. */
async function refusal(folder: string): Promise<FffError> {
  const error = await openCheckpoint(folder).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FffError);
  expect((error as FffError).message.endsWith('.')).toBe(true);
  return error as FffError;
}

async function changed(change: (tensors: RawTensors, arch: TestArch) => void): Promise<string> {
  const tensors = tinyTensors();
  const arch = tinyArch();
  change(tensors, arch);
  return scratch.checkpoint(arch, tensors);
}

describe('folders that are no checkpoint', () => {
  it('names a folder that does not exist, and a file in its place', async () => {
    const missing = await refusal(join(scratch.path, 'nowhere'));
    expect(missing).toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
    expect(missing.message).toContain('nowhere');
    const file = await refusal(join(FIXTURES, 'F1/config.json'));
    expect(file.message).toMatch(/config\.json is not a folder/);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['empty', {}, /is no checkpoint: it has no config\.json/],
    ['without weights', { 'config.json': '{}' }, /is no checkpoint: it has no model\.safetensors/],
    [
      'with PyTorch weights only',
      { 'config.json': '{}', 'pytorch_model.bin': 'x' },
      /pytorch_model\.bin only, and model\.safetensors is needed/,
    ],
    [
      'with weights in pieces',
      { 'config.json': '{}', 'model.safetensors.index.json': '{}' },
      /several safetensors files/,
    ],
  ])('%s', async (_, files, said) => {
    const error = await refusal(await scratch.folder(files));
    expect(error.code).toBe('CHECKPOINT_NOT_FOUND');
    expect(error.message).toMatch(said);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['no JSON', '{"arch": ', /config\.json is not valid JSON/],
    ['binary garbage', Buffer.from([0, 255, 254, 3]), /config\.json is not valid JSON/],
    ['another JSON', '[1, 2]', /config\.json does not hold a JSON object/],
    ['far too much', ' '.repeat(5_000_000), /config\.json is not a configuration file/],
  ])('a configuration with %s', async (_, content, said) => {
    const folder = await scratch.folder({ 'config.json': content, 'model.safetensors': safetensors(tinyTensors()) });
    const error = await refusal(folder);
    expect(error.code).toBe('CHECKPOINT_INVALID');
    expect(error.message).toMatch(said);
    expect(error.message).toContain(folder);
  });

  it('passes on what is wrong with the weights file', async () => {
    const folder = await scratch.folder({
      'config.json': JSON.stringify({ arch: tinyArch() }),
      'model.safetensors': 'nope',
    });
    expect((await refusal(folder)).message).toContain(join(folder, 'model.safetensors'));
  });
});

describe('weights that do not fit the configuration', () => {
  const sound = [...tinyTensors().keys()].filter((name) => !isBuffer(name) && name !== WORD_EMBEDDING);

  it.each(sound)('names a missing %s', async (name) => {
    const error = await refusal(await changed((tensors) => tensors.delete(name)));
    expect(error.code).toBe('CHECKPOINT_INVALID');
    expect(error.message).toMatch(/model\.safetensors lacks the tensor/);
    expect(error.message).toContain(name);
  });

  it.each(sound)('names a misshapen %s', async (name) => {
    const error = await refusal(
      await changed((tensors) => tensors.set(name, f32([...tensors.get(name)!.shape.slice(1), 3]))),
    );
    expect(error.code).toBe('CHECKPOINT_INVALID');
    expect(error.message).toMatch(/model\.safetensors: tensor .* has shape \[.*\], but the configuration calls for \[/);
    expect(error.message).toContain(name);
  });

  it.each<[string, (tensors: RawTensors, arch: TestArch) => void, RegExp]>([
    ['no embedding at all', (tensors) => tensors.delete(WORD_EMBEDDING), /lacks both/],
    [
      'another vocabulary',
      (_, arch) => (arch.embedding['vocab_size'] = 11),
      /has 10 rows, but .*config\.json gives a vocabulary of 11/,
    ],
    [
      'an embedding of another width',
      (tensors) => tensors.set(WORD_EMBEDDING, f32([10, 9])),
      /word_embedding\.weight has shape \[10, 9\]/,
    ],
    [
      'a decoder of another shape',
      (tensors) => tensors.set(DECODER, f32([9, 8])),
      /decoder\.weight has shape \[9, 8\]/,
    ],
    [
      'an embedding without rows',
      (tensors, arch) => {
        tensors.set(WORD_EMBEDDING, f32([0, 8]));
        arch.embedding['vocab_size'] = null;
      },
      /has 0 rows/,
    ],
    [
      'another depth',
      (_, arch) => (arch['intermed_depth'] = 3),
      /linear_in\.weight has shape \[14, 8\], but .* \[30, 8\]/,
    ],
    [
      'more layers',
      (_, arch) => (arch['num_transformer_layers'] = 2),
      /lacks the tensor encoder\.layers\.1\.norm1\.weight/,
    ],
    [
      'fewer layers',
      (tensors) => tensors.set('encoder.layers.1.norm1.weight', f32([8])),
      /encoder\.layers\.1\.norm1\.weight, which .*config\.json does not account for/,
    ],
    [
      'a bias the configuration denies',
      (tensors) => tensors.set(`${LAYER}.attn.dense.bias`, f32([8])),
      /attn\.dense\.bias, which/,
    ],
    [
      'a bias that is missing',
      (_, arch) => (arch['use_bias'] = true),
      /lacks the tensor encoder\.layers\.0\.attn\.dense\.bias/,
    ],
    [
      'weights of integers',
      (tensors) => tensors.set(`${LAYER}.norm1.bias`, { dtype: 'I64', shape: [8], bytes: new Uint8Array(64) }),
      /norm1\.bias is stored as I64/,
    ],
    [
      'one tensor under two names',
      (tensors) => tensors.set(`module.${LAYER}.norm1.bias`, f32([8])),
      /both with and without the prefix/,
    ],
  ])('names %s', async (_, change, said) => {
    const error = await refusal(await changed(change));
    expect(error.code).toBe('CHECKPOINT_INVALID');
    expect(error.message).toMatch(said);
    expect(error.message).toContain('model.safetensors');
  });

  it.each([NaN, Infinity, -Infinity])('names file, tensor and place of %d', async (value) => {
    const name = `${LAYER}.ffn.linear_out.weight`;
    const values = new Array<number>(112).fill(0.5);
    values[100] = value;
    const checkpoint = await openCheckpoint(await changed((tensors) => tensors.set(name, f32([8, 14], values))));
    await expect(checkpoint.read(name, [8, 14])).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringMatching(/model\.safetensors: tensor .*linear_out\.weight holds .* at index 100/) as string,
    });
    await checkpoint.close();
  });

  it('refuses two tied tensors that differ', async () => {
    const other = [...new Float32Array(tinyTensors().get(WORD_EMBEDDING)!.bytes.slice().buffer)];
    other[79]! += 1;
    const checkpoint = await openCheckpoint(await changed((tensors) => tensors.set(DECODER, f32([10, 8], other))));
    await expect(checkpoint.readWordEmbedding()).rejects.toThrow(
      /differ at index 79, but this model has one tied tensor/,
    );
    await checkpoint.close();
  });

  it('checks the shape a reader asks for', async () => {
    const checkpoint = await openCheckpoint(await scratch.checkpoint());
    await expect(checkpoint.read(`${LAYER}.norm1.bias`, [4])).rejects.toThrow(/norm1\.bias has shape \[8\]/);
    await expect(checkpoint.read('encoder.nothing', [4])).rejects.toThrow(/lacks the tensor encoder\.nothing/);
    await checkpoint.close();
  });
});
