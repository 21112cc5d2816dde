/** The model's head on any rows of the residual stream: what the logit lens and comparisons of predictions need. */
import { FffError } from '../../errors';
import type { Architecture } from '../contracts';
import type { ModelParts } from './parts';
import { allocate } from './session';

/**
 * Final norm and decoder.
 * @param states [count, H].
 * @returns Vocabulary logits [count, V].
 * @throws FffError BAD_INPUT when the input is not that long.
 */
export async function decodeStates(
  parts: ModelParts,
  { hiddenSize, vocabularySize }: Architecture,
  states: Float32Array,
  count: number,
): Promise<Float32Array> {
  if (!Number.isInteger(count) || count < 1 || states.length !== count * hiddenSize) {
    throw new FffError('BAD_INPUT', `The head got ${states.length} values where ${count} x ${hiddenSize} are needed.`);
  }
  const shape = [count, hiddenSize];
  const normed = { data: allocate(...shape), shape };
  // The closing graph adds the last layer's output to the stream; here the stream is complete.
  const nothing = { data: new Float32Array(states.length), shape };
  await parts.closing.run({ residual: { data: states, shape }, update: nothing }, { final_norm: normed });
  const logits = allocate(count, vocabularySize);
  await parts.decoder.run({ states: normed }, { logits: { data: logits, shape: [count, vocabularySize] } });
  return logits;
}
