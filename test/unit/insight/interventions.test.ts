/** Changes to single nodes, in a trace and as a comparison, against the float64 reference with the same changes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Intervention, Trace } from '../../../extension/protocol';
import { divergenceLevel, firstOfLevel, isAncestor, levelOf, pathNode } from '../../../extension/tree';
import { referenceForward, type ReferenceResult } from '../encoder/reference';
import type { TestTensor } from '../encoder/tensorFile';
import { FixtureModel, NEVER, softmaxRow, someIds } from './models';

const TOKENS = 14;

describe.each(['F1', 'F2'])('%s', (fixture) => {
  let model: FixtureModel;
  let ids: number[];
  let plain: Trace;
  let plainReference: ReferenceResult;

  beforeAll(async () => {
    model = await FixtureModel.open(fixture);
    ids = someIds(TOKENS, model.tracer.info.vocabularySize);
    plain = await model.trace(ids);
    plainReference = model.reference(ids);
  });
  afterAll(() => model.tracer.dispose());

  /** A node that a token's path visits, without changes. */
  function visited(layer: number, token: number, tree: number, level: number): number {
    const { trees, depth } = model.trees;
    return pathNode(plain.layers[layer]!.leaves[token * trees + tree]!, level, depth);
  }

  /** Names each list of changes; made when the model is there. */
  const lists: [string, () => Intervention[]][] = [
    ['a flip at the root for one token', () => [{ layer: 0, tree: 0, node: 0, token: 3, kind: 'flip' }]],
    ['a flip at the root for all tokens', () => [{ layer: 0, tree: 0, node: 0, token: null, kind: 'flip' }]],
    [
      'a flip deep in the last layer',
      () => [{ layer: 1, tree: 0, node: visited(1, 5, 0, 2), token: null, kind: 'flip' }],
    ],
    ['a silent root', () => [{ layer: 0, tree: 0, node: 0, token: null, kind: 'silence' }]],
    [
      'a silent leaf for one token',
      () => [{ layer: 1, tree: 0, node: visited(1, 2, 0, model.trees.depth), token: 2, kind: 'silence' }],
    ],
    [
      'several changes in several layers, one of them on the new path of another',
      () => [
        { layer: 0, tree: 0, node: 0, token: null, kind: 'flip' },
        { layer: 0, tree: 0, node: 1, token: null, kind: 'flip' },
        { layer: 0, tree: 0, node: 2, token: 4, kind: 'silence' },
        { layer: 1, tree: model.trees.trees - 1, node: 0, token: 6, kind: 'flip' },
        { layer: 1, tree: model.trees.trees - 1, node: 0, token: 6, kind: 'silence' },
      ],
    ],
  ];

  it.each(lists)('traces %s as the reference computes it', async (_, make) => {
    const interventions = make();
    const trace = await model.trace(ids, interventions);
    const expected = model.reference(ids, interventions);
    const { trees, depth } = model.trees;
    expect(trace.interventions).toEqual(interventions);
    for (const [layer, routing] of trace.layers.entries()) {
      const nodes = expected.get(`layer.${layer}.nodes`)!;
      const leaves = [...routing!.leaves].map((leaf) => firstOfLevel(depth) + leaf);
      expect(leaves).toEqual(leaves.map((_leaf, path) => nodes[path * (depth + 1) + depth]));
      expectClose(routing!.logits, expected.get(`layer.${layer}.logits`)!, 5e-5);
      const outputs = expected.get(`layer.${layer}.ffn_output`)!;
      const norms = Float64Array.from(ids, (_id, token) => Math.hypot(...rowOf(outputs, token, ids.length)));
      expectClose(routing!.outputNorms!, norms, 5e-5);
      expect(routing!.leaves).toHaveLength(ids.length * trees);
    }
    expectPredictions(trace, expected);
    // The change is one: the reference says so, not only that the two agree.
    expect(largestGap(expected.get('mlm_logits')!, plainReference.get('mlm_logits')!)).toBeGreaterThan(1e-3);
  });

  it.each(lists)('compares %s with the unchanged model', async (_, make) => {
    const interventions = make();
    const trace = await model.trace(ids);
    const positions = [5, 0, 5];
    const request = { runId: trace.runId, interventions, positions, top: 4 };
    const result = await model.tracer.insight.whatIf(request, NEVER);
    const expected = model.reference(ids, interventions);
    const { depth, trees } = model.trees;
    const { vocabularySize } = model.tracer.info;
    expect(result.interventions).toEqual(interventions);

    expect(result.predictions.map(({ index }) => index)).toEqual(positions);
    for (const { index, klDivergenceNats, baseline, changed } of result.predictions) {
      const p = softmaxRow(plainReference.get('mlm_logits')!, index, vocabularySize);
      const q = softmaxRow(expected.get('mlm_logits')!, index, vocabularySize);
      const kl = p.reduce((sum, probability, id) => sum + probability * Math.log(probability / q[id]!), 0);
      expect(Math.abs(klDivergenceNats - kl)).toBeLessThan(1e-5 + 1e-4 * kl);
      for (const [top, distribution] of [
        [baseline, p],
        [changed, q],
      ] as const) {
        expect(top).toHaveLength(4);
        expect(top[0]!.probability).toBeCloseTo(Math.max(...distribution), 5);
        top.forEach(({ id, probability }) => expect(probability).toBeCloseTo(distribution[id]!, 5));
      }
    }

    for (const [layer, changes] of result.layers.entries()) {
      const [before, after] = [plainReference, expected].map((reference) => {
        const nodes = reference.get(`layer.${layer}.nodes`)!;
        return Array.from({ length: ids.length * trees }, (_path, path) => {
          return nodes[path * (depth + 1) + depth]! - firstOfLevel(depth);
        });
      });
      const moved = [...before!.keys()].filter((path) => before![path] !== after![path]);
      expect([...changes!.tokens]).toEqual(moved.map((path) => Math.floor(path / trees)));
      expect([...changes!.trees]).toEqual(moved.map((path) => path % trees));
      expect([...changes!.before]).toEqual(moved.map((path) => before![path]));
      expect([...changes!.after]).toEqual(moved.map((path) => after![path]));
      expect([...changes!.divergenceLevels]).toEqual(
        moved.map((path) => divergenceLevel(before![path]!, after![path]!, depth)),
      );
    }

    const nodesOf = (layer: number): Float64Array => expected.get(`layer.${layer}.nodes`)!;
    const visits = interventions.map(({ layer, tree, node, token }) => {
      const visiting = [...ids.keys()].filter((one) => {
        const path = (one * trees + tree) * (depth + 1);
        return nodesOf(layer)
          .subarray(path, path + depth + 1)
          .includes(node);
      });
      return visiting.filter((one) => token === null || one === token).length;
    });
    expect([...result.visits]).toEqual(visits);
  });

  it('a flip for all tokens is the model with the two sub-trees swapped', async () => {
    const { nodesPerTree } = model.trees;
    const node = 1;
    const swapped = new Map(model.tensors);
    const mirror = (other: number): number => {
      // A node below one child of `node` goes to the same place below the other.
      for (const [from, to] of [
        [2 * node + 1, 2 * node + 2],
        [2 * node + 2, 2 * node + 1],
      ] as const) {
        if (isAncestor(from, other)) {
          return other + (to - from) * 2 ** (levelOf(other) - levelOf(from));
        }
      }
      return other;
    };
    const prefix = 'encoder.layers.0.ffn';
    const permute = (name: string, width: number, byColumn: boolean): void => {
      const tensor = model.tensors.get(name)!;
      const data = Float32Array.from(tensor.data);
      const neurons = data.length / width;
      for (let other = 0; other < nodesPerTree; other++) {
        for (let i = 0; i < width; i++) {
          const at = (neuron: number): number => (byColumn ? i * neurons + neuron : neuron * width + i);
          data[at(mirror(other))] = tensor.data[at(other)]!;
        }
      }
      swapped.set(name, { shape: tensor.shape, data } satisfies TestTensor);
    };
    permute(`${prefix}.linear_in.weight`, model.tracer.info.hiddenSize, false);
    permute(`${prefix}.linear_in.bias`, 1, false);
    permute(`${prefix}.linear_out.weight`, model.tracer.info.hiddenSize, true);
    const batch = { ids: Int32Array.from(ids), mask: null, rows: 1, positions: ids.length };
    const expected = referenceForward(model.tracer.architecture, swapped, batch);
    const trace = await model.trace(ids, [{ layer: 0, tree: 0, node, token: null, kind: 'flip' }]);
    expectPredictions(trace, expected);
    expect(largestGap(expected.get('mlm_logits')!, plainReference.get('mlm_logits')!)).toBeGreaterThan(1e-3);
  });

  it('without changes is the plain model, to the bit', async () => {
    const [empty, again] = [await model.trace(ids, []), await model.trace(ids)];
    expect(empty.layers).toEqual(again.layers);
    expect(empty.interventions).toBeUndefined();
    const request = { runId: again.runId, interventions: [], positions: [1], top: 2 };
    const result = await model.tracer.insight.whatIf(request, NEVER);
    expect(result.predictions[0]!.klDivergenceNats).toBe(0);
    expect(result.predictions[0]!.baseline).toEqual(result.predictions[0]!.changed);
    expect(result.layers.every((changes) => changes!.tokens.length === 0)).toBe(true);
  });

  it('starting at the first changed layer gives the numbers of a whole run, to the bit', async () => {
    const interventions: Intervention[] = [{ layer: 1, tree: 0, node: 0, token: null, kind: 'flip' }];
    const trace = await model.trace(ids);
    const request = { runId: trace.runId, interventions, positions: [...ids.keys()], top: 3 };
    const result = await model.tracer.insight.whatIf(request, NEVER);
    const whole = await model.trace(ids, interventions);
    expect(result.predictions.map(({ changed }) => changed)).toEqual(whole.predictions.map(({ top }) => top));
  });

  it('silencing a node the path does not visit changes nothing', async () => {
    const { trees, depth } = model.trees;
    const leaf = plain.layers[0]!.leaves[2 * trees]!;
    const node = firstOfLevel(depth) + (leaf ^ 1);
    const trace = await model.trace(ids, [{ layer: 0, tree: 0, node, token: 2, kind: 'silence' }]);
    expect(trace.layers).toEqual(plain.layers);
    const request = { runId: trace.runId, interventions: trace.interventions!, positions: [2], top: 1 };
    const result = await model.tracer.insight.whatIf(request, NEVER);
    expect([...result.visits]).toEqual([0]);
    expect(result.predictions[0]!.klDivergenceNats).toBe(0);
  });

  it.each<[string, Partial<Intervention>]>([
    ['layer', { layer: 9 }],
    ['tree', { tree: -1 }],
    ['node', { node: 1e6 }],
    ['node', { node: 1.5 }],
    ['token', { token: TOKENS }],
    ['is a leaf', { node: 15, kind: 'flip' }],
  ])('refuses a bad %s', async (what, bad) => {
    const leafOfF2 = bad.kind === 'flip' && fixture === 'F2' ? { node: 31 } : {};
    const one: Intervention = { layer: 0, tree: 0, node: 0, token: null, kind: 'silence', ...bad, ...leafOfF2 };
    const refusal = { code: 'BAD_INPUT', message: expect.stringContaining(what) as string };
    await expect(model.trace(ids, [one])).rejects.toMatchObject(refusal);
    const { runId } = await model.trace(ids);
    const request = { runId, interventions: [one], positions: [], top: 1 };
    await expect(model.tracer.insight.whatIf(request, NEVER)).rejects.toMatchObject(refusal);
  });

  it('refuses positions that do not exist and runs that are not the last', async () => {
    const { runId } = await model.trace(ids);
    const request = { runId, interventions: [], positions: [TOKENS], top: 1 };
    const { insight } = model.tracer;
    await expect(insight.whatIf(request, NEVER)).rejects.toMatchObject({ code: 'BAD_INPUT' });
    const old = { ...request, runId: runId - 1, positions: [] };
    await expect(insight.whatIf(old, NEVER)).rejects.toMatchObject({ code: 'BAD_INPUT', action: 'Trace it again.' });
    await expect(insight.whatIf({ ...request, positions: [] }, AbortSignal.abort())).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });

  function expectPredictions(trace: Trace, expected: ReferenceResult): void {
    const { vocabularySize } = model.tracer.info;
    expect(trace.predictions).toHaveLength(ids.length);
    for (const { index, top } of trace.predictions) {
      const distribution = softmaxRow(expected.get('mlm_logits')!, index, vocabularySize);
      expect(top[0]!.probability).toBeCloseTo(Math.max(...distribution), 5);
      top.forEach(({ id, probability }) => expect(probability).toBeCloseTo(distribution[id]!, 5));
    }
  }
});

describe('a dense model', () => {
  it('has no nodes to change, but predictions to compare', async () => {
    const model = await FixtureModel.open('D1');
    try {
      const { runId } = await model.trace([1, 2, 3]);
      const { insight } = model.tracer;
      const request = { runId, interventions: [], positions: [1], top: 2 };
      const result = await insight.whatIf(request, NEVER);
      expect(result.layers).toEqual([null, null]);
      expect(result.predictions[0]!.klDivergenceNats).toBe(0);
      const one: Intervention = { layer: 0, tree: 0, node: 0, token: null, kind: 'flip' };
      await expect(insight.whatIf({ ...request, interventions: [one] }, NEVER)).rejects.toMatchObject({
        code: 'BAD_INPUT',
        message: expect.stringContaining('dense') as string,
      });
    } finally {
      await model.tracer.dispose();
    }
  });
});

function rowOf(values: Float64Array, row: number, rows: number): Float64Array {
  const width = values.length / rows;
  return values.subarray(row * width, (row + 1) * width);
}

function largestGap(one: Float64Array, other: Float64Array): number {
  return one.reduce((largest, value, i) => Math.max(largest, Math.abs(value - other[i]!)), 0);
}

function expectClose(actual: ArrayLike<number>, expected: Float64Array, tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  const worst = expected.findIndex((value, i) => !(Math.abs(actual[i]! - value) <= tolerance));
  expect({ worst, actual: actual[worst] }).toEqual({ worst: -1, actual: undefined });
}
