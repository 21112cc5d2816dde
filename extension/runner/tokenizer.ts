/**
 * Text to tokens through Hugging Face's own binding, the npm package `tokenizers`.
 *
 * The library counts offsets in Unicode code points; everything in this product counts UTF-16 units, as editors do, so
 * the conversion happens here and nowhere else.
 */
import { stat, readFile } from 'node:fs/promises';
import { Tokenizer as NativeTokenizer, type Encoding } from 'tokenizers';
import { FffError } from '../errors';
import type { TraceToken } from '../protocol';

/** Real tokenizers take up to a few megabytes; anything this large is some other file. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** Names under which tokenizers keep the token that stands for a word to be guessed. */
const MASK_TOKENS = ['<mask>', '[MASK]'];
const REPLACE = 'Replace it by the tokenizer.json that belongs to this model.';

/** Tokens of a text, cut into windows. */
export interface WindowedTokens {
  /** Windows in the order of the text, each with the special tokens of the tokenizer's template. */
  windows: TraceToken[][];
  /** Windows beyond the limit that were not converted. */
  omitted: number;
}

export interface Tokenizer {
  readonly maskToken: string | null;
  readonly maskId: number | null;
  /** Special tokens that the template adds to every window. */
  readonly addedTokens: number;
  /** The whole text as one sequence, special tokens included, however long. */
  encode(text: string): Promise<TraceToken[]>;
  /**
   * The text in windows of at most `windowTokens` tokens that do not overlap: the tokens are those of the whole text,
   * cut after tokenizing, so no cut changes a token or an offset.
   * @throws FffError TOKENIZER_INVALID when the special tokens leave no room for text.
   */
  encodeWindows(text: string, windowTokens: number, maxWindows: number): Promise<WindowedTokens>;
  /** The vocabulary entry of an id, for instance `##ing`; null when there is none. */
  idToToken(id: number): string | null;
}

/**
 * Loads a `tokenizer.json`.
 * @param vocabularySize Rows of the model's embedding, or null when no model is at hand.
 * @throws FffError TOKENIZER_INVALID when the file is not usable or has ids the model does not know.
 */
export async function loadTokenizer(file: string, vocabularySize: number | null): Promise<Tokenizer> {
  const native = parse(await readText(file), file);
  if (vocabularySize !== null) {
    checkIds(native, file, vocabularySize);
  }
  // Cutting is ours to decide: a length limit stored in the file would drop text without a word.
  native.disableTruncation();
  native.disablePadding();
  const empty = await native.encode('', null, { addSpecialTokens: false });
  const addedTokens = native.postProcess(empty, null, true).getLength() - empty.getLength();
  return new HubTokenizer(native, file, addedTokens);
}

class HubTokenizer implements Tokenizer {
  readonly maskToken: string | null;
  readonly maskId: number | null;

  constructor(
    private readonly native: NativeTokenizer,
    private readonly file: string,
    readonly addedTokens: number,
  ) {
    this.maskToken = MASK_TOKENS.find((token) => native.tokenToId(token) !== null) ?? null;
    this.maskId = this.maskToken === null ? null : native.tokenToId(this.maskToken);
  }

  async encode(text: string): Promise<TraceToken[]> {
    const clean = wellFormed(text);
    return toTokens(await this.run(clean, true), utf16Offsets(clean));
  }

  async encodeWindows(text: string, windowTokens: number, maxWindows: number): Promise<WindowedTokens> {
    const room = windowTokens - this.addedTokens;
    if (room < 1) {
      throw new FffError(
        'TOKENIZER_INVALID',
        `${this.file} adds ${this.addedTokens} special tokens, which leaves no room for text in a window of ${windowTokens}.`,
        REPLACE,
      );
    }
    const clean = wellFormed(text);
    const first = await this.run(clean, false);
    // The library's default direction would count windows from the end of the text.
    first.truncate(room, 0, 'right');
    const rest = first.getOverflowing();
    const offsets = utf16Offsets(clean);
    const windows = [first, ...rest.slice(0, maxWindows - 1)];
    return {
      windows: windows.map((window) => toTokens(this.native.postProcess(window, null, true), offsets)),
      omitted: rest.length + 1 - windows.length,
    };
  }

  idToToken(id: number): string | null {
    return this.native.idToToken(id);
  }

  private async run(text: string, addSpecialTokens: boolean): Promise<Encoding> {
    try {
      return await this.native.encode(text, null, { addSpecialTokens });
    } catch (cause) {
      throw new FffError(
        'TOKENIZER_INVALID',
        `${this.file} cannot tokenize this text: ${messageOf(cause)}.`,
        'Check that the tokenizer belongs to this model.',
        { cause },
      );
    }
  }
}

/**
 * Maps code point indices to UTF-16 indices: entry c is where code point c starts, the last entry is the text's length.
 * Null when the two are equal because no character lies beyond the basic plane.
 */
export function utf16Offsets(text: string): Uint32Array | null {
  let pairs = 0;
  for (let i = 0; i < text.length; i++) {
    pairs += startsPair(text, i) ? 1 : 0;
  }
  if (pairs === 0) {
    return null;
  }
  const offsets = new Uint32Array(text.length - pairs + 1);
  let unit = 0;
  for (let point = 0; point < offsets.length; point++) {
    offsets[point] = unit;
    unit += startsPair(text, unit) ? 2 : 1;
  }
  return offsets;
}

/** Lone surrogates have no UTF-8 form; the replacement character takes one UTF-16 unit as they do, so offsets stay. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** The text is well-formed, so a high surrogate is always followed by a low one. */
function startsPair(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800;
}

function toTokens(encoding: Encoding, offsets: Uint32Array | null): TraceToken[] {
  const texts = encoding.getTokens();
  const spans = encoding.getOffsets();
  return encoding.getIds().map((id, index) => {
    const [start = 0, end = 0] = spans[index] ?? [];
    return {
      id,
      text: texts[index] ?? '',
      start: offsets ? (offsets[start] ?? 0) : start,
      end: offsets ? (offsets[end] ?? 0) : end,
    };
  });
}

async function readText(file: string): Promise<string> {
  try {
    const info = await stat(file);
    if (!info.isFile() || info.size > MAX_FILE_BYTES) {
      throw new FffError('TOKENIZER_INVALID', `${file} is not a tokenizer file.`, REPLACE);
    }
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof FffError) {
      throw cause;
    }
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? 'does not exist' : `cannot be read: ${messageOf(cause)}`;
    throw new FffError('TOKENIZER_INVALID', `${file} ${what}.`, REPLACE, { cause });
  }
}

function parse(json: string, file: string): NativeTokenizer {
  try {
    return NativeTokenizer.fromString(json);
  } catch (cause) {
    throw new FffError('TOKENIZER_INVALID', `${file} is not a usable tokenizer: ${messageOf(cause)}.`, REPLACE, {
      cause,
    });
  }
}

function checkIds(native: NativeTokenizer, file: string, vocabularySize: number): void {
  let largest = -1;
  let text = '';
  for (const [token, id] of Object.entries(native.getVocab(true))) {
    if (id > largest) {
      largest = id;
      text = token;
    }
  }
  if (largest >= vocabularySize) {
    throw new FffError(
      'TOKENIZER_INVALID',
      `${file} has the id ${largest} (${JSON.stringify(text)}), but the model's vocabulary ends at ${vocabularySize - 1}.`,
      REPLACE,
    );
  }
}

function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
}
