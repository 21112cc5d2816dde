import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gelu, pathNode } from '../../../extension/tree';
import { cli, FIXTURES, useScratch } from './testIo';

const scratch = useScratch();

interface JsonTrace {
  model: { layers: number; name: string };
  tokens: { id: number; text: string; start: number; end: number }[];
  layers: {
    nodes: number[][][] | null;
    logits: number[][][] | null;
    activations: number[][][] | null;
    fffMicroseconds: number | null;
    denseMicroseconds: number | null;
  }[];
  predictions: { index: number; top: { id: number; text: string; probability: number }[] }[];
  windows: { firstToken: number; tokenCount: number }[];
  omittedWindows: number;
}

async function jsonTrace(args: string[]): Promise<JsonTrace> {
  const { code, out, err } = await cli(['trace', '--json', ...args]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as JsonTrace;
}

describe('trace --json', () => {
  it('has the promised shape, measured against the dense twin', async () => {
    const text = 'for (let i = 0; i < array.<mask>; i++) {';
    const trace = await jsonTrace(['--text', text]);
    expect(trace.model).toMatchObject({ layers: 4, name: 'default' });
    expect(trace.tokens[0]).toEqual({ id: expect.any(Number) as number, text: 'for', start: 0, end: 3 });
    expect(trace.layers).toHaveLength(4);
    for (const layer of trace.layers) {
      expect(layer.nodes).toHaveLength(trace.tokens.length);
      for (const [token, trees] of layer.nodes!.entries()) {
        expect(trees).toHaveLength(1);
        const [path] = trees;
        const [logits] = layer.logits![token]!;
        const [activations] = layer.activations![token]!;
        expect(path).toHaveLength(12);
        expect(path).toEqual(path!.map((_, level) => pathNode(path![11]! - 2047, level, 11)));
        expect(path!.slice(1)).toEqual(
          path!.slice(0, -1).map((node, level) => 2 * node + 1 + (logits![level]! > 0 ? 1 : 0)),
        );
        logits!.forEach((logit, level) => expect(activations![level]).toBeCloseTo(gelu(logit), 6));
      }
      expect(layer.fffMicroseconds).toBeGreaterThan(0);
      expect(layer.denseMicroseconds).toBeGreaterThan(0);
    }
    const mask = trace.tokens.findIndex((token) => token.text === '<mask>');
    expect(trace.predictions.map((prediction) => prediction.index)).toEqual([mask]);
    expect(trace.predictions[0]!.top[0]).toMatchObject({ text: 'length' });
    const { top } = trace.predictions[0]!;
    expect(top.every(({ probability }, rank) => rank === 0 || probability <= top[rank - 1]!.probability)).toBe(true);
  });

  it('gives text and file the same paths, a byte order mark or not', async () => {
    const text = 'def f(x):\n    return x\n';
    const fromText = await jsonTrace(['--text', text, '--no-timings', ...scratch.tiny]);
    const fromFile = await jsonTrace([
      '--file',
      await scratch.file('f.py', `\ufeff${text}`),
      '--no-timings',
      ...scratch.tiny,
    ]);
    expect(fromFile.tokens).toEqual(fromText.tokens);
    expect(fromFile.layers.map((layer) => layer.nodes)).toEqual(fromText.layers.map((layer) => layer.nodes));
    expect(fromText.layers[0]!.denseMicroseconds).toBeNull();
  });

  it('concatenates windows', async () => {
    const trace = await jsonTrace([
      '--file',
      await scratch.file('long.txt', 'word '.repeat(30)),
      '--no-timings',
      ...scratch.tiny,
    ]);
    expect(trace.windows.length).toBeGreaterThan(1);
    expect(trace.windows.map((window) => window.firstToken)).toEqual(trace.windows.map((_, i) => i * 16));
    expect(trace.layers[0]!.nodes).toHaveLength(trace.tokens.length);
  });

  it('runs ids', async () => {
    const trace = await jsonTrace(['--ids', '1, 2,3', '--model', join(FIXTURES, 'F2'), '--no-timings']);
    expect(trace.tokens.map((token) => token.id)).toEqual([1, 2, 3]);
    expect(trace.layers[0]!.nodes!.map((trees) => trees.map((path) => path.length))).toEqual(
      new Array(3).fill([6, 6, 6]),
    );
  });

  it('gives dense layers no nodes', async () => {
    const trace = await jsonTrace(['--ids', '1,2', '--model', join(FIXTURES, 'D1')]);
    for (const layer of trace.layers) {
      expect(layer).toMatchObject({ nodes: null, logits: null, activations: null, fffMicroseconds: null });
      expect(layer.denseMicroseconds).toBeGreaterThan(0);
    }
  });

  it('announces what was left out on standard error', async () => {
    const path = await scratch.file('huge.txt', 'word '.repeat(1200));
    const { code, err, out } = await cli(['trace', '--json', '--file', path, '--no-timings', ...scratch.tiny]);
    expect(code).toBe(0);
    const trace = JSON.parse(out) as JsonTrace;
    expect(trace.windows).toHaveLength(64);
    expect(trace.omittedWindows).toBeGreaterThan(0);
    expect(err).toContain(`${trace.omittedWindows} windows beyond the limit of one run were left out`);
  });
});

describe('trace for people', () => {
  it('shows tokens, path bits, margins, costs and guesses', async () => {
    const text = 'for (let i = 0; i < array.<mask>; i++) {';
    const { code, out, err } = await cli(['trace', '--text', text]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('12 of 4,095 neurons a token');
    const trace = await jsonTrace(['--text', text, '--no-timings']);
    for (let layer = 0; layer < 4; layer++) {
      const section = out.slice(out.indexOf(`Layer ${layer}`)).split('\n\n')[0]!;
      for (const [token, trees] of trace.layers[layer]!.nodes!.entries()) {
        const leaf = trees[0]![11]! - 2047;
        const row = section.split('\n')[token + 2]!;
        expect(row).toContain(leaf.toString(2).padStart(11, '0'));
        expect(row).toContain(trace.tokens[token]!.text);
      }
      expect(section).toMatch(/FFF [\d.]+ .s, dense [\d.]+ .s: [\d.]+ times as fast/);
    }
    // A layer's gain never stands without the pass's, and neither exceeds what a free FFF would give.
    const [, gain, low, high, most] =
      /whole pass is ([\d.]+) times \(([\d.]+) to ([\d.]+)\) as fast.*\n.*at most ([\d.]+)/.exec(out)!.map(Number);
    expect(gain).toBeGreaterThan(0);
    expect(low).toBeLessThanOrEqual(gain!);
    expect(high).toBeGreaterThanOrEqual(gain!);
    expect(most).toBeGreaterThanOrEqual(gain!);
    expect(out).toMatch(/95 % interval/);
    expect(out).toMatch(/<mask> +length [\d.]+ %/);
    expect(out).not.toContain('\u001b');
    expect(out.split('\n').every((line) => line === line.trimEnd())).toBe(true);
  });

  it('says how many characters no token stands for', async () => {
    const args = ['--text', 'a \u{1f600} b \u6f22', '--no-timings'];
    const said = "2 characters are not in this model's vocabulary and were left out.";
    expect((await cli(['trace', ...args])).out).toContain(`\n${said}\n`);
    expect(await jsonTrace(args)).toMatchObject({ leftOutCharacters: 2, passTiming: null });
    expect((await cli(['trace', '--text', 'a b', '--no-timings'])).out).not.toContain('left out');
  });

  it('uses colour only where it may', async () => {
    const { out } = await cli(['trace', '--text', 'x', '--no-timings', ...scratch.tiny], { color: true });
    expect(out).toContain('\u001b[1m');
  });

  it('shows the layers asked for', async () => {
    const { out } = await cli(['trace', '--text', 'x', '--layer', '3,1', '--no-timings']);
    expect(out.match(/^Layer \d/gm)).toEqual(['Layer 3', 'Layer 1']);
    const all = await cli(['trace', '--file', await scratch.file('some.txt', 'word '.repeat(100)), '--no-timings']);
    expect(all.out.match(/^Layer \d/gm)).toEqual(['Layer 0']);
    expect(all.out).toContain('3 more layers: add --layer all');
  });

  it('keeps rows in line for control characters and wide letters', async () => {
    const { code, out } = await cli(['tokenize', '--text', 'a\u0007b \u{1f600} c']);
    expect(code).toBe(0);
    expect(out).not.toContain('\u0007');
  });
});

describe('tokenize', () => {
  it('reads a JSON array of strings from standard input', async () => {
    const texts = ['Hello, World!', '', 'x\ud800 \u{1f600} y'];
    const model = ['--model', join(FIXTURES, 'tokenizer')];
    const { code, out, err } = await cli(['tokenize', '--json', ...model], { stdin: JSON.stringify(texts) });
    expect(code).toBe(0);
    expect(err).toBe("fff-explorer: 2 characters are not in this model's vocabulary and were left out.\n");
    const tokens = JSON.parse(out) as { id: number; text: string; start: number; end: number }[][];
    expect(tokens).toHaveLength(3);
    expect(tokens[0]!.map((token) => token.id)).toEqual([52, 147, 182, 18, 67, 1747, 7, 6]);
    expect(tokens[1]).toEqual([{ id: 6, text: '<sep>', start: 0, end: 0 }]);
    expect(tokens[2]!.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [6, 7],
      [0, 0],
    ]);
  });

  it('shows a table for people, and JSON of one text', async () => {
    const { out } = await cli(['tokenize', '--text', 'array.length']);
    expect(out).toMatch(/array +0\.\.5 +array\n/);
    expect(out).not.toContain('left out');
    const smile = await cli(['tokenize', '--text', 'a \u{1f600} b']);
    expect(smile.out.trimEnd()).toMatch(/\n1 character is not in this model's vocabulary and was left out\.$/);
    const json = await cli(['tokenize', '--json', '--text', 'array.length']);
    expect((JSON.parse(json.out) as unknown[][])[0]).toHaveLength(4);
  });

  it.each([
    ['', /Standard input is empty\. Give a JSON array of strings, or a text with --text\./],
    ['hello', /Standard input is not valid JSON/],
    ['{}', /not a JSON array of strings/],
    ['[1]', /not a JSON array of strings/],
    [Buffer.from([0xff, 0x00]), /Standard input is not UTF-8 text/],
  ])('refuses %j on standard input', async (stdin, said) => {
    const { code, err } = await cli(['tokenize', '--json'], { stdin });
    expect(code).toBe(2);
    expect(err).toMatch(said);
  });
});

describe('verify', () => {
  it('checks the model that ships against the outputs of the code that trained it', async () => {
    const { code, out } = await cli(['verify']);
    expect(out).toMatch(/0 of \d{2,} node paths differ\.\nPASS: \d{3,} tensors compared, 0 failed\.\n$/);
    expect(code).toBe(0);
  });
});

describe('info', () => {
  it('describes a checkpoint', async () => {
    const { code, out } = await cli(['info']);
    expect(code).toBe(0);
    for (const fact of [
      '21,254,653',
      '42,514,122',
      '4 FFF layers',
      '1 a layer',
      '128 tokens',
      '[4095, 384]',
      '<mask>',
    ]) {
      expect(out).toContain(fact);
    }
  });

  it('describes it as JSON too', async () => {
    const { out } = await cli(['info', '--json', '--model', join(FIXTURES, 'D1')]);
    expect(JSON.parse(out)).toMatchObject({
      layers: 2,
      feedforward: { kind: 'dense', width: 80 },
      parameters: 48_769,
      windowTokens: 40,
    });
  });
});

describe('help', () => {
  it('lists the commands and explains each', async () => {
    const { code, out } = await cli(['help']);
    expect(code).toBe(0);
    for (const name of ['trace', 'verify', 'tokenize', 'info']) {
      expect(out).toContain(`  ${name} `);
      expect((await cli(['help', name])).out).toContain(`Usage: fff-explorer ${name}`);
      expect((await cli([name, '--help'])).out).toBe((await cli(['help', name])).out);
    }
  });

  it('knows the version', async () => {
    expect((await cli(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
