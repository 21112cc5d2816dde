/**
 * One object of a configuration file with typed access by key. It remembers which keys were read, so that the ones
 * nobody asked for can be refused instead of silently having no effect.
 */
import { FffError } from '../../errors';

export class ConfigObject {
  private readonly read = new Set<string>();

  private constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly file: string,
    /** Dotted path of this object within the file, ending in a dot; empty for the root. */
    private readonly prefix: string,
  ) {}

  /** @throws FffError CHECKPOINT_INVALID when the value is no object. */
  static from(value: unknown, file: string, prefix: string): ConfigObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const what = prefix === '' ? 'does not hold a JSON object' : `has no object at \`${prefix.slice(0, -1)}\``;
      throw new FffError('CHECKPOINT_INVALID', `${file} ${what}.`, 'Restore the original file.');
    }
    return new ConfigObject(value as Record<string, unknown>, file, prefix);
  }

  /** The raw value of a key, undefined when absent; counts as read. */
  take(key: string): unknown {
    this.read.add(key);
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined;
  }

  /** Absent or null. */
  isAbsent(key: string): boolean {
    return (this.take(key) ?? null) === null;
  }

  object(key: string): ConfigObject {
    return ConfigObject.from(this.take(key), this.file, `${this.prefix}${key}.`);
  }

  /** A whole number between `minimum` and `maximum`. */
  size(key: string, maximum: number, minimum = 1): number {
    const value = this.required(key);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
      throw this.invalid(key, `${JSON.stringify(value)}, not a whole number from ${minimum} to ${maximum}`);
    }
    return value;
  }

  positiveNumber(key: string): number {
    const value = this.required(key);
    if (typeof value !== 'number' || !(value > 0 && value < Infinity)) {
      throw this.invalid(key, `${JSON.stringify(value)}, not a positive number`);
    }
    return value;
  }

  flag(key: string): boolean {
    const value = this.required(key);
    if (typeof value !== 'boolean') {
      throw this.invalid(key, `${JSON.stringify(value)}, not true or false`);
    }
    return value;
  }

  text(key: string): string {
    const value = this.required(key);
    if (typeof value !== 'string') {
      throw this.invalid(key, `${JSON.stringify(value)}, not a string`);
    }
    return value;
  }

  /** Refuses every value but the given ones; an absent key is refused as well. */
  requireOneOf(key: string, supported: readonly string[]): void {
    const value = this.required(key);
    if (!supported.some((name) => name === value)) {
      throw this.unsupported(key, `${JSON.stringify(value)}, and only ${supported.join(', ')} is supported`);
    }
  }

  /** Refuses a switch that is on. */
  requireOff(key: string): void {
    const value = this.take(key);
    if (!isOff(value)) {
      throw this.unsupported(key, `${JSON.stringify(value)}, which is not supported`);
    }
  }

  /** Refuses keys that were never read, unless they are off, private (`_name`) or listed as harmless. */
  refuseUnread(harmless: readonly string[]): void {
    for (const [key, value] of Object.entries(this.values)) {
      if (!this.read.has(key) && !harmless.includes(key) && !key.startsWith('_') && !isOff(value)) {
        throw this.unsupported(key, `${JSON.stringify(value)}, and this switch is unknown`);
      }
    }
  }

  invalid(key: string, what: string): FffError {
    const message = `${this.file}: \`${this.prefix}${key}\` is ${what}.`;
    return new FffError('CHECKPOINT_INVALID', message, 'Restore the original file.');
  }

  unsupported(key: string, what: string): FffError {
    const message = `${this.file}: \`${this.prefix}${key}\` is ${what}.`;
    return new FffError('CHECKPOINT_UNSUPPORTED', message, 'Choose a checkpoint without it.');
  }

  private required(key: string): unknown {
    const value = this.take(key);
    if (value === undefined || value === null) {
      throw this.invalid(key, value === null ? 'null' : 'missing');
    }
    return value;
  }
}

function isOff(value: unknown): boolean {
  return value === undefined || value === null || value === false || value === 0 || value === '' || value === 'none';
}
