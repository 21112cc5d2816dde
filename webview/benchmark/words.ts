/** The page's sentences about a result: its machine, its honesty, its cells, and what each number means. Pure. */
import type { BenchmarkCell, BenchmarkEntry, BenchmarkResult, BenchmarkRow } from '../../extension/protocol';
import { NOT_MEASURED_YET, PASSES_LEFT, passesText } from '../../extension/passes';
import { formatCount, formatFactor, formatThree, plural } from '../format';
import { densePrecisions, missingLines, verdictOf, verdictOfResult, type ResultVerdict } from '../../extension/verdict';

/** An A/A interval wider than this says that the machine was too busy to tell small differences. */
const NOISY_WIDTH = 0.1;

const TOKENS: Readonly<Record<string, string>> = {
  spread: 'distinct tokens, spread over the tree',
  skewed: 'distinct tokens around a few directions',
  'hidden-states': 'hidden states of the text',
  repeated: 'one token repeated, as in the published benchmark code, which flatters trees',
};

const WEIGHTS: Readonly<Record<string, string>> = {
  warm: 'one layer stays resident',
  cold: 'the layers of a model take turns',
};

/** Bytes in the decimal unit that fits. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const unit = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return unit === 0 ? `${formatCount(bytes)} B` : `${formatThree(bytes / 1000 ** unit)} ${units[unit] ?? ''}`;
}

/** What is left of a run. */
export function formatRemaining(milliseconds: number): string {
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  return seconds < 90 ? `about ${seconds} s left` : `about ${Math.round(seconds / 60)} min left`;
}

/** A cell in a few words, for a list. */
export function cellLabel(row: BenchmarkRow): string {
  const threads = row.cellThreads === 0 ? 'all threads' : plural(row.cellThreads, 'thread');
  const layer = row.layer === null ? '' : `, layer ${row.layer}`;
  return `batch ${formatCount(row.batch)}, ${formatCount(row.width)} wide, depth ${row.levels - 1}${layer}, ${threads}, ${row.weights}, ${row.distribution}`;
}

/** How diverse a cell's paths are, how many bytes of weights its calls read, and in how many passes it was measured. */
export function diversitySentence(rows: readonly BenchmarkRow[]): string {
  const [first] = rows;
  if (first === undefined) {
    return '';
  }
  const routed = rows.find(({ engine }) => engine === 'fff');
  const dense = rows.find(
    ({ ratioToBestDense }) => ratioToBestDense !== null && verdictOf(ratioToBestDense) === 'reference',
  );
  const read =
    routed === undefined
      ? ''
      : ` FFF reads ${formatBytes(routed.bytesTouched)} of weights a call${dense === undefined ? '' : `, the best dense layer ${formatBytes(dense.bytesTouched)}`}.`;
  const flips = rows.filter(({ pathFlips }) => pathFlips !== null && pathFlips.flips > 0);
  const flipped = flips.map(
    ({ engine, precision, pathFlips }) =>
      ` ${engine} ${precision}: ${formatCount(pathFlips?.flips ?? 0)} of ${formatCount(pathFlips?.tokens ?? 0)} tokens take another path than in float64.`,
  );
  const tokens = TOKENS[first.distribution] ?? first.distribution;
  const passes = passesText(rows);
  const measured = passes === '' ? '' : ` Measured in ${passes}.`;
  return `${capital(tokens)}: ${formatCount(first.distinctLeaves)} distinct ${first.distinctLeaves === 1 ? 'leaf' : 'leaves'} in a call, ${formatCount(first.distinctLeavesInAll)} in many; ${WEIGHTS[first.weights] ?? first.weights}.${read}${[...new Set(flipped)].join('')}${measured}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export interface SelfTestSummary {
  passed: number;
  total: number;
  /** Largest width of an interval. */
  width: number;
  noisy: boolean;
  text: string;
}

/** The A/A check in one line; null where nothing was tested. */
export function selfTestSummary({ selfTests }: BenchmarkResult): SelfTestSummary | null {
  if (selfTests.length === 0) {
    return null;
  }
  const passed = selfTests.filter((test) => test.passed).length;
  const width = Math.max(...selfTests.map(({ ratio }) => ratio.high - ratio.low));
  const noisy = !(width <= NOISY_WIDTH) || passed < selfTests.length;
  const held = `${passed} of ${selfTests.length} hold 1`;
  const quiet = noisy
    ? `; the machine was noisy: differences up to ${Math.ceil((width / 2) * 100)} % mean nothing`
    : `; the widest interval is ±${((width / 2) * 100).toFixed(1)} %`;
  return { passed, total: selfTests.length, width, noisy, text: `${held}${quiet}` };
}

/** The result in one sentence: the layer's gain over the cells, never without the encoder's. */
export function headline(result: BenchmarkResult, running: boolean): string {
  const { cells, compared, withheld, lowest, encoder } = verdictOfResult(result);
  if (cells === 0) {
    if (result.rows.length > 0) {
      return 'No FFF layer was measured.';
    }
    return running ? 'The first cell is being measured.' : 'Nothing was measured.';
  }
  if (compared === 0) {
    return 'No dense layer was measured beside the FFF, so there is nothing to compare.';
  }
  if (lowest === null) {
    return 'No verdict: in every cell the interval of the ratio spans 1.';
  }
  const whole =
    encoder === null
      ? `the whole encoder ${running && result.plan.ladder?.tokens.length !== 0 ? 'is measured last' : 'was not measured'}, so this is a layer’s gain and not a model’s`
      : verdictOf(encoder.gainOverTwin) === 'withheld'
        ? 'for the whole encoder no verdict is given'
        : `the whole encoder ${formatFactor(encoder.gainOverTwin.median)}, of at most ${formatFactor(encoder.ceilingOverTwin.median)}`;
  const ranges = densePrecisions(result).flatMap((precision, _, all) => {
    const range = rangeOf(verdictOfResult(result, precision));
    return range === null ? [] : [all.length === 1 ? range : `${range} in ${precision}`];
  });
  return `One FFF layer is ${ranges.join(' and ')} as fast as the best dense layer of its size${withheld > 0 ? ` (no verdict in ${plural(withheld, 'cell')})` : ''}; ${whole}.`;
}

/** The decided gains of a result, smallest to largest; null where none is decided. */
function rangeOf({ lowest, highest }: ResultVerdict): string | null {
  if (lowest === null || highest === null) {
    return null;
  }
  const [low, high] = [formatFactor(lowest.ratio.median), formatFactor(highest.ratio.median)];
  return low === high ? high : `${low} to ${high}`;
}

/** The machine as a list of facts. */
export function machineFacts({ environment, plan }: BenchmarkResult): [string, string][] {
  const { caches } = environment;
  const sizes = (['l1d', 'l2', 'l3'] as const).flatMap((level) => {
    const bytes = caches[level];
    return bytes == null ? [] : [`${level.toUpperCase()} ${formatBytes(bytes)}`];
  });
  const facts: [string, string][] = [
    ...(environment.gpu === undefined ? [] : [['GPU', environment.gpu] as [string, string]]),
    ['Processor', `${environment.cpu}, ${plural(environment.logicalCores, 'core')}`],
    [
      'Vectors',
      environment.simd.includes('avx512f')
        ? 'AVX-512'
        : environment.simd.includes('avx2')
          ? 'AVX2'
          : environment.simd.slice(0, 3).join(', '),
    ],
    ['Caches', sizes.join(', ')],
    ['Memory', formatBytes(environment.memoryBytes)],
    ['System', `${environment.os} ${environment.architecture}`],
    // Another program than ours has neither, and says in its remarks what it used.
    ...(environment.nodeVersion === null
      ? []
      : ([
          ['Kernel', environment.kernelImplementation ?? 'missing'],
          ['onnxruntime', environment.onnxruntimeVersion ?? 'missing'],
        ] as [string, string][])),
    ['Load', environment.loadAverage === null ? '' : formatThree(environment.loadAverage)],
    ['Model', environment.modelHash === null ? 'synthetic weights' : `SHA-256 ${environment.modelHash.slice(0, 8)}`],
    ['Text', plan.source === undefined ? '' : `${formatCount(plan.source.text.length)} characters`],
    ['Recorded', formatDate(environment.recordedAt)],
    ['Version', [environment.version ?? '', environment.commit?.slice(0, 8) ?? ''].join(' ').trim()],
  ];
  return facts.filter(([, value]) => value !== '');
}

/** `2026-11-27 12:40`, in UTC, so that two machines say the same. */
export function formatDate(iso: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(iso) ? `${iso.slice(0, 16).replace('T', ' ')} UTC` : iso;
}

/** How a run ended, in a word or a sentence. @param paused it goes on, but is held at the moment. */
export function endingText(entry: BenchmarkEntry, paused = false): string {
  const left = entry.unfinished > 0 ? `, ${plural(entry.unfinished, 'part')} not measured in full` : '';
  switch (entry.ending.kind) {
    case 'running':
      return paused ? 'paused' : 'being measured';
    case 'finished':
      return `finished${left}`;
    case 'cancelled':
      return `cancelled${left}`;
    case 'interrupted':
      return `broke off${left}. ${entry.ending.reason}`;
    case 'recorded':
      return `recorded, from ${entry.ending.file}`;
  }
}

/** What could not be measured, and why; each said once. @param running what is left to do is no loss yet. */
export function leftOut({ plan, ladder, missing, excluded, unfinished }: BenchmarkResult, running: boolean): string[] {
  const left = unfinished.filter(({ reason }) => !running || (reason !== NOT_MEASURED_YET && reason !== PASSES_LEFT));
  const reasons = [...new Set(left.map(({ reason }) => reason))];
  const encoders = running
    ? []
    : (plan.ladder?.tokens ?? []).filter((tokens) => !ladder.some((entry) => entry.tokens === tokens));
  const lines = [
    ...reasons.map((reason) =>
      unfinishedLine(
        left.filter((one) => one.reason === reason).map(({ cell }) => cell),
        reason,
      ),
    ),
    ...encoders.map((tokens) => `The whole encoder at ${plural(tokens, 'token')} was not measured.`),
    ...excluded.map(
      ({ engine, cell, reason }) => `${engine} was not timed at batch ${formatCount(cell.batch)}: ${reason}.`,
    ),
    ...missingLines(missing).map((line) => `${line}.`),
  ];
  return [...new Set(lines.map((line) => line.replace(/\.\.$/, '.')))];
}

/** `Batches 1, 2 and 4, depth 7 are unfinished: ...`: the sizes of cells that share a reason, each size said once. */
function unfinishedLine(cells: readonly BenchmarkCell[], reason: string): string {
  const depths = [...new Set(cells.map(({ depth }) => depth))];
  const groups = depths.map((depth) => {
    const batches = cells.filter((cell) => cell.depth === depth).map(({ batch }) => formatCount(batch));
    return `${listed('batch', 'batches', [...new Set(batches)])}, depth ${depth}`;
  });
  const sizes = new Set(cells.map(({ batch, depth }) => `${batch}, ${depth}`)).size;
  const why = sizes > 1 && reason === PASSES_LEFT ? reason.replace('its', 'their') : reason;
  return capital(`${groups.join('; ')} ${sizes > 1 ? 'are' : 'is'} unfinished: ${why}.`);
}

/** `batch 1`, `batches 1, 2 and 4`. */
function listed(one: string, several: string, values: readonly string[]): string {
  const last = values.at(-1) ?? '';
  return values.length < 2 ? `${one} ${last}` : `${several} ${values.slice(0, -1).join(', ')} and ${last}`;
}

/** What each number means, in plain words. */
export const NOTES: readonly (readonly [string, string])[] = [
  [
    'Time a token',
    'The time of one call divided by its tokens: the median of all samples, and between which values nine of ten samples lie. The call into the library is included; the rest of the model is not.',
  ],
  [
    'Ratio',
    'Time of the fastest verified dense layer on the same tokens and at most as many threads, divided by this engine’s time. 10× means a tenth of the time. The dense layer is in fp32; a result with dense layers in other precisions compares each precision with its own.',
  ],
  [
    '95 % interval',
    'Made to hold the true ratio in about nineteen of twenty measurements: by resampling pairs of samples, and no narrower than what the passes of the run say. Where it spans 1, either may be faster, and no verdict is given.',
  ],
  [
    'Passes',
    'All cells are gone over several times, each time with engines set up anew and verified again. Where memory lies, what the neighbours on the machine do and how fast the clock runs stay the same within a pass and differ between passes; samples of one pass cannot see that.',
  ],
  [
    'Ratio of operations',
    'Neurons of the dense layer divided by neurons a token visits: 4095 ÷ 12 = 341. Arithmetic alone allows no more; where the dense layer waits for memory, a ratio may still pass it.',
  ],
  [
    'The paper’s 78×',
    'What the paper reports for its processor against a layer of 3072 neurons. Compare it with the ratio to the best 3072. For its batched form in PyTorch it reports 40×; a result of PyTorch has that line.',
  ],
  [
    'Roofline',
    'The ratio an FFF layer would have that computes as fast as the fastest engine of this result computes, and reads weights as fast as any reads them here.',
  ],
  [
    'Self-test (A/A)',
    'One engine measured as if it were two. Its interval should hold 1; its width says how small a difference this run can tell.',
  ],
  [
    'exact-low',
    'Weights stored in 16 bits, half the bytes to read. Where their rounding could turn a decision, the logit is computed again from the fp32 row, so that every token takes the path of fp32; output values are rounded.',
  ],
  [
    'Distinct leaves',
    'How many different leaves the tokens of one call reach. One repeated token reaches one: a tree looks far better then than it is.',
  ],
  [
    'Weights read',
    'Distinct bytes of weights one call touches. Warm: they may stay in a cache. Cold: the layers of a model take turns.',
  ],
  [
    '✓ verified',
    'The outputs of the real batch were compared with float64 before anything was timed. An engine that is wrong is never timed.',
  ],
  [
    'Whole encoder',
    'The same layers inside a model: attention takes its time whatever the feedforward costs, so a gain of a hundred in the layer is far less in the model; the ceiling says how much is possible.',
  ],
];
