/** Writes safetensors files: the counterpart of `safetensors.ts` for what this program computes. */
import { open, rename, rm } from 'node:fs/promises';
import { FffError } from '../../errors';

export interface TensorToWrite {
  shape: readonly number[];
  /** Stored as F32 or I32. */
  data: Float32Array | Int32Array;
}

/**
 * Writes tensors in the order of their names. The file appears under its name only when it is complete.
 * @throws FffError BAD_INPUT when the file cannot be written there.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Record<string, string>,
): Promise<void> {
  const names = [...tensors.keys()].sort();
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const name of names) {
    const { shape, data } = tensors.get(name)!;
    const dtype = data instanceof Float32Array ? 'F32' : 'I32';
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const partial = `${path}.partial`;
  try {
    const file = await open(partial, 'w');
    try {
      await file.writeFile(encodeHeader(header));
      for (const name of names) {
        const { data } = tensors.get(name)!;
        await file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    throw new FffError('BAD_INPUT', `${path} cannot be written: ${(cause as Error).message}.`, 'Choose another path.', {
      cause,
    });
  }
}

/** Length and JSON, padded with spaces so that the data starts at a multiple of 8 bytes. */
function encodeHeader(header: Record<string, unknown>): Buffer {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  padded.writeBigUInt64LE(BigInt(padded.length - 8), 0);
  json.copy(padded, 8);
  return padded;
}
