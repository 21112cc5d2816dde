/** The logit lens: the model's own head on the residual stream after every layer, for one token. */
import type { LensRequest, LensResult } from '../../protocol';
import { topIndices } from '../predictions';
import { klDivergence, logSumExp, rankOf, softmaxEntropyBits } from './distribution';
import { checkIndex } from './interventions';
import type { InsightModel } from './model';
import { topPredictions } from './whatIf';
import type { RunStates } from './windowStates';

/** @throws FffError BAD_INPUT for a token the trace does not have. */
export async function lens(model: InsightModel, states: RunStates, request: LensRequest): Promise<LensResult> {
  const { runId, token, top } = request;
  checkIndex('token', token, states.run.trace.tokens.length);
  const { hiddenSize, vocabularySize } = model.info;
  const window = states.windowOf(token);
  const { hidden } = await states.traced(window);
  const at = (token - states.window(window).firstToken) * hiddenSize;
  const rows = new Float32Array(hidden.length * hiddenSize);
  hidden.forEach((state, layer) => rows.set(state.subarray(at, at + hiddenSize), layer * hiddenSize));
  const logits = await model.encoder.decode(rows, hidden.length);
  const ofLayer = (layer: number): Float32Array =>
    logits.subarray(layer * vocabularySize, (layer + 1) * vocabularySize);
  const last = ofLayer(hidden.length - 1);
  const finalWord = topIndices(last, 1)[0] ?? 0;
  return {
    runId,
    token,
    layers: hidden.map((_, layer) => {
      const here = ofLayer(layer);
      return {
        top: topPredictions(model, here, top),
        entropyBits: softmaxEntropyBits(here),
        klToFinalNats: klDivergence(last, here),
        finalWordRank: rankOf(here, finalWord),
        finalWordProbability: Math.exp(here[finalWord]! - logSumExp(here)),
      };
    }),
  };
}
