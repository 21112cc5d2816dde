/** `usage`: how texts use the trees of a model. */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { FffError } from '../errors';
import type { UsageDocument, UsageMap } from '../protocol';
import { Tracer } from '../runner/tracer';
import { parseThreads, readTextFile, usageError, wholeNumber } from './arguments';
import { plural } from './format';
import type { CliIo, Command } from './io';
import { renderUsage, usageToJson } from './usageReport';

export const usageCommand: Command = {
  summary: 'Maps how texts use the trees: entropy, leaves, dead sub-trees, top tokens.',
  usage: `Usage: fff-explorer usage [--model DIR] [options] FILE...

  FILE         UTF-8 text files.
  --model DIR  Checkpoint folder.
  --level N    Shows the top tokens of the nodes of this level, 3 if not given.
  --top N      Tokens shown for each node, 5 if not given.
  --json       Prints JSON: all nodes of all levels.
  --threads N  Threads of onnxruntime.
`,

  async run(args, io) {
    const { values, files } = parse(args);
    const top = wholeNumber(values.top, 'top', 0, 100);
    const documents: UsageDocument[] = [];
    for (const name of new Set(files)) {
      const text = await readTextFile(name);
      documents.push({ name, text, hash: createHash('sha256').update(text).digest('hex') });
    }
    const tracer = await Tracer.open(values.model ?? io.defaultModel, { threads: parseThreads(values.threads) });
    try {
      const { feedforward } = tracer.info;
      const depth = feedforward.kind === 'fff' ? feedforward.depth : 0;
      const level =
        values.level === undefined ? Math.min(3, depth) : wholeNumber(values.level, 'level', 0, Math.max(0, depth));
      const usage = await tracer.insight.mapUsage(
        { runId: 1, model: tracer.info.directory, documents, topTokens: top, contextsPerToken: values.json ? 1 : 0 },
        {
          signal: new AbortController().signal,
          onProgress: () => undefined,
          giveWay: () => Promise.resolve(),
        },
      );
      warnOfOmissions(usage, io);
      io.out(values.json ? usageToJson(usage) : renderUsage(usage, level, io.color));
      return 0;
    } finally {
      await tracer.dispose();
    }
  },
};

function parse(args: string[]) {
  const options = {
    model: { type: 'string' },
    level: { type: 'string' },
    top: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    threads: { type: 'string', default: '0' },
  } as const;
  let parsed;
  try {
    parsed = parseArgs({ args, options, strict: true, allowPositionals: true });
  } catch (cause) {
    const reason = (cause as Error).message.split(/\. |\n/)[0]!.replace(/\.$/, '');
    throw new FffError('BAD_INPUT', `${reason}.`, 'See `fff-explorer help usage`.', { cause });
  }
  if (parsed.positionals.length === 0) {
    throw usageError('A file is missing.');
  }
  return { values: parsed.values, files: parsed.positionals };
}

function warnOfOmissions(usage: UsageMap, io: CliIo): void {
  const omitted = usage.documents.filter((document) => document.omitted);
  if (omitted.length > 0) {
    io.err(
      `fff-explorer: memory was full, ${plural(omitted.length, 'file')} left out, the first ${omitted[0]!.name}.\n`,
    );
  }
}
