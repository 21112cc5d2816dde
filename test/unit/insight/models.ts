/** Models the insight tests look into, each beside its float64 reference. */
import path from 'node:path';
import type { Intervention, Trace } from '../../../extension/protocol';
import { Tracer } from '../../../extension/runner/tracer';
import { fixtureFolder } from '../encoder/fixture';
import { referenceForward, type ChangeAt, type ReferenceResult } from '../encoder/reference';
import { readTensors, type TestTensor } from '../encoder/tensorFile';

export const DEFAULT_MODEL = path.join(__dirname, '../../../models/default');
export const NEVER = new AbortController().signal;

export interface Trees {
  depth: number;
  trees: number;
  nodesPerTree: number;
}

/** A fixture model that runs, and its tensors. */
export class FixtureModel {
  private lastRunId = 0;

  private constructor(
    readonly tracer: Tracer,
    readonly tensors: ReadonlyMap<string, TestTensor>,
  ) {}

  static async open(fixture: string): Promise<FixtureModel> {
    const folder = fixtureFolder(fixture);
    const tensors = readTensors(path.join(folder, 'model.safetensors'));
    const words = 'encoder.embedding.word_embedding.weight';
    tensors.set(words, tensors.get(words) ?? tensors.get('decoder.weight')!);
    return new FixtureModel(await Tracer.open(folder, { threads: 1 }), tensors);
  }

  get trees(): Trees {
    const { feedforward } = this.tracer.info;
    if (feedforward.kind !== 'fff') {
      throw new Error('Not an FFF model.');
    }
    return feedforward;
  }

  trace(ids: number[], interventions?: Intervention[]): Promise<Trace> {
    return this.tracer.trace({
      runId: ++this.lastRunId,
      model: '',
      input: { ids },
      topPredictions: 3,
      predictAt: [...ids.keys()],
      ...(interventions ? { interventions } : {}),
    });
  }

  reference(ids: number[], interventions: readonly Intervention[] = []): ReferenceResult {
    const batch = { ids: Int32Array.from(ids), mask: null, rows: 1, positions: ids.length };
    return referenceForward(this.tracer.architecture, this.tensors, batch, changesOf(interventions));
  }
}

/** Interventions as the reference takes them. */
export function changesOf(interventions: readonly Intervention[]): ChangeAt {
  return (layer, token, tree, node) => {
    const here = interventions.filter(
      (one) =>
        one.layer === layer && one.tree === tree && one.node === node && (one.token === null || one.token === token),
    );
    return {
      flip: here.some(({ kind }) => kind === 'flip'),
      silence: here.some(({ kind }) => kind === 'silence'),
    };
  };
}

/** Ids that make no pattern. */
export function someIds(count: number, vocabularySize: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 7919 + 13) % vocabularySize);
}

/** Softmax of one row of [rows, width], in float64. */
export function softmaxRow(logits: ArrayLike<number>, row: number, width: number): Float64Array {
  const values = Float64Array.from({ length: width }, (_, i) => logits[row * width + i]!);
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
