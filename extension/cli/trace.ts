/** `trace`: the paths of a text, of ids, or of all cases of a fixture. */
import { FffError, toWireError } from '../errors';
import type { Measured } from '../gains';
import type { PassTiming, Trace, TraceInput } from '../protocol';
import { writeSafetensors } from '../runner/checkpoint/safetensorsWriter';
import { Tracer } from '../runner/tracer';
import { exactlyOne, parseIds, parseOptions, parseThreads, readTextFile, usageError, wholeNumber } from './arguments';
import { readCases } from './cases';
import { caseTensors, type NamedTensor } from './caseTensors';
import { plural, styleFor } from './format';
import type { CliIo, Command } from './io';
import { traceToJson } from './traceJson';
import { renderTrace } from './traceReport';

/** Enough samples for a median; a whole trace of the default model stays within a second. */
const BUDGET_MS_PER_LAYER = 150;

export const traceCommand: Command = {
  summary: 'Runs a model and shows the path of every token through its trees.',
  usage: `Usage: fff-explorer trace [--model DIR] (--text S | --file F | --ids 1,2,3) [--json]
       fff-explorer trace [--model DIR] --cases cases.json --dump out.safetensors

  --model DIR   Checkpoint folder.
  --text S      Text; write the mask token (<mask>) where words are to be guessed.
  --file F      A UTF-8 text file.
  --ids LIST    Token ids separated by commas, at most one window of them.
  --json        Prints JSON.
  --layer LIST  Layers to show, counted from 0, or "all"; the JSON holds all anyway.
  --top N       Guesses at each mask, 5 if not given.
  --no-timings  Does not measure FFF against dense FF.
  --threads N   Threads of onnxruntime.
  --cases FILE  Runs the cases of a fixture instead, and
  --dump FILE   writes every tensor of theirs to a safetensors file.
`,

  async run(args, io) {
    const values = parseOptions(args, {
      model: { type: 'string' },
      text: { type: 'string' },
      file: { type: 'string' },
      ids: { type: 'string' },
      json: { type: 'boolean', default: false },
      layer: { type: 'string' },
      top: { type: 'string', default: '5' },
      'no-timings': { type: 'boolean', default: false },
      threads: { type: 'string', default: '0' },
      cases: { type: 'string' },
      dump: { type: 'string' },
    });
    const source = exactlyOne(values, ['text', 'file', 'ids', 'cases']);
    if ((source === 'cases') !== (values.dump !== undefined)) {
      throw usageError('--cases and --dump need each other.');
    }
    const top = wholeNumber(values.top, 'top', 0, 1000);
    const threads = parseThreads(values.threads);
    const input = source === 'cases' ? null : await readInput(source, values[source]!);
    const tracer = await Tracer.open(values.model ?? io.defaultModel, { threads });
    try {
      if (input === null) {
        await dump(tracer, values.cases!, values.dump!, io);
        return 0;
      }
      const shown = chooseLayers(values.layer, tracer.info.layers);
      const trace = await tracer.trace({ runId: 1, model: tracer.info.directory, input, topPredictions: top });
      const measured = values['no-timings']
        ? { trace, timings: [], passTiming: null }
        : await measure(tracer, trace, io);
      if (trace.omittedWindows > 0) {
        io.err(`fff-explorer: ${plural(trace.omittedWindows, 'window')} beyond the limit of one run were left out.\n`);
      }
      for (const piece of values.json ? traceToJson(measured) : renderTrace(measured, shown, styleFor(io.color))) {
        io.out(piece);
      }
      return 0;
    } finally {
      await tracer.dispose();
    }
  },
};

/** The trace stands by itself: when its layers cannot be measured, that is said and the trace printed all the same. */
async function measure(tracer: Tracer, trace: Trace, io: CliIo): Promise<Measured> {
  let passTiming: PassTiming | null = null;
  try {
    const timings = await tracer.measure(
      { runId: trace.runId, budgetMsPerLayer: BUDGET_MS_PER_LAYER },
      { onPassTiming: (timing) => (passTiming = timing) },
    );
    return { trace, timings, passTiming };
  } catch (thrown) {
    io.err(`fff-explorer: The layers could not be measured. ${toWireError(thrown).message}\n`);
    return { trace, timings: [], passTiming: null };
  }
}

async function readInput(source: 'text' | 'file' | 'ids', value: string): Promise<TraceInput> {
  switch (source) {
    case 'text':
      return { text: value };
    case 'ids':
      return { ids: parseIds(value) };
    case 'file': {
      const text = await readTextFile(value);
      if (text === '') {
        throw new FffError('BAD_INPUT', `${value} is empty.`, 'Choose a file with text.');
      }
      return { text };
    }
  }
}

/** Indices of `--layer`, or null for the default choice. */
function chooseLayers(list: string | undefined, layers: number): number[] | null {
  if (list === undefined) {
    return null;
  }
  if (list === 'all') {
    return Array.from({ length: layers }, (_, layer) => layer);
  }
  return list.split(',').map((part) => wholeNumber(part.trim(), 'layer', 0, layers - 1));
}

async function dump(tracer: Tracer, casesPath: string, target: string, io: CliIo): Promise<void> {
  const cases = await readCases(casesPath, tracer.architecture);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, batch] of cases) {
    const output = await tracer.forward(batch, { recordAll: true });
    for (const [tensor, value] of caseTensors(batch, output, tracer.architecture)) {
      tensors.set(`${name}.${tensor}`, value);
    }
  }
  await writeSafetensors(target, tensors, { producer: `fff-explorer, kernel ${tracer.implementation}` });
  io.out(`${plural(tensors.size, 'tensor')} of ${plural(cases.size, 'case')} written to ${target}.\n`);
}
