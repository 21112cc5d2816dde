/**
 * From what the user asked to inspect to windows the model can compute: text is tokenized and cut, ids are taken as one
 * window as they are. One run traces at most `MAX_WINDOWS` windows; the rest is counted, never silently lost.
 */
import { FffError } from '../errors';
import { countLeftOut } from '../leftOut';
import type { TraceInput, TraceToken } from '../protocol';
import type { Tokenizer } from './tokenizer';

export const MAX_WINDOWS = 64;
/** UTF-16 units; a text this long has far more windows than one run traces. */
export const MAX_TEXT_LENGTH = 16 * 1024 * 1024;

export interface ModelLimits {
  /** Tokens in one window, special tokens included. */
  windowTokens: number;
  vocabularySize: number;
}

export interface TokenWindows {
  windows: TraceToken[][];
  omittedWindows: number;
  /** Characters up to the end of the last window, white space aside, that no token covers. */
  leftOutCharacters: number;
}

/**
 * Cuts an input into windows.
 * @param tokenizer Called only for text.
 * @throws FffError BAD_INPUT for empty or over-long input and for ids the model does not have.
 */
export async function cutIntoWindows(
  input: TraceInput,
  limits: ModelLimits,
  tokenizer: () => Tokenizer,
  idToToken: (id: number) => string | null,
): Promise<TokenWindows> {
  if ('ids' in input) {
    checkIds(input.ids, limits);
    const tokens = input.ids.map((id) => ({ id, text: idToToken(id) ?? `#${id}`, start: 0, end: 0 }));
    return { windows: [tokens], omittedWindows: 0, leftOutCharacters: 0 };
  }
  const { text } = input;
  if (text === '') {
    throw new FffError('BAD_INPUT', 'The text is empty.', 'Choose some text.');
  }
  if (text.length > MAX_TEXT_LENGTH) {
    throw new FffError(
      'BAD_INPUT',
      `The text has ${text.length} characters, more than the limit of ${MAX_TEXT_LENGTH}.`,
      'Choose a shorter piece of it.',
    );
  }
  const chosen = tokenizer();
  const { windows, omitted } = await chosen.encodeWindows(text, limits.windowTokens, MAX_WINDOWS);
  if (windows.length === 1 && windows[0]!.length <= chosen.addedTokens) {
    throw new FffError(
      'BAD_INPUT',
      "The text has no tokens: it consists of white space or of characters that the model's tokenizer drops.",
      'Choose other text.',
    );
  }
  const tokens = windows.flat();
  const end = omitted > 0 ? tokens.reduce((last, token) => Math.max(last, token.end), 0) : text.length;
  return { windows, omittedWindows: omitted, leftOutCharacters: countLeftOut(text, tokens, end) };
}

function checkIds(ids: readonly number[], { windowTokens, vocabularySize }: ModelLimits): void {
  if (ids.length === 0) {
    throw new FffError('BAD_INPUT', 'There are no token ids.', 'Give at least one id.');
  }
  if (ids.length > windowTokens) {
    throw new FffError(
      'BAD_INPUT',
      `There are ${ids.length} token ids, but the model's window holds ${windowTokens}.`,
      `Give at most ${windowTokens} ids.`,
    );
  }
  const bad = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (bad !== undefined) {
    throw new FffError(
      'BAD_INPUT',
      `The token id ${bad} is not in the model's vocabulary of ${vocabularySize} entries.`,
      `Give whole numbers from 0 to ${vocabularySize - 1}.`,
    );
  }
}
