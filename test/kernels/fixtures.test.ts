/**
 * Every supported implementation and the exact precisions against PyTorch: the recorded FFF inputs of the fixtures go
 * in, and nodes, logits, activations and outputs must come out. Tolerances: test/fixtures/NUMERICS.md.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FffPrecision, FffWeights } from '../../extension/runner/contracts';
import { loadKernel } from '../../extension/runner/kernel';
// eslint-disable-next-line @typescript-eslint/ban-ts-comment
// @ts-ignore -- a plain build script without types
import { buildKernel } from '../../scripts/buildKernel.mjs';

interface Tensor {
  shape: number[];
  data: Float32Array | Int32Array;
}

/** Reads a whole F32/I32 safetensors file; independent of the product's reader. */
function readTensors(file: string): Map<string, Tensor> {
  const bytes = readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype?: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (dtype === 'F32' || dtype === 'I32') {
      const own = bytes.buffer.slice(
        bytes.byteOffset + start + data_offsets[0],
        bytes.byteOffset + start + data_offsets[1],
      );
      tensors.set(name, { shape, data: dtype === 'F32' ? new Float32Array(own) : new Int32Array(own) });
    }
  }
  return tensors;
}

/** Largest absolute difference; NaN when any value is NaN. */
function largestDifference(actual: Float32Array, expected: Tensor): number {
  expect(actual).toHaveLength(expected.data.length);
  return actual.reduce((worst, value, i) => {
    const difference = Math.abs(value - expected.data[i]!);
    return difference <= worst || Number.isNaN(worst) ? worst : difference;
  }, 0);
}

beforeAll(async () => {
  await buildKernel();
}, 600_000);

afterEach(() => {
  delete process.env.FFF_FORCE_IMPLEMENTATION;
});

describe.each(['F1', 'F2'])('fixture %s', (fixture) => {
  const folder = join(__dirname, '../fixtures', fixture);
  const model = readTensors(join(folder, 'model.safetensors'));
  const expected = readTensors(join(folder, 'expected.safetensors'));
  const inputs = [...expected.keys()].filter((name) => name.endsWith('.ffn_input'));

  /** FFF weights of a layer; trees and depth follow from the recorded shapes [..., trees, levels]. */
  function weightsOf(layer: string, recorded: number[]): FffWeights {
    const tensor = (name: string) => model.get(`encoder.layers.${layer}.ffn.${name}`)!;
    return {
      width: tensor('linear_in.weight').shape[1]!,
      depth: recorded.at(-1)! - 1,
      trees: recorded.at(-2)!,
      inputWeights: tensor('linear_in.weight').data as Float32Array,
      inputBias: tensor('linear_in.bias').data as Float32Array,
      outputWeights: tensor('linear_out.weight').data as Float32Array,
    };
  }

  it.each(loadableImplementations())('equals PyTorch with %s', (implementation) => {
    process.env.FFF_FORCE_IMPLEMENTATION = implementation;
    const kernel = loadKernel();
    expect(kernel.implementation).toBe(implementation);
    expect(inputs.length).toBeGreaterThan(3);
    for (const name of inputs) {
      const prefix = name.slice(0, -'ffn_input'.length);
      const want = (kind: string) => expected.get(prefix + kind)!;
      const input = expected.get(name)!;
      const tokens = input.shape[0]! * input.shape[1]!;
      const weights = weightsOf(/layer\.(\d+)\./.exec(name)![1]!, want('logits').shape);
      for (const precision of ['fp32', 'exact-low'] satisfies FffPrecision[]) {
        const record = kernel.createLayer(weights, { precision }).forward(input.data as Float32Array, tokens);
        expect(record.nodes, `${name} ${precision}`).toEqual(want('nodes').data);
        if (precision === 'fp32') {
          expect(largestDifference(record.logits, want('logits'))).toBeLessThanOrEqual(1e-5);
          expect(largestDifference(record.activations, want('activations'))).toBeLessThanOrEqual(1e-5);
          expect(largestDifference(record.output, want('ffn_output'))).toBeLessThanOrEqual(1e-5);
        }
      }
    }
  });
});

/** What the addon should offer here, found without it: tests are collected before it is built on a fresh checkout. */
function loadableImplementations(): string[] {
  const flags = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const x86 = process.arch === 'x64';
  return [
    ...(x86 && /\bavx512_bf16\b/.test(flags) && /\bavx512vl\b/.test(flags) ? ['avx512bf16'] : []),
    ...(x86 && /\bavx512vl\b/.test(flags) && /\bavx512dq\b/.test(flags) ? ['avx512'] : []),
    ...(x86 && /\bavx2\b/.test(flags) && /\bfma\b/.test(flags) && /\bf16c\b/.test(flags) ? ['avx2'] : []),
    ...(process.arch === 'arm64' ? ['neon'] : []),
    'scalar',
  ];
}
