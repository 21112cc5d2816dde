import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NamedTensor } from '../../../extension/cli/caseTensors';
import { topIndices } from '../../../extension/runner/predictions';
import { SafetensorsFile } from '../../../extension/runner/checkpoint/safetensors';
import { writeSafetensors } from '../../../extension/runner/checkpoint/safetensorsWriter';
import { f32, safetensors, type RawTensor } from '../checkpoint/testFolder';
import { cli, FIXTURES, ofFixture, useScratch, verifying } from './testIo';

type Tensors = Map<string, NamedTensor>;

const scratch = useScratch();
let expected: Tensors;
let dumped: Tensors;
let written = 0;

beforeAll(async () => {
  expected = await readAll(join(FIXTURES, 'F2/expected.safetensors'));
  const path = join(scratch.path, 'dump.safetensors');
  const { code, out } = await cli(['trace', ...ofFixture('F2'), '--dump', path]);
  expect(code).toBe(0);
  expect(out).toContain('of 7 cases written');
  dumped = await readAll(path);
});

async function readAll(path: string): Promise<Tensors> {
  const file = await SafetensorsFile.open(path);
  const tensors: Tensors = new Map();
  for (const [name, { dtype, shape }] of file.tensors) {
    tensors.set(name, {
      shape,
      data: dtype === 'I32' ? await file.readInt32(name) : await file.readFloats(name, true),
    });
  }
  await file.close();
  return tensors;
}

/** Verifies F2 against changed expectations, in those of its cases of which something is expected. */
async function verify(tensors: Tensors, ...more: string[]) {
  const path = join(scratch.path, `expected-${written++}.safetensors`);
  await writeSafetensors(path, tensors, {});
  return verifyFile(path, (name) => [...tensors.keys()].some((key) => key.startsWith(`${name}.`)), more);
}

/** Verifies F2 in some of its cases; in all of them where none is wanted. */
async function verifyFile(path: string, isWanted: (name: string) => boolean, more: string[] = []) {
  const all = JSON.parse(await readFile(join(FIXTURES, 'F2/cases.json'), 'utf8')) as { cases: Record<string, unknown> };
  const some = Object.entries(all.cases).filter(([name]) => isWanted(name));
  const cases = await scratch.file(
    `cases-${written++}.json`,
    JSON.stringify({ cases: some.length > 0 ? Object.fromEntries(some) : all.cases }),
  );
  return cli([...verifying('F2', { cases, expected: path }), ...more]);
}

/** A deep copy of some of the tensors. */
function copyOf(tensors: Tensors, wanted: (name: string) => boolean = () => true): Tensors {
  return new Map(
    [...tensors]
      .filter(([name]) => wanted(name))
      .map(([name, { shape, data }]) => [name, { shape: [...shape], data: data.slice() }]),
  );
}

const single = (name: string): boolean => name.startsWith('single.');

describe('the fixtures', () => {
  it.each([
    ['F1', 99, '0 of 400 node paths differ'],
    ['F2', 194, '0 of 1,494 node paths differ'],
    ['D1', 89, 'ffn_preact'],
  ])('%s agrees in every tensor', async (name, tensors, said) => {
    const { code, out, err } = await cli(verifying(name));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(said);
    expect(out).toContain(`PASS: ${tensors} tensors compared, 0 failed.`);
  });

  it('the cases of a larger window are bad input', async () => {
    const of = (file: string): string => join(FIXTURES, 'F1', file);
    const { code, out } = await cli(verifying('F2', { cases: of('cases.json'), expected: of('expected.safetensors') }));
    // F1 has cases longer than the window of F2: that is bad input before anything is compared.
    expect(code).toBe(2);
    expect(out).toBe('');
  });
});

describe('--dump', () => {
  it('writes all tensors of all cases, of which verify finds each one equal', async () => {
    const cases = new Set([...expected.keys()].map((name) => name.split('.')[0]));
    expect(new Set([...dumped.keys()].map((name) => name.split('.')[0]))).toEqual(cases);
    for (const name of expected.keys()) {
      expect(dumped.has(name) || /mlm_(logits_sel|sel_positions)$/.test(name)).toBe(true);
    }
    expect(dumped.has('single.attention_mask')).toBe(false);
    expect(dumped.get('maxlen.mlm_logits')!.shape).toEqual([1, 64, 1000]);
    const { code, out } = await verify(dumped, '--tolerance', '0');
    expect(out).toContain('0 failed');
    expect(code).toBe(0);
  });

  it('has the values of the fixture', () => {
    const nodes = 'interior_mask.layer.2.nodes';
    expect(dumped.get(nodes)).toEqual(expected.get(nodes));
  });

  it('refuses cases of another model', async () => {
    const target = join(scratch.path, 'never.safetensors');
    const { code, err } = await cli([
      'trace',
      '--model',
      join(FIXTURES, 'D1'),
      '--cases',
      join(FIXTURES, 'F2/cases.json'),
      '--dump',
      target,
    ]);
    expect(code).toBe(2);
    expect(err).toMatch(/cases\.json: case \w+ has/);
    await expect(readFile(target)).rejects.toThrow();
  });

  it('refuses a target it cannot write', async () => {
    const { code, err } = await cli([
      'trace',
      ...ofFixture('F1'),
      '--dump',
      join(scratch.path, 'no/folder.safetensors'),
    ]);
    expect(code).toBe(2);
    expect(err).toMatch(/folder\.safetensors cannot be written/);
  });
});

describe('a difference fails', () => {
  it.each<[string, (tensors: Tensors) => void, RegExp]>([
    [
      'beyond the tolerance',
      (t) => (t.get('single.layer.1.hidden')!.data[7]! += 2e-4),
      /single\.layer\.1\.hidden: differs by up to 0\.000/,
    ],
    [
      'of an embedding beyond its narrower tolerance',
      (t) => (t.get('single.embedding')!.data[7]! += 5e-5),
      /single\.embedding: differs/,
    ],
    [
      'of attention beyond its narrower tolerance',
      (t) => (t.get('single.layer.0.attn_probs')!.data[7]! += 5e-5),
      /attn_probs: differs/,
    ],
    ['to NaN', (t) => (t.get('single.final_norm')!.data[0] = NaN), /single\.final_norm: differs by up to NaN/],
    ['to infinity', (t) => (t.get('single.final_norm')!.data[0] = Infinity), /differs by up to Infinity/],
    [
      'of one path',
      (t) => (t.get('single.layer.0.nodes')!.data[5]! ^= 1),
      /single\.layer\.0\.nodes: 1 of 51 paths differ/,
    ],
    ['of ids', (t) => (t.get('single.input_ids')!.data[0]! += 1), /single\.input_ids: 1 of 17 values differ/],
    [
      'of shape',
      (t) => t.set('single.embedding', { shape: [17, 96], data: t.get('single.embedding')!.data }),
      /has shape \[1, 17, 96\] instead of \[17, 96\]/,
    ],
    [
      'of type',
      (t) => t.set('single.layer.0.nodes', { shape: [1, 17, 3, 6], data: new Float32Array(306) }),
      /floats where integers belong/,
    ],
    [
      'by a tensor nobody computes',
      (t) => t.set('single.layer.0.ffn_act', { shape: [1], data: new Float32Array(1) }),
      /ffn_act: this model computes no tensor of that name/,
    ],
    [
      'by a layer that does not exist',
      (t) => t.set('single.layer.3.hidden', { shape: [1], data: new Float32Array(1) }),
      /layer\.3\.hidden: this model computes/,
    ],
    [
      'by a mask where none was given',
      (t) => t.set('single.attention_mask', { shape: [1, 17], data: new Int32Array(17) }),
      /attention_mask: this model computes/,
    ],
    [
      'by a key of no case',
      (t) => t.set('other.embedding', { shape: [1], data: new Float32Array(1) }),
      /other\.embedding: belongs to no case/,
    ],
    [
      'by a key without a case',
      (t) => t.set('embedding', { shape: [1], data: new Float32Array(1) }),
      /embedding: belongs to no case/,
    ],
  ])('%s', async (_, change, said) => {
    const tensors = copyOf(expected, single);
    change(tensors);
    const { code, out } = await verify(tensors);
    expect(code).toBe(1);
    expect(out).toMatch(said);
    expect(out).toMatch(/FAIL: .* 1 failed\.\n$/);
  });

  it('when nothing at all is expected', async () => {
    const { code, out } = await verify(new Map());
    expect(code).toBe(1);
    expect(out).toContain('FAIL: 0 tensors compared, so nothing is verified, 7 failed.');
  });

  it('for a case of which nothing is expected, though the others agree', async () => {
    const path = join(scratch.path, 'single.safetensors');
    await writeSafetensors(path, copyOf(expected, single), {});
    const { code, out } = await verifyFile(path, (name) => name === 'single' || name === 'maxlen');
    expect(code).toBe(1);
    expect(out).toContain('failed maxlen: no tensor is expected of this case, so nothing of it is verified');
    expect(out).toMatch(/FAIL: \d+ tensors compared, 1 failed\.\n$/);
  });

  it.each(['I64', 'F64', 'BOOL'])('of a tensor stored as %s, and compares the others', async (dtype) => {
    const bytes = { I64: 8, F64: 8, BOOL: 1 }[dtype] ?? 0;
    const { shape, data } = expected.get('single.embedding')!;
    const tensors = new Map<string, RawTensor>([
      ['single.embedding', f32(shape, [...data])],
      ['single.layer.0.nodes', { dtype, shape: [1, 17, 3, 6], bytes: new Uint8Array(306 * bytes) }],
      ['single.mlm_sel_positions', { dtype, shape: [2], bytes: new Uint8Array(2 * bytes) }],
    ]);
    const path = await scratch.file(`stored-${dtype}.safetensors`, safetensors(tensors));
    const { code, out, err } = await verifyFile(path, (name) => name === 'single');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    for (const key of ['layer.0.nodes', 'mlm_sel_positions']) {
      expect(out).toContain(
        `failed single.${key}: is stored as ${dtype}, and only F32, F16, BF16 and I32 are compared`,
      );
    }
    expect(out).not.toContain('node path');
    expect(out).toMatch(/^ +embedding .* ok$/m);
    expect(out).toContain('FAIL: 3 tensors compared, 2 failed.');
  });

  it('unless it is within --tolerance', async () => {
    const tensors = copyOf(expected, single);
    tensors.get('single.layer.1.hidden')!.data[7]! += 2e-4;
    expect((await verify(tensors, '--tolerance', '1e-3')).code).toBe(0);
    expect((await verify(tensors, '--tolerance', '1e-9')).code).toBe(1);
    expect((await verify(tensors, '--tolerance', 'small')).code).toBe(2);
    expect((await verify(tensors, '--tolerance', 'NaN')).code).toBe(2);
  });
});

describe('selections of logits', () => {
  /** All kinds of selections of the dumped logits of one case. */
  function selections(name: string): Tensors {
    const { shape, data } = dumped.get(`${name}.mlm_logits`)!;
    const [rows, positions, vocabulary] = shape as [number, number, number];
    const at = (row: number, position: number): number[] => {
      const first = (row * positions + position) * vocabulary;
      return [...data.subarray(first, first + vocabulary)];
    };
    const everywhere = (pick: (logits: number[]) => number[]): number[] =>
      Array.from({ length: rows * positions }, (_, i) => pick(at(Math.floor(i / positions), i % positions))).flat();
    const selected = [0, positions - 1, 1];
    const perRow = (chosen: number[]): number[] =>
      Array.from({ length: rows }, (_, row) => chosen.flatMap((position) => at(row, position))).flat();
    const best = (logits: number[]): number[] => topIndices(logits, 10);
    const floats = (shapeOf: number[], values: number[]): NamedTensor => ({
      shape: shapeOf,
      data: Float32Array.from(values),
    });
    return new Map<string, NamedTensor>([
      [`${name}.mlm_sel_positions`, { shape: [3], data: Int32Array.from(selected) }],
      [`${name}.mlm_logits_sel`, floats([rows, 3, vocabulary], perRow(selected))],
      [
        `${name}.mlm_logits_stride257`,
        floats(
          [rows, positions, 4],
          everywhere((logits) => [0, 257, 514, 771].map((id) => logits[id]!)),
        ),
      ],
      [`${name}.mlm_logits_pos0_and_last`, floats([rows, 2, vocabulary], perRow([0, positions - 1]))],
      [`${name}.mlm_top10_ids`, { shape: [rows, positions, 10], data: Int32Array.from(everywhere(best)) }],
      [
        `${name}.mlm_top10_values`,
        floats(
          [rows, positions, 10],
          everywhere((logits) => best(logits).map((id) => logits[id]!)),
        ),
      ],
    ]);
  }

  it('are derived from the whole', async () => {
    const { code, out } = await verify(selections('interior_mask'));
    expect(out).toContain('PASS: 6 tensors compared');
    expect(code).toBe(0);
  });

  it.each<[string, (tensors: Tensors) => void]>([
    ['mlm_logits_sel', (t) => (t.get('single.mlm_logits_sel')!.data[1234]! += 1)],
    ['mlm_logits_stride257', (t) => (t.get('single.mlm_logits_stride257')!.data[5]! += 1)],
    ['mlm_logits_pos0_and_last', (t) => (t.get('single.mlm_logits_pos0_and_last')!.data[1999]! += 1)],
    ['mlm_top10_values', (t) => (t.get('single.mlm_top10_values')!.data[169] = NaN)],
    ['mlm_top10_ids', (t) => t.get('single.mlm_top10_ids')!.data.subarray(20, 22).reverse()],
    ['mlm_top10_ids', (t) => (t.get('single.mlm_top10_ids')!.data[20] = t.get('single.mlm_top10_ids')!.data[21]!)],
    ['mlm_top10_ids', (t) => (t.get('single.mlm_top10_ids')!.data[20] = 1000)],
    ['mlm_logits_sel', (t) => t.delete('single.mlm_sel_positions')],
    ['mlm_sel_positions', (t) => (t.get('single.mlm_sel_positions')!.data[0] = 17)],
  ])('fail by name: %s', async (kind, change) => {
    const tensors = selections('single');
    change(tensors);
    const { code, out } = await verify(tensors);
    expect(code).toBe(1);
    expect(out).toContain(`failed single.${kind}:`);
  });

  it('let two ids whose logits are as good as equal change places', async () => {
    const tensors = selections('single');
    const ids = tensors.get('single.mlm_top10_ids')!.data;
    const logits = dumped.get('single.mlm_logits')!.data;
    const gap = Math.abs(logits[ids[0]!]! - logits[ids[1]!]!);
    ids.subarray(0, 2).reverse();
    const key = ['single.mlm_top10_ids'];
    const only = new Map([...tensors].filter(([name]) => key.includes(name)));
    expect((await verify(only, '--tolerance', String(gap * 1.01))).code).toBe(0);
    expect((await verify(only, '--tolerance', String(gap * 0.99))).code).toBe(1);
  });
});
