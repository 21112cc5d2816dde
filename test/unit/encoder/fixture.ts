/** The stored reference results of the official modules, and how a case of them is run and compared. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { EncoderBatch, EncoderOutput } from '../../../extension/runner/contracts';
import { readTensors } from './tensorFile';
import type { TestTensor } from './tensorFile';

export interface FixtureCase {
  name: string;
  batch: EncoderBatch;
  /** Expected tensors, without the case's prefix. */
  expected: Map<string, TestTensor>;
}

export function fixtureFolder(fixture: string): string {
  return path.join(__dirname, '../../fixtures', fixture);
}

export function fixtureCases(fixture: string): FixtureCase[] {
  const folder = fixtureFolder(fixture);
  const { cases } = JSON.parse(readFileSync(path.join(folder, 'cases.json'), 'utf8')) as {
    cases: Record<string, { shape: [number, number]; input_ids: number[][]; attention_mask: number[][] | null }>;
  };
  const tensors = readTensors(path.join(folder, 'expected.safetensors'));
  return Object.entries(cases).map(([name, { shape, input_ids, attention_mask }]) => ({
    name,
    batch: {
      ids: Int32Array.from(input_ids.flat()),
      mask: attention_mask === null ? null : Int32Array.from(attention_mask.flat()),
      rows: shape[0],
      positions: shape[1],
    },
    expected: new Map(
      Array.from(tensors)
        .filter(([key]) => key.startsWith(`${name}.`))
        .map(([key, tensor]) => [key.slice(name.length + 1), tensor]),
    ),
  }));
}

/** The tensor of an output that a fixture key names, with `recordAll`; undefined for a key we do not know. */
export function recorded(output: EncoderOutput, key: string): ArrayLike<number> | undefined {
  switch (key) {
    case 'embedding':
      return output.embedding;
    case 'final_norm':
      return output.finalNorm;
    case 'mlm_logits':
      return output.logits ?? undefined;
    default: {
      const match = /^layer\.(\d+)\.(\w+)$/.exec(key);
      const layer = match === null ? undefined : output.layers[Number(match[1])];
      switch (match?.[2]) {
        case 'nodes':
        case 'logits':
        case 'activations':
          return layer?.fff?.[match[2]];
        case 'attn_probs':
          return layer?.attnProbs;
        case 'attn_out':
          return layer?.attnOut;
        case 'ffn_input':
          return layer?.ffnInput;
        case 'ffn_preact':
          return layer?.ffnPreact;
        case 'ffn_act':
          return layer?.ffnAct;
        case 'ffn_output':
          return layer?.ffnOutput;
        case 'hidden':
          return layer?.hidden;
        default:
          return undefined;
      }
    }
  }
}

/** Largest absolute difference; Infinity where the lengths differ or a value is NaN. */
export function largestDifference(actual: ArrayLike<number> | undefined, expected: ArrayLike<number>): number {
  if (actual?.length !== expected.length) {
    return Infinity;
  }
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= largest)) {
      largest = Number.isNaN(difference) ? Infinity : difference;
    }
  }
  return largest;
}
