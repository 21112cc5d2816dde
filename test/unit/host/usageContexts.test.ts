import { describe, expect, it } from 'vitest';
import { usageContexts, type MappedText } from '../../../extension/insight/usageContexts';
import { usageOf } from './fakes';

const PLACE = { layer: 0, tree: 0, node: 0 };

describe('where a node’s tokens occur', () => {
  it('folds white space, keeps a few words on either side, and counts lines from where the text begins', async () => {
    const usage = usageOf(1);
    const text = `${'far '.repeat(30)}\nnear\t the\n\n  end ${'more '.repeat(30)}`;
    const start = text.indexOf('the');
    usage.layers[0]![0]!.contexts = Uint32Array.of(1, start, start + 3, 0, 0, 3);
    const asked: number[] = [];
    const textOf = (document: number): Promise<MappedText> => {
      asked.push(document);
      return Promise.resolve({ text, firstLine: 10 });
    };
    const [context, ...others] = await usageContexts(usage, PLACE, textOf);
    expect(others).toEqual([]);
    expect(asked).toEqual([1]);
    expect(context).toMatchObject({ entry: 0, document: 'b|c.md', excerpt: { text: 'the', line: 11 } });
    expect(context!.excerpt!.before).toMatch(/^[far ]+ near $/);
    expect(context!.excerpt!.before.length).toBeLessThanOrEqual(48);
    expect(context!.excerpt!.after).toMatch(/^ end more [more ]*$/);
  });

  it('says where a text changed since, reads each text once, and leaves out places that are not taken', async () => {
    const usage = usageOf(1);
    const tree = usage.layers[0]![0]!;
    usage.contextsPerToken = 2;
    tree.tokenOffsets = Uint32Array.of(0, 2, 2, 2, 2, 2, 2, 2);
    tree.contexts = Uint32Array.of(0, 0, 3, 0, 4, 7, 1, 0, 3, 0xffffffff, 0xffffffff, 0xffffffff);
    const asked: number[] = [];
    const textOf = (document: number): Promise<MappedText | null> => {
      asked.push(document);
      return Promise.resolve(document === 1 ? null : { text: 'one two', firstLine: 1 });
    };
    const found = await usageContexts(usage, PLACE, textOf);
    expect(found.map(({ entry, excerpt }) => [entry, excerpt?.text ?? null])).toEqual([
      [0, 'one'],
      [0, 'two'],
      [1, null],
    ]);
    expect(asked).toEqual([0, 1]);
  });

  it('finds nothing where there is no such node', async () => {
    const none = (): Promise<null> => Promise.resolve(null);
    expect(await usageContexts(usageOf(1), { ...PLACE, layer: 9 }, none)).toEqual([]);
    expect(await usageContexts(usageOf(1), { ...PLACE, node: 6 }, none)).toEqual([]);
  });
});
