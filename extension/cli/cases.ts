/** Cases of a fixture: padded batches of ids and masks under names. */
import { FffError } from '../errors';
import type { Architecture, EncoderBatch } from '../runner/contracts';
import { readJsonFile } from './arguments';

export type Cases = Map<string, EncoderBatch>;

/**
 * Reads `cases.json`: `{cases: {name: {input_ids: [[..]], attention_mask: [[..]] | null}}}`; other keys are ignored.
 * @throws FffError BAD_INPUT naming file, case and cause.
 */
export async function readCases(path: string, architecture: CaseLimits): Promise<Cases> {
  const json = await readJsonFile(path);
  const listed = isObject(json) ? json['cases'] : undefined;
  if (!isObject(listed) || Object.keys(listed).length === 0) {
    throw new FffError(
      'BAD_INPUT',
      `${path} has no object \`cases\` with cases in it.`,
      'Give the cases.json of a fixture.',
    );
  }
  return new Map(
    Object.entries(listed).map(([name, value]) => [name, toBatch(value, `${path}: case ${name}`, architecture)]),
  );
}

export type CaseLimits = Pick<Architecture, 'vocabularySize' | 'maxSequenceLength'>;

function toBatch(value: unknown, where: string, limits: CaseLimits): EncoderBatch {
  const fields = isObject(value) ? value : {};
  const ids = toMatrix(fields['input_ids'], `${where}: input_ids`);
  const positions = ids[0]!.length;
  if (positions > limits.maxSequenceLength) {
    throw invalid(`${where} has ${positions} positions, but the model's window holds ${limits.maxSequenceLength}`);
  }
  const bad = ids.flat().find((id) => id < 0 || id >= limits.vocabularySize);
  if (bad !== undefined) {
    throw invalid(`${where} has the id ${bad}, but the model's vocabulary has ${limits.vocabularySize} entries`);
  }
  const given = fields['attention_mask'] ?? null;
  const mask = given === null ? null : toMatrix(given, `${where}: attention_mask`);
  if (mask && (mask.length !== ids.length || mask[0]!.length !== positions)) {
    throw invalid(`${where} has a mask of another shape than its ids`);
  }
  if (mask?.flat().some((entry) => entry !== 0 && entry !== 1)) {
    throw invalid(`${where} has a mask with other entries than 0 and 1`);
  }
  return {
    ids: Int32Array.from(ids.flat()),
    mask: mask && Int32Array.from(mask.flat()),
    rows: ids.length,
    positions,
  };
}

function toMatrix(value: unknown, where: string): number[][] {
  const rows: unknown[] = Array.isArray(value) ? value : [];
  const first: unknown = rows[0];
  const width = Array.isArray(first) ? first.length : 0;
  const isMatrix =
    width > 0 && rows.every((row) => Array.isArray(row) && row.length === width && row.every(Number.isSafeInteger));
  if (!isMatrix) {
    throw invalid(`${where} is not a matrix of whole numbers`);
  }
  return rows as number[][];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(what: string): FffError {
  return new FffError('BAD_INPUT', `${what}.`, 'Use the cases that belong to this model.');
}
