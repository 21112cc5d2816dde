/**
 * Stored floats to float32: F32 as it is, F16 and BF16 widened exactly. Works on bit patterns, so that the check for
 * NaN and infinity costs one mask a value and no conversion can round.
 */
import type { FloatDtype } from '../contracts';

const F32_EXPONENT = 0x7f800000;
const F16_EXPONENT = 0x7c00;
const BF16_EXPONENT = 0x7f80;

/** Bytes of one stored value. */
export const FLOAT_BYTES: Record<FloatDtype, number> = { F32: 4, F16: 2, BF16: 2 };

/** Index of the first value of a float32 array that is NaN or infinite, or -1. */
export function firstNonFinite(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i]! & F32_EXPONENT) === F32_EXPONENT) {
      return i;
    }
  }
  return -1;
}

/**
 * Widens 16-bit floats into `target`.
 * @param source Bit patterns, one value each.
 * @param target float32 of at least the same length.
 * @returns Index of the first value that is NaN or infinite, or -1. All values are converted either way.
 */
export function widen(source: Uint16Array, dtype: 'F16' | 'BF16', target: Float32Array): number {
  const bits = new Uint32Array(target.buffer, target.byteOffset, source.length);
  let bad = -1;
  if (dtype === 'BF16') {
    for (let i = 0; i < source.length; i++) {
      const half = source[i]!;
      bits[i] = half << 16;
      if (bad < 0 && (half & BF16_EXPONENT) === BF16_EXPONENT) {
        bad = i;
      }
    }
    return bad;
  }
  const table = halfTable();
  for (let i = 0; i < source.length; i++) {
    const half = source[i]!;
    bits[i] = table[half]!;
    if (bad < 0 && (half & F16_EXPONENT) === F16_EXPONENT) {
      bad = i;
    }
  }
  return bad;
}

let cachedTable: Uint32Array | null = null;

/** float32 bit pattern of each of the 65,536 half-precision bit patterns. */
function halfTable(): Uint32Array {
  if (!cachedTable) {
    const values = new Float32Array(65536);
    for (let half = 0; half < 65536; half++) {
      values[half] = halfToNumber(half);
    }
    cachedTable = new Uint32Array(values.buffer);
  }
  return cachedTable;
}

/** IEEE 754 binary16 to number: 1 sign, 5 exponent, 10 fraction bits. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) {
    return sign * fraction * 2 ** -24;
  }
  if (exponent === 0x1f) {
    return fraction === 0 ? sign * Infinity : NaN;
  }
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
