/** Command lines: node's `parseArgs` with our errors, and the values that several commands share. */
import { readFile, stat } from 'node:fs/promises';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { FffError } from '../errors';

const SEE_HELP = 'See `fff-explorer help`.';
/** Bytes of a text file; more than a run can trace a hundred times over. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

type OptionsConfig = NonNullable<ParseArgsConfig['options']>;

/**
 * Parses the options of a command, which takes no other arguments.
 * @throws FffError BAD_INPUT for unknown options, missing values and stray arguments.
 */
export function parseOptions<Options extends OptionsConfig>(args: string[], options: Options) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const reason = (cause as Error).message.split(/\. |\n/)[0]!.replace(/\.$/, '');
    const ambiguous = /^Option '(?:-\w, )?(--[\w-]+)(?: <value>)?' argument is ambiguous/.exec(reason)?.[1];
    if (ambiguous !== undefined) {
      const message = `The value of ${ambiguous} begins with a dash, so it could be an option.`;
      throw new FffError('BAD_INPUT', message, `Write ${ambiguous}=... with an equals sign.`, { cause });
    }
    throw new FffError('BAD_INPUT', `${reason}.`, SEE_HELP, { cause });
  }
}

/** An error about the command line itself. */
export function usageError(message: string): FffError {
  return new FffError('BAD_INPUT', message, SEE_HELP);
}

/** Exactly one of the named options must be given; returns its name. */
export function exactlyOne<Name extends string>(values: Partial<Record<Name, unknown>>, names: readonly Name[]): Name {
  const given = names.filter((name) => values[name] !== undefined);
  if (given.length !== 1) {
    const list = names.map((name) => `--${name}`).join(', ');
    throw usageError(given.length === 0 ? `One of ${list} is needed.` : `Only one of ${list} can be given.`);
  }
  return given[0]!;
}

/** A whole number in a range. */
export function wholeNumber(text: string, option: string, minimum: number, maximum: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= minimum && value <= maximum)) {
    throw usageError(`--${option} takes a whole number from ${minimum} to ${maximum}, not "${text}".`);
  }
  return value;
}

/** Token ids separated by commas, spaces or both. */
export function parseIds(text: string): number[] {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '');
  const bad = parts.find((part) => !/^\d{1,10}$/.test(part));
  if (bad !== undefined) {
    throw usageError(`"${bad}" in --ids is not a token id.`);
  }
  return parts.map(Number);
}

/**
 * Reads a text file.
 * @throws FffError BAD_INPUT when it is missing, too large or not UTF-8 text.
 */
export async function readTextFile(path: string): Promise<string> {
  return decodeText(await readBytes(path), path);
}

/** Bytes to text. @throws FffError BAD_INPUT when they are not UTF-8 text. */
export function decodeText(bytes: Uint8Array, name: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FffError('BAD_INPUT', `${name} is not UTF-8 text.`, 'Convert it, or choose another file.', { cause });
  }
  if (text.includes('\0')) {
    throw new FffError('BAD_INPUT', `${name} is a binary file, not text.`, 'Choose another file.');
  }
  return text;
}

/** Parses a JSON file. @throws FffError BAD_INPUT naming it. */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = await readTextFile(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FffError('BAD_INPUT', `${path} is not valid JSON.`, 'Check the file.', { cause });
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) {
      throw new FffError('BAD_INPUT', `${path} is a folder, not a file.`, 'Give the path of a file.');
    }
    if (info.size > MAX_FILE_BYTES) {
      throw new FffError(
        'BAD_INPUT',
        `${path} has ${info.size} bytes, more than the limit of ${MAX_FILE_BYTES}.`,
        'Give a smaller file.',
      );
    }
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof FffError) {
      throw cause;
    }
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? 'does not exist' : `cannot be read: ${(cause as Error).message}`;
    throw new FffError('BAD_INPUT', `${path} ${what}.`, 'Check the path.', { cause });
  }
}

/** `--threads`: 0 lets the program choose. */
export function parseThreads(text: string): number {
  return wholeNumber(text, 'threads', 0, 256);
}
