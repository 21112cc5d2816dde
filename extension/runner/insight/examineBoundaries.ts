/** Goes through all decisions of the last run, a few hundred tokens at a time; the judging is in `nearBoundary.ts`. */
import { FffError } from '../../errors';
import type { NearBoundary, NearBoundaryRequest } from '../../protocol';
import { throwIfCancelled } from '../encoder/cancellation';
import type { InsightModel, WeightsOf } from './model';
import { BoundarySearch } from './nearBoundary';
import type { RunStates } from './windowStates';

const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 100_000;
/** Windows run together again before a layer's weights are read: their feedforward inputs are all in memory. */
const WINDOWS_AT_ONCE = 4;

/** Feedforward inputs of some consecutive tokens. */
interface Part {
  firstToken: number;
  tokens: number;
  /** [tokens, H] a layer. */
  inputs: readonly Float32Array[];
}

/** @throws FffError BAD_INPUT, CANCELLED. */
export async function examineBoundaries(
  model: InsightModel,
  states: RunStates,
  request: NearBoundaryRequest,
  weightsOf: WeightsOf,
  signal: AbortSignal,
): Promise<NearBoundary> {
  const { precision, noise = 0, limit = DEFAULT_LIMIT } = request;
  if (!(noise >= 0 && noise < Infinity)) {
    throw new FffError('BAD_INPUT', `The noise must be a number from 0 on, not ${noise}.`);
  }
  if (!Number.isInteger(limit) || limit < 0 || limit > MAX_LIMIT) {
    throw new FffError('BAD_INPUT', `The limit must be a whole number from 0 to ${MAX_LIMIT}, not ${limit}.`);
  }
  const { trace } = states.run;
  const search = new BoundarySearch(trace.layers.length, precision, noise, limit);
  const { feedforward } = model.info;
  if (feedforward.kind === 'fff') {
    const { trees, depth } = feedforward;
    for await (const part of partsOf(model, states, signal)) {
      for (const [layer, routing] of trace.layers.entries()) {
        if (routing === null) {
          continue;
        }
        const { firstToken, tokens } = part;
        const [from, to] = [firstToken * trees, (firstToken + tokens) * trees];
        search.add(await weightsOf(layer), {
          layer,
          firstToken,
          tokens,
          states: part.inputs[layer]!,
          leaves: routing.leaves.subarray(from, to),
          logits: routing.logits.subarray(from * (depth + 1), to * (depth + 1)),
        });
        await new Promise((resolve) => setImmediate(resolve));
        throwIfCancelled(signal);
      }
    }
  }
  return search.result(request.runId);
}

/** The tokens whose inputs were kept, then the others, run again with the run's own changes in place. */
async function* partsOf(model: InsightModel, states: RunStates, signal: AbortSignal): AsyncGenerator<Part> {
  const { trace, ffnInputs } = states.run;
  const width = model.info.hiddenSize;
  const kept = ffnInputs[0] === undefined ? 0 : ffnInputs[0].length / width;
  yield { firstToken: 0, tokens: kept, inputs: ffnInputs };
  const rest = trace.windows.filter(({ firstToken, tokenCount }) => firstToken + tokenCount > kept);
  for (let from = 0; from < rest.length; from += WINDOWS_AT_ONCE) {
    const windows = rest.slice(from, from + WINDOWS_AT_ONCE);
    // The first of these windows may have been kept in part.
    const firstToken = Math.max(kept, windows[0]!.firstToken);
    const tokens = windows.at(-1)!.firstToken + windows.at(-1)!.tokenCount - firstToken;
    const inputs = ffnInputs.map(() => new Float32Array(tokens * width));
    for (const window of windows) {
      const skipped = Math.max(0, firstToken - window.firstToken);
      const ofWindow = await states.feedforwardInputs(window.firstToken, window.tokenCount, signal);
      const at = (window.firstToken + skipped - firstToken) * width;
      ofWindow.forEach((input, layer) => inputs[layer]!.set(input.subarray(skipped * width), at));
    }
    yield { firstToken, tokens, inputs };
  }
}
