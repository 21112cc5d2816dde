/**
 * The JSON header of a safetensors file and everything it must satisfy: known dtypes, sizes that follow from dtype and
 * shape, and byte ranges that cover the file from the header to its end exactly once.
 */
import { FffError } from '../../errors';
import type { FloatDtype } from '../contracts';
import { findRepeatedKey } from './jsonKeys';

export const DOWNLOAD_AGAIN = 'Download or export the file again.';

/** Bytes of one value, for every dtype whose values fill whole bytes. */
const DTYPE_BYTES: Record<string, number> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

/** One tensor of the header. Offsets are absolute positions in the file, `end` exclusive. */
export interface TensorEntry {
  name: string;
  dtype: string;
  shape: number[];
  elements: number;
  begin: number;
  end: number;
}

/** True for the dtypes that are read as float32. */
export function isFloatDtype(dtype: string): dtype is FloatDtype {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** Checks the header and returns its tensors by name, in the order of their bytes. */
export function parseHeader(
  text: string,
  path: string,
  dataStart: number,
  fileBytes: number,
): Map<string, TensorEntry> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw invalid(path, 'has a header that is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw invalid(path, 'has a header that is not a JSON object');
  }
  const repeated = findRepeatedKey(text);
  if (repeated !== null) {
    throw invalid(path, `names ${JSON.stringify(repeated)} twice in its header`);
  }
  const entries: TensorEntry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name !== '__metadata__') {
      entries.push(parseEntry(name, value, path, dataStart));
    } else if (!isStringMap(value)) {
      throw invalid(path, 'has a `__metadata__` entry that is not a map of strings');
    }
  }
  // Empty tensors sort before the one that starts at the same byte, so that they count neither as overlap nor as hole.
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, path, dataStart, fileBytes);
  return new Map(entries.map((entry) => [entry.name, entry]));
}

function parseEntry(name: string, value: unknown, path: string, dataStart: number): TensorEntry {
  const tensor = `tensor ${name}`;
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const valueBytes = typeof dtype === 'string' && Object.hasOwn(DTYPE_BYTES, dtype) ? DTYPE_BYTES[dtype] : undefined;
  if (typeof dtype !== 'string' || valueBytes === undefined) {
    throw invalid(path, `gives ${tensor} the unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!isSizes(shape)) {
    throw invalid(path, `gives ${tensor} the impossible shape ${JSON.stringify(shape)}`);
  }
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw invalid(path, `gives ${tensor} the impossible data offsets ${JSON.stringify(offsets)}`);
  }
  // A product beyond 2^53 would round; the partial products only grow unless a size is 0.
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(elements * valueBytes)) {
    throw invalid(path, `gives ${tensor} a shape too large to exist: [${shape.join(', ')}]`);
  }
  const [begin, end] = offsets as [number, number];
  if (end - begin !== elements * valueBytes) {
    throw invalid(
      path,
      `gives ${tensor} ${end - begin} bytes, but shape [${shape.join(', ')}] of ${dtype} needs ${elements * valueBytes}`,
    );
  }
  return { name, dtype, shape, elements, begin: dataStart + begin, end: dataStart + end };
}

/** The tensors, sorted by position, must cover the file from the header to its end exactly once. */
function checkCoverage(entries: readonly TensorEntry[], path: string, dataStart: number, fileBytes: number): void {
  let position = dataStart;
  let before = 'the header';
  for (const entry of entries) {
    if (entry.begin < position) {
      throw invalid(path, `lets tensor ${entry.name} overlap ${before}`);
    }
    if (entry.begin > position) {
      throw invalid(path, `leaves ${entry.begin - position} unused bytes between ${before} and tensor ${entry.name}`);
    }
    position = entry.end;
    before = `tensor ${entry.name}`;
  }
  if (position > fileBytes) {
    throw invalid(path, `is truncated: its header describes ${position} bytes, but the file has ${fileBytes}`);
  }
  if (position < fileBytes) {
    throw invalid(path, `has ${fileBytes - position} bytes after its last tensor that its header does not describe`);
  }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isStringMap(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((entry) => typeof entry === 'string')
  );
}

/** An error about the whole file; `what` continues the sentence that its path begins. */
export function invalid(path: string, what: string): FffError {
  return new FffError('CHECKPOINT_INVALID', `${path} ${what}.`, DOWNLOAD_AGAIN);
}
