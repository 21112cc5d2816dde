/** `verify`: runs the cases of a fixture and compares every expected tensor. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isFloatDtype, SafetensorsFile } from '../runner/checkpoint/safetensors';
import { Tracer } from '../runner/tracer';
import { parseOptions, parseThreads, usageError } from './arguments';
import { readCases } from './cases';
import { caseTensors, type NamedTensor } from './caseTensors';
import { compareTensor, failedComparison, type Comparison } from './compare';
import { styleFor } from './format';
import type { CliIo, Command } from './io';
import { VerifyReport } from './verifyReport';

const TOLERANCE = 1e-4;
/** Kinds whose values are small and accumulate little: the reference implementations agree on them more closely. */
const NARROW_KINDS = ['embedding', 'attn_probs'];
const NARROW_TOLERANCE = 2e-5;

export const verifyCommand: Command = {
  summary: 'Compares a model with reference outputs, tensor by tensor.',
  usage: `Usage: fff-explorer verify [--model DIR] [--cases cases.json --expected expected.safetensors]

  --model DIR         Checkpoint folder; the model that ships where none is given.
  --cases FILE        Ids and masks of the cases; reference/ in the model's folder where
                      neither this nor --expected is given.
  --expected FILE     Expected tensors (F32, F16, BF16, I32), named <case>.<tensor>. Every
                      one is compared; a case of which none is expected fails.
  --tolerance NUMBER  Largest absolute difference, ${TOLERANCE} if not given; for embedding
                      and attn_probs never more than ${NARROW_TOLERANCE}. For a token with a
                      value above 64 it is as many times more as that value is above 64
                      (attn_out: also a value of the layer's hidden). Node paths must be
                      equal, and NaN never passes.
  --threads N         Threads of onnxruntime.

Exit code 0 when everything agrees, 1 when something differs.
`,

  async run(args, io) {
    const values = parseOptions(args, {
      model: { type: 'string' },
      cases: { type: 'string' },
      expected: { type: 'string' },
      tolerance: { type: 'string', default: String(TOLERANCE) },
      threads: { type: 'string', default: '0' },
    });
    const folder = values.model ?? io.defaultModel;
    if ((values.cases === undefined) !== (values.expected === undefined)) {
      throw usageError('--cases and --expected belong together: give both, or neither for the reference of the model.');
    }
    const reference = join(folder, 'reference');
    if (values.cases === undefined && !existsSync(reference)) {
      throw usageError(`${folder} has no reference folder. Give reference outputs with --cases and --expected.`);
    }
    const casesPath = values.cases ?? join(reference, 'cases.json');
    const tolerance = Number(values.tolerance);
    if (values.tolerance.trim() === '' || !(tolerance >= 0 && tolerance < Infinity)) {
      throw usageError(`--tolerance takes a number from 0 on, not "${values.tolerance}".`);
    }
    const expected = await SafetensorsFile.open(values.expected ?? join(reference, 'expected.safetensors'));
    try {
      const tracer = await Tracer.open(folder, { threads: parseThreads(values.threads) });
      try {
        return await verify(tracer, casesPath, expected, tolerance, io);
      } finally {
        await tracer.dispose();
      }
    } finally {
      await expected.close();
    }
  },
};

async function verify(
  tracer: Tracer,
  casesPath: string,
  expected: SafetensorsFile,
  tolerance: number,
  io: CliIo,
): Promise<number> {
  const cases = await readCases(casesPath, tracer.architecture);
  const toleranceOf = (kind: string): number =>
    NARROW_KINDS.includes(kind) ? Math.min(NARROW_TOLERANCE, tolerance) : tolerance;
  const report = new VerifyReport(toleranceOf);
  const wanted = groupByCase([...expected.tensors.keys()], [...cases.keys()]);
  for (const key of wanted.unknown) {
    report.fail(key, 'belongs to no case of the cases file');
  }
  for (const [name, batch] of cases) {
    const tensors = wanted.byCase.get(name) ?? [];
    if (tensors.length === 0) {
      report.fail(name, 'no tensor is expected of this case, so nothing of it is verified');
      continue;
    }
    const computed = caseTensors(batch, await tracer.forward(batch, { recordAll: true }), tracer.architecture);
    const selectedKey = `${name}.mlm_sel_positions`;
    const isSelected = expected.tensors.get(selectedKey)?.dtype === 'I32';
    const selected = isSelected ? await expected.readInt32(selectedKey) : null;
    for (const tensor of tensors) {
      const key = `${name}.${tensor}`;
      const reference = await readExpected(expected, key);
      const comparison: Comparison =
        typeof reference === 'string'
          ? failedComparison(tensor, reference)
          : compareTensor(tensor, reference, computed, selected, toleranceOf);
      report.add(key, comparison);
    }
  }
  io.out(report.render(tracer, wanted.byCase.size, styleFor(io.color)));
  return report.passed ? 0 : 1;
}

/** Splits `<case>.<tensor>`; a case's name may contain dots, so the longest one that fits is taken. */
function groupByCase(keys: readonly string[], names: readonly string[]) {
  const longestFirst = [...names].sort((a, b) => b.length - a.length);
  const byCase = new Map<string, string[]>();
  const unknown: string[] = [];
  for (const key of keys) {
    const name = longestFirst.find((candidate) => key.startsWith(`${candidate}.`));
    if (name === undefined) {
      unknown.push(key);
    } else {
      byCase.set(name, [...(byCase.get(name) ?? []), key.slice(name.length + 1)]);
    }
  }
  return { byCase, unknown };
}

/** An expected tensor, or why it cannot be compared: one of them must not keep the others from being verified. */
async function readExpected(file: SafetensorsFile, key: string): Promise<NamedTensor | string> {
  const { dtype, shape } = file.entry(key);
  if (dtype === 'I32') {
    return { shape, data: await file.readInt32(key) };
  }
  if (!isFloatDtype(dtype)) {
    return `is stored as ${dtype}, and only F32, F16, BF16 and I32 are compared`;
  }
  // NaN is read as it is and then fails the comparison, which says more than a refusal of the file.
  return { shape, data: await file.readFloats(key, true) };
}
