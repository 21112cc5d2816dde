/** Checks a batch against the limits of the model before anything is computed (model-spec section 2, limits). */
import { FffError } from '../../errors';
import type { Architecture, EncoderBatch, EncoderOptions } from '../contracts';

/** @throws FffError BAD_INPUT with one sentence saying what is wrong. */
export function checkBatch(batch: EncoderBatch, options: EncoderOptions, architecture: Architecture): void {
  const { ids, mask, rows, positions } = batch;
  const { maxSequenceLength, vocabularySize } = architecture;
  if (!isCount(rows) || !isCount(positions)) {
    throw bad(
      `A batch needs at least one row and one position, not ${rows} x ${positions}.`,
      'Give at least one token.',
    );
  }
  if (positions > maxSequenceLength) {
    throw bad(
      `The input has ${positions} tokens in a row; the model reads at most ${maxSequenceLength}.`,
      'Shorten the input or cut it into windows.',
    );
  }
  if (ids.length !== rows * positions) {
    throw bad(`The batch has ${ids.length} token ids where ${rows} x ${positions} are needed.`);
  }
  const strayId = ids.findIndex((id) => id < 0 || id >= vocabularySize);
  if (strayId >= 0) {
    throw bad(
      `Token id ${ids[strayId]} at position ${strayId % positions} of row ${Math.floor(strayId / positions)} is ` +
        `outside the vocabulary of ${vocabularySize}.`,
      'Use the tokenizer that belongs to the model.',
    );
  }
  if (mask !== null) {
    if (mask.length !== rows * positions) {
      throw bad(`The attention mask has ${mask.length} values where ${rows} x ${positions} are needed.`);
    }
    const strayMask = mask.findIndex((value) => value !== 0 && value !== 1);
    if (strayMask >= 0) {
      throw bad(`The attention mask has the value ${mask[strayMask]} at index ${strayMask}; only 0 and 1 are allowed.`);
    }
  }
  const { resume } = options;
  if (resume) {
    const whole = Number.isInteger(resume.layer) && resume.layer > 0 && resume.layer < architecture.layers;
    if (!whole || resume.hidden.length !== rows * positions * architecture.hiddenSize) {
      throw bad(`A run cannot start at layer ${resume.layer} with ${resume.hidden.length} values.`);
    }
  }
  const strayRow = options.logitsAt?.find((row) => !Number.isInteger(row) || row < 0 || row >= rows * positions);
  if (strayRow !== undefined) {
    throw bad(`Predictions are asked for at position ${strayRow} of ${rows * positions}.`);
  }
}

/** (1 - m) * -10000 for every key, [rows, positions]; no mask attends everywhere. */
export function maskBias(batch: EncoderBatch): Float32Array {
  const bias = new Float32Array(batch.rows * batch.positions);
  batch.mask?.forEach((value, index) => {
    bias[index] = value === 1 ? 0 : -10000;
  });
  return bias;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}

function bad(message: string, action?: string): FffError {
  return new FffError('BAD_INPUT', message, action);
}
