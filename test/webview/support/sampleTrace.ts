/**
 * Made-up traces for layout work and chart tests: seeded routing that looks like a trained tree's (like tokens go alike,
 * most decisions are clear), never part of the product.
 */
import { ratiosOf } from '../../../extension/gains';
import type { LayerTiming, PassTiming, Trace, TraceToken, ViewState } from '../../../extension/protocol';

export interface SampleOptions {
  text?: string;
  layers?: number;
  depth?: number;
  trees?: number;
  seed?: number;
  /** Repeats the text's tokens until there are this many. */
  tokens?: number;
  /** Layers without routing. */
  dense?: readonly number[];
}

export const SAMPLE_TEXT = `function range(start, end) {
  const array = [];
  for (let i = start; i < end; i++) array.<mask>(i);
  return array.<mask>;
}`;

/** Small fast generator (xorshift32), uniform in [0, 1). */
export function random(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function hash(text: string): number {
  let value = 2166136261;
  for (const character of text) {
    value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 16777619);
  }
  return value;
}

function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform());
}

/** Splits like a word-piece tokenizer would: words, punctuation, long words in pieces. */
export function sampleTokens(text: string, limit?: number): TraceToken[] {
  const tokens: TraceToken[] = [];
  for (const match of text.matchAll(/<mask>|\w+|[^\w\s]/g)) {
    const [word] = match;
    const pieces = word.length > 6 && word !== '<mask>' ? [word.slice(0, 4), word.slice(4)] : [word];
    let start = match.index;
    for (const [i, piece] of pieces.entries()) {
      const entry = i === 0 ? piece : `##${piece}`;
      tokens.push({ id: 7 + (hash(entry) >>> 18), text: entry, start, end: start + piece.length });
      start += piece.length;
    }
  }
  tokens.push({ id: 5, text: '<sep>', start: 0, end: 0 });
  if (limit === undefined) {
    return tokens;
  }
  return Array.from({ length: limit }, (_, i) => tokens[i % tokens.length] as TraceToken);
}

export function sampleTrace(options: SampleOptions = {}): Trace {
  const { text = SAMPLE_TEXT, layers = 4, depth = 11, trees = 1, seed = 7, dense = [] } = options;
  const tokens = sampleTokens(text, options.tokens);
  const routing = Array.from({ length: layers }, (_, layer) => {
    if (dense.includes(layer)) {
      return null;
    }
    const leaves = new Uint16Array(tokens.length * trees);
    const logits = new Float32Array(tokens.length * trees * (depth + 1));
    for (const [t, token] of tokens.entries()) {
      for (let tree = 0; tree < trees; tree++) {
        const noise = random(hash(`${token.text}/${t}/${layer}/${tree}/${seed}`));
        let ordinal = 0;
        for (let level = 0; level <= depth; level++) {
          const lean = random(hash(`${token.text}/${layer}/${tree}/${level}/${ordinal}/${seed}`));
          lean();
          const logit = normal(lean) * (2.6 - (1.6 * level) / (depth + 1)) + normal(noise) * 0.45 - 0.2;
          logits[(t * trees + tree) * (depth + 1) + level] = logit;
          if (level < depth) {
            ordinal = 2 * ordinal + (logit > 0 ? 1 : 0);
          }
        }
        leaves[t * trees + tree] = ordinal;
      }
    }
    return { leaves, logits };
  });
  const words = ['length', 'push', 'size', 'map', 'join'];
  return {
    runId: 12,
    model: {
      directory: '/models/default',
      name: 'default',
      weightsHash: '3fa9c2d1b0e4',
      layers,
      hiddenSize: 384,
      heads: 12,
      feedforward: { kind: 'fff', depth, trees, nodesPerTree: 2 ** (depth + 1) - 1 },
      vocabularySize: 16384,
      windowTokens: 128,
      positions: 'scaled-sinusoidal',
      parameters: 21_200_000,
      weightsBytes: 42_500_000,
      storedDtype: 'F16',
      hasTokenizer: true,
      maskToken: '<mask>',
    },
    text,
    tokens,
    windows: sampleWindows(tokens.length),
    omittedWindows: 0,
    layers: routing,
    feedforwardMicroseconds: routing.map((_, layer) => 61 + 7 * layer),
    predictions: tokens.flatMap(({ text: entry }, index) =>
      entry === '<mask>' && index < 128
        ? [
            {
              index,
              top: words.map((word, rank) => ({
                id: 100 + rank,
                text: words[(rank + (index % 3 === 0 ? 1 : 0)) % words.length] ?? word,
                probability: 0.71 * 0.34 ** rank,
              })),
            },
          ]
        : [],
    ),
    phases: {
      tokenizeMs: 0.4,
      embeddingMs: 0.31,
      attentionMs: 7.9,
      feedforwardMs: 0.27,
      headMs: 1.8,
      totalMs: 11.2,
    },
    kernelImplementation: 'avx2',
  };
}

function sampleWindows(tokens: number): { firstToken: number; tokenCount: number }[] {
  return Array.from({ length: Math.max(1, Math.ceil(tokens / 128)) }, (_, i) => ({
    firstToken: i * 128,
    tokenCount: Math.min(128, tokens - i * 128),
  }));
}

export function sampleTiming(layer: number, tokens: number): LayerTiming {
  const fff = 58 + 6 * layer;
  const dense = 1630 + 41 * layer;
  return {
    layer,
    tokens,
    fffMicroseconds: { median: fff, p5: fff * 0.93, p95: fff * 1.35, samples: 180 },
    denseMicroseconds: { median: dense, p5: dense * 0.97, p95: dense * 1.12, samples: 180 },
    ratio: { median: dense / fff, low: (dense / fff) * 0.96, high: (dense / fff) * 1.03 },
    threads: 1,
    verifiedMaxDifference: 2.1e-7,
  };
}

/** The rest of the pass as in `sampleTrace`, 10.01 ms, and intervals of 2 % either way. */
export function samplePassTiming(timings: readonly LayerTiming[]): PassTiming {
  const rest = 10_010;
  const sum = (of: 'fffMicroseconds' | 'denseMicroseconds'): number =>
    timings.reduce((total, timing) => total + timing[of].median, 0);
  const ratios = ratiosOf({ rest, fff: sum('fffMicroseconds'), dense: sum('denseMicroseconds') });
  const around = (median: number) => ({ median, low: median * 0.98, high: median * 1.02 });
  return {
    tokens: timings[0]?.tokens ?? 0,
    restMicroseconds: { median: rest, p5: rest * 0.97, p95: rest * 1.06, samples: 12 },
    layers: around(ratios.layers),
    pass: around(ratios.pass),
    ceiling: around(ratios.ceiling),
  };
}

export function sampleState(options: SampleOptions = {}): ViewState {
  const trace = sampleTrace(options);
  const timings = trace.layers.flatMap((routing, layer) =>
    routing === null ? [] : [sampleTiming(layer, trace.tokens.length)],
  );
  return {
    trace,
    source: { label: 'range.ts:1', uri: 'file:///range.ts', offset: 0 },
    status: { kind: 'idle' },
    runner: {
      kind: 'ready',
      hello: {
        protocolVersion: 1,
        pid: 4711,
        nodeVersion: '20.0.0',
        onnxruntimeVersion: '1.30.0',
        kernelImplementation: 'avx2',
        supportedImplementations: ['scalar', 'avx2'],
      },
    },
    focus: { token: 10, layer: 0, tree: 0, node: null },
    timings,
    passTiming: timings.length === 0 ? null : samplePassTiming(timings),
    whatIf: { interventions: [], result: null },
    usage: null,
    compared: null,
    contexts: null,
  };
}
