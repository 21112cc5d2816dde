/** Seeded random numbers for weights, tokens and orders: the same plan measures the same work everywhere. */

/** sfc32 (Chris Doty-Humphrey): 128 bits of state, passes PractRand, a handful of 32-bit operations a number. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** @param stream Independent sequences of one seed: weights must not change because tokens do. */
  constructor(seed: number, stream = 0) {
    this.a = seed >>> 0;
    this.b = stream >>> 0;
    this.c = 0x9e3779b9;
    for (let i = 0; i < 16; i++) {
      this.bits();
    }
  }

  /** 32 random bits as a signed integer. */
  bits(): number {
    const result = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + result) | 0;
    return result;
  }

  /** In [0, 1). */
  uniform(): number {
    return (this.bits() >>> 0) * 2 ** -32;
  }

  /** Mean 0, variance 1: the sum of four 16-bit uniforms. Tails end at 3.46, which a layer norm hardly notices. */
  normal(): number {
    const p = this.bits();
    const q = this.bits();
    const sum = (p & 0xffff) + (p >>> 16) + (q & 0xffff) + (q >>> 16);
    return (sum / 65535 - 2) * Math.sqrt(3);
  }

  /** In 0 .. limit - 1. */
  below(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  /** Shuffles in place (Fisher-Yates). */
  shuffle<T>(values: T[]): T[] {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [values[i], values[j]] = [values[j]!, values[i]!];
    }
    return values;
  }
}
