/**
 * What the views must show beyond the trace itself, computed in the test's own process: the engine that the unit tests
 * check against float64, without editor, child process, messages and views; and the model's file read by hand.
 */
import fs from 'node:fs';
import { inRoot } from '../../scripts/lib/paths.mjs';
import type { Intervention, Trace, WhatIfResult } from '../../extension/protocol';
import { Tracer } from '../../extension/runner/tracer';
import { pathToLeaf } from '../../extension/tree';

const MODEL = inRoot('models/default');
export const NEVER = new AbortController().signal;
/** Decisions of a path of the default model. */
export const DEPTH = 11;
/** Words of a prediction, as the settings have it. */
export const WORDS = 5;

export class Reference {
  private runId = 0;

  private constructor(readonly tracer: Tracer) {}

  static async open(): Promise<Reference> {
    return new Reference(await Tracer.open(MODEL, { threads: 0 }));
  }

  /** The last trace is the one that more can be asked about. */
  trace(text: string): Promise<Trace> {
    return this.tracer.trace({ runId: ++this.runId, model: '', input: { text }, topPredictions: WORDS });
  }

  whatIf(interventions: Intervention[], positions: number[]): Promise<WhatIfResult> {
    return this.tracer.insight.whatIf({ runId: this.runId, interventions, positions, top: WORDS }, NEVER);
  }

  get lastRunId(): number {
    return this.runId;
  }

  dispose(): Promise<void> | void {
    return this.tracer.dispose();
  }
}

/** Nodes of a token's path through the one tree of a layer, root first. */
export function pathOf(trace: Trace, layer: number, token: number): number[] {
  return pathToLeaf(trace.layers[layer]!.leaves[token]!, DEPTH);
}

/** Where a token's path goes with the changes in place; null where it is the same. */
export function changedPath({ layers }: WhatIfResult, layer: number, token: number): number[] | null {
  const changes = layers[layer]!;
  const row = changes.tokens.indexOf(token);
  return row < 0 ? null : pathToLeaf(changes.after[row]!, DEPTH);
}

/** Input weights of one neuron of the default model, straight from its file, which stores float16. */
export function inputWeights(layer: number, node: number): number[] {
  const bytes = fs.readFileSync(`${MODEL}/model.safetensors`);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: number[] }
  >;
  const { dtype, shape, data_offsets: offsets } = header[`encoder.layers.${layer}.ffn.linear_in.weight`]!;
  const [, width = 0] = shape;
  if (dtype !== 'F16') {
    throw new Error(`The model's file stores ${dtype}.`);
  }
  return Array.from({ length: width }, (_, at) =>
    half(bytes.readUInt16LE(start + offsets[0]! + 2 * (node * width + at))),
  );
}

function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
