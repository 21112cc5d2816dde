/**
 * Gives every typed array of a received message a buffer of its own.
 *
 * Node's advanced serialization delivers them as views at a non-zero `byteOffset` into one buffer for the whole
 * message. Posting such a view to a webview would carry that whole buffer, once for each array.
 */

/** Copies in place: arrays and plain objects keep their identity, since a message just received belongs to nobody else. */
export function ownBytes<T>(value: T): T {
  if (ArrayBuffer.isView(value)) {
    return copyOf(value) as T;
  }
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    for (let i = 0; i < items.length; i++) {
      items[i] = ownBytes(items[i]);
    }
  } else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    const record = value as Record<string, unknown>;
    for (const key of Object.keys(record)) {
      record[key] = ownBytes(record[key]);
    }
  }
  return value;
}

function copyOf(view: ArrayBufferView): ArrayBufferView {
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  if (view instanceof DataView) {
    return new DataView(bytes);
  }
  // A Buffer's constructor is not callable with `new`; what travels as one arrives as the bytes it is.
  const constructor = Buffer.isBuffer(view) ? Uint8Array : view.constructor;
  return new (constructor as new (buffer: ArrayBufferLike) => ArrayBufferView)(bytes);
}
