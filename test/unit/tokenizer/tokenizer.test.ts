import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer as NativeTokenizer } from 'tokenizers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, utf16Offsets, type Tokenizer } from '../../../extension/runner/tokenizer';

const FOLDER = join(__dirname, '../../fixtures/tokenizer');
const FILE = join(FOLDER, 'tokenizer.json');

interface FixtureCase {
  text: string;
  ids: number[];
  tokens: string[];
  offsets_utf16: [number, number][];
}

const tokenizerJson = await readFile(FILE, 'utf8');
const fixture = JSON.parse(await readFile(join(FOLDER, 'cases.json'), 'utf8')) as {
  special_ids: Record<string, number>;
  cases: FixtureCase[];
};

let tokenizer: Tokenizer;
let scratch: string;

beforeAll(async () => {
  tokenizer = await loadTokenizer(FILE, 2048);
  scratch = await mkdtemp(join(tmpdir(), 'fff-tokenizer-'));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Stores a variant of the fixture's tokenizer and returns its path. */
async function variant(change: (json: Record<string, unknown>) => void): Promise<string> {
  const json = JSON.parse(tokenizerJson) as Record<string, unknown>;
  change(json);
  const path = join(scratch, `variant-${Math.random()}.json`);
  await writeFile(path, JSON.stringify(json));
  return path;
}

describe('the fixture of the reference tokenizer', () => {
  it('has cases', () => {
    expect(fixture.cases.length).toBeGreaterThan(20);
  });

  it.each(fixture.cases.map((entry) => [JSON.stringify(entry.text).slice(0, 60), entry] as const))(
    'agrees on %s',
    async (_, expected) => {
      const tokens = await tokenizer.encode(expected.text);
      expect(tokens.map((token) => token.id)).toEqual(expected.ids);
      expect(tokens.map((token) => token.text)).toEqual(expected.tokens);
      expect(tokens.map((token) => [token.start, token.end])).toEqual(expected.offsets_utf16);
    },
  );

  it('finds the mask token and the names of ids', () => {
    expect(tokenizer.maskToken).toBe('<mask>');
    expect(tokenizer.maskId).toBe(fixture.special_ids['<mask>']);
    expect(tokenizer.idToToken(6)).toBe('<sep>');
    expect(tokenizer.idToToken(2048)).toBeNull();
  });
});

describe('UTF-16 offsets', () => {
  it('are the code points themselves without astral characters', () => {
    expect(utf16Offsets('hello wörld \u4e2d')).toBeNull();
  });

  it('step over surrogate pairs', () => {
    expect([...utf16Offsets('a\u{1f600}b\u{1f601}')!]).toEqual([0, 1, 3, 4, 6]);
  });

  it('stay right behind lone surrogates', async () => {
    const text = 'x\ud800 hello \udc00\ud83d\ude00 hello';
    const tokens = await tokenizer.encode(text);
    const slices = tokens.filter((token) => token.end > token.start).map((token) => text.slice(token.start, token.end));
    expect(slices).toEqual(['x', 'h', 'el', 'lo', 'h', 'el', 'lo']);
  });

  it('reach every kept character of a text that mixes all planes', async () => {
    const text = 'one \u{1f469}\u200d\u{1f680} two \u0000 three \u{10ffff}\ud9ff four';
    const tokens = await tokenizer.encode(text);
    const words = tokens.map((token) => text.slice(token.start, token.end)).join('');
    for (const word of ['one', 'two', 'three', 'four']) {
      expect(words).toContain(word);
    }
  });
});

describe('windows', () => {
  const text = 'the quick brown fox jumps over the lazy dog and hello world \u{1f600} again';

  it('repeat the special tokens and otherwise concatenate to the whole text', async () => {
    const whole = await tokenizer.encode(text);
    const { windows, omitted } = await tokenizer.encodeWindows(text, 8, 64);
    expect(omitted).toBe(0);
    expect(windows.every((window) => window.length <= 8)).toBe(true);
    expect(windows.slice(0, -1).every((window) => window.length === 8)).toBe(true);
    expect(windows.every((window) => window.at(-1)!.text === '<sep>')).toBe(true);
    expect(windows.flatMap((window) => window.slice(0, -1))).toEqual(whole.slice(0, -1));
  });

  it('are one for a short text, equal to the plain encoding', async () => {
    const { windows } = await tokenizer.encodeWindows(text, 128, 64);
    expect(windows).toEqual([await tokenizer.encode(text)]);
  });

  it('count what lies beyond the limit', async () => {
    const all = await tokenizer.encodeWindows(text, 5, 64);
    const some = await tokenizer.encodeWindows(text, 5, 3);
    expect(some.windows).toEqual(all.windows.slice(0, 3));
    expect(some.omitted).toBe(all.windows.length - 3);
  });

  it('carry any template', async () => {
    const path = await variant((json) => {
      json['post_processor'] = {
        type: 'TemplateProcessing',
        single: [
          { SpecialToken: { id: '<cls>', type_id: 0 } },
          { SpecialToken: { id: '<s>', type_id: 0 } },
          { Sequence: { id: 'A', type_id: 0 } },
          { SpecialToken: { id: '<sep>', type_id: 0 } },
        ],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
        special_tokens: Object.fromEntries(
          ['<cls>', '<s>', '<sep>'].map((id) => [id, { id, ids: [fixture.special_ids[id]], tokens: [id] }]),
        ),
      };
    });
    const templated = await loadTokenizer(path, 2048);
    expect(templated.addedTokens).toBe(3);
    const whole = await templated.encode(text);
    const { windows } = await templated.encodeWindows(text, 9, 64);
    expect(windows.length).toBeGreaterThan(2);
    for (const window of windows) {
      expect(window.length).toBeLessThanOrEqual(9);
      expect(window.slice(0, 2).map((token) => token.text)).toEqual(['<cls>', '<s>']);
      expect(window.at(-1)!.text).toBe('<sep>');
    }
    expect(windows.flatMap((window) => window.slice(2, -1))).toEqual(whole.slice(2, -1));
    await expect(templated.encodeWindows(text, 3, 64)).rejects.toMatchObject({ code: 'TOKENIZER_INVALID' });
  });

  it('cut a megabyte of text', async () => {
    const line = 'const x = array.length; // hello w\u00f6rld \u{1f600}\n';
    const megabyte = line.repeat(Math.ceil(2 ** 20 / line.length));
    const { windows, omitted } = await tokenizer.encodeWindows(megabyte, 128, 64);
    expect(windows).toHaveLength(64);
    expect(omitted).toBeGreaterThan(1000);
    const sliced = windows[63]!.map((token) => megabyte.slice(token.start, token.end));
    expect(sliced).toContain('length');
  });
});

describe('settings stored in the file', () => {
  it('neither shorten nor pad', async () => {
    const path = await variant((json) => {
      json['truncation'] = { direction: 'Right', max_length: 4, strategy: 'LongestFirst', stride: 0 };
      json['padding'] = {
        strategy: { Fixed: 40 },
        direction: 'Right',
        pad_to_multiple_of: null,
        pad_id: 1,
        pad_type_id: 0,
        pad_token: '<pad>',
      };
    });
    const stored = await loadTokenizer(path, 2048);
    expect(await stored.encode('hello, world and more')).toEqual(await tokenizer.encode('hello, world and more'));
    expect(stored.addedTokens).toBe(1);
  });
});

describe('bad files', () => {
  it.each([
    ['nothing', ''],
    ['binary garbage', Buffer.from([0xff, 0xfe, 0, 1, 2, 3])],
    ['JSON of another kind', '{"arch": {}}'],
    ['null', 'null'],
    ['half a tokenizer', tokenizerJson.slice(0, 20_000)],
  ])('refuses %s in one sentence that names the file', async (name, content) => {
    const path = join(scratch, `${name.replaceAll(' ', '-')}.json`);
    await writeFile(path, content);
    await expect(loadTokenizer(path, 2048)).rejects.toMatchObject({
      code: 'TOKENIZER_INVALID',
      message: expect.stringContaining(path) as string,
    });
  });

  it('refuses a missing file and a folder', async () => {
    await expect(loadTokenizer(join(scratch, 'none.json'), 1)).rejects.toThrow(/none\.json does not exist/);
    await expect(loadTokenizer(scratch, 1)).rejects.toMatchObject({ code: 'TOKENIZER_INVALID' });
  });

  it('refuses ids beyond the vocabulary and names the largest', async () => {
    const copy = join(scratch, 'copy.json');
    await copyFile(FILE, copy);
    await expect(loadTokenizer(copy, 2047)).rejects.toThrow(/copy\.json has the id 2047 .* ends at 2046/);
    await expect(loadTokenizer(copy, 2048)).resolves.toBeDefined();
    const native = NativeTokenizer.fromFile(copy);
    native.addTokens(['beyond']);
    const extended = join(scratch, 'extended.json');
    native.save(extended);
    await expect(loadTokenizer(extended, 2048)).rejects.toThrow(/the id 2048 \("beyond"\)/);
  });
});
