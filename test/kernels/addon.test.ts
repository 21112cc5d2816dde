/**
 * The addon's surface: every kind of bad argument is a JavaScript error with a code and never a crash; memory has an
 * owner; the loader finds, forces and refuses as documented. The arithmetic is tested natively (native.test.ts).
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FffError } from '../../extension/errors';
import type { FffLayerOptions, FffWeights, Kernel } from '../../extension/runner/contracts';
import { loadKernel } from '../../extension/runner/kernel';
import { childOf, gelu, nodeCount } from '../../extension/tree';
// eslint-disable-next-line @typescript-eslint/ban-ts-comment
// @ts-ignore -- a plain build script without types
import { buildKernel } from '../../scripts/buildKernel.mjs';

const root = resolve(__dirname, '../..');
let addonPath: string;
let kernel: Kernel;

beforeAll(async () => {
  addonPath = await buildKernel();
  kernel = loadKernel();
}, 600_000);

/** Repeatable values in [-1, 1). */
function values(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function weightsOf(width: number, depth: number, trees: number): FffWeights {
  const rows = trees * nodeCount(depth);
  return {
    width,
    depth,
    trees,
    inputWeights: values(rows * width, 1),
    inputBias: values(rows, 2),
    outputWeights: values(rows * width, 3),
  };
}

/** Runs `call`, which must throw an FffError, and returns it. */
function refusal(call: () => unknown): FffError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(FffError);
    return error as FffError;
  }
  throw new Error('nothing was thrown');
}

describe('a layer', () => {
  it('computes nodes, logits, activations and output', () => {
    const weights = weightsOf(5, 3, 2);
    const tokens = 7;
    const input = values(tokens * 5, 4);
    const record = kernel.createLayer(weights).forward(input, tokens);
    const rows = 2 * nodeCount(3);
    for (let token = 0; token < tokens; token++) {
      const sum = new Float64Array(5);
      for (let tree = 0; tree < 2; tree++) {
        let node = 0;
        for (let level = 0; level <= 3; level++) {
          const at = (token * 2 + tree) * 4 + level;
          const row = tree * nodeCount(3) + node;
          let logit = weights.inputBias[row]!;
          for (let i = 0; i < 5; i++) {
            logit += weights.inputWeights[row * 5 + i]! * input[token * 5 + i]!;
          }
          expect(record.nodes[at]).toBe(node);
          expect(record.logits[at]).toBeCloseTo(logit, 5);
          expect(record.activations[at]).toBeCloseTo(gelu(logit), 5);
          for (let i = 0; i < 5; i++) {
            sum[i]! += gelu(logit) * weights.outputWeights[i * rows + row]!;
          }
          node = childOf(node, logit);
        }
      }
      for (let i = 0; i < 5; i++) {
        expect(record.output[token * 5 + i]).toBeCloseTo(sum[i]!, 5);
      }
    }
  });

  it('gives the same output without recording and from a view at any offset', () => {
    const layer = kernel.createLayer(weightsOf(6, 4, 1));
    const input = values(11 * 6, 5);
    const expected = layer.forward(input, 11).output;
    for (const offset of [0, 1, 3]) {
      const shifted = new Float32Array(offset + input.length);
      shifted.set(input, offset);
      const output = new Float32Array(offset + expected.length).fill(7);
      layer.forwardInto(shifted.subarray(offset), 11, output.subarray(offset));
      expect(output.subarray(offset)).toEqual(expected);
      expect(output.subarray(0, offset)).toEqual(new Float32Array(offset).fill(7));
    }
  });

  it('accepts zero tokens', () => {
    const record = kernel.createLayer(weightsOf(3, 2, 1)).forward(new Float32Array(0), 0);
    expect(record.output).toHaveLength(0);
    expect(record.nodes).toHaveLength(0);
  });

  it('takes the paths of fp32 in exact-low, and stores less in 16 bits', () => {
    const weights = weightsOf(64, 9, 1);
    const input = values(200 * 64, 6);
    const full = kernel.createLayer(weights);
    const low = kernel.createLayer(weights, { precision: 'exact-low', threads: 2 });
    expect(low.forward(input, 200).nodes).toEqual(full.forward(input, 200).nodes);
    expect(kernel.createLayer(weights, { precision: 'bf16' }).bytes).toBeLessThan(0.6 * full.bytes);
  });

  it('refuses to run after dispose, which may be repeated', () => {
    const layer = kernel.createLayer(weightsOf(4, 2, 1));
    layer.dispose();
    layer.dispose();
    expect(refusal(() => layer.forward(new Float32Array(4), 1)).message).toContain('disposed');
    expect(refusal(() => layer.forwardInto(new Float32Array(4), 1, new Float32Array(4))).code).toBe('KERNEL_REFUSED');
  });

  it('tells the collector of its native memory, so that forgotten layers are freed in time', () => {
    // 100 layers of 12.8 MB from shared weights: without accounting nothing makes the collector run, and the peak is
    // above 1.3 GB; the JavaScript heap stays tiny throughout.
    const script = `
      const { Layer } = require(${JSON.stringify(addonPath)});
      const rows = 2047, width = 768;
      const weights = { width, depth: 10, trees: 1, inputWeights: new Float32Array(rows * width),
        inputBias: new Float32Array(rows), outputWeights: new Float32Array(rows * width) };
      let made = 0, bytes = 0, peak = 0;
      const again = () => {
        bytes += new Layer(weights).bytes;
        peak = Math.max(peak, process.memoryUsage.rss());
        if (++made < 100) setImmediate(again); else console.log(JSON.stringify({ bytes, peak }));
      };
      again();`;
    const output = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    const { bytes, peak } = JSON.parse(output) as { bytes: number; peak: number };
    expect(bytes).toBeGreaterThanOrEqual(100 * 2 * 2047 * 768 * 4);
    expect(peak).toBeLessThan(bytes / 2);
  });
});

describe('bad arguments', () => {
  const good = weightsOf(3, 2, 1);
  const layer = () => kernel.createLayer(good);

  it.each<[string, unknown]>([
    ['no object', undefined],
    ['null', null],
    ['a number', 3],
    ['an empty object', {}],
    ['width as text', { ...good, width: '3' }],
    ['width 0', { ...good, width: 0 }],
    ['width NaN', { ...good, width: NaN }],
    ['width fractional', { ...good, width: 2.5 }],
    ['width negative', { ...good, width: -3 }],
    ['width infinite', { ...good, width: Infinity }],
    ['width enormous', { ...good, width: Number.MAX_SAFE_INTEGER }],
    ['depth too deep', { ...good, depth: 25 }],
    ['depth negative', { ...good, depth: -1 }],
    ['depth that does not match', { ...good, depth: 3 }],
    ['trees 0', { ...good, trees: 0 }],
    ['trees enormous', { ...good, trees: 2 ** 52 }],
    ['missing bias', { ...good, inputBias: undefined }],
    ['a plain array', { ...good, inputWeights: [...good.inputWeights] }],
    ['float64 weights', { ...good, inputWeights: new Float64Array(good.inputWeights) }],
    ['bytes', { ...good, outputWeights: new Uint8Array(good.outputWeights.buffer) }],
    ['short weights', { ...good, inputWeights: good.inputWeights.subarray(1) }],
    ['long output weights', { ...good, outputWeights: new Float32Array(good.outputWeights.length + 1) }],
  ])('refuses weights: %s', (_, weights) => {
    expect(refusal(() => kernel.createLayer(weights as FffWeights)).code).toBe('KERNEL_REFUSED');
  });

  it.each<[string, unknown]>([
    ['a number', 1],
    ['null', null],
    ['an unknown precision', { precision: 'fp64' }],
    ['precision of another type', { precision: 16 }],
    ['threads negative', { threads: -1 }],
    ['threads as text', { threads: '2' }],
  ])('refuses options: %s', (_, options) => {
    expect(refusal(() => kernel.createLayer(good, options as FffLayerOptions)).code).toBe('KERNEL_REFUSED');
  });

  it.each<[string, unknown, unknown]>([
    ['no input', undefined, 1],
    ['input of another type', new Float64Array(3), 1],
    ['a short input', new Float32Array(2), 1],
    ['a long input', new Float32Array(7), 2],
    ['tokens negative', new Float32Array(3), -1],
    ['tokens fractional', new Float32Array(3), 1.5],
    ['tokens NaN', new Float32Array(3), NaN],
    ['tokens as text', new Float32Array(3), '1'],
    ['tokens enormous', new Float32Array(3), Number.MAX_SAFE_INTEGER],
  ])('refuses a call: %s', (_, input, tokens) => {
    const call = () => layer().forwardInto(input as Float32Array, tokens as number, new Float32Array(3));
    expect(refusal(call).code).toBe('KERNEL_REFUSED');
    expect(refusal(() => layer().forward(input as Float32Array, tokens as number)).code).toBe('KERNEL_REFUSED');
  });

  it('refuses outputs of the wrong size, in place or overlapping', () => {
    const memory = new Float32Array(12);
    const call = (output: unknown) => () => layer().forwardInto(memory.subarray(0, 6), 2, output as Float32Array);
    for (const output of [undefined, null, new Float32Array(5), memory.subarray(0, 6), memory.subarray(5, 11)]) {
      expect(refusal(call(output)).code).toBe('KERNEL_REFUSED');
    }
    call(memory.subarray(6))();
  });

  it('refuses a detached input', () => {
    const input = new Float32Array(3);
    structuredClone(input.buffer, { transfer: [input.buffer] });
    expect(refusal(() => layer().forward(input, 1)).code).toBe('KERNEL_REFUSED');
  });

  it('does not read weights that a getter detached after they were looked at', () => {
    const inputWeights = good.inputWeights.slice();
    const hostile = {
      ...good,
      inputWeights,
      get outputWeights() {
        structuredClone(inputWeights.buffer, { transfer: [inputWeights.buffer] });
        return good.outputWeights;
      },
    };
    expect(refusal(() => kernel.createLayer(hostile)).message).toContain('inputWeights');
  });

  it('passes on what a getter throws', () => {
    const hostile = {
      ...good,
      get depth(): number {
        throw new TypeError('mine');
      },
    };
    expect(() => kernel.createLayer(hostile)).toThrow(new TypeError('mine'));
  });

  it('refuses weights that fp16 cannot hold', () => {
    const large = { ...good, outputWeights: good.outputWeights.map(() => 1e6) };
    expect(refusal(() => kernel.createLayer(large, { precision: 'fp16' })).message).toContain('too large');
    kernel.createLayer(large, { precision: 'bf16' });
  });

  it('survives the raw addon being called on foreign objects', () => {
    interface Raw {
      Layer: { new (...values: unknown[]): unknown; (): unknown; prototype: { forward(): void } };
    }
    const raw = createRequire(__filename)(addonPath) as Raw;
    expect(() => raw.Layer()).toThrow(TypeError);
    expect(() => raw.Layer.prototype.forward.call({})).toThrow(TypeError);
    expect(() => raw.Layer.prototype.forward()).toThrow(TypeError);
    expect(() => new raw.Layer()).toThrow('weights must be an object');
  });
});

describe('choosing an implementation', () => {
  const choose = (forced: string) => {
    const script = `const a = require(${JSON.stringify(addonPath)});
      try { console.log(a.choose()); } catch (e) { console.log(e.code + ': ' + e.message); }`;
    const env = { ...process.env, FFF_FORCE_IMPLEMENTATION: forced };
    return execFileSync(process.execPath, ['-e', script], { env, encoding: 'utf8' }).trim();
  };

  it('takes the best supported one, and any supported one by force', () => {
    const supported = kernel.implementations.filter((each) => each.supported).map((each) => each.name);
    expect(supported).toContain('scalar');
    expect(choose('')).toBe(kernel.implementations.find((each) => each.supported && !each.multipliesBf16)!.name);
    for (const name of supported) {
      expect(choose(name)).toBe(name);
    }
  });

  it('refuses an unknown name and names the known ones', () => {
    const answer = choose('sse9');
    expect(answer).toContain('UNKNOWN_IMPLEMENTATION');
    expect(answer).toContain('sse9');
    for (const each of kernel.implementations) {
      expect(answer).toContain(each.name);
    }
  });

  it('uses the one a layer asks for, bit for bit what forcing it by environment gives', () => {
    const weights = weightsOf(96, 5, 2);
    const input = Float32Array.from({ length: 96 * 9 }, (_, i) => Math.sin(i * 1.7));
    for (const { name } of kernel.implementations.filter((each) => each.supported)) {
      process.env.FFF_FORCE_IMPLEMENTATION = name;
      const forced = kernel.createLayer(weights);
      // The layer's own wish goes before the environment's.
      process.env.FFF_FORCE_IMPLEMENTATION = 'scalar';
      const asked = kernel.createLayer(weights, { implementation: name });
      delete process.env.FFF_FORCE_IMPLEMENTATION;
      expect([asked.implementation, forced.implementation]).toEqual([name, name]);
      expect(asked.forward(input, 9)).toEqual(forced.forward(input, 9));
    }
  });

  it.each(['sse9', ''])('refuses a layer that asks for the unknown implementation "%s"', (implementation) => {
    const error = refusal(() => kernel.createLayer(weightsOf(4, 1, 1), { implementation }));
    expect(error.code).toBe(implementation === '' ? 'KERNEL_REFUSED' : 'KERNEL_UNKNOWN_IMPLEMENTATION');
  });

  it('refuses one this CPU lacks', () => {
    for (const each of kernel.implementations.filter((one) => !one.supported)) {
      expect(choose(each.name)).toContain('UNSUPPORTED_CPU');
    }
    process.env.FFF_FORCE_IMPLEMENTATION = 'nonsense';
    try {
      expect(refusal(() => loadKernel()).code).toBe('KERNEL_UNKNOWN_IMPLEMENTATION');
    } finally {
      delete process.env.FFF_FORCE_IMPLEMENTATION;
    }
  });
});

describe('finding the addon', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fff-addon-'));
  afterEach(() => {
    delete process.env.FFF_ADDON_PATH;
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('loads the file the environment names', () => {
    const copy = join(folder, 'copy.node');
    copyFileSync(addonPath, copy);
    process.env.FFF_ADDON_PATH = copy;
    expect(loadKernel().implementation).toBe(kernel.implementation);
  });

  it('names a missing file and does not fall back to another', () => {
    process.env.FFF_ADDON_PATH = join(folder, 'missing.node');
    const error = refusal(() => loadKernel());
    expect(error.code).toBe('KERNEL_LOAD_FAILED');
    expect(error.message).toContain('missing.node');
    expect(error.action).toBeDefined();
  });

  it('reports a file that exists and is no addon', () => {
    const broken = join(folder, 'broken.node');
    writeFileSync(broken, 'not an object file');
    process.env.FFF_ADDON_PATH = broken;
    const error = refusal(() => loadKernel());
    expect(error.code).toBe('KERNEL_LOAD_FAILED');
    expect(error.message).toContain('cannot be loaded');
  });

  it('stands where the repository keeps it', () => {
    expect(addonPath).toBe(join(root, 'dist', 'fff.node'));
  });
});
