/**
 * A benchmark result in words and tables. The gain of a layer is shown only together with the gain of a whole encoder:
 * alone it promises what no user will see.
 */
import { growthOf } from '../laws';
import { passesText } from '../passes';
import type { BenchmarkRow } from '../protocol';
import { missingLines, verdictOf } from '../verdict';
import { ENGINES } from '../runner/benchmark/engineSpec';
import type { LadderResult } from '../runner/benchmark/ladder';
import { sameCell } from '../runner/benchmark/plan';
import { cellOf, type BenchmarkResult, type ResultRow, type SelfTest } from '../runner/benchmark/result';
import type { RatioInterval } from '../runner/benchmark/statistics';
import { verdictSentence } from './benchVerdict';
import { bytes, count, duration, intervalText, plural, ratioText, significant, styleFor, table } from './format';
import type { Column, Style } from './format';
import type { CliIo } from './io';

/** An A/A interval wider than this says that the machine was too busy to tell small differences. */
const NOISY_WIDTH = 0.1;

export function benchReport(result: BenchmarkResult, io: Pick<CliIo, 'color'>): string {
  const style = styleFor(io.color);
  const comparable = result.ladder.length > 0;
  return [
    `${style.bold(result.plan.name)}\n${verdictSentence(result)}\n${machine(result)}`,
    ...cellsOf(result.rows).map((rows) => cellText(rows, result, comparable, style)),
    wholeModel(result, style),
    growth(result, style),
    leftOut(result, style),
    legend(result, comparable, style),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function machine({ environment }: BenchmarkResult): string {
  const { caches } = environment;
  const sizes = (['l1d', 'l2', 'l3'] as const)
    .filter((level) => caches[level] !== null)
    .map((level) => `${level.toUpperCase()} ${bytes(caches[level]!)}`);
  return [
    `${environment.cpu}, ${plural(environment.logicalCores, 'core')}${sizes.length > 0 ? `, ${sizes.join(', ')}` : ''}`,
    `${environment.os} ${environment.architecture}, node ${environment.nodeVersion}, onnxruntime ` +
      `${environment.onnxruntimeVersion ?? 'missing'}, kernel ${environment.kernelImplementation ?? 'missing'}`,
    ...(environment.loadAverage === null ? [] : [`load average at the start ${significant(environment.loadAverage)}`]),
    ...environment.remarks,
  ]
    .map((line) => `  ${line}\n`)
    .join('');
}

/** Rows of one cell follow each other. */
function cellsOf(rows: readonly ResultRow[]): ResultRow[][] {
  const cells: ResultRow[][] = [];
  for (const row of rows) {
    const last = cells[cells.length - 1];
    if (last !== undefined && sameCell(cellOf(last[0]!), cellOf(row))) {
      last.push(row);
    } else {
      cells.push([row]);
    }
  }
  return cells;
}

function cellText(rows: readonly ResultRow[], result: BenchmarkResult, comparable: boolean, style: Style): string {
  const [first] = rows as [ResultRow];
  const layer = first.layer === null ? '' : `, layer ${first.layer}`;
  const title =
    `Batch ${count(first.batch)}: ${count(first.width)} wide, ${count(first.nodes)} nodes of which a token visits ` +
    `${first.levels}${layer}`;
  const paths =
    `${DISTRIBUTIONS[first.distribution]}: a call reaches ${plural(first.distinctLeaves, 'distinct leaf').replace('leafs', 'leaves')}, ` +
    `many calls ${count(first.distinctLeavesInAll)}; ${WEIGHTS[first.weights]}${measuredIn(rows)}`;
  const columns: Column[] = [
    { title: 'engine', align: 'left' },
    { title: 'threads', align: 'right' },
    { title: 'time a token', align: 'right' },
    { title: 'P5 to P95', align: 'left' },
    ...(comparable
      ? [
          { title: 'against best dense', align: 'left' as const },
          { title: 'against best 3072', align: 'left' as const },
        ]
      : []),
    { title: 'weights read', align: 'right' },
    { title: 'error', align: 'right' },
    { title: 'pairs', align: 'right' },
  ];
  const lines = rows.map((row) => [
    rowName(row),
    String(row.threads),
    duration(row.microsecondsPerToken.median),
    `${duration(row.microsecondsPerToken.p5)} to ${duration(row.microsecondsPerToken.p95)}`,
    ...(comparable ? [comparedText(row.ratioToBestDense), comparedText(row.ratioToBest3072)] : []),
    bytes(row.bytesTouched),
    row.worstError.toExponential(0),
    `${row.pairs}${row.settled ? '' : '*'}`,
  ]);
  const notes = [
    ...rows
      .filter(({ pathFlips }) => pathFlips !== null && pathFlips.flips > 0)
      .map(
        (row) =>
          `${rowName(row)}: ${row.pathFlips!.flips} of ${row.pathFlips!.tokens} tokens take another path than in float64`,
      ),
    ...(rows.some(({ settled }) => !settled) ? ['* had not settled when its warm-up time was up'] : []),
    ...result.selfTests.filter(({ cell }) => sameCell(cell, cellOf(first))).map(selfTestText),
  ];
  return `${style.bold(title)}\n  ${paths}\n${table(columns, lines, style)}${notes.map((note) => style.dim(`  ${note}\n`)).join('')}`;
}

/** Nothing where it was one pass: then there is nothing to be said. */
function measuredIn(rows: readonly ResultRow[]): string {
  const passes = passesText(rows);
  return passes === '' ? '' : `; measured in ${passes}`;
}

const DISTRIBUTIONS: Readonly<Record<ResultRow['distribution'], string>> = {
  spread: 'distinct tokens, spread over the tree',
  skewed: 'distinct tokens around a few directions',
  'hidden-states': 'hidden states of the text, which come again whenever its end is reached',
  repeated: 'one token repeated, as in the published benchmark code, which flatters trees',
};

const WEIGHTS: Readonly<Record<ResultRow['weights'], string>> = {
  warm: 'one layer stays resident',
  cold: 'the layers of a model take turns',
};

function rowName({
  engine,
  implementation,
  precision,
}: Pick<BenchmarkRow, 'engine' | 'implementation' | 'precision'>): string {
  return `${engine}${precision === 'fp32' ? '' : ` ${precision}`} (${implementation})`;
}

function selfTestText({ engine, ratio, passed }: SelfTest): string {
  const noisy = ratio.high - ratio.low > NOISY_WIDTH ? '; the machine was noisy' : '';
  return (
    `self-test: ${engine} against itself ${intervalText(ratio)}, which ` +
    `${passed ? 'holds 1 as it should' : 'does not hold 1: differences of this size mean nothing here'}${noisy}`
  );
}

/** A ratio in a table; where the interval spans 1, that nothing is decided. */
function comparedText(ratio: RatioInterval | null): string {
  if (ratio === null) {
    return 'not measured';
  }
  const verdict = verdictOf(ratio);
  return verdict === 'reference' ? 'is the best' : `${ratioText(ratio)}${verdict === 'withheld' ? ' undecided' : ''}`;
}

function wholeModel({ ladder }: BenchmarkResult, style: Style): string {
  const lines =
    ladder.length === 0
      ? '  It was not measured, so no gain of a layer is shown: the times above are those of single layers.\n'
      : ladder.map(ladderText).join('');
  return `${style.bold('Whole encoder')}\n${lines}`;
}

function ladderText(result: LadderResult): string {
  const { milliseconds: ms, feedforwardShare: share } = result;
  const time = (rung: keyof typeof ms): string => duration(ms[rung].median * 1000);
  const percent = (part: number): string => `${Math.round(part * 100)} %`;
  return [
    `${plural(result.layers, 'layer')}, ${count(result.width)} wide, ${plural(result.tokens, 'token')}, ` +
      `${plural(result.threads, 'thread')}, attention and norms included, embedding and head not:`,
    `FFF ${time('fff')} (feedforward ${percent(share.fff)} of it), dense twin ${time('twin')} (${percent(share.twin)}), ` +
      `3072 neurons ${time('dense3072')} (${percent(share.dense3072)}), without feedforward ${time('withoutFeedforward')}`,
    `the encoder gains ${comparedText(result.gainOverTwin)} over its dense twin; a feedforward that took no time would gain ` +
      comparedText(result.ceilingOverTwin),
    `the encoder gains ${comparedText(result.gainOver3072)} over 3072 neurons; the most possible is ` +
      comparedText(result.ceilingOver3072),
  ]
    .map((line) => `  ${line}\n`)
    .join('');
}

/** The laws a sweep allows to fit, a sentence each. */
function growth({ rows }: BenchmarkResult, style: Style): string {
  const lines = growthOf(rows).map(({ row, variable, points, law }) => {
    const range = `${count(points[0]!.x)} to ${count(points[points.length - 1]!.x)} ${variable}`;
    const formula =
      law.form === 'linear'
        ? `${duration(law.fixed)} + ${duration(law.each)} x ${variable}`
        : `${variable} to the power ${law.exponent.toFixed(2)}`;
    const others = [
      ...(variable === 'width' ? [] : [`${row.width} wide`]),
      ...(variable === 'batch' ? [] : [`batch ${count(row.batch)}`]),
      `${row.weights} weights`,
    ];
    return `${rowName(row)}, ${others.join(', ')}: a call grows as ${formula} from ${range} (R2 ${law.r2.toFixed(3)})`;
  });
  return lines.length === 0 ? '' : `${style.bold('Growth')}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function leftOut({ excluded, missing, unfinished }: BenchmarkResult, style: Style): string {
  const lines = [
    ...missingLines(missing),
    ...excluded.map(({ engine, cell, reason }) => `${engine} was not timed at batch ${cell.batch}: ${reason}`),
    ...unfinished.map(({ cell, reason }) => `batch ${cell.batch} is unfinished: ${reason}`),
  ];
  return lines.length === 0
    ? ''
    : `${style.bold('Left out')}\n${[...new Set(lines)].map((line) => `  ${line}\n`).join('')}`;
}

const STORED_LOW =
  'weights stored in 16 bits, sums in fp32. A token whose decision is close may take another path; how many do is listed.';

const PRECISION_MEANINGS: Readonly<Partial<Record<ResultRow['precision'], string>>> = {
  'exact-low':
    'exact-low: weights stored in 16 bits, half the bytes to read. Where their rounding could turn a decision, the logit is computed again from the fp32 row, so every token takes the path of fp32; output values are rounded.',
  bf16: `bf16: ${STORED_LOW} The implementation avx512bf16 rounds tokens and activations as well.`,
  fp16: `fp16: ${STORED_LOW}`,
};

function legend({ rows }: BenchmarkResult, comparable: boolean, style: Style): string {
  const engines = [...new Set(rows.map(({ engine }) => engine))];
  const precisions = [...new Set(rows.map(({ precision }) => precision))];
  const lines = [
    ...engines.map((engine) => `${engine}: ${ENGINES[engine].meaning}`),
    ...precisions.flatMap((precision) => PRECISION_MEANINGS[precision] ?? []),
    'time a token: median over the samples of time of a call / tokens in it; P5 to P95: where nine of ten samples lie.',
    ...(comparable
      ? [
          'against best dense: time of the fastest verified fp32 layer with as many neurons as the tree has nodes, on at most as many threads, over this time; in brackets the 95 % interval. Undecided: it spans 1.',
        ]
      : []),
    ...(passesText(rows) === ''
      ? []
      : [
          'passes: all cells were gone over so many times, each time with engines set up anew and verified again. An interval is as wide as the scatter of samples and of passes asks for, whichever asks for more.',
        ]),
    'weights read: distinct bytes of weights one call reads. error: largest distance from float64 in the verified sample.',
  ];
  return `${style.bold('What the figures mean')}\n${lines.map((line) => style.dim(`  ${line}\n`)).join('')}`;
}
