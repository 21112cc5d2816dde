/** float32 to the 16-bit formats and back, round to nearest, ties to even: what storing weights in them does. */

export type HalfFormat = 'fp16' | 'bf16';

interface Format {
  /** Largest finite value. */
  largest: number;
  /** By the biased exponent of a float32: a number so large that adding it leaves the places of the format only. */
  magic: Float64Array;
}

/** @param fractionBits Significant bits less one. @param smallestExponent That of the smallest normal number. */
function format(fractionBits: number, smallestExponent: number, largest: number): Format {
  const magic = Float64Array.from({ length: 255 }, (_, biased) => {
    return 1.5 * 2 ** (52 + Math.max(biased - 127, smallestExponent) - fractionBits);
  });
  return { largest, magic };
}

const FORMATS: Readonly<Record<HalfFormat, Format>> = {
  fp16: format(10, -14, 65504),
  bf16: format(7, -126, (2 - 2 ** -7) * 2 ** 127),
};

const value = new Float32Array(1);
const bits = new Uint32Array(value.buffer);

/** The nearest number of a format. */
export function roundTo(x: number, name: HalfFormat): number {
  const { magic, largest } = FORMATS[name];
  value[0] = x;
  const single = value[0];
  if (!Number.isFinite(single)) {
    return single;
  }
  const big = magic[(bits[0]! >>> 23) & 0xff]!;
  // The sum is rounded to nearest even by float64 itself; a result of zero keeps its sign.
  const rounded = single + big - big || single * 0;
  return Math.abs(rounded) > largest ? Math.sign(rounded) * Infinity : rounded;
}

/** Rounds `length` values from `from` on into a new array. */
export function roundedRow(values: Float32Array, from: number, length: number, name: HalfFormat): Float32Array {
  const row = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    row[i] = roundTo(values[from + i]!, name);
  }
  return row;
}
