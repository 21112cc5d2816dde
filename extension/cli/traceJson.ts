/**
 * A trace as JSON:
 * `{model, tokens: [{id, text, start, end}], layers: [{nodes[token][tree][level], logits, activations, fffMicroseconds,
 * denseMicroseconds}], predictions: [{index, top: [{id, text, probability}]}], ...}`.
 *
 * Arrays of several windows are concatenated. Dense layers have null for nodes, logits, activations and
 * fffMicroseconds. Logits are float32 and printed with the nine digits that identify one.
 */
import type { Measured } from '../gains';
import type { LayerRouting, LayerTiming, Trace } from '../protocol';
import { gelu, pathToLeaf } from '../tree';

/** The text in pieces, so that no single string has to hold a trace of thousands of tokens. */
export function* traceToJson({ trace, timings, passTiming }: Measured): Generator<string> {
  yield `{"model":${JSON.stringify(trace.model)},"tokens":${JSON.stringify(trace.tokens)},"layers":[`;
  for (let layer = 0; layer < trace.layers.length; layer++) {
    const timing = timings.find((candidate) => candidate.layer === layer);
    yield `${layer > 0 ? ',' : ''}${JSON.stringify(layerToJson(trace, layer, timing))}`;
  }
  const rest = {
    predictions: trace.predictions,
    windows: trace.windows,
    omittedWindows: trace.omittedWindows,
    leftOutCharacters: trace.leftOutCharacters,
    kernelImplementation: trace.kernelImplementation,
    phases: trace.phases,
    passTiming,
  };
  yield `],${JSON.stringify(rest).slice(1)}\n`;
}

function layerToJson(trace: Trace, layer: number, timing: LayerTiming | undefined) {
  const routing = trace.layers[layer] ?? null;
  const inRun = trace.feedforwardMicroseconds[layer]!;
  const { feedforward } = trace.model;
  if (routing === null || feedforward.kind !== 'fff') {
    return { nodes: null, logits: null, activations: null, fffMicroseconds: null, denseMicroseconds: inRun };
  }
  const { depth, trees } = feedforward;
  const logits = nested(routing, trace.tokens.length, trees, depth);
  return {
    nodes: Array.from({ length: trace.tokens.length }, (_, token) =>
      Array.from({ length: trees }, (_, tree) => pathToLeaf(routing.leaves[token * trees + tree]!, depth)),
    ),
    logits: logits.map((ofToken) => ofToken.map((path) => path.map(digits))),
    activations: logits.map((ofToken) => ofToken.map((path) => path.map((logit) => digits(gelu(logit))))),
    // Measured repeatedly where it was measured, else once, in the run itself.
    fffMicroseconds: timing?.fffMicroseconds.median ?? inRun,
    denseMicroseconds: timing?.denseMicroseconds.median ?? null,
    measured: timing ?? null,
  };
}

/** `[token][tree][level]`. */
function nested(routing: LayerRouting, tokens: number, trees: number, depth: number): number[][][] {
  const levels = depth + 1;
  return Array.from({ length: tokens }, (_, token) =>
    Array.from({ length: trees }, (_, tree) => {
      const first = (token * trees + tree) * levels;
      return Array.from(routing.logits.subarray(first, first + levels));
    }),
  );
}

function digits(value: number): number {
  return Number(Math.fround(value).toPrecision(9));
}
