import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../../extension/runner/tokenizer';
import { cutIntoWindows, MAX_TEXT_LENGTH, MAX_WINDOWS } from '../../../extension/runner/windows';
import type { TraceInput } from '../../../extension/protocol';

const limits = { windowTokens: 16, vocabularySize: 2048 };
let tokenizer: Tokenizer;

beforeAll(async () => {
  tokenizer = await loadTokenizer(join(__dirname, '../../fixtures/tokenizer/tokenizer.json'), 2048);
});

function cut(input: TraceInput) {
  return cutIntoWindows(
    input,
    limits,
    () => tokenizer,
    (id) => tokenizer.idToToken(id),
  );
}

function noTokenizer(): never {
  throw new Error('Ids need no tokenizer.');
}

describe('text', () => {
  it('fits one window', async () => {
    const { windows, omittedWindows } = await cut({ text: 'hello world' });
    expect(omittedWindows).toBe(0);
    expect(windows).toHaveLength(1);
    expect(windows[0]!.map((token) => token.text).join(' ')).toBe('h ##el ##lo w ##orld <sep>');
  });

  it('is cut into windows whose offsets point into the whole text', async () => {
    const text = 'the quick brown fox jumps over the lazy dog. '.repeat(3);
    const { windows } = await cut({ text });
    expect(windows.length).toBeGreaterThan(3);
    const kept = windows.flat().filter((token) => token.end > token.start);
    for (const token of kept) {
      expect(text.slice(token.start, token.end)).toBe(token.text.replace(/^##/, ''));
    }
    const starts = kept.map((token) => token.start);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  });

  it('beyond the limit of windows is counted', async () => {
    const text = 'word '.repeat(20_000);
    const whole = await tokenizer.encode(text);
    const { windows, omittedWindows } = await cut({ text });
    expect(windows).toHaveLength(MAX_WINDOWS);
    expect(windows.length + omittedWindows).toBe(Math.ceil((whole.length - 1) / 15));
  });

  it('counts characters without a token, but none of the windows beyond the limit', async () => {
    const { leftOutCharacters } = await cut({ text: 'a \u4e2d b\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\ud800' });
    expect(leftOutCharacters).toBe(3);
    const long = await cut({ text: `\u4e2d word ${'word '.repeat(20_000)}\u4e2d\u4e2d` });
    expect(long.omittedWindows).toBeGreaterThan(0);
    expect(long.leftOutCharacters).toBe(1);
  });

  it.each([
    ['', /is empty/],
    ['  \n\t ', /has no tokens/],
    ['\u4e2d\u6587', /has no tokens/],
    ['\ud800', /has no tokens/],
    ['x'.repeat(MAX_TEXT_LENGTH + 1), /more than the limit/],
  ])('without anything to trace is bad input', async (text, said) => {
    await expect(cut({ text })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringMatching(said) as string,
    });
  });

  it('of binary garbage is traced like any other', async () => {
    const text = Array.from({ length: 3000 }, (_, i) => String.fromCharCode((i * 7919) % 65536)).join('');
    const { windows } = await cut({ text });
    expect(windows.flat().every((token) => token.start <= token.end && token.end <= text.length)).toBe(true);
  });

  it('of a special token alone is traced', async () => {
    const { windows } = await cut({ text: '<mask>' });
    expect(windows).toEqual([
      [
        { id: 0, text: '<mask>', start: 0, end: 6 },
        { id: 6, text: '<sep>', start: 0, end: 0 },
      ],
    ]);
  });
});

describe('ids', () => {
  it('are one window as they are and need no tokenizer', async () => {
    expect(await cutIntoWindows({ ids: [6, 0, 6] }, limits, noTokenizer, (id) => (id === 6 ? '<sep>' : null))).toEqual({
      windows: [
        [
          { id: 6, text: '<sep>', start: 0, end: 0 },
          { id: 0, text: '#0', start: 0, end: 0 },
          { id: 6, text: '<sep>', start: 0, end: 0 },
        ],
      ],
      omittedWindows: 0,
      leftOutCharacters: 0,
    });
  });

  it.each([
    [[], /no token ids/],
    [new Array<number>(17).fill(1), /17 token ids, but the model's window holds 16/],
    [[1, 2048], /id 2048 is not in the model's vocabulary of 2048/],
    [[-1], /id -1 is not/],
    [[1.5], /id 1.5 is not/],
    [[NaN], /id NaN is not/],
  ])('%j are bad input', async (ids, said) => {
    await expect(cut({ ids })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringMatching(said) as string,
    });
  });

  it('fill a window exactly', async () => {
    const { windows } = await cut({ ids: new Array<number>(16).fill(3) });
    expect(windows[0]).toHaveLength(16);
  });
});
