/** Node cards, layer norms and decisions near their boundary, against plain loops over the fixture's tensors. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NearBoundary, Trace } from '../../../extension/protocol';
import { firstOfLevel, pathNode } from '../../../extension/tree';
import { FixtureModel, NEVER, someIds } from './models';

describe.each(['F1', 'F2'])('%s', (fixture) => {
  let model: FixtureModel;
  let ids: number[];
  let trace: Trace;
  beforeAll(async () => {
    model = await FixtureModel.open(fixture);
    ids = someIds(40, model.tracer.info.vocabularySize);
    trace = await model.trace(ids);
  });
  afterAll(() => model.tracer.dispose());

  function weightsOf(layer: number, tree: number, node: number): { input: number[]; output: number[]; bias: number } {
    const { hiddenSize: H } = model.tracer.info;
    const prefix = `encoder.layers.${layer}.ffn`;
    const neuron = tree * model.trees.nodesPerTree + node;
    const neurons = model.trees.trees * model.trees.nodesPerTree;
    const [input, output] = [`${prefix}.linear_in.weight`, `${prefix}.linear_out.weight`].map(
      (name) => model.tensors.get(name)!.data,
    );
    return {
      input: Array.from({ length: H }, (_, i) => input![neuron * H + i]!),
      output: Array.from({ length: H }, (_, i) => output![i * neurons + neuron]!),
      bias: model.tensors.get(`${prefix}.linear_in.bias`)!.data[neuron]!,
    };
  }

  it('layer norms are those of rows and columns, and are computed once', async () => {
    const { insight } = model.tracer;
    const norms = await insight.layerNorms(1, NEVER);
    expect(norms.layer).toBe(1);
    const { trees, nodesPerTree } = model.trees;
    expect(norms.inputNorms).toHaveLength(trees * nodesPerTree);
    for (let neuron = 0; neuron < trees * nodesPerTree; neuron++) {
      const { input, output } = weightsOf(1, Math.floor(neuron / nodesPerTree), neuron % nodesPerTree);
      expect(norms.inputNorms[neuron]).toBeCloseTo(Math.hypot(...input), 5);
      expect(norms.outputNorms[neuron]).toBeCloseTo(Math.hypot(...output), 5);
    }
    expect(await insight.layerNorms(1, NEVER)).toBe(norms);
    await expect(insight.layerNorms(7, NEVER)).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('a card has both rows, the nearest words and the tokens that come by', async () => {
    const { hiddenSize: H, vocabularySize: V } = model.tracer.info;
    const [layer, tree, node] = [1, model.trees.trees - 1, 2];
    const card = await model.tracer.insight.describeNode({ model: '', layer, tree, node, top: 4 }, NEVER);
    const weights = weightsOf(layer, tree, node);
    expect(card).toMatchObject({ layer, tree, node, bias: weights.bias, runId: trace.runId });
    const words = model.tensors.get('encoder.embedding.word_embedding.weight')!.data;
    for (const [direction, row] of [
      [card.input, weights.input],
      [card.output, weights.output],
    ] as const) {
      expect([...direction.weights]).toEqual(row);
      expect(direction.norm).toBeCloseTo(Math.hypot(...row), 5);
      const bySize = [...row.keys()].sort((a, b) => Math.abs(row[b]!) - Math.abs(row[a]!)).slice(0, 4);
      expect(direction.largest).toEqual(bySize.map((index) => ({ index, value: row[index]! })));
      const cosines = Array.from({ length: V }, (_, id) => {
        const word = Array.from({ length: H }, (_value, i) => words[id * H + i]!);
        return row.reduce((sum, x, i) => sum + x * word[i]!, 0) / (Math.hypot(...row) * Math.hypot(...word));
      });
      const order = [...cosines.keys()].sort((a, b) => cosines[b]! - cosines[a]!);
      expect(direction.along.map(({ id }) => id)).toEqual(order.slice(0, 4));
      expect(direction.against.map(({ id }) => id)).toEqual(order.slice(-4).reverse());
      direction.along.forEach(({ id, text, cosine }) => {
        expect(text).toBe(`#${id}`);
        expect(cosine).toBeCloseTo(cosines[id]!, 6);
      });
      expect(direction.against[0]!.cosine).toBeLessThan(0);
    }
    const { trees, depth } = model.trees;
    const visiting = [...ids.keys()].filter((token) => {
      return pathNode(trace.layers[layer]!.leaves[token * trees + tree]!, 1, depth) === node;
    });
    expect([...card.tokens]).toEqual(visiting);
    expect(visiting.length).toBeGreaterThan(0);
    expect(visiting.length).toBeLessThan(ids.length);
  });

  it('refuses a card of what does not exist', async () => {
    const { insight } = model.tracer;
    for (const bad of [{ layer: 8 }, { tree: 5 }, { node: -1 }, { node: 1000 }, { top: 0.5 }]) {
      const request = { model: '', layer: 0, tree: 0, node: 0, top: 1, ...bad };
      await expect(insight.describeNode(request, NEVER)).rejects.toMatchObject({ code: 'BAD_INPUT' });
    }
  });

  describe.each(['bf16', 'fp16'] as const)('near the boundary in %s', (precision) => {
    it('finds the decisions that rounded weights reverse, and no others', async () => {
      // The trace in `beforeAll` is still the last run.
      const noise = 0.02;
      const limit = 100_000;
      const found = await model.tracer.insight.nearBoundary({ runId: trace.runId, precision, noise, limit }, NEVER);
      const expected = expectedDecisions(precision);
      expect(found).toMatchObject({ runId: trace.runId, precision, noise, decisions: expected.length });
      expect(found.margins).toHaveLength(expected.length);
      expect([...found.margins]).toEqual([...found.margins].sort((a, b) => a - b));
      const byPlace = new Map(expected.map((decision) => [decision.place, decision]));
      for (let i = 0; i < expected.length; i++) {
        const decision = byPlace.get(placeOf(found, i))!;
        byPlace.delete(placeOf(found, i));
        expect(found.nodes[i]).toBe(decision.node);
        expect(found.logits[i]).toBeCloseTo(decision.logit, 4);
        expect(found.roundedLogits[i]).toBeCloseTo(decision.rounded, 4);
        expect(found.margins[i]).toBeCloseTo(decision.margin, 5);
        expect(found.flips[i]).toBe(decision.logit > 0 === decision.rounded > 0 ? 0 : 1);
      }
      expect(byPlace.size).toBe(0);
      expect(found.flippedByRounding).toBe(found.flips.reduce((a, b) => a + b, 0));
      expect(found.flippableByNoise).toBe([...found.margins].filter((margin) => margin <= noise).length);
      expect(found.flippableByNoise).toBeGreaterThan(0);
      const rerouted = model.tracer.architecture.layers;
      const byLayer = Array.from({ length: rerouted }, (_, layer) => {
        const tokens = [...found.flips.keys()].filter((i) => found.flips[i] === 1 && found.layers[i] === layer);
        return new Set(tokens.map((i) => found.tokens[i])).size;
      });
      expect([...found.rerouted]).toEqual(byLayer);
    });

    it('lists what rounding reverses first, then the smallest margins, in one order', async () => {
      const request = { runId: trace.runId, precision };
      const all = await model.tracer.insight.nearBoundary({ ...request, limit: 100_000 }, NEVER);
      const few = await model.tracer.insight.nearBoundary({ ...request, limit: 7 }, NEVER);
      const order = [...all.margins.keys()].sort((a, b) => all.flips[b]! - all.flips[a]! || a - b);
      const kept = order.slice(0, 7).sort((a, b) => a - b);
      expect(Array.from({ length: 7 }, (_, i) => placeOf(few, i))).toEqual(kept.map((i) => placeOf(all, i)));
      expect(few.margins).toHaveLength(7);
      expect(few.decisions).toBe(all.decisions);
      expect(few.flippedByRounding).toBe(all.flippedByRounding);
    });
  });

  it('computes hidden states that were not kept again', async () => {
    const { insight, architecture } = model.tracer;
    const batch = { ids: Int32Array.from(ids), mask: null, rows: 1, positions: ids.length };
    const { layers } = await model.tracer.forward(batch, {});
    const request = { precision: 'bf16' as const, limit: 100_000 };
    const whole = await insight.nearBoundary({ ...request, runId: trace.runId }, NEVER);
    for (const [runId, kept] of [
      [-7, 5],
      [-8, 0],
    ] as const) {
      const pass = await insight.startTrace(undefined, ids.length);
      const inputs = layers.map(({ ffnInput }) => ffnInput.slice(0, kept * architecture.hiddenSize));
      insight.remember({ ...trace, runId, layers: trace.layers.map((routing) => ({ ...routing! })) }, pass, inputs);
      expect(await insight.nearBoundary({ ...request, runId }, NEVER)).toEqual({ ...whole, runId });
    }
    trace = await model.trace(ids);
  });

  it('refuses bad noise, limits and runs', async () => {
    const request = { runId: trace.runId, precision: 'bf16' as const };
    for (const bad of [{ noise: -1 }, { noise: NaN }, { limit: 1.5 }, { runId: -3 }]) {
      await expect(model.tracer.insight.nearBoundary({ ...request, ...bad }, NEVER)).rejects.toMatchObject({
        code: 'BAD_INPUT',
      });
    }
  });

  /** Every decision of the trace from the reference's hidden states; rounding by the bits, written anew. */
  function expectedDecisions(precision: 'bf16' | 'fp16') {
    const reference = model.reference(ids);
    const { hiddenSize: H, layers } = model.tracer.info;
    const { trees, depth } = model.trees;
    const decisions = [];
    for (let layer = 0; layer < layers; layer++) {
      const inputs = reference.get(`layer.${layer}.ffn_input`)!;
      for (const token of ids.keys()) {
        const x = [...inputs.subarray(token * H, (token + 1) * H)];
        for (let tree = 0; tree < trees; tree++) {
          const leaf =
            reference.get(`layer.${layer}.nodes`)![(token * trees + tree + 1) * (depth + 1) - 1]! - firstOfLevel(depth);
          for (let level = 0; level < depth; level++) {
            const node = pathNode(leaf, level, depth);
            const { input, bias } = weightsOf(layer, tree, node);
            const logit = input.reduce((sum, w, i) => sum + w * x[i]!, bias);
            decisions.push({
              place: [layer, token, tree, level].join(),
              node,
              logit,
              rounded: input.reduce((sum, w, i) => sum + nearest(w, precision) * x[i]!, bias),
              margin: Math.abs(logit) / (Math.hypot(...x) * Math.hypot(...input)),
            });
          }
        }
      }
    }
    return decisions;
  }
});

function placeOf(found: NearBoundary, i: number): string {
  return [found.layers[i], found.tokens[i], found.trees[i], found.levels[i]].join();
}

/** Round to nearest by adding and taking away a large number, which leaves 8 or 11 significant bits (normal numbers). */
function nearest(w: number, precision: 'bf16' | 'fp16'): number {
  if (w === 0) {
    return 0;
  }
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(w))), precision === 'fp16' ? -14 : -126);
  const magic = 1.5 * 2 ** (52 + exponent - (precision === 'bf16' ? 7 : 10));
  return w + magic - magic;
}
