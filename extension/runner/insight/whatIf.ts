/** Runs the last trace's windows with changes in place and compares paths and predictions with the unchanged model. */
import type { PathChanges, Prediction, PredictionChange, WhatIfRequest, WhatIfResult } from '../../protocol';
import { divergenceLevel } from '../../tree';
import { throwIfCancelled } from '../encoder/cancellation';
import { topCandidates } from '../predictions';
import { klDivergence } from './distribution';
import { checkIndex, type InterventionPlan } from './interventions';
import type { InsightModel } from './model';
import type { RunStates, WindowStates } from './windowStates';

/** Vocabulary logits are asked for at so many positions at once: a few megabytes. */
const ROWS_AT_ONCE = 32;

interface Change {
  token: number;
  tree: number;
  before: number;
  after: number;
}

/**
 * @param plan The request's interventions, checked.
 * @throws FffError BAD_INPUT for positions the trace does not have, CANCELLED.
 */
export async function whatIf(
  model: InsightModel,
  states: RunStates,
  request: WhatIfRequest,
  plan: InterventionPlan,
  signal: AbortSignal,
): Promise<WhatIfResult> {
  const { trace } = states.run;
  request.positions.forEach((position) => checkIndex('token', position, trace.tokens.length));
  const changes: Change[][] = trace.layers.map(() => []);
  const predictions = new Map<number, PredictionChange>();
  for (const [index, { firstToken, tokenCount }] of trace.windows.entries()) {
    const positions = [...new Set(request.positions)].filter((position) => states.windowOf(position) === index);
    const touched = plan.touches(firstToken, tokenCount);
    if (!touched && positions.length === 0) {
      continue;
    }
    throwIfCancelled(signal);
    const plain = await states.plain(index);
    const changed = touched ? await states.changed(index, plan, signal) : plain;
    if (touched) {
      compareLeaves(model, plain, changed, firstToken, changes);
    }
    for (let from = 0; from < positions.length; from += ROWS_AT_ONCE) {
      const some = positions.slice(from, from + ROWS_AT_ONCE);
      for (const change of await comparePredictions(model, plain, changed, firstToken, some, request.top)) {
        predictions.set(change.index, change);
      }
    }
  }
  return {
    runId: request.runId,
    interventions: request.interventions,
    visits: plan.visits,
    predictions: request.positions.map((position) => predictions.get(position)!),
    layers: changes.map((ofLayer, layer) => (trace.layers[layer] ? pathChanges(model, ofLayer) : null)),
  };
}

function compareLeaves(
  model: InsightModel,
  plain: WindowStates,
  changed: WindowStates,
  firstToken: number,
  changes: Change[][],
): void {
  const { feedforward } = model.info;
  const trees = feedforward.kind === 'fff' ? feedforward.trees : 1;
  for (const [layer, before] of plain.leaves.entries()) {
    before?.forEach((leaf, path) => {
      const after = changed.leaves[layer]![path]!;
      if (after !== leaf) {
        changes[layer]!.push({ token: firstToken + Math.floor(path / trees), tree: path % trees, before: leaf, after });
      }
    });
  }
}

function pathChanges(model: InsightModel, changes: readonly Change[]): PathChanges {
  const { feedforward } = model.info;
  const depth = feedforward.kind === 'fff' ? feedforward.depth : 0;
  return {
    tokens: Uint32Array.from(changes, ({ token }) => token),
    trees: Uint16Array.from(changes, ({ tree }) => tree),
    before: Uint32Array.from(changes, ({ before }) => before),
    after: Uint32Array.from(changes, ({ after }) => after),
    divergenceLevels: Uint8Array.from(changes, ({ before, after }) => divergenceLevel(before, after, depth)),
  };
}

async function comparePredictions(
  model: InsightModel,
  plain: WindowStates,
  changed: WindowStates,
  firstToken: number,
  positions: readonly number[],
  top: number,
): Promise<PredictionChange[]> {
  const { vocabularySize } = model.info;
  const rows = positions.map((position) => position - firstToken);
  const before = await lastLogits(model, plain, rows);
  const after = changed === plain ? before : await lastLogits(model, changed, rows);
  return positions.map((index, row) => {
    const [p, q] = [before, after].map((all) => all.subarray(row * vocabularySize, (row + 1) * vocabularySize));
    return {
      index,
      klDivergenceNats: klDivergence(p!, q!),
      baseline: topPredictions(model, p!, top),
      changed: topPredictions(model, q!, top),
    };
  });
}

/** Vocabulary logits [rows, V] at some tokens of a window. */
function lastLogits(model: InsightModel, { hidden }: WindowStates, rows: readonly number[]): Promise<Float32Array> {
  return model.encoder.decode(gatherRows(hidden.at(-1)!, rows, model.info.hiddenSize), rows.length);
}

/** Some rows of [rows, width], in the order asked for. */
export function gatherRows(values: Float32Array, rows: readonly number[], width: number): Float32Array {
  const gathered = new Float32Array(rows.length * width);
  rows.forEach((from, to) => gathered.set(values.subarray(from * width, (from + 1) * width), to * width));
  return gathered;
}

/** @param logits [vocabulary] at one position. */
export function topPredictions(model: InsightModel, logits: Float32Array, top: number): Prediction[] {
  return topCandidates(logits, top).map(({ id, probability }) => ({ id, text: model.labelOf(id), probability }));
}
