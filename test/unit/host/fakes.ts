/** Stand-ins for what the host works with: a log that remembers, a clock, a trace and a runner one controls. */
import { Events } from '../../../extension/disposable';
import { FffError } from '../../../extension/errors';
import type { Log } from '../../../extension/log';
import type { InsightRunner } from '../../../extension/insight/insights';
import type {
  LayerTiming,
  MeasureRequest,
  ModelInfo,
  PassTiming,
  Trace,
  TraceRequest,
  UsageMap,
  WhatIfRequest,
  WhatIfResult,
} from '../../../extension/protocol';
import type { RunnerClientEvents } from '../../../extension/runner/client';
import type { SessionRunner } from '../../../extension/session';

export function memoryLog(): Log & { lines: string[] } {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (message: string): void =>
      void lines.push(`${level}: ${message}`);
  return { lines, debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

export const MODEL: ModelInfo = {
  directory: '/models/small',
  name: 'small',
  weightsHash: 'ab',
  layers: 2,
  hiddenSize: 8,
  heads: 2,
  feedforward: { kind: 'fff', depth: 2, trees: 1, nodesPerTree: 7 },
  vocabularySize: 100,
  windowTokens: 16,
  positions: 'sinusoidal',
  parameters: 1000,
  weightsBytes: 4000,
  storedDtype: 'F32',
  hasTokenizer: true,
  maskToken: '<mask>',
};

/** A trace of as many tokens as the text has words, plus the separator. */
export function traceOf(runId: number, text: string): Trace {
  const words = [...text.matchAll(/\S+/g)];
  const tokens = [
    ...words.map((word, id) => ({ id, text: word[0], start: word.index, end: word.index + word[0].length })),
    { id: 99, text: '<sep>', start: 0, end: 0 },
  ];
  const layer = () => ({
    leaves: Uint16Array.from(tokens, (_, token) => token % 4),
    logits: new Float32Array(tokens.length * 3).fill(0.5),
  });
  return {
    runId,
    model: MODEL,
    text,
    tokens,
    windows: [{ firstToken: 0, tokenCount: tokens.length }],
    omittedWindows: 0,
    layers: [layer(), layer()],
    feedforwardMicroseconds: [10, 11],
    predictions: [],
    phases: { tokenizeMs: 1, embeddingMs: 1, attentionMs: 1, feedforwardMs: 1, headMs: 1, totalMs: 5 },
    kernelImplementation: 'scalar',
  };
}

export function timingOf(layer: number, median = 10): LayerTiming {
  const spread = (value: number) => ({ median: value, p5: value, p95: value, samples: 7 });
  return {
    layer,
    tokens: 3,
    fffMicroseconds: spread(median),
    denseMicroseconds: spread(median * 20),
    ratio: { median: 20, low: 19, high: 21 },
    threads: 1,
    verifiedMaxDifference: 0,
  };
}

/** Of two layers of 10 and 200 µs and a rest of 3000 µs, with intervals of one hundredth either way. */
export function passTimingOf(): PassTiming {
  const around = (median: number) => ({ median, low: median * 0.99, high: median * 1.01 });
  return {
    tokens: 3,
    restMicroseconds: { median: 3000, p5: 2900, p95: 3300, samples: 9 },
    layers: around(20),
    pass: around(3400 / 3020),
    ceiling: around(3400 / 3000),
  };
}

export interface Deferred<Request, Answer> {
  request: Request;
  signal: AbortSignal;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** A runner whose answers the test gives. It deliberately answers cancelled requests too, as a late one would. */
export class FakeRunner implements SessionRunner {
  readonly events = new Events<RunnerClientEvents>();
  readonly traces: Deferred<TraceRequest, Trace>[] = [];
  readonly measures: Deferred<MeasureRequest, LayerTiming[]>[] = [];
  readonly state = { kind: 'stopped' } as const;
  readonly on: SessionRunner['on'] = (name: never, listener: never) => this.events.on(name, listener);

  trace(request: TraceRequest, signal: AbortSignal): Promise<Trace> {
    return new Promise((resolve, reject) => this.traces.push({ request, signal, resolve, reject }));
  }

  measure(request: MeasureRequest, signal: AbortSignal): Promise<LayerTiming[]> {
    return new Promise((resolve, reject) => this.measures.push({ request, signal, resolve, reject }));
  }
}

/** What changes change, as far as the host looks at it: nothing. */
export function whatIfOf({ runId, interventions }: WhatIfRequest): WhatIfResult {
  return { runId, interventions, visits: new Uint32Array(interventions.length), predictions: [], layers: [null, null] };
}

/** Usage of the small model by two texts: the tree's left half took three of four tokens. */
export function usageOf(runId: number, model = MODEL): UsageMap {
  const tree = {
    visits: Uint32Array.of(4, 3, 1, 3, 0, 0, 1),
    entropyBits: 0.811,
    gini: 0.625,
    leavesReached: 2,
    unreached: Uint32Array.of(4, 5),
    tokenOffsets: Uint32Array.of(0, 1, 2, 2, 2, 2, 2, 2),
    tokenWords: Uint32Array.of(0, 0),
    tokenCounts: Uint32Array.of(2, 2),
    contexts: Uint32Array.of(0, 0, 3, 0, 0, 3),
  };
  return {
    runId,
    model,
    documents: [
      { name: 'a.md', hash: 'aa', tokens: 3, fromCache: false, omitted: false },
      { name: 'b|c.md', hash: 'bb', tokens: 1, fromCache: true, omitted: false },
    ],
    tokens: 4,
    contextsPerToken: 1,
    words: [{ id: 1, text: 'the' }],
    layers: [[tree], [tree]],
  };
}

/** A runner for insight that answers what the test put in, and notes what it was asked. */
export class FakeInsightRunner implements InsightRunner {
  readonly asked: { method: string; request: unknown; signal: AbortSignal | undefined }[] = [];
  readonly whatIf = this.method('whatIf', whatIfOf);
  readonly lens = this.method('lens', ({ runId, token, top }) => ({
    runId,
    token,
    layers: ['first', 'last'].map((text) => ({
      top: [{ id: 1, text, probability: 1 / top }],
      entropyBits: 0,
      klToFinalNats: 0,
      finalWordRank: 0,
      finalWordProbability: 1,
    })),
  }));
  readonly layerNorms = this.method('layerNorms', ({ layer }) => ({
    layer,
    inputNorms: Float32Array.of(1),
    outputNorms: Float32Array.of(2),
  }));
  readonly describeNode = this.unanswered('describeNode');
  readonly nearBoundary = this.unanswered('nearBoundary');
  readonly mapUsage = this.method('mapUsage', ({ runId }) => usageOf(runId));
  readonly trace = this.method('trace', ({ runId, input }) => traceOf(runId, 'text' in input ? input.text : ''));

  private method<Name extends keyof InsightRunner>(
    method: Name,
    answer: (request: Parameters<InsightRunner[Name]>[0]) => Awaited<ReturnType<InsightRunner[Name]>>,
  ): InsightRunner[Name] {
    const ask = (request: Parameters<InsightRunner[Name]>[0], signal?: AbortSignal): Promise<unknown> => {
      this.asked.push({ method, request, signal });
      return Promise.resolve(answer(request));
    };
    return ask as InsightRunner[Name];
  }

  private unanswered<Name extends keyof InsightRunner>(method: Name): InsightRunner[Name] {
    return this.method(method, () => {
      throw new FffError('BAD_INPUT', `No ${method}.`);
    });
  }
}
