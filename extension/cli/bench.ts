/** `bench`: the FFF kernel against named baselines, by the rules of extension/runner/benchmark. */
import { FffError } from '../errors';
import { readPlan, type Distribution, type Plan, type WeightTemperature } from '../runner/benchmark/plan';
import { PRESETS, presetPlan, type PresetName } from '../runner/benchmark/presets';
import { runPlan } from '../runner/benchmark/run';
import { benchmarkServices } from '../runner/benchmark/services';
import { parseOptions, readJsonFile, readTextFile, usageError, wholeNumber } from './arguments';
import { ProgressLine } from './benchProgress';
import { benchReport } from './benchReport';
import type { CliIo, Command } from './io';

const presetList = PRESETS.map(({ name, purpose }) => `  ${name.padEnd(15)} ${purpose}\n`).join('');

export const benchCommand: Command = {
  summary: 'Measures the FFF kernel against dense layers, verified first, with intervals.',
  usage: `Usage: fff-explorer bench [--plan FILE | --preset NAME] [--engines LIST] [--batch LIST] [--width LIST]
       [--depth LIST] [--threads LIST] [--distribution LIST] [--weights LIST]
       [--model DIR --file FILE] [--json]

  --plan FILE     A plan as JSON (its schema is extension/runner/benchmark/plan.schema.json).
  --preset NAME   One of the plans listed below; default: default.
  --engines LIST  Engines, separated by commas: name[@implementation][:precision][/threads],
                  for instance fff,fff@avx2,fff:exact-low,dense-twin,dense-3072/all.
  --batch LIST    Tokens in a call, for instance 1,16,128,1024,16384.
  --width LIST    Hidden sizes; default 768.
  --depth LIST    Depths of the tree; default 11: 4095 nodes, 12 of them visited.
  --threads LIST  Threads; 0 means all cores. Default 1.
  --distribution LIST  spread, skewed, repeated or hidden-states (needs --file).
  --weights LIST  warm, cold.
  --model DIR     Checkpoint for hidden-states; default: the model that came with the program.
  --file FILE     The text for hidden-states.
  --json          Prints the whole result as JSON, raw samples included.

Options change the plan they are given with. Ctrl-C ends the run and prints what was measured.

Presets:
${presetList}`,

  async run(args, io) {
    const text = { type: 'string' } as const;
    const values = parseOptions(args, {
      plan: text,
      preset: text,
      engines: text,
      batch: text,
      width: text,
      depth: text,
      threads: text,
      distribution: text,
      weights: text,
      model: text,
      file: text,
      json: { type: 'boolean', default: false },
    });
    const plan = await planOf(values, io);
    const controller = new AbortController();
    const interrupt = (): void => controller.abort();
    const progress = new ProgressLine(plan, io);
    process.once('SIGINT', interrupt);
    try {
      const result = await runPlan(plan, benchmarkServices(__dirname), {
        signal: controller.signal,
        onProgress: (step) => progress.show(step),
      });
      progress.end();
      io.out(values.json ? `${JSON.stringify(result)}\n` : benchReport(result, io));
      return controller.signal.aborted || result.rows.length === 0 ? 1 : 0;
    } finally {
      progress.end();
      process.off('SIGINT', interrupt);
    }
  },
};

type Values = Partial<Record<'plan' | 'preset' | 'engines' | 'batch' | 'width' | 'depth' | 'threads', string>> &
  Partial<Record<'distribution' | 'weights' | 'model' | 'file', string>>;

/** The plan of the command line: a file or a preset, changed by the other options. */
async function planOf(values: Values, io: CliIo): Promise<Plan> {
  if (values.plan !== undefined && values.preset !== undefined) {
    throw usageError('Only one of --plan, --preset can be given.');
  }
  const source =
    values.file === undefined
      ? undefined
      : { model: values.model ?? io.defaultModel, text: await readTextFile(values.file) };
  if (source === undefined && values.model !== undefined) {
    throw usageError('--model needs --file: the text whose hidden states are measured.');
  }
  const base =
    values.plan === undefined
      ? presetOf(values.preset, source)
      : readPlan(await readJsonFile(values.plan), values.plan);
  // Heads follow the width unless the plan's width stays.
  const { ladder, ...rest } = base;
  const width = numbers(values.width, 'width', 1, 16384);
  const changed = {
    ...rest,
    ...(values.engines === undefined ? {} : { engines: list(values.engines) }),
    ...(values.batch === undefined ? {} : { batches: numbers(values.batch, 'batch', 1, 65536)! }),
    ...(width === undefined ? {} : { widths: width }),
    ...(values.depth === undefined ? {} : { depths: numbers(values.depth, 'depth', 0, 15)! }),
    ...(values.threads === undefined ? {} : { threads: numbers(values.threads, 'threads', 0, 256)! }),
    ...(values.distribution === undefined ? {} : { distributions: list(values.distribution) as Distribution[] }),
    ...(values.weights === undefined ? {} : { weights: list(values.weights) as WeightTemperature[] }),
    ...(source === undefined ? {} : { source }),
    ladder: width === undefined ? ladder : { tokens: ladder.tokens, layers: ladder.layers },
  };
  // Reading it once more checks what the options brought in.
  return readPlan(changed, 'The command line');
}

function presetOf(name: string | undefined, source: { model: string; text: string } | undefined): Plan {
  const preset = PRESETS.find((known) => known.name === (name ?? 'default'));
  if (preset === undefined) {
    throw usageError(`"${name}" is no preset; there are ${PRESETS.map((known) => known.name).join(', ')}.`);
  }
  if (preset.name === 'selection' && source === undefined) {
    throw usageError('The preset selection needs --file: the text whose hidden states are measured.');
  }
  return presetPlan(preset.name satisfies PresetName, source);
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function numbers(text: string | undefined, option: string, minimum: number, maximum: number): number[] | undefined {
  if (text === undefined) {
    return undefined;
  }
  const parts = list(text);
  if (parts.length === 0) {
    throw new FffError('BAD_INPUT', `--${option} takes numbers separated by commas.`, 'See `fff-explorer help bench`.');
  }
  return parts.map((part) => wholeNumber(part, option, minimum, maximum));
}
