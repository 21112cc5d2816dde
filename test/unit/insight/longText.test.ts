/** Insight into a trace of several windows of the default model. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareTraces } from '../../../extension/compare';
import { contextTest, findWord } from '../../../extension/contexts';
import type { Intervention, Trace } from '../../../extension/protocol';
import { MEASURED_TOKENS, Tracer } from '../../../extension/runner/tracer';
import { DEFAULT_MODEL, NEVER } from './models';

const TEXT = 'for (let i = 0; i < array.<mask>; i++) { total += array[i]; } '.repeat(26);

let tracer: Tracer;
let trace: Trace;
let nextRun = 1;

function run(text: string, interventions?: Intervention[]): Promise<Trace> {
  const more = interventions ? { interventions } : {};
  return tracer.trace({ runId: nextRun++, model: '', input: { text }, topPredictions: 2, ...more });
}

beforeAll(async () => {
  tracer = await Tracer.open(DEFAULT_MODEL, { threads: 0 });
});
afterAll(() => tracer.dispose());

describe('a text of several windows', () => {
  beforeAll(async () => {
    trace = await run(TEXT);
    expect(trace.tokens.length).toBeGreaterThan(MEASURED_TOKENS);
  });

  it('is changed only in the window of the changed token', async () => {
    const { firstToken, tokenCount } = trace.windows[2]!;
    const token = firstToken + 9;
    const masks = trace.predictions.map(({ index }) => index);
    const interventions: Intervention[] = [{ layer: 1, tree: 0, node: 0, token, kind: 'flip' }];
    const request = { runId: trace.runId, interventions, positions: masks, top: 1 };
    const result = await tracer.insight.whatIf(request, NEVER);
    expect([...result.visits]).toEqual([1]);
    expect([...result.layers[0]!.tokens]).toEqual([]);
    expect([...result.layers[1]!.tokens]).toEqual([token]);
    expect([...result.layers[1]!.divergenceLevels]).toEqual([1]);
    const changed = result.layers.flatMap((layer) => [...layer!.tokens]);
    expect(changed.every((one) => one >= firstToken && one < firstToken + tokenCount)).toBe(true);
    for (const [place, { index, klDivergenceNats, baseline }] of result.predictions.entries()) {
      const inside = index >= firstToken && index < firstToken + tokenCount;
      expect(klDivergenceNats > 0).toBe(inside);
      expect(baseline[0]!.id).toBe(trace.predictions[place]!.top[0]!.id);
    }
    // The same by two whole traces, compared outside.
    const whole = await run(TEXT, interventions);
    const compared = compareTraces(trace, whole);
    compared.layers.forEach((layer, index) => {
      const differing = [...layer!.divergenceLevels.keys()].filter((pair) => layer!.divergenceLevels[pair]! <= 11);
      expect(differing).toEqual([...result.layers[index]!.tokens]);
    });
    trace = await run(TEXT);
  });

  it('has every decision examined, kept hidden states or not', async () => {
    const { insight } = tracer;
    const request = { precision: 'bf16' as const, limit: 100_000 };
    const found = await insight.nearBoundary({ ...request, runId: trace.runId }, NEVER);
    expect(found.decisions).toBe(trace.tokens.length * 4 * 11);
    expect(found.margins).toHaveLength(found.decisions);
    expect(new Set(found.tokens).size).toBe(trace.tokens.length);
    // The last window alone is kept whole: the same states come to the same margins.
    const { firstToken, tokenCount } = trace.windows.at(-1)!;
    expect(firstToken).toBeGreaterThanOrEqual(MEASURED_TOKENS);
    const ids = trace.tokens.slice(firstToken, firstToken + tokenCount).map((token) => token.id);
    const alone = await tracer.trace({ runId: nextRun++, model: '', input: { ids }, topPredictions: 0 });
    const foundAlone = await insight.nearBoundary({ ...request, runId: alone.runId }, NEVER);
    const inWindow = [...found.tokens.keys()].filter((i) => found.tokens[i]! >= firstToken);
    const roundedSum = (values: Float32Array, picked: number[]): number =>
      picked.reduce((sum, i) => sum + values[i]!, 0);
    expect(foundAlone.decisions).toBe(inWindow.length);
    expect(roundedSum(foundAlone.roundedLogits, [...foundAlone.roundedLogits.keys()])).toBeCloseTo(
      roundedSum(found.roundedLogits, inWindow),
      2,
    );
    expect(foundAlone.flippedByRounding).toBe(inWindow.filter((i) => found.flips[i] === 1).length);
    trace = await run(TEXT);
  });

  it('rounded to the format it is stored in decides nothing anew', async () => {
    const { storedDtype } = tracer.info;
    expect(storedDtype).toBe('F16');
    const found = await tracer.insight.nearBoundary({ runId: trace.runId, precision: 'fp16' }, NEVER);
    // What is left is the kernel's own float32 rounding, which no decision here hangs on.
    expect(found.flippedByRounding).toBe(0);
    expect(found.margins).toHaveLength(500);
  });

  it('has a lens in its last window', async () => {
    const { index, top } = trace.predictions.at(-1)!;
    const { layers } = await tracer.insight.lens({ runId: trace.runId, token: index, top: 2 }, NEVER);
    expect(layers).toHaveLength(4);
    expect(layers.at(-1)!.top.map(({ text }) => text)).toEqual(top.map(({ text }) => text));
    expect(layers[0]!.klToFinalNats).toBeGreaterThan(layers[2]!.klToFinalNats);
  });
});

describe('the context test', () => {
  it('finds a word to agree with itself more than with other words', async () => {
    const sentences = ['return the value of the array', 'if (value > 0) { value = 1; }', 'a value is stored here'];
    const traces = [];
    for (const sentence of sentences) {
      traces.push(await run(sentence));
    }
    const occurrences = findWord(traces, 'value');
    expect(occurrences.map(({ trace: index }) => index)).toEqual([0, 1, 1, 2]);
    const layers = contextTest(traces, occurrences);
    expect(layers).toHaveLength(4);
    // The first layer sees little more than the word itself.
    expect(layers[0]!.overlap).toBeGreaterThan(2 * layers[0]!.background);
  });
});

describe('a card of the default model', () => {
  it('names words of its vocabulary', async () => {
    const last = await run('let total = 0;');
    const card = await tracer.insight.describeNode({ model: '', layer: 1, tree: 0, node: 0, top: 3 }, NEVER);
    expect(card.tokens).toHaveLength(last.tokens.length);
    expect(card.input.along.every(({ text }) => text !== '' && !text.startsWith('#0'))).toBe(true);
    expect(card.input.weights).toHaveLength(384);
  });

  it('waits for nobody once the model is unloaded', async () => {
    const other = await Tracer.open(DEFAULT_MODEL, { threads: 1 });
    const documents = [{ name: 'a', text: TEXT.repeat(20), hash: 'a' }];
    const forever = new Promise<void>(() => undefined);
    const hooks = { signal: NEVER, onProgress: () => undefined, giveWay: () => forever };
    const mapping = other.insight.mapUsage({ runId: 1, model: '', documents }, hooks);
    const ended = expect(mapping).rejects.toMatchObject({ code: 'CANCELLED' });
    await other.dispose();
    await ended;
    await expect(other.insight.layerNorms(0, NEVER)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
