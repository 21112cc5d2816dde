/**
 * Reader of the safetensors format: 8 bytes little-endian header length, a JSON header, then the tensors' bytes.
 *
 * The header is checked completely before any tensor is read: every tensor's size follows from its dtype and shape, and
 * the tensors cover the rest of the file without overlap, hole or remainder. Tensors are read one at a time by position,
 * so a file of many hundred megabytes is never in memory as a whole.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { FffError } from '../../errors';
import { firstNonFinite, widen } from './floats';
import { DOWNLOAD_AGAIN, invalid, isFloatDtype, parseHeader, type TensorEntry } from './safetensorsHeader';

export { isFloatDtype, type TensorEntry };

const LENGTH_BYTES = 8;
/** Limit of the format's reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
/** One positioned read; small enough that a cancelled or failing load stops soon. */
const CHUNK_BYTES = 8 * 1024 * 1024;

/** An open safetensors file whose header has been checked. */
export class SafetensorsFile {
  private constructor(
    readonly path: string,
    readonly bytes: number,
    readonly tensors: ReadonlyMap<string, TensorEntry>,
    private readonly handle: FileHandle,
  ) {}

  /**
   * Opens a file and checks its header.
   * @throws FffError CHECKPOINT_NOT_FOUND or CHECKPOINT_INVALID with one sentence naming file and cause.
   */
  static async open(path: string): Promise<SafetensorsFile> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (cause) {
      throw cannotRead(path, cause);
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) {
        throw new FffError('CHECKPOINT_INVALID', `${path} is not a file.`);
      }
      const header = await readHeader(handle, path, stat.size);
      const tensors = parseHeader(header.text, path, header.dataStart, stat.size);
      return new SafetensorsFile(path, stat.size, tensors, handle);
    } catch (error) {
      await handle.close();
      throw error instanceof FffError ? error : cannotRead(path, error);
    }
  }

  /** The header's entry of a tensor. @throws FffError CHECKPOINT_INVALID when there is none. */
  entry(name: string): TensorEntry {
    const entry = this.tensors.get(name);
    if (!entry) {
      throw new FffError('CHECKPOINT_INVALID', `${this.path} lacks the tensor ${name}.`, DOWNLOAD_AGAIN);
    }
    return entry;
  }

  /**
   * Reads a float tensor as float32, whatever it is stored as.
   * @param allowNonFinite Keep NaN and infinities instead of refusing them.
   * @throws FffError CHECKPOINT_INVALID for another dtype, or for the first value that is NaN or infinite.
   */
  async readFloats(name: string, allowNonFinite = false): Promise<Float32Array<ArrayBuffer>> {
    const entry = this.entry(name);
    const dtype = entry.dtype;
    if (!isFloatDtype(dtype)) {
      throw new FffError(
        'CHECKPOINT_INVALID',
        `${this.path}: tensor ${name} is stored as ${dtype}, not as F32, F16 or BF16.`,
      );
    }
    const values = new Float32Array(entry.elements);
    let bad: number;
    if (dtype === 'F32') {
      await this.readInto(entry, 0, new Uint8Array(values.buffer));
      bad = firstNonFinite(values);
    } else {
      bad = await this.readHalves(entry, dtype, values);
    }
    if (bad >= 0 && !allowNonFinite) {
      throw new FffError(
        'CHECKPOINT_INVALID',
        `${this.path}: tensor ${name} holds ${values[bad]!} at index ${bad}, and weights must be finite numbers.`,
        'Export the checkpoint again from healthy weights.',
      );
    }
    return values;
  }

  /** Reads an I32 tensor. @throws FffError CHECKPOINT_INVALID for another dtype. */
  async readInt32(name: string): Promise<Int32Array<ArrayBuffer>> {
    const entry = this.entry(name);
    if (entry.dtype !== 'I32') {
      throw new FffError('CHECKPOINT_INVALID', `${this.path}: tensor ${name} is stored as ${entry.dtype}, not as I32.`);
    }
    const values = new Int32Array(entry.elements);
    await this.readInto(entry, 0, new Uint8Array(values.buffer));
    return values;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  /** Widens 16-bit floats piece by piece; returns the index of the first non-finite value or -1. */
  private async readHalves(entry: TensorEntry, dtype: 'F16' | 'BF16', values: Float32Array): Promise<number> {
    const chunk = new Uint16Array(Math.min(entry.elements, CHUNK_BYTES / 2));
    let bad = -1;
    for (let first = 0; first < entry.elements; first += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, entry.elements - first));
      await this.readInto(entry, first * 2, new Uint8Array(part.buffer, 0, part.byteLength));
      const badInPart = widen(part, dtype, values.subarray(first, first + part.length));
      bad = bad < 0 && badInPart >= 0 ? first + badInPart : bad;
    }
    return bad;
  }

  /** Fills `target` from the tensor's bytes starting at byte `offset` of the tensor. */
  private async readInto(entry: TensorEntry, offset: number, target: Uint8Array): Promise<void> {
    await readExactly(this.handle, this.path, entry.begin + offset, target);
  }
}

async function readExactly(handle: FileHandle, path: string, position: number, target: Uint8Array): Promise<void> {
  for (let done = 0; done < target.length;) {
    const length = Math.min(CHUNK_BYTES, target.length - done);
    const { bytesRead } = await handle.read(target, done, length, position + done);
    if (bytesRead === 0) {
      throw new FffError('CHECKPOINT_INVALID', `${path} became shorter while it was read.`, DOWNLOAD_AGAIN);
    }
    done += bytesRead;
  }
}

async function readHeader(
  handle: FileHandle,
  path: string,
  fileBytes: number,
): Promise<{ text: string; dataStart: number }> {
  if (fileBytes < LENGTH_BYTES) {
    throw invalid(path, `has ${fileBytes} bytes, too few for a safetensors header`);
  }
  const prefix = Buffer.alloc(LENGTH_BYTES);
  await readExactly(handle, path, 0, prefix);
  if (prefix.toString('latin1') === 'version ') {
    throw new FffError(
      'CHECKPOINT_INVALID',
      `${path} is a Git LFS pointer and not the weights themselves.`,
      'Fetch the real file with `git lfs pull`.',
    );
  }
  const headerBytes = prefix.readBigUInt64LE(0);
  if (headerBytes > BigInt(MAX_HEADER_BYTES)) {
    throw invalid(path, `claims a header of ${headerBytes} bytes, more than the format's limit of ${MAX_HEADER_BYTES}`);
  }
  const dataStart = LENGTH_BYTES + Number(headerBytes);
  if (dataStart > fileBytes) {
    throw invalid(path, `is truncated: its header should take ${headerBytes} bytes, but the file has ${fileBytes}`);
  }
  const raw = new Uint8Array(Number(headerBytes));
  await readExactly(handle, path, LENGTH_BYTES, raw);
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw), dataStart };
  } catch {
    throw invalid(path, 'has a header that is not UTF-8 text');
  }
}

function cannotRead(path: string, cause: unknown): FffError {
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new FffError('CHECKPOINT_NOT_FOUND', `${path} does not exist.`, 'Check the path.', { cause });
  }
  const reason = code === 'EACCES' ? 'permission denied' : cause instanceof Error ? cause.message : String(cause);
  return new FffError('CHECKPOINT_INVALID', `${path} cannot be read: ${reason}.`, 'Check the file.', { cause });
}
