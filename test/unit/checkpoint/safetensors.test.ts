import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FffError } from '../../../extension/errors';
import { SafetensorsFile } from '../../../extension/runner/checkpoint/safetensors';
import { writeSafetensors } from '../../../extension/runner/checkpoint/safetensorsWriter';
import { f32, halves, rawFile, safetensors, Scratch, type RawTensor } from './testFolder';

let scratch: Scratch;
beforeAll(async () => {
  scratch = await Scratch.create();
});
afterAll(() => scratch.remove());

async function fileOf(content: Uint8Array): Promise<string> {
  return join(await scratch.folder({ 'x.safetensors': content }), 'x.safetensors');
}

async function openWith(tensors: Record<string, RawTensor>): Promise<SafetensorsFile> {
  return SafetensorsFile.open(await fileOf(safetensors(new Map(Object.entries(tensors)))));
}

/** A header of one or more entries over `bytes` bytes of data. */
function described(entries: Record<string, unknown>, bytes: number): Buffer {
  return rawFile(JSON.stringify(entries), new Uint8Array(bytes));
}

const sound = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };

describe('a sound file', () => {
  it('yields tensors, scalars, empty tensors and integers by name', async () => {
    const file = await openWith({
      a: f32([2, 2], [1, -2, 3.5, 4]),
      scalar: f32([], [7]),
      empty: { dtype: 'F32', shape: [0, 4], bytes: new Uint8Array(0) },
      ids: { dtype: 'I32', shape: [2], bytes: new Uint8Array(Int32Array.of(-1, 5).buffer) },
    });
    expect([...(await file.readFloats('a'))]).toEqual([1, -2, 3.5, 4]);
    expect(file.entry('a').shape).toEqual([2, 2]);
    expect([...(await file.readFloats('scalar'))]).toEqual([7]);
    expect(file.entry('scalar').shape).toEqual([]);
    expect(await file.readFloats('empty')).toHaveLength(0);
    expect([...(await file.readInt32('ids'))]).toEqual([-1, 5]);
    await expect(file.readFloats('ids')).rejects.toThrow(/tensor ids is stored as I32/);
    await expect(file.readInt32('a')).rejects.toThrow(/tensor a is stored as F32/);
    await expect(file.readFloats('b')).rejects.toThrow(/lacks the tensor b/);
    await file.close();
  });

  it('may pad its header with spaces and list tensors in any order', async () => {
    const header = `${JSON.stringify({
      late: { dtype: 'U8', shape: [3], data_offsets: [8, 11] },
      early: sound,
    })}    `;
    const file = await SafetensorsFile.open(await fileOf(rawFile(header, new Uint8Array(11))));
    expect([...file.tensors.keys()]).toEqual(['early', 'late']);
    await file.close();
  });

  it('widens F16 and BF16 exactly, subnormals and negative zero included', async () => {
    const file = await openWith({
      half: halves('F16', [0x3c00, 0xc000, 0x0001, 0x8000, 0x03ff, 0x0400, 0x7bff, 0x3555]),
      brain: halves('BF16', [0x3f80, 0xc000, 0x0001, 0x8000, 0x7f7f, 0x3eab]),
    });
    expect([...(await file.readFloats('half'))]).toEqual([
      1,
      -2,
      2 ** -24,
      -0,
      1023 * 2 ** -24,
      2 ** -14,
      65504,
      1365 / 4096,
    ]);
    expect([...(await file.readFloats('brain'))]).toEqual([1, -2, 2 ** -133, -0, 255 * 2 ** 120, 171 / 512]);
    await file.close();
  });

  it('reads 16-bit tensors larger than one piece', async () => {
    const elements = 5_000_000;
    const bits = new Uint16Array(elements).fill(0x3c00);
    bits[elements - 1] = 0xc000;
    const file = await openWith({
      big: { dtype: 'F16', shape: [elements], bytes: new Uint8Array(bits.buffer) },
    });
    const values = await file.readFloats('big');
    expect(values[0]).toBe(1);
    expect(values[elements - 2]).toBe(1);
    expect(values[elements - 1]).toBe(-2);
    await file.close();
  });

  it.each([
    ['F32 NaN', f32([3], [1, NaN, 2]), 'NaN at index 1'],
    ['F32 infinity', f32([2], [1, -Infinity]), '-Infinity at index 1'],
    ['F16 NaN', halves('F16', [0x3c00, 0x7e00]), 'NaN at index 1'],
    ['F16 infinity', halves('F16', [0xfc00]), '-Infinity at index 0'],
    ['BF16 infinity', halves('BF16', [0x3f80, 0x3f80, 0x7f80]), 'Infinity at index 2'],
  ])('refuses %s unless asked for', async (_, tensor, said) => {
    const file = await openWith({ weight: tensor });
    await expect(file.readFloats('weight')).rejects.toThrow(`tensor weight holds ${said}`);
    await expect(file.readFloats('weight', true)).resolves.toHaveLength(tensor.shape[0]!);
    await file.close();
  });
});

describe('a broken file is refused in one sentence that names it', () => {
  const tooLarge = 2 ** 40;
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /has 0 bytes, too few/],
    ['five bytes', new Uint8Array(5), /has 5 bytes, too few/],
    ['binary garbage', Buffer.from('\u0093\u00f1 garbage of some length', 'latin1'), /claims a header of \d+ bytes/],
    [
      'an oversized header',
      rawFile('{}', new Uint8Array(0), 2n ** 63n),
      /claims a header of 9223372036854775808 bytes/,
    ],
    ['a header of a terabyte', rawFile('{}', new Uint8Array(0), 2n ** 40n), /more than the format's limit/],
    ['a truncated header', rawFile('{"a": ', new Uint8Array(0), 500n), /is truncated: its header should take 500/],
    ['a header that is not UTF-8', rawFile(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), /not UTF-8/],
    ['a header that is not JSON', rawFile('{"a": '), /not JSON/],
    ['a header that is a list', rawFile('[]'), /not a JSON object/],
    ['a header that is null', rawFile('null'), /not a JSON object/],
    ['metadata that are no strings', described({ __metadata__: { a: 1 } }, 0), /`__metadata__`/],
    [
      'a tensor twice',
      rawFile('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{}}', new Uint8Array(1)),
      /names "a" twice/,
    ],
    [
      'a key twice',
      rawFile('{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', new Uint8Array(1)),
      /names "dtype" twice/,
    ],
    ['an unknown dtype', described({ a: { ...sound, dtype: 'F31' } }, 8), /tensor a the unknown dtype "F31"/],
    ['a dtype of a prototype', described({ a: { ...sound, dtype: 'constructor' } }, 8), /unknown dtype/],
    ['an entry that is null', described({ a: null }, 0), /unknown dtype undefined/],
    ['a negative size', described({ a: { ...sound, shape: [-2] } }, 8), /impossible shape \[-2\]/],
    ['a size that is a fraction', described({ a: { ...sound, shape: [1.5] } }, 8), /impossible shape/],
    ['a shape that is text', described({ a: { ...sound, shape: '2' } }, 8), /impossible shape/],
    ['a shape that overflows', described({ a: { ...sound, shape: [tooLarge, tooLarge] } }, 8), /too large to exist/],
    [
      'a shape beyond its bytes',
      described({ a: { ...sound, shape: [3] } }, 8),
      /8 bytes, but shape \[3\] of F32 needs 12/,
    ],
    [
      'a dtype beyond its bytes',
      described({ a: { ...sound, dtype: 'F64' } }, 8),
      /8 bytes, but shape \[2\] of F64 needs 16/,
    ],
    ['offsets in reverse', described({ a: { ...sound, data_offsets: [8, 0] } }, 8), /impossible data offsets \[8,0\]/],
    ['one offset', described({ a: { ...sound, data_offsets: [8] } }, 8), /impossible data offsets/],
    ['a negative offset', described({ a: { ...sound, data_offsets: [-8, 0] } }, 8), /impossible data offsets/],
    [
      'overlapping tensors',
      described({ a: sound, b: { ...sound, data_offsets: [4, 12] } }, 12),
      /tensor b overlap tensor a/,
    ],
    [
      'a hole',
      described({ a: sound, b: { ...sound, data_offsets: [12, 20] } }, 20),
      /leaves 4 unused bytes between tensor a and tensor b/,
    ],
    [
      'a hole at the start',
      described({ a: { ...sound, data_offsets: [4, 12] } }, 12),
      /leaves 4 unused bytes between the header/,
    ],
    ['missing data', described({ a: sound }, 7), /is truncated: its header describes \d+ bytes, but the file has \d+/],
    ['bytes nobody describes', described({ a: sound }, 9), /has 1 bytes after its last tensor/],
    ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /is a Git LFS pointer/],
  ])('%s', async (_, content, said) => {
    const path = await fileOf(content);
    const error = await SafetensorsFile.open(path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FffError);
    const { code, message, action } = error as FffError;
    expect(code).toBe('CHECKPOINT_INVALID');
    expect(message).toMatch(said);
    expect(message).toContain(path);
    expect(message.endsWith('.')).toBe(true);
    expect(action).toBeTruthy();
  });

  it('a missing file', async () => {
    await expect(SafetensorsFile.open(join(scratch.path, 'none.safetensors'))).rejects.toMatchObject({
      code: 'CHECKPOINT_NOT_FOUND',
      message: expect.stringContaining('none.safetensors does not exist') as string,
    });
  });

  it('a folder', async () => {
    await expect(SafetensorsFile.open(scratch.path)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });

  it('a file that shrinks after it was opened', async () => {
    const path = await fileOf(safetensors(new Map([['a', f32([1000])]])));
    const file = await SafetensorsFile.open(path);
    await writeFile(path, 'short');
    await expect(file.readFloats('a')).rejects.toThrow(/became shorter/);
    await file.close();
  });
});

describe('writing', () => {
  it('round-trips floats and integers, aligned to 8 bytes', async () => {
    const path = join(scratch.path, 'written.safetensors');
    const backing = Float32Array.of(9, 1, 2, 3);
    await writeSafetensors(
      path,
      new Map<string, { shape: number[]; data: Float32Array | Int32Array }>([
        ['z', { shape: [3], data: backing.subarray(1) }],
        ['a', { shape: [1, 2], data: Int32Array.of(-7, 7) }],
        ['nan', { shape: [], data: Float32Array.of(NaN) }],
      ]),
      { producer: 'test' },
    );
    const file = await SafetensorsFile.open(path);
    expect([...file.tensors.keys()]).toEqual(['a', 'nan', 'z']);
    expect(file.entry('a')).toMatchObject({ dtype: 'I32', shape: [1, 2] });
    expect(file.entry('a').begin % 8).toBe(0);
    expect([...(await file.readInt32('a'))]).toEqual([-7, 7]);
    expect([...(await file.readFloats('z'))]).toEqual([1, 2, 3]);
    expect([...(await file.readFloats('nan', true))]).toEqual([NaN]);
    await file.close();
  });

  it('names the path it cannot write', async () => {
    const path = join(scratch.path, 'no', 'such', 'folder.safetensors');
    await expect(writeSafetensors(path, new Map(), {})).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringContaining(path) as string,
    });
  });
});
