import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LayerRouting, PassTiming, Trace, TraceInput } from '../../../extension/protocol';
import { Tracer } from '../../../extension/runner/tracer';
import { childOf, leafOfNode } from '../../../extension/tree';

const ROOT = join(__dirname, '../../..');
const MODEL = join(ROOT, 'models/default');
const FIXTURES = join(ROOT, 'test/fixtures');

let tracer: Tracer;
let scratch: string;
let nextRun = 1;

beforeAll(async () => {
  tracer = await Tracer.open(MODEL, { threads: 0 });
  scratch = await mkdtemp(join(tmpdir(), 'fff-tracer-'));
});

afterAll(async () => {
  await tracer.dispose();
  await rm(scratch, { recursive: true, force: true });
});

function run(input: TraceInput, more: { topPredictions?: number; predictAt?: number[] } = {}): Promise<Trace> {
  return tracer.trace({ runId: nextRun++, model: MODEL, input, topPredictions: 5, ...more });
}

/** The leaf that the recorded logits lead to. */
function leafFrom(routing: LayerRouting, path: number, depth: number): number {
  let node = 0;
  for (let level = 0; level < depth; level++) {
    node = childOf(node, routing.logits[path * (depth + 1) + level]!);
  }
  return leafOfNode(node, depth);
}

describe('a text', () => {
  it('becomes tokens, paths and guesses', async () => {
    const text = 'for (let i = 0; i < array.<mask>; i++) {';
    const trace = await run({ text });
    expect(trace.text).toBe(text);
    expect(trace.model).toBe(tracer.info);
    expect(trace.tokens.at(-1)).toMatchObject({ text: '<sep>', start: 0, end: 0 });
    const words = trace.tokens.filter((token) => token.end > token.start);
    expect(words.map((token) => text.slice(token.start, token.end)).join('')).toBe(text.replaceAll(' ', ''));
    expect(trace.windows).toEqual([{ firstToken: 0, tokenCount: trace.tokens.length }]);
    expect(trace.layers).toHaveLength(4);
    for (const routing of trace.layers) {
      expect(routing!.leaves).toHaveLength(trace.tokens.length);
      expect(routing!.leaves).toBeInstanceOf(Uint16Array);
      expect(routing!.logits).toHaveLength(trace.tokens.length * 12);
      const followed = [...routing!.leaves.keys()].map((path) => leafFrom(routing!, path, 11));
      expect([...routing!.leaves]).toEqual(followed);
    }
    const mask = trace.tokens.findIndex((token) => token.text === '<mask>');
    expect(trace.predictions.map((prediction) => prediction.index)).toEqual([mask]);
    expect(trace.predictions[0]!.top).toHaveLength(5);
    expect(trace.predictions[0]!.top[0]!.text).toBe('length');
    expect(trace.feedforwardMicroseconds.every((us) => us > 0)).toBe(true);
    expect(trace.phases.totalMs).toBeGreaterThan(0);
  });

  it('is predicted only where it is asked for', async () => {
    expect((await run({ text: 'a <mask>' }, { topPredictions: 0 })).predictions).toEqual([]);
    const trace = await run({ text: 'let <mask> = 1' }, { topPredictions: 2, predictAt: [0] });
    expect(trace.predictions.map(({ index, top }) => [index, top.length])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    await expect(run({ text: 'a' }, { predictAt: [99] })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('in several windows gives what each window gives alone', async () => {
    const text = 'for (let i = 0; i < array.<mask>; i++) { total += array[i]; } '.repeat(9);
    const whole = await run({ text });
    expect(whole.windows.length).toBeGreaterThan(1);
    expect(whole.omittedWindows).toBe(0);
    const predictions = [];
    for (const { firstToken, tokenCount } of whole.windows) {
      const ids = whole.tokens.slice(firstToken, firstToken + tokenCount).map((token) => token.id);
      const alone = await run({ ids });
      for (const [layer, routing] of whole.layers.entries()) {
        expect([...routing!.leaves.subarray(firstToken, firstToken + tokenCount)]).toEqual([
          ...alone.layers[layer]!.leaves,
        ]);
      }
      predictions.push(...alone.predictions.map(({ index, top }) => ({ index: index + firstToken, id: top[0]!.id })));
    }
    expect(whole.predictions.map(({ index, top }) => ({ index, id: top[0]!.id }))).toEqual(predictions);
  });

  it('counts the characters no token stands for', async () => {
    const leftOut = async (text: string): Promise<number | undefined> => (await run({ text })).leftOutCharacters;
    expect(await leftOut('const n = array.length;\n\treturn n;')).toBe(0);
    expect(await leftOut('a \u{1f600} b \u6f22\u5b57 c')).toBe(3);
    expect((await run({ ids: [7, 8] })).leftOutCharacters).toBe(0);
  });

  it('reports progress up to the end', async () => {
    const seen: [number, number][] = [];
    const request = { runId: nextRun++, model: MODEL, input: { text: 'word '.repeat(300) }, topPredictions: 0 };
    const trace = await tracer.trace(request, { onProgress: (done, total) => seen.push([done, total]) });
    const total = trace.windows.length * 4;
    expect(seen).toEqual(Array.from({ length: total }, (_, step) => [step + 1, total]));
  });

  it('can be cancelled, and the next one runs', async () => {
    const controller = new AbortController();
    const request = { runId: nextRun++, model: MODEL, input: { text: 'word '.repeat(3000) }, topPredictions: 0 };
    const running = tracer.trace(request, { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    expect((await run({ text: 'fine' })).tokens.length).toBeGreaterThan(1);
  });

  it('that is empty or has nothing to trace is bad input', async () => {
    await expect(run({ text: '' })).rejects.toMatchObject({ code: 'BAD_INPUT' });
    await expect(run({ text: '   ' })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('with lone surrogates and garbage is traced', async () => {
    const trace = await run({ text: 'a\ud800b \u0000\u0007 \udfff x' });
    expect(trace.tokens.length).toBeGreaterThan(2);
  });
});

describe('ids', () => {
  it('beyond the window or the vocabulary are bad input', async () => {
    await expect(run({ ids: new Array<number>(129).fill(1) })).rejects.toMatchObject({ code: 'BAD_INPUT' });
    await expect(run({ ids: [16384] })).rejects.toMatchObject({ code: 'BAD_INPUT' });
    expect((await run({ ids: new Array<number>(128).fill(1) })).tokens).toHaveLength(128);
  });
});

describe('measuring', () => {
  it('times every layer of the last run after verifying it', async () => {
    const trace = await run({ text: 'return value' });
    const reports: number[] = [];
    const passes: PassTiming[] = [];
    const timings = await tracer.measure(
      { runId: trace.runId, budgetMsPerLayer: 1 },
      { onTiming: (timing) => reports.push(timing.layer), onPassTiming: (timing) => passes.push(timing) },
    );
    expect(timings.map((timing) => timing.layer)).toEqual([0, 1, 2, 3]);
    expect(new Set(reports)).toEqual(new Set([0, 1, 2, 3]));
    for (const timing of timings) {
      expect(timing.tokens).toBe(trace.tokens.length);
      expect(timing.verifiedMaxDifference).toBeLessThan(1e-4);
      expect(timing.fffMicroseconds.median).toBeGreaterThan(0);
      expect(timing.ratio.low).toBeLessThanOrEqual(timing.ratio.high);
    }
    const [pass] = passes;
    expect(passes).toHaveLength(1);
    expect(pass).toMatchObject({ tokens: trace.tokens.length });
    // Two bursts, each of two passes at least.
    expect(pass!.restMicroseconds.samples).toBeGreaterThanOrEqual(4);
    const rest = pass!.restMicroseconds.median;
    const fff = timings.reduce((sum, timing) => sum + timing.fffMicroseconds.median, 0);
    const dense = timings.reduce((sum, timing) => sum + timing.denseMicroseconds.median, 0);
    expect(pass!.layers.median).toBeCloseTo(dense / fff, 10);
    expect(pass!.pass.median).toBeCloseTo((rest + dense) / (rest + fff), 10);
    expect(pass!.ceiling.median).toBeCloseTo((rest + dense) / rest, 10);
    for (const { low, median, high } of [pass!.layers, pass!.pass, pass!.ceiling]) {
      expect(low).toBeLessThanOrEqual(median);
      expect(high).toBeGreaterThanOrEqual(median);
    }
  });

  it('ends when it is cancelled amid the passes, and says nothing of the whole', async () => {
    const trace = await run({ text: 'word '.repeat(300) }, { topPredictions: 0 });
    const controller = new AbortController();
    let passes = 0;
    const measuring = tracer.measure(
      { runId: trace.runId, budgetMsPerLayer: 1 },
      {
        signal: controller.signal,
        onTiming: ({ layer }) => {
          // The first burst follows the layers of the first half.
          if (layer === 1) {
            setTimeout(() => controller.abort());
          }
        },
        onPassTiming: () => passes++,
      },
    );
    await expect(measuring).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(passes).toBe(0);
  });

  it('uses at most 512 tokens of a long text', async () => {
    const trace = await run({ text: 'word '.repeat(700) }, { topPredictions: 0 });
    expect(trace.tokens.length).toBeGreaterThan(512);
    const controller = new AbortController();
    let tokens = 0;
    const measuring = tracer.measure(
      { runId: trace.runId, budgetMsPerLayer: 1 },
      {
        signal: controller.signal,
        onTiming: (timing) => {
          tokens = timing.tokens;
          controller.abort();
        },
      },
    );
    await expect(measuring).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(tokens).toBe(512);
  });

  it('refuses a run that is not the last one', async () => {
    const trace = await run({ text: 'one' });
    await run({ text: 'two' });
    await expect(tracer.measure({ runId: trace.runId, budgetMsPerLayer: 1 })).rejects.toMatchObject({
      code: 'BAD_INPUT',
    });
  });
});

describe('other models', () => {
  it('runs ids without a tokenizer and explains why text is not possible', async () => {
    const dense = await Tracer.open(join(FIXTURES, 'D1'), { threads: 1 });
    try {
      expect(dense.info).toMatchObject({ hasTokenizer: false, maskToken: null, feedforward: { kind: 'dense' } });
      const request = { runId: 1, model: dense.info.directory, topPredictions: 5 };
      const trace = await dense.trace({ ...request, input: { ids: [1, 2, 3] }, predictAt: [1] });
      expect(trace.layers).toEqual([null, null]);
      expect(trace.tokens.map((token) => token.text)).toEqual(['#1', '#2', '#3']);
      expect(trace.predictions).toHaveLength(1);
      expect(await dense.measure({ runId: 1, budgetMsPerLayer: 1 })).toEqual([]);
      await expect(dense.trace({ ...request, input: { text: 'a' } })).rejects.toMatchObject({
        code: 'TOKENIZER_INVALID',
        message: expect.stringContaining('has no tokenizer.json') as string,
      });
    } finally {
      await dense.dispose();
    }
  });

  it.each([
    ['broken', '{"not": "one"}', /tokenizer\.json is not a usable tokenizer/],
    ['too large for the vocabulary', null, /tokenizer\.json has the id 2047/],
  ])('runs ids beside a tokenizer that is %s', async (name, content, said) => {
    const folder = join(scratch, name);
    await cp(join(FIXTURES, 'F1'), folder, { recursive: true });
    if (content === null) {
      await cp(join(FIXTURES, 'tokenizer/tokenizer.json'), join(folder, 'tokenizer.json'));
    } else {
      await writeFile(join(folder, 'tokenizer.json'), content);
    }
    const model = await Tracer.open(folder, { threads: 1 });
    try {
      expect(model.info.hasTokenizer).toBe(false);
      const request = { runId: 1, model: folder, topPredictions: 0 };
      await expect(model.trace({ ...request, input: { text: 'a' } })).rejects.toThrow(said);
      expect((await model.trace({ ...request, input: { ids: [5] } })).tokens).toHaveLength(1);
    } finally {
      await model.dispose();
    }
  });

  it('records several trees side by side', async () => {
    const forest = await Tracer.open(join(FIXTURES, 'F2'), { threads: 1 });
    try {
      const trace = await forest.trace({ runId: 1, model: '', input: { ids: [4, 8, 15, 16] }, topPredictions: 0 });
      for (const routing of trace.layers) {
        expect(routing!.leaves).toHaveLength(4 * 3);
        expect([...routing!.leaves]).toEqual([...routing!.leaves.keys()].map((path) => leafFrom(routing!, path, 5)));
      }
      const [first] = await forest.measure({ runId: 1, budgetMsPerLayer: 1 });
      expect(first!.verifiedMaxDifference).toBeLessThan(1e-4);
    } finally {
      await forest.dispose();
    }
  });

  it('stop loading when they are given up', async () => {
    const controller = new AbortController();
    const opening = Tracer.open(MODEL, { threads: 1, signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await expect(opening).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('ends with CANCELLED after it was disposed', async () => {
    const model = await Tracer.open(join(FIXTURES, 'F1'), { threads: 1 });
    await model.dispose();
    await model.dispose();
    await expect(model.trace({ runId: 1, model: '', input: { ids: [1] }, topPredictions: 0 })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
