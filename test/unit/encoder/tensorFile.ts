/** A tiny safetensors reader and writer for tests: F32 and I32 only, no checks. The product has its own reader. */
import { readFileSync } from 'node:fs';

export interface TestTensor {
  shape: number[];
  data: Float32Array | Int32Array;
}

export function readTensors(file: string): Map<string, TestTensor> {
  const bytes = readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, TestTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      continue;
    }
    const [from, to] = entry.data_offsets;
    // Copied out: the payload need not be aligned.
    const payload = Uint8Array.from(bytes.subarray(8 + headerLength + from, 8 + headerLength + to)).buffer;
    const data = entry.dtype === 'I32' ? new Int32Array(payload) : new Float32Array(payload);
    tensors.set(name, { shape: entry.shape, data });
  }
  return tensors;
}

export function tensorFile(tensors: ReadonlyMap<string, TestTensor>): Uint8Array {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const dtype = data instanceof Int32Array ? 'I32' : 'F32';
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const payloads = Array.from(
    tensors.values(),
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return Buffer.concat([length, text, ...payloads]);
}
