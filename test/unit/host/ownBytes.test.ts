import { deserialize, serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { ownBytes } from '../../../extension/runner/ownBytes';

/** Everything a message could carry, as Node's advanced serialization delivers it. */
function received<T>(value: T): T {
  return deserialize(serialize(value)) as T;
}

describe('ownBytes', () => {
  it('is needed: what arrives shares a buffer', () => {
    const message = received({ a: Float32Array.of(1, 2), b: Uint16Array.of(3) });
    expect(message.a.buffer).toBe(message.b.buffer);
  });

  it('keeps type and values and gives each array its own, exact buffer', () => {
    const message = ownBytes(
      received({
        nested: [{ floats: Float32Array.of(1.5, NaN, -0), shorts: Uint16Array.of(1, 65535) }, null],
        ints: Int32Array.of(-7),
        doubles: Float64Array.of(Math.PI),
        text: 'kept',
      }),
    );
    const first = message.nested[0];
    expect(first?.floats).toEqual(Float32Array.of(1.5, NaN, -0));
    expect(first?.shorts).toEqual(Uint16Array.of(1, 65535));
    expect(message).toMatchObject({ ints: Int32Array.of(-7), doubles: Float64Array.of(Math.PI), text: 'kept' });
    const views: ArrayBufferView[] = [first!.floats, first!.shorts, message.ints, message.doubles];
    for (const view of views) {
      expect([view.byteOffset, view.buffer.byteLength]).toEqual([0, view.byteLength]);
    }
    expect(new Set(views.map(({ buffer }) => buffer)).size).toBe(views.length);
  });

  it('handles a view of odd alignment, a bare array, a Buffer and a DataView', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
    const odd = bytes.subarray(3, 8);
    expect(ownBytes(odd)).toEqual(Uint8Array.of(3, 4, 5, 6, 7));
    expect(ownBytes(odd).buffer.byteLength).toBe(5);
    expect([...(ownBytes(Buffer.from('abc')) as Uint8Array)]).toEqual([97, 98, 99]);
    expect(ownBytes(new DataView(bytes.buffer, 4, 2)).getUint8(1)).toBe(5);
    expect(ownBytes(new Float32Array(0)).length).toBe(0);
  });

  it('leaves everything else alone', () => {
    for (const value of [null, undefined, 1, 'text', true, [1, 'a'], { a: { b: null } }]) {
      expect(ownBytes(structuredClone(value))).toEqual(value);
    }
  });
});
