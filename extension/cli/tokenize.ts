/** `tokenize`: a text's tokens, as the model would get them. Needs no kernel and no weights. */
import { join } from 'node:path';
import { access } from 'node:fs/promises';
import { FffError } from '../errors';
import { countLeftOut, leftOutSentence } from '../leftOut';
import type { TraceToken } from '../protocol';
import { openCheckpoint } from '../runner/checkpoint/checkpoint';
import { loadTokenizer, type Tokenizer } from '../runner/tokenizer';
import { decodeText, parseOptions, usageError } from './arguments';
import { styleFor, table, visible } from './format';
import type { CliIo, Command } from './io';

export const tokenizeCommand: Command = {
  summary: 'Shows how the tokenizer of a model cuts a text.',
  usage: `Usage: fff-explorer tokenize [--model DIR] (--text S | --json)

  --model DIR  Folder with tokenizer.json.
  --text S     The text.
  --json       Prints JSON. Without --text it reads a JSON array of strings from
               standard input and prints one array of {id, text, start, end} for
               each; offsets count UTF-16 units, special tokens are included.
`,

  async run(args, io) {
    const values = parseOptions(args, {
      model: { type: 'string' },
      text: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    if (values.text === undefined && !values.json) {
      throw usageError('There is no text: give it with --text, or with --json as a JSON array on standard input.');
    }
    const texts = values.text === undefined ? await readTexts(io) : [values.text];
    const tokenizer = await openTokenizer(values.model ?? io.defaultModel);
    if (!values.json) {
      io.out(tokenTable(texts[0]!, await tokenizer.encode(texts[0]!), io));
      return 0;
    }
    const tokens: TraceToken[][] = [];
    let leftOut = 0;
    for (const text of texts) {
      const own = await tokenizer.encode(text);
      tokens.push(own);
      leftOut += countLeftOut(text, own);
    }
    io.out(`${JSON.stringify(tokens)}\n`);
    const said = leftOutSentence(leftOut);
    if (said !== null) {
      io.err(`fff-explorer: ${said}\n`);
    }
    return 0;
  },
};

/** The tokenizer of a folder; where the folder holds a whole checkpoint, its ids must be in the model's vocabulary. */
async function openTokenizer(model: string): Promise<Tokenizer> {
  const file = join(model, 'tokenizer.json');
  if (!(await exists(file))) {
    throw new FffError('TOKENIZER_INVALID', `${file} does not exist.`, 'Choose a folder with a tokenizer.json.');
  }
  if (!(await exists(join(model, 'model.safetensors')))) {
    return loadTokenizer(file, null);
  }
  const checkpoint = await openCheckpoint(model);
  await checkpoint.close();
  return loadTokenizer(file, checkpoint.architecture.vocabularySize);
}

async function readTexts(io: CliIo): Promise<string[]> {
  const text = decodeText(await io.stdin(), 'Standard input');
  if (text.trim() === '') {
    throw new FffError('BAD_INPUT', 'Standard input is empty.', 'Give a JSON array of strings, or a text with --text.');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FffError('BAD_INPUT', 'Standard input is not valid JSON.', 'Give a JSON array of strings.', { cause });
  }
  if (!Array.isArray(json) || !json.every((entry) => typeof entry === 'string')) {
    throw new FffError('BAD_INPUT', 'Standard input is not a JSON array of strings.', 'Give for instance ["hello"].');
  }
  return json;
}

function tokenTable(text: string, tokens: readonly TraceToken[], io: CliIo): string {
  const rows = tokens.map((token, index) => [
    String(index),
    String(token.id),
    visible(token.text),
    token.end > token.start ? `${token.start}..${token.end}` : '',
    visible(text.slice(token.start, token.end)),
  ]);
  const leftOut = leftOutSentence(countLeftOut(text, tokens));
  const shown = table(
    [
      { title: '#', align: 'right' },
      { title: 'id', align: 'right' },
      { title: 'token', align: 'left' },
      { title: 'characters', align: 'left' },
      { title: 'text', align: 'left' },
    ],
    rows,
    styleFor(io.color),
  );
  return leftOut === null ? shown : `${shown}${leftOut}\n`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
