import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Intervention } from '../../../extension/protocol';
import { FixtureModel, NEVER, softmaxRow, someIds } from './models';

describe.each(['F1', 'F2', 'D1'])('the logit lens on %s', (fixture) => {
  let model: FixtureModel;
  let ids: number[];
  beforeAll(async () => {
    model = await FixtureModel.open(fixture);
    ids = someIds(9, model.tracer.info.vocabularySize);
  });
  afterAll(() => model.tracer.dispose());

  /** What the head says to the residual stream after a layer: float64, from the reference's hidden states. */
  function expectedAt(layer: number, token: number, interventions: readonly Intervention[] = []): Float64Array {
    const { hiddenSize: H, vocabularySize: V } = model.tracer.info;
    const { normEpsilon, finalNorm } = model.tracer.architecture;
    const states = model.reference(ids, interventions).get(`layer.${layer}.hidden`)!;
    const row = states.subarray(token * H, (token + 1) * H);
    const mean = row.reduce((a, b) => a + b, 0) / H;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / H;
    const [weight, bias] = ['weight', 'bias'].map((name) => model.tensors.get(`encoder.final_norm.${name}`)?.data);
    const normed = finalNorm
      ? row.map((x, i) => ((x - mean) / Math.sqrt(variance + normEpsilon)) * weight![i]! + bias![i]!)
      : row;
    const words = model.tensors.get('encoder.embedding.word_embedding.weight')!.data;
    const logits = Float64Array.from({ length: V }, (_, v) =>
      normed.reduce((sum, x, i) => sum + x * words[v * H + i]!, 0),
    );
    return softmaxRow(logits, 0, V);
  }

  it('is the head on every hidden state', async () => {
    const { runId } = await model.trace(ids);
    const layers = model.tracer.info.layers;
    for (const token of [0, 6]) {
      const result = await model.tracer.insight.lens({ runId, token, top: 5 }, NEVER);
      expect(result).toMatchObject({ runId, token });
      expect(result.layers).toHaveLength(layers);
      const last = expectedAt(layers - 1, token);
      const finalWord = last.indexOf(Math.max(...last));
      result.layers.forEach(({ top, ...seen }, layer) => {
        const p = expectedAt(layer, token);
        expect(top).toHaveLength(5);
        expect(top[0]!.probability).toBeCloseTo(Math.max(...p), 5);
        top.forEach(({ id, probability }) => expect(probability).toBeCloseTo(p[id]!, 5));
        expect(seen.entropyBits).toBeCloseTo(-p.reduce((sum, x) => sum + x * Math.log2(x), 0), 4);
        expect(seen.klToFinalNats).toBeCloseTo(
          last.reduce((sum, x, id) => sum + x * Math.log(x / p[id]!), 0),
          4,
        );
        expect(seen.finalWordProbability).toBeCloseTo(p[finalWord]!, 5);
        expect(seen.finalWordRank).toBe(p.filter((x) => x > p[finalWord]!).length);
      });
      expect(result.layers.at(-1)).toMatchObject({ klToFinalNats: 0, finalWordRank: 0 });
    }
  });

  it('ends with what the model itself predicts', async () => {
    const trace = await model.trace(ids);
    const { layers } = await model.tracer.insight.lens({ runId: trace.runId, token: 4, top: 3 }, NEVER);
    expect(layers.at(-1)!.top.map(({ id }) => id)).toEqual(trace.predictions[4]!.top.map(({ id }) => id));
    layers.at(-1)!.top.forEach(({ probability }, place) => {
      expect(probability).toBeCloseTo(trace.predictions[4]!.top[place]!.probability, 6);
    });
  });

  it('refuses what it does not have', async () => {
    const { runId } = await model.trace(ids);
    const { insight } = model.tracer;
    for (const bad of [{ token: 9 }, { token: -1 }, { runId: runId + 1 }, { top: -1 }, { top: 1e9 }]) {
      await expect(insight.lens({ runId, token: 0, top: 1, ...bad }, NEVER)).rejects.toMatchObject({
        code: 'BAD_INPUT',
      });
    }
  });

  if (fixture === 'D1') {
    // Nothing to change in a dense model.
    return;
  }

  it('sees the changes of the run it looks into', async () => {
    const interventions: Intervention[] = [{ layer: 0, tree: 0, node: 0, token: null, kind: 'flip' }];
    const { runId } = await model.trace(ids, interventions);
    const { layers } = await model.tracer.insight.lens({ runId, token: 3, top: 2 }, NEVER);
    const [changed, plain] = [expectedAt(0, 3, interventions), expectedAt(0, 3)];
    layers[0]!.top.forEach(({ id, probability }) => expect(probability).toBeCloseTo(changed[id]!, 5));
    expect(Math.max(...changed.map((x, id) => Math.abs(x - plain[id]!)))).toBeGreaterThan(1e-4);
  });
});
