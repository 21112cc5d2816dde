import { createHash } from 'node:crypto';
import { cp, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../extension/runner/checkpoint/checkpoint';
import { DECODER, isBuffer, requiredTensors, WORD_EMBEDDING } from '../../../extension/runner/checkpoint/tensorPlan';
import { parseArchitecture } from '../../../extension/runner/checkpoint/config';
import { f32, halves, safetensors, Scratch, tinyArch, tinyTensors, type RawTensors, type TestArch } from './testFolder';

const FIXTURES = join(__dirname, '../../fixtures');
const LAYER = 'encoder.layers.0';

let scratch: Scratch;
beforeAll(async () => {
  scratch = await Scratch.create();
});
afterAll(() => scratch.remove());

async function changed(change: (tensors: RawTensors, arch: TestArch) => void): Promise<string> {
  const tensors = tinyTensors();
  const arch = tinyArch();
  change(tensors, arch);
  return scratch.checkpoint(arch, tensors);
}

describe('fixtures', () => {
  it.each([
    ['F1', 512, 64, 74_303],
    ['F2', 1000, 96, 317_560],
    ['D1', 300, 48, 48_769],
  ])('opens %s, whichever of the tied tensors it stores', async (name, vocabulary, width, parameters) => {
    const checkpoint = await openCheckpoint(join(FIXTURES, name));
    expect(checkpoint.architecture.vocabularySize).toBe(vocabulary);
    expect(checkpoint.parameters).toBe(parameters);
    expect(checkpoint.storedDtype).toBe('F32');
    expect(checkpoint.tokenizerFile).toBeNull();
    const words = await checkpoint.readWordEmbedding();
    expect(words.shape).toEqual([vocabulary, width]);
    expect(words.data).toHaveLength(vocabulary * width);
    await checkpoint.close();
  });

  it('reads the first values the weight recipe of F1 gives', async () => {
    const checkpoint = await openCheckpoint(join(FIXTURES, 'F1'));
    const { data } = await checkpoint.readWordEmbedding();
    const bits = [...new Uint32Array(data.buffer, data.byteOffset, 4)];
    expect(bits).toEqual([1031933170, 3179566198, 3144656064, 3186555134]);
    await checkpoint.close();
  });

  it('hashes the weights file', async () => {
    const folder = join(FIXTURES, 'F1');
    const checkpoint = await openCheckpoint(folder);
    const expected = createHash('sha256').update(await readFile(join(folder, 'model.safetensors')));
    expect(await checkpoint.weightsHash()).toBe(expected.digest('hex'));
    await checkpoint.close();
    const closed = await openCheckpoint(folder);
    const hash = expect(closed.weightsHash()).rejects.toThrow(/abort/);
    await closed.close();
    await hash;
  });

  it('plans exactly the tensors of the published model', async () => {
    const published = JSON.parse(await readFile(join(FIXTURES, 'published/tensors.json'), 'utf8')) as [
      string,
      string,
      number[],
    ][];
    const config = JSON.parse(await readFile(join(FIXTURES, 'published/config.reconstructed.json'), 'utf8')) as unknown;
    const architecture = { ...parseArchitecture(config, 'config.json'), vocabularySize: 32768 };
    const planned = requiredTensors(architecture).map(({ name, shape }) => [name, shape]);
    const stored = published.filter(([name]) => !isBuffer(name) && name !== WORD_EMBEDDING && name !== DECODER);
    expect(new Map(planned as [string, number[]][])).toEqual(new Map(stored.map(([name, , shape]) => [name, shape])));
  });
});

describe('two configuration files', () => {
  const both = (config: unknown, model: unknown): Promise<string> =>
    scratch.folder({
      'config.json': JSON.stringify(config),
      'model_config.json': JSON.stringify(model),
      'model.safetensors': safetensors(tinyTensors()),
    });

  it.each([
    ['of some other tool', { model_type: 'bert', hidden_size: 99 }],
    ['with an empty arch', { arch: null }],
    ['that is a list', []],
  ])('are taken from model_config.json beside a config.json %s', async (_, config) => {
    const checkpoint = await openCheckpoint(await both(config, { arch: tinyArch() }));
    expect(checkpoint.architecture.hiddenSize).toBe(8);
    await checkpoint.close();
  });

  it('are taken from config.json where it describes the model, rightly or not', async () => {
    const checkpoint = await openCheckpoint(await both(tinyArch(), { arch: { hidden_size: 'wide' } }));
    expect(checkpoint.architecture.hiddenSize).toBe(8);
    await checkpoint.close();
    const wrong = both({ arch: { ...tinyArch(), hidden_size: 'wide' } }, { arch: tinyArch() });
    await expect(openCheckpoint(await wrong)).rejects.toThrow(/[\\/]config\.json.*hidden_size/);
  });

  it('are refused by the first one’s name where neither describes a model', async () => {
    await expect(openCheckpoint(await both({ a: 1 }, { b: 2 }))).rejects.toThrow(
      /[\\/]config\.json has no `arch` object/,
    );
  });
});

describe('variants of a sound folder', () => {
  it('accepts the embedding alone, the decoder alone, and both', async () => {
    const words = tinyTensors().get(WORD_EMBEDDING)!;
    for (const names of [[WORD_EMBEDDING], [DECODER], [DECODER, WORD_EMBEDDING]]) {
      const folder = await changed((tensors) => {
        tensors.delete(WORD_EMBEDDING);
        names.forEach((name) => tensors.set(name, words));
      });
      const checkpoint = await openCheckpoint(folder);
      const { data } = await checkpoint.readWordEmbedding();
      expect(new Uint8Array(data.buffer)).toEqual(words.bytes);
      expect(checkpoint.parameters).toBe(10 * 8 + 1 + 16 + 32 + 192 + 64 + 14 * 8 + 14 + 14 * 8 + 16);
      await checkpoint.close();
    }
  });

  it('accepts names with the prefix of parallel training, also mixed', async () => {
    for (const every of [1, 2]) {
      const tensors = [...tinyTensors()].map(
        ([name, tensor], i) => [i % every === 0 ? `module.${name}` : name, tensor] as const,
      );
      const checkpoint = await openCheckpoint(await scratch.checkpoint(tinyArch(), new Map(tensors)));
      expect(checkpoint.has(WORD_EMBEDDING)).toBe(true);
      expect((await checkpoint.read(`${LAYER}.ffn.linear_in.bias`, [14])).name).toBe(`${LAYER}.ffn.linear_in.bias`);
      await checkpoint.close();
    }
  });

  it('takes an open vocabulary from the tensor', async () => {
    const checkpoint = await openCheckpoint(await changed((_, arch) => (arch.embedding['vocab_size'] = null)));
    expect(checkpoint.architecture.vocabularySize).toBe(10);
    await checkpoint.close();
  });

  it('reads model_config.json, whose whole file is the architecture', async () => {
    const folder = await scratch.folder({
      'model_config.json': JSON.stringify(tinyArch()),
      'model.safetensors': safetensors(tinyTensors()),
      'tokenizer.json': '{}',
    });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.architecture.heads).toBe(2);
    expect(checkpoint.tokenizerFile).toBe(join(folder, 'tokenizer.json'));
    await checkpoint.close();
  });

  it('tolerates integer position_ids, missing buffers and tensors of other heads', async () => {
    const folder = await changed((tensors, arch) => {
      arch.embedding['pos_embedding'] = 'learned';
      tensors.delete('encoder.embedding.pos_embedding.scale_factor');
      tensors.delete(`${LAYER}.attn.self_attention.norm_factor`);
      tensors.set('encoder.embedding.pos_embedding.embedding.weight', f32([6, 8]));
      tensors.set('encoder.embedding.pos_embedding.position_ids', {
        dtype: 'I64',
        shape: [1, 6],
        bytes: new Uint8Array(48),
      });
      tensors.set('pooler.dense.weight', f32([8, 8]));
    });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.shapeOf('encoder.embedding.pos_embedding.position_ids')).toEqual([1, 6]);
    await expect(checkpoint.read('encoder.embedding.pos_embedding.position_ids', [1, 6])).rejects.toThrow(
      /stored as I64/,
    );
    await checkpoint.close();
  });

  it('says how most values are stored and widens what is not F32', async () => {
    const folder = await changed((tensors) => {
      for (const [name, tensor] of tensors) {
        const bits = new Array<number>(tensor.bytes.length / 4).fill(0x3c00);
        tensors.set(name, name.endsWith('norm_factor') ? tensor : { ...halves('F16', bits), shape: tensor.shape });
      }
    });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.storedDtype).toBe('F16');
    expect([...new Set((await checkpoint.read(`${LAYER}.attn.dense.weight`, [8, 8])).data)]).toEqual([1]);
    await checkpoint.close();
  });

  it('follows symbolic links, as caches of downloads use them', async () => {
    const real = await scratch.checkpoint();
    const folder = await scratch.folder({});
    await symlink(join(real, 'config.json'), join(folder, 'config.json'));
    await symlink(join(real, 'model.safetensors'), join(folder, 'model.safetensors'));
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.weightsBytes).toBeGreaterThan(1000);
    await checkpoint.close();
  });
});

it('leaves a copied fixture folder readable after a refusal', async () => {
  const folder = join(scratch.path, 'copy');
  await cp(join(FIXTURES, 'D1'), folder, { recursive: true });
  const checkpoint = await openCheckpoint(folder);
  await expect(checkpoint.read('encoder.final_norm.bias', [1])).rejects.toThrow();
  expect((await checkpoint.read('encoder.final_norm.bias', [48])).data).toHaveLength(48);
  await checkpoint.close();
});
