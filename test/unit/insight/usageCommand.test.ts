import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TreeUsage } from '../../../extension/protocol';
import { cli, FIXTURES } from '../cli/testIo';

let folder: string;
let files: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fff-usage-'));
  files = ['loop.js', 'prose.txt'].map((name) => join(folder, name));
  await writeFile(files[0]!, 'for (const item of items) { print(item); }\n'.repeat(5));
  await writeFile(files[1]!, 'A leaf determines the whole path.\n');
});
afterAll(() => rm(folder, { recursive: true }));

interface JsonUsage {
  tokens: number;
  documents: { name: string; tokens: number }[];
  words: { id: number; text: string }[];
  layers: Record<keyof TreeUsage, number[] & number>[][];
}

describe('fff-explorer usage', () => {
  it('prints every layer and the top tokens of a level', async () => {
    const { code, out, err } = await cli(['usage', '--level', '1', '--top', '2', ...files]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const json = JSON.parse((await cli(['usage', '--json', '--top', '2', ...files])).out) as JsonUsage;
    expect(json.documents.map(({ name }) => name)).toEqual(files);
    expect(json.tokens).toBe(json.documents[0]!.tokens + json.documents[1]!.tokens);
    expect(out).toContain(`default: ${json.tokens} tokens of 2 files`);
    json.layers.forEach(([tree], layer) => {
      const { entropyBits, gini, leavesReached, unreached, visits, tokenOffsets, tokenWords, tokenCounts } = tree!;
      expect(visits).toHaveLength(4095);
      expect(visits[0]).toBe(json.tokens);
      const row = new RegExp(
        `^ +${layer} +${entropyBits.toFixed(2)} of 11 +${gini.toFixed(3)} +${leavesReached} of 2,048 +${unreached.length} +`,
        'm',
      );
      expect(out).toMatch(row);
      const section = out.split(`Layer ${layer}, level 1`)[1]!.split('Layer ')[0]!;
      for (const node of [1, 2]) {
        const first = tokenOffsets[node]!;
        const word = json.words[tokenWords[first]!]!;
        const line = section.split('\n').find((text) => new RegExp(`^ +${node} `).test(text));
        if (visits[node] === 0) {
          expect(line).toBeUndefined();
        } else {
          expect(line).toContain(`${word.text} ${tokenCounts[first]!}`);
        }
      }
    });
  });

  it('explains itself and refuses what it cannot do', async () => {
    expect((await cli(['help', 'usage'])).out).toContain('fff-explorer usage [--model DIR]');
    expect(await cli(['usage'])).toMatchObject({ code: 2, err: expect.stringContaining('file is missing') as string });
    expect(await cli(['usage', '--nonsense', files[0]!])).toMatchObject({ code: 2 });
    expect(await cli(['usage', '--level', '12', files[0]!])).toMatchObject({ code: 2 });
    expect(await cli(['usage', join(folder, 'none')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('does not exist') as string,
    });
    const dense = await cli(['usage', '--model', join(FIXTURES, 'D1'), files[0]!]);
    expect(dense).toMatchObject({ code: 2, err: expect.stringContaining('dense') as string });
  });
});
