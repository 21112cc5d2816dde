/** Counting usage without a model: statistics, top tokens, adding and removing, the cache, cutting text. */
import { describe, expect, it } from 'vitest';
import { UsageAccumulator } from '../../../extension/runner/insight/usage/accumulator';
import { PIECE_LENGTH, piecesOf } from '../../../extension/runner/insight/usage/pieces';
import {
  bytesOf,
  bytesPerToken,
  emptyRecord,
  RecordCache,
  type DocumentRecord,
  type UsageShape,
} from '../../../extension/runner/insight/usage/record';
import { entropyBits, giniOf, nodeVisits, unreachedSubtrees } from '../../../extension/runner/insight/usage/statistics';
import { treeUsage, WordList } from '../../../extension/runner/insight/usage/summary';
import { pathToLeaf } from '../../../extension/tree';
import { uniformNumbers } from '../encoder/randomModel';

const SHAPE: UsageShape = { layers: 2, trees: 2, depth: 3, vocabularySize: 6 };

function randomRecord(hash: string, tokens: number, seed: number, shape = SHAPE): DocumentRecord {
  const random = uniformNumbers(seed);
  const record = emptyRecord(hash, tokens, shape);
  for (let token = 0; token < tokens; token++) {
    // Squares: some tokens and leaves are far more frequent than others.
    record.ids[token] = Math.floor(random() ** 2 * shape.vocabularySize);
    record.starts[token] = 10 * token;
    record.lengths[token] = 1 + (token % 5);
    record.leaves.forEach((leaves) => {
      for (let tree = 0; tree < shape.trees; tree++) {
        leaves[token * shape.trees + tree] = Math.floor(random() ** 2 * (2 ** shape.depth - 2));
      }
    });
  }
  return record;
}

describe('statistics', () => {
  it('sum leaves into nodes', () => {
    expect([...nodeVisits(Uint32Array.of(1, 0, 2, 5), 2)]).toEqual([8, 1, 7, 1, 0, 2, 5]);
    expect([...nodeVisits(Uint32Array.of(4), 0)]).toEqual([4]);
  });

  it('measure how evenly leaves are used', () => {
    expect(entropyBits(new Uint32Array(16).fill(7))).toBeCloseTo(4, 12);
    expect(entropyBits(Uint32Array.of(0, 9, 0))).toBe(0);
    expect(entropyBits(new Uint32Array(4))).toBe(0);
    expect(entropyBits(Uint32Array.of(1, 3))).toBeCloseTo(0.25 * 2 + 0.75 * Math.log2(4 / 3), 12);
    expect(giniOf(new Uint32Array(16).fill(7))).toBeCloseTo(0, 12);
    expect(giniOf(Uint32Array.of(0, 0, 0, 8))).toBeCloseTo(0.75, 12);
    expect(giniOf(new Uint32Array(4))).toBe(0);
    // The mean absolute difference of all pairs over twice the mean, by definition.
    const counts = [3, 1, 4, 1, 5, 9, 2, 6];
    const differences = counts.flatMap((a) => counts.map((b) => Math.abs(a - b)));
    const mean = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
    expect(giniOf(Uint32Array.from(counts))).toBeCloseTo(mean(differences) / (2 * mean(counts)), 12);
  });

  it('name the largest sub-trees nobody reached', () => {
    expect([...unreachedSubtrees(nodeVisits(Uint32Array.of(0, 0, 0, 5), 2))]).toEqual([1, 5]);
    expect([...unreachedSubtrees(nodeVisits(new Uint32Array(4), 2))]).toEqual([0]);
    expect([...unreachedSubtrees(nodeVisits(Uint32Array.of(1, 1, 1, 1), 2))]).toEqual([]);
  });
});

describe('an accumulator', () => {
  const [a, b, c] = [randomRecord('a', 300, 1), randomRecord('b', 40, 2), randomRecord('c', 7, 3)];

  function accumulated(documents: [string, DocumentRecord][]): UsageAccumulator {
    const accumulator = new UsageAccumulator(SHAPE);
    documents.forEach(([name, record]) => accumulator.add(name, record));
    return accumulator;
  }

  function everything(accumulator: UsageAccumulator): unknown {
    const words = new WordList(String);
    const detail = { topTokens: 3, contextsPerToken: 2 };
    return {
      tokens: accumulator.tokens,
      trees: [0, 1].flatMap((layer) => [0, 1].map((tree) => treeUsage(accumulator, layer, tree, detail, words))),
      words: words.words,
    };
  }

  it('counts every node, token and place as a plain loop does', () => {
    const documents: [string, DocumentRecord][] = [
      ['one', a],
      ['two', b],
    ];
    const accumulator = accumulated(documents);
    expect(accumulator.tokens).toBe(340);
    for (const [layer, tree] of [
      [0, 0],
      [1, 1],
    ] as const) {
      const words = new WordList((id) => `word ${id}`);
      const usage = treeUsage(accumulator, layer, tree, { topTokens: 3, contextsPerToken: 2 }, words);
      const visits = new Array<number>(15).fill(0);
      const tokens = visits.map(() => new Map<number, { count: number; places: number[][] }>());
      documents.forEach(([, record], document) => {
        for (let token = 0; token < record.tokens; token++) {
          for (const node of pathToLeaf(record.leaves[layer]![2 * token + tree]!, 3)) {
            visits[node]!++;
            const id = record.ids[token]!;
            const entry = tokens[node]!.get(id) ?? { count: 0, places: [] };
            entry.count++;
            const start = record.starts[token]!;
            entry.places.push([document, start, start + record.lengths[token]!]);
            tokens[node]!.set(id, entry);
          }
        }
      });
      expect([...usage.visits]).toEqual(visits);
      expect(usage.tokenOffsets).toHaveLength(16);
      for (let node = 0; node < 15; node++) {
        const top = [...tokens[node]!].sort(([idA, one], [idB, two]) => two.count - one.count || idA - idB).slice(0, 3);
        const [from, to] = [usage.tokenOffsets[node]!, usage.tokenOffsets[node + 1]!];
        expect([...usage.tokenWords.subarray(from, to)].map((place) => words.words[place])).toEqual(
          top.map(([id]) => ({ id, text: `word ${id}` })),
        );
        expect([...usage.tokenCounts.subarray(from, to)]).toEqual(top.map(([, { count }]) => count));
        const none = 0xffffffff;
        expect([...usage.contexts.subarray(6 * from, 6 * to)]).toEqual(
          top.flatMap(([, { places }]) => [places[0]!, places[1] ?? [none, none, none]].flat()),
        );
      }
      expect(usage.leavesReached).toBe(visits.slice(7).filter((count) => count > 0).length);
      expect(usage.leavesReached).toBeLessThan(8);
      expect(usage.unreached.length).toBeGreaterThan(0);
    }
  });

  it('forgets what is taken out and replaces what changed', () => {
    const edited = accumulated([
      ['one', a],
      ['two', b],
      ['three', c],
    ]);
    expect(edited.remove('one')).toBe(true);
    expect(edited.remove('one')).toBe(false);
    edited.add('two', a);
    expect(everything(edited)).toEqual(
      everything(
        accumulated([
          ['two', a],
          ['three', c],
        ]),
      ),
    );
    edited.add('two', a);
    expect(edited.tokens).toBe(307);
  });

  it('merges', () => {
    const left = accumulated([['one', a]]);
    left.merge(
      accumulated([
        ['two', b],
        ['three', c],
      ]),
    );
    expect(everything(left)).toEqual(
      everything(
        accumulated([
          ['one', a],
          ['two', b],
          ['three', c],
        ]),
      ),
    );
    const other = new UsageAccumulator({ ...SHAPE, depth: 2 });
    expect(() => left.merge(other)).toThrow(/cannot be merged/);
  });

  it('of nothing has a tree nobody reached', () => {
    const usage = treeUsage(
      new UsageAccumulator(SHAPE),
      0,
      0,
      { topTokens: 3, contextsPerToken: 1 },
      new WordList(String),
    );
    expect([...usage.unreached]).toEqual([0]);
    expect(usage).toMatchObject({ entropyBits: 0, gini: 0, leavesReached: 0 });
    expect(usage.tokenCounts).toHaveLength(0);
  });

  it('counts trees so deep that leaf and token do not fit into 32 bits together', () => {
    const shape = { layers: 1, trees: 1, depth: 17, vocabularySize: 70_000 };
    const record = emptyRecord('deep', 4, shape);
    expect(record.ids).toBeInstanceOf(Uint32Array);
    expect(record.leaves[0]).toBeInstanceOf(Uint32Array);
    record.ids.set([69_999, 5, 69_999, 69_999]);
    record.leaves[0]!.set([131_071, 0, 131_071, 131_070]);
    const accumulator = new UsageAccumulator(shape);
    accumulator.add('deep', record);
    const words = new WordList(String);
    const usage = treeUsage(accumulator, 0, 0, { topTokens: 2, contextsPerToken: 0 }, words);
    const topOf = (node: number) =>
      [...usage.tokenCounts.subarray(usage.tokenOffsets[node], usage.tokenOffsets[node + 1])].map((count, i) => [
        words.words[usage.tokenWords[usage.tokenOffsets[node]! + i]!]!.id,
        count,
      ]);
    expect(topOf(0)).toEqual([
      [69_999, 3],
      [5, 1],
    ]);
    expect(topOf(2 ** 18 - 2)).toEqual([[69_999, 2]]);
  });
});

describe('the cache of records', () => {
  it('gives up what was used least recently, but not what is needed', () => {
    const record = (hash: string): DocumentRecord => emptyRecord(hash, 10, SHAPE);
    expect(bytesPerToken(SHAPE)).toBe(2 + 4 + 2 + 2 * 2 * 2);
    const size = bytesOf(record('a'));
    expect(size).toBe(10 * bytesPerToken(SHAPE));
    const cache = new RecordCache(2 * size);
    const none = new Set<string>();
    expect([cache.put(record('a'), none), cache.put(record('b'), none)]).toEqual([true, true]);
    expect(cache.get('a')).toBeDefined();
    expect(cache.put(record('c'), none)).toBe(true);
    expect([cache.get('a'), cache.get('b'), cache.get('c')].map(Boolean)).toEqual([true, false, true]);
    expect(cache.put(record('d'), new Set(['a', 'c']))).toBe(false);
    expect(cache.put(record('d'), new Set(['a']))).toBe(true);
    expect([cache.get('a'), cache.get('c'), cache.get('d')].map(Boolean)).toEqual([true, false, true]);
  });
});

describe('pieces', () => {
  it.each([
    ['lines', 'one two\nthree\nfour five six\n'.repeat(20), 40],
    ['one line', 'word '.repeat(100), 33],
    ['no white space', 'x'.repeat(100), 30],
    ['pairs of surrogates', '\u{1f600}'.repeat(50), 7],
    ['as long as a piece', 'abc', 3],
    ['nothing', '', 3],
  ])('of %s are the text', (_, text, length) => {
    const pieces = [...piecesOf(text, length)];
    expect(pieces.map((piece) => piece.text).join('')).toBe(text);
    pieces.forEach((piece) => {
      expect(text.startsWith(piece.text, piece.start)).toBe(true);
      expect(piece.text.length).toBeGreaterThan(0);
      expect(piece.text.length).toBeLessThanOrEqual(length);
      expect(/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(piece.text)).toBe(false);
    });
  });

  it('end after lines, else between words', () => {
    expect([...piecesOf('aaaa bbbb\ncccc dddd eeee', 12)].map(({ text }) => text)).toEqual([
      'aaaa bbbb\n',
      'cccc dddd ',
      'eeee',
    ]);
    expect(PIECE_LENGTH).toBeGreaterThan(1000);
  });
});
