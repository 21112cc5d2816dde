/** `info`: what a checkpoint folder holds, read from its configuration and the header of its weights. */
import { FffError } from '../errors';
import { openCheckpoint } from '../runner/checkpoint/checkpoint';
import { DECODER, requiredTensors, WORD_EMBEDDING, type PlannedTensor } from '../runner/checkpoint/tensorPlan';
import type { Checkpoint } from '../runner/contracts';
import { describeModel } from '../runner/modelInfo';
import { loadTokenizer } from '../runner/tokenizer';
import type { ModelInfo } from '../protocol';
import { parseOptions } from './arguments';
import { describeFeedforward } from './describe';
import { bytes, count, plural, styleFor, table } from './format';
import type { Command } from './io';

export const infoCommand: Command = {
  summary: 'Describes a checkpoint: shapes, parameters, bytes, layers, trees, window.',
  usage: `Usage: fff-explorer info [--model DIR] [--json]

  --model DIR  Checkpoint folder.
  --json       Prints JSON.
`,

  async run(args, io) {
    const values = parseOptions(args, { model: { type: 'string' }, json: { type: 'boolean', default: false } });
    const checkpoint = await openCheckpoint(values.model ?? io.defaultModel);
    try {
      const { info, tokenizerNote } = await describe(checkpoint);
      const tensors = storedTensors(checkpoint);
      if (values.json) {
        io.out(`${JSON.stringify({ ...info, tokenizer: tokenizerNote, tensors }, null, 2)}\n`);
        return 0;
      }
      const style = styleFor(io.color);
      const facts: [string, string][] = [
        ['folder', info.directory],
        ['feedforward', describeFeedforward(info)],
        ['layers', String(info.layers)],
        ['trees', info.feedforward.kind === 'fff' ? `${info.feedforward.trees} a layer` : 'none (dense)'],
        ['hidden size', String(info.hiddenSize)],
        ['heads', `${info.heads}, each ${info.hiddenSize / info.heads} wide`],
        ['vocabulary', count(info.vocabularySize)],
        ['window', `${plural(info.windowTokens, 'token')}, ${info.positions} positions`],
        ['parameters', count(info.parameters)],
        ['weights', `${count(info.weightsBytes)} bytes (${bytes(info.weightsBytes)}), mostly ${info.storedDtype}`],
        ['sha256', info.weightsHash],
        ['tokenizer', tokenizerNote],
      ];
      const width = Math.max(...facts.map(([name]) => name.length));
      io.out(`${style.bold(info.name)}\n`);
      io.out(facts.map(([name, value]) => `  ${style.dim(name.padEnd(width))}  ${value}\n`).join(''));
      io.out('\n');
      io.out(
        table(
          [
            { title: 'tensor', align: 'left' },
            { title: 'shape', align: 'left' },
          ],
          tensors.map(({ name, shape }) => [name, `[${shape.join(', ')}]`]),
          style,
        ),
      );
      return 0;
    } finally {
      await checkpoint.close();
    }
  },
};

async function describe(checkpoint: Checkpoint): Promise<{ info: ModelInfo; tokenizerNote: string }> {
  const hash = await checkpoint.weightsHash();
  if (checkpoint.tokenizerFile === null) {
    return { info: describeModel(checkpoint, null, hash), tokenizerNote: 'none: runs on token ids only' };
  }
  try {
    const tokenizer = await loadTokenizer(checkpoint.tokenizerFile, checkpoint.architecture.vocabularySize);
    const mask = tokenizer.maskToken === null ? 'no mask token' : `mask token ${tokenizer.maskToken}`;
    return { info: describeModel(checkpoint, tokenizer, hash), tokenizerNote: `tokenizer.json, ${mask}` };
  } catch (error) {
    if (error instanceof FffError) {
      return { info: describeModel(checkpoint, null, hash), tokenizerNote: `unusable: ${error.message}` };
    }
    throw error;
  }
}

/** The tensors inference reads; those that every layer has are listed once, as `layers.0-3`. */
function storedTensors(checkpoint: Checkpoint): PlannedTensor[] {
  const { architecture } = checkpoint;
  const tied = [WORD_EMBEDDING, DECODER].filter((name) => checkpoint.has(name));
  const all = [...tied.map((name) => ({ name, shape: checkpoint.shapeOf(name) })), ...requiredTensors(architecture)];
  const layers = architecture.layers === 1 ? '0' : `0-${architecture.layers - 1}`;
  return all
    .filter(({ name }) => !/\.layers\.[1-9]/.test(name))
    .map(({ name, shape }) => ({ name: name.replace('.layers.0.', `.layers.${layers}.`), shape }));
}
