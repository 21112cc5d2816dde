/** Comparing traces and the context test: pure functions, checked by hand and by brute force. */
import { describe, expect, it } from 'vitest';
import { alignTokens, compareTraces, visitsOf } from '../../../extension/compare';
import { contextTest, findWord } from '../../../extension/contexts';
import type { LayerRouting, Trace, TraceToken } from '../../../extension/protocol';
import { divergenceLevel, pathToLeaf } from '../../../extension/tree';
import { uniformNumbers } from '../encoder/randomModel';
import { MODEL, traceOf } from '../host/fakes';

const DEPTH = 3;

function routing(leaves: number[], trees = 1): LayerRouting {
  return { leaves: Uint16Array.from(leaves), logits: new Float32Array((leaves.length / trees) * trees * (DEPTH + 1)) };
}

/** A trace of a text whose layers take the given leaves. */
function traced(text: string, layers: (number[] | null)[], trees = 1): Trace {
  const plain = traceOf(1, text);
  return {
    ...plain,
    model: { ...MODEL, feedforward: { kind: 'fff', depth: DEPTH, trees, nodesPerTree: 15 } },
    layers: layers.map((leaves) => (leaves === null ? null : routing(leaves, trees))),
  };
}

function tokensOf(text: string): TraceToken[] {
  return Array.from(text, (character, id) => ({ id, text: character, start: id, end: id + 1 }));
}

function pairsOf(pairs: Uint32Array): [number, number][] {
  return Array.from({ length: pairs.length / 2 }, (_, pair) => [pairs[2 * pair]!, pairs[2 * pair + 1]!]);
}

describe('divergenceLevel', () => {
  it('is the level of the first node in which two paths differ', () => {
    for (const depth of [0, 1, 4]) {
      for (let a = 0; a < 2 ** depth; a++) {
        for (let b = 0; b < 2 ** depth; b++) {
          const [one, other] = [pathToLeaf(a, depth), pathToLeaf(b, depth)];
          const first = one.findIndex((node, level) => node !== other[level]);
          expect(divergenceLevel(a, b, depth)).toBe(first < 0 ? depth + 1 : first);
        }
      }
    }
  });
});

describe('alignment', () => {
  it.each([
    ['abcde', 'abcde', ['a', 'b', 'c', 'd', 'e']],
    ['abcde', 'abXde', ['a', 'b', 'd', 'e']],
    ['abc', '', []],
    ['', '', []],
    ['abc', 'xyz', []],
    ['xabcabcy', 'abc', ['a', 'b', 'c']],
    ['aaaa', 'aa', ['a', 'a']],
  ])('of %j and %j', (first, second, expected) => {
    const pairs = pairsOf(alignTokens(tokensOf(first), tokensOf(second)));
    expect(pairs.map(([a]) => first[a])).toEqual(expected);
    expect(pairs.map(([, b]) => second[b])).toEqual(expected);
  });

  it('is as long as can be, ascending on both sides', () => {
    const random = uniformNumbers(5);
    const word = (): string =>
      Array.from({ length: 4 + Math.floor(8 * random()) }, () => 'abc'[Math.floor(3 * random())]).join('');
    for (let round = 0; round < 60; round++) {
      const [first, second] = [word(), word()];
      const pairs = pairsOf(alignTokens(tokensOf(first), tokensOf(second)));
      pairs.forEach(([a, b], place) => {
        expect(first[a]).toBe(second[b]);
        expect(place === 0 || (a > pairs[place - 1]![0] && b > pairs[place - 1]![1])).toBe(true);
      });
      // Every subset of the shorter word, longest first, is a brute force that knows nothing of tables.
      const subsequences = Array.from({ length: 2 ** first.length }, (_, mask) =>
        Array.from(first)
          .filter((_character, i) => (mask >> i) & 1)
          .join(''),
      );
      const longest = Math.max(
        ...subsequences
          .filter((candidate) => new RegExp(Array.from(candidate).join('.*')).test(second))
          .map(({ length }) => length),
      );
      expect(pairs).toHaveLength(longest);
    }
  });
});

describe('compareTraces', () => {
  it('follows aligned tokens to where their paths part', () => {
    const first = traced('the old tree', [[0, 5, 7, 1], null]);
    const second = traced('the new tree stands', [
      [0, 3, 6, 2, 1],
      [0, 0, 0, 0, 0],
    ]);
    const { pairs, onlyFirst, onlySecond, layers } = compareTraces(first, second);
    expect(pairsOf(pairs)).toEqual([
      [0, 0],
      [2, 2],
      [3, 4],
    ]);
    expect([...onlyFirst]).toEqual([1]);
    expect([...onlySecond]).toEqual([1, 3]);
    expect(layers[1]).toBeNull();
    // 7 = 111 and 6 = 110 part at the leaf; the others are the same.
    expect([...layers[0]!.divergenceLevels]).toEqual([4, 3, 4]);
    expect(layers[0]!.overlap).toBeCloseTo((1 + 2 / 3 + 1) / 3, 12);
    expect(layers[0]!.samePaths).toBeCloseTo(2 / 3, 12);
    const difference = layers[0]!.visitDifference;
    expect(difference[0]).toBe(1);
    expect([...difference.subarray(7)]).toEqual([0, 0, 1, 1, 0, -1, 1, -1]);
  });

  it('compares every tree of a forest, and no trees of another shape', () => {
    const first = traced('a', [[0, 7, 4, 4]], 2);
    const second = traced('a', [[1, 7, 0, 4]], 2);
    expect([...compareTraces(first, second).layers[0]!.divergenceLevels]).toEqual([3, 4, 1, 4]);
    expect(compareTraces(first, traced('a', [[1, 7]], 1)).layers).toEqual([null]);
    const deeper = traced(
      'a',
      [
        [1, 7, 0, 4],
        [0, 0, 0, 0],
      ],
      2,
    );
    expect(compareTraces(first, deeper).layers).toHaveLength(1);
  });

  it('has no share where nothing is aligned', () => {
    const { layers } = compareTraces({ ...traced('a', [[1, 2]]), tokens: tokensOf('xy') }, traced('b', [[1, 2]]));
    expect(layers[0]).toMatchObject({ overlap: NaN, samePaths: NaN });
  });
});

describe('findWord', () => {
  const trace = { ...traced('Tree tree-top treetop trEE', []), text: 'Tree tree-top treetop trEE' };

  it('finds whole words of any case', () => {
    expect(findWord([trace, trace], ' tree ').map(({ trace: index, tokens }) => [index, tokens])).toEqual([
      [0, [0]],
      [0, [1]],
      [0, [3]],
      [1, [0]],
      [1, [1]],
      [1, [3]],
    ]);
    expect(findWord([trace], 'tree').map(({ start, end }) => [start, end])).toEqual([
      [0, 4],
      [5, 9],
      [22, 26],
    ]);
    expect(findWord([trace], '')).toEqual([]);
    expect(findWord([trace], 'leaf')).toEqual([]);
  });

  it('takes all tokens that spell a word, and finds signs between words', () => {
    const split = { ...trace, text: 'a += unseen;', tokens: tokensOf('a += unseen;') };
    expect(findWord([split], 'unseen')[0]!.tokens).toEqual([5, 6, 7, 8, 9, 10]);
    expect(findWord([split], '+=')[0]!.tokens).toEqual([2, 3]);
  });

  it('does not find text beyond the traced tokens', () => {
    expect(findWord([{ ...trace, tokens: trace.tokens.slice(0, 1) }], 'tree')).toHaveLength(1);
  });
});

describe('contextTest', () => {
  it('measures how far the paths of a word agree', () => {
    const traces = [
      traced('tree falls', [
        [0, 6, 1],
        [4, 4, 4],
      ]),
      traced('a tree', [
        [3, 1, 1],
        [4, 4, 4],
      ]),
    ];
    const occurrences = [
      { trace: 0, tokens: [0] },
      { trace: 1, tokens: [1] },
    ];
    const [first, second] = contextTest(traces, occurrences);
    // 000 and 001 part at the leaf.
    expect(first!.overlap).toBeCloseTo(2 / 3, 6);
    expect(first!.samePaths).toBe(0);
    expect([...first!.overlaps]).toEqual([1, 2 / 3, 2 / 3, 1].map(Math.fround));
    expect([...first!.divergenceLevels]).toEqual([4, 3, 3, 4]);
    expect(second).toMatchObject({ overlap: 1, samePaths: 1, background: 1 });
    expect(contextTest(traces, occurrences.slice(0, 1))[0]!.overlap).toBeNaN();
    expect(contextTest([], [])).toEqual([]);
  });

  it('compares words of several tokens token by token', () => {
    const traces = [traced('a b c d', [[0, 1, 0, 1, 5]])];
    const [layer] = contextTest(traces, [
      { trace: 0, tokens: [0, 1] },
      { trace: 0, tokens: [2, 3] },
      { trace: 0, tokens: [2] },
    ]);
    expect([...layer!.overlaps]).toEqual([1, 1, 0.5, 1, 1, 0.5, 0.5, 0.5, 1]);
    // A token without a counterpart parts at once.
    expect([...layer!.divergenceLevels]).toEqual([4, 4, 1, 4, 4, 1, 1, 1, 4]);
    expect(layer!.samePaths).toBeCloseTo(1 / 3, 12);
  });

  it('knows how far any two tokens agree', () => {
    const random = uniformNumbers(3);
    const leaves = (): number[] => Array.from({ length: 10 }, () => Math.floor(8 * random()));
    const traces = [traced('a b c d', [leaves()], 2), traced('e f g h', [leaves()], 2)];
    const all = traces.flatMap((trace) =>
      [0, 1, 2, 3, 4].map((token) => [0, 1].map((tree) => trace.layers[0]!.leaves[2 * token + tree]!)),
    );
    const overlaps = all.flatMap((one, i) =>
      all
        .slice(i + 1)
        .map((other) => one.reduce((sum, leaf, tree) => sum + (divergenceLevel(leaf, other[tree]!, 3) - 1) / 6, 0)),
    );
    const mean = overlaps.reduce((a, b) => a + b, 0) / overlaps.length;
    expect(contextTest(traces, [])[0]!.background).toBeCloseTo(mean, 12);
  });
});

describe('visitsOf', () => {
  it('counts all visits of all tokens', () => {
    const visits = visitsOf(routing([0, 5, 5, 1], 2), { depth: DEPTH, trees: 2 });
    const expected = new Uint32Array(30);
    for (const [tree, leaf] of [
      [0, 0],
      [1, 5],
      [0, 5],
      [1, 1],
    ] as const) {
      pathToLeaf(leaf, DEPTH).forEach((node) => expected[15 * tree + node]!++);
    }
    expect(visits).toEqual(expected);
  });
});
