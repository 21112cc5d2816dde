import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, FIXTURES, useScratch } from './testIo';

const F1 = join(FIXTURES, 'F1');

const scratch = useScratch();

describe('bad input ends with code 2 and one line', () => {
  it.each<[string[], RegExp]>([
    [[], /A command is missing/],
    [['paint'], /"paint" is not a command/],
    [['constructor'], /"constructor" is not a command/],
    [['help', 'paint'], /"paint" is not a command/],
    [['trace'], /One of --text, --file, --ids, --cases is needed/],
    [['trace', '--text', 'a', '--ids', '1'], /Only one of/],
    [['trace', '--text'], /--text/],
    [['trace', '--text', '-x + 1'], /begins with a dash.*Write --text=\.\.\./],
    [['trace', '--bogus'], /Unknown option '--bogus'/],
    [['trace', 'stray'], /stray/],
    [['trace', '--text', '', '--model', F1], /The text is empty/],
    [['trace', '--ids', '', '--model', F1], /There are no token ids/],
    [['trace', '--ids', '1,x'], /"x" in --ids is not a token id/],
    [['trace', '--ids', '512', '--model', F1], /id 512 is not in the model's vocabulary of 512/],
    [
      ['trace', '--ids', new Array(129).fill('1').join(','), '--model', F1],
      /129 token ids, but the model's window holds 128/,
    ],
    [['trace', '--text', 'a', '--layer', '2', '--model', F1], /--layer takes a whole number from 0 to 1/],
    [['trace', '--text', 'a', '--top', 'many'], /--top takes a whole number/],
    [['trace', '--text', 'a', '--threads', '-1'], /--threads/],
    [['trace', '--text', 'a', '--dump', 'x'], /--cases and --dump need each other/],
    [['trace', '--cases', 'x'], /--cases and --dump need each other/],
    [['trace', '--cases', '/no/cases.json', '--dump', 'x', '--model', F1], /\/no\/cases\.json does not exist/],
    [['trace', '--file', '/no/such.txt'], /\/no\/such\.txt does not exist/],
    [['trace', '--file', FIXTURES], /is a folder, not a file/],
    [
      ['trace', '--file', join(FIXTURES, 'F1/model.safetensors')],
      /model\.safetensors is (not UTF-8 text|a binary file)/,
    ],
    [['trace', '--text', 'a', '--model', '/no/model'], /The folder \/no\/model does not exist/],
    [['trace', '--text', 'a', '--model', FIXTURES], /is no checkpoint/],
    [['trace', '--text', 'a', '--model', F1], /F1 has no tokenizer\.json/],
    [['verify', '--cases', 'a'], /--cases and --expected belong together/],
    [['verify', '--model', F1], /has no reference folder/],
    [['verify', '--cases', 'a', '--expected', '/no/e.safetensors'], /e\.safetensors does not exist/],
    [['tokenize'], /There is no text: give it with --text, or with --json as a JSON array on standard input/],
    [['tokenize', '--text', 'a', '--model', FIXTURES], /tokenizer\.json does not exist/],
    [['info', '--model', '/no/model'], /does not exist/],
  ])('%j', async (args, said) => {
    const { code, out, err } = await cli(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(said);
    expect(err).toMatch(/^fff-explorer: [^\n]+\n$/);
  });

  it('an empty file, and one with a NUL', async () => {
    expect((await cli(['trace', '--file', await scratch.file('empty.txt', '')])).err).toMatch(/empty\.txt is empty/);
    const binary = await cli(['trace', '--file', await scratch.file('nul.bin', 'a\0b')]);
    expect(binary.code).toBe(2);
    expect(binary.err).toMatch(/nul\.bin is a binary file/);
  });

  it('an unknown kernel implementation', async () => {
    const before = process.env['FFF_FORCE_IMPLEMENTATION'];
    process.env['FFF_FORCE_IMPLEMENTATION'] = 'abacus';
    try {
      const { code, err } = await cli(['trace', '--text', 'a', ...scratch.tiny]);
      expect(code).toBe(2);
      expect(err).toContain('abacus');
    } finally {
      if (before === undefined) {
        delete process.env['FFF_FORCE_IMPLEMENTATION'];
      } else {
        process.env['FFF_FORCE_IMPLEMENTATION'] = before;
      }
    }
  });
});
