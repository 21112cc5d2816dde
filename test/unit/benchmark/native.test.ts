import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomDenseWeights, syntheticTokens } from '../../../extension/runner/benchmark/distributions';
import type { Workload } from '../../../extension/runner/benchmark/engines/engine';
import { ProgramBaselines, findNativeBaselines } from '../../../extension/runner/benchmark/engines/nativeProgram';
import { denseReferenceOf, sampleIndices, verifyOutput } from '../../../extension/runner/benchmark/verify';

/** A program that speaks the protocol, written in JavaScript: OpenBLAS is right, MKL ends in the middle of its work. */
const PROGRAM = String.raw`
const layers = [];
let tokens, width, library, pieces = Buffer.alloc(0), wanted = null, next = 0;
const floats = (n) => { const b = pieces.subarray(0, 4 * n); pieces = pieces.subarray(4 * n); return new Float32Array(Uint8Array.from(b).buffer); };
function compute(first, batch, { neurons, w1, b1, w2, b2 }) {
  const out = new Float32Array(batch * width);
  for (let t = 0; t < batch; t++) {
    const x = tokens.subarray((first + t) * width, (first + t + 1) * width);
    for (let i = 0; i < width; i++) out[t * width + i] = b2 ? b2[i] : 0;
    for (let n = 0; n < neurons; n++) {
      let l = b1[n];
      for (let i = 0; i < width; i++) l += w1[n * width + i] * x[i];
      let z = Math.abs(l) / Math.SQRT2, sum = z, term = z;
      for (let k = 1; k < 80; k++) { term *= -z * z / k; sum += term / (2 * k + 1); }
      const erf = Math.sign(l) * Math.min(1, 2 / Math.sqrt(Math.PI) * sum);
      const a = l / 2 * (1 + erf);
      for (let i = 0; i < width; i++) out[t * width + i] += a * w2[i * neurons + n];
    }
  }
  return out;
}
function handle(line) {
  const [word, ...rest] = line.split(' ');
  const [a, b, c] = rest.map(Number);
  if (word === 'libraries') return reply('ok own=test openblas=0.3.99 mkl=2.0');
  if (word === 'open') { library = rest[0]; width = c; return library === 'onednn' ? reply('error no such library') : reply('ok'); }
  if (word === 'layer') return need(2 * a * width + a + (b ? width : 0), () => {
    layers.push({ neurons: a, w1: floats(a * width), b1: floats(a), w2: floats(a * width), b2: b ? floats(width) : null });
    reply('ok');
  });
  if (word === 'tokens') return need(a * width, () => { tokens = floats(a * width); reply('ok'); });
  if (word === 'compute') {
    if (library === 'mkl') process.exit(3);
    const out = compute(a, b, layers[c]);
    reply('ok ' + out.length);
    process.stdout.write(Buffer.from(out.buffer));
    return;
  }
  if (word === 'burst') return reply('ok ' + (a * b * 2.5));
  reply('error what is ' + word);
}
const reply = (text) => process.stdout.write(text + '\n');
const need = (n, then) => { wanted = { n, then }; };
process.stdin.on('data', (piece) => {
  pieces = Buffer.concat([pieces, piece]);
  for (;;) {
    if (wanted) {
      if (pieces.length < 4 * wanted.n) return;
      const { then } = wanted; wanted = null; then(); continue;
    }
    const end = pieces.indexOf(10);
    if (end < 0) return;
    const line = pieces.toString('utf8', 0, end);
    pieces = pieces.subarray(end + 1);
    handle(line);
  }
});
`;

let directory: string;
let program: { file: string; args: string[] };

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'fff-native-'));
  const script = path.join(directory, 'program.cjs');
  writeFileSync(script, PROGRAM);
  program = { file: process.execPath, args: [script] };
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const layers = [randomDenseWeights(12, 30, 1, 0), randomDenseWeights(12, 30, 1, 1)];
const pool = syntheticTokens('spread', 12, 40, 2);
const workload: Workload = { width: 12, depth: 0, trees: 1, layers: [], dense: () => layers, pool, tokens: 40 };

describe('native baselines', () => {
  it('are named when the program is not built', async () => {
    const { found, absent } = await findNativeBaselines(directory).libraries();
    expect(found).toEqual([]);
    expect(absent.map(({ name }) => name)).toEqual(['own', 'openblas', 'onednn', 'mkl']);
    expect(absent[0]!.reason).toContain('not built');
  });

  it('tell which libraries the machine has', async () => {
    const { found, absent } = await new ProgramBaselines(program).libraries();
    expect(found).toEqual(['own', 'openblas', 'mkl']);
    expect(absent).toEqual([{ name: 'onednn', reason: 'oneDNN is not installed on this machine' }]);
  });

  it('compute and time layers, biases and several layers included', async () => {
    const engine = await new ProgramBaselines(program).prepare('openblas', layers, workload, 2);
    try {
      expect(engine.identity).toEqual({ implementation: 'OpenBLAS 0.3.99', precision: 'fp32', threads: 2 });
      for (const layer of [0, 1]) {
        const output = await engine.compute(7, 9, layer);
        const input = pool.subarray(7 * 12, 16 * 12);
        const answer = verifyOutput(denseReferenceOf(layers[layer]!), 'fp32', input, output, sampleIndices(9, 9));
        expect(answer.complaint).toBeNull();
      }
      expect(await engine.burst(4, 10)).toBe(100);
    } finally {
      await engine.dispose();
    }
  });

  it('pass on what the program refuses', async () => {
    await expect(new ProgramBaselines(program).prepare('onednn', layers, workload, 1)).rejects.toMatchObject({
      message: 'The native program refused "open onednn 1 12": no such library.',
    });
  });

  it('end with a sentence, not a hang, when the program dies', async () => {
    const engine = await new ProgramBaselines(program).prepare('mkl', layers, workload, 1);
    await expect(engine.compute(0, 1, 0)).rejects.toThrow('The native program is gone: it ended with code 3.');
    await expect(engine.burst(1, 1)).rejects.toThrow('gone');
    await engine.dispose();
  });

  it('are missing, with the reason, when the program does not start', async () => {
    const { found, absent } = await new ProgramBaselines({ file: path.join(directory, 'none'), args: [] }).libraries();
    expect(found).toEqual([]);
    expect(absent[0]!.reason).toMatch(/do not start: .*ENOENT/);
  });
});
