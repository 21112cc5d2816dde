/**
 * A result for other programs: CSV for a spreadsheet, Markdown for a page. The `.fffbench` file itself is the result as
 * JSON, byte for byte what the terminal prints.
 */
import { passesText } from '../passes';
import type { BenchmarkEnvironment, BenchmarkResult, BenchmarkRow, RatioInterval } from '../protocol';
import { missingLines, verdictOf } from '../verdict';
import { machineOf } from './resultFile';

/** What `fff-explorer bench --json` prints for the same result. */
export function fffbenchText(result: BenchmarkResult): string {
  return `${JSON.stringify(result)}\n`;
}

const CSV_COLUMNS: readonly (readonly [string, (row: BenchmarkRow) => string | number | boolean | null])[] = [
  ['engine', (row) => row.engine],
  ['implementation', (row) => row.implementation],
  ['precision', (row) => row.precision],
  ['threads', (row) => row.threads],
  ['batch', (row) => row.batch],
  ['width', (row) => row.width],
  ['nodes', (row) => row.nodes],
  ['levels', (row) => row.levels],
  ['layer', (row) => row.layer],
  ['distribution', (row) => row.distribution],
  ['weights', (row) => row.weights],
  ['microsecondsPerTokenMedian', (row) => row.microsecondsPerToken.median],
  ['microsecondsPerTokenP5', (row) => row.microsecondsPerToken.p5],
  ['microsecondsPerTokenP95', (row) => row.microsecondsPerToken.p95],
  ['ratioToBestDense', (row) => row.ratioToBestDense?.median ?? null],
  ['ratioToBestDenseLow', (row) => row.ratioToBestDense?.low ?? null],
  ['ratioToBestDenseHigh', (row) => row.ratioToBestDense?.high ?? null],
  ['ratioToBest3072', (row) => row.ratioToBest3072?.median ?? null],
  ['ratioToBest3072Low', (row) => row.ratioToBest3072?.low ?? null],
  ['ratioToBest3072High', (row) => row.ratioToBest3072?.high ?? null],
  ['distinctLeaves', (row) => row.distinctLeaves],
  ['bytesTouched', (row) => row.bytesTouched],
  ['pathFlips', (row) => row.pathFlips?.flips ?? null],
  ['pathsCompared', (row) => row.pathFlips?.tokens ?? null],
  ['worstError', (row) => row.worstError],
  ['verified', (row) => row.verified],
  ['settled', (row) => row.settled],
  ['pairs', (row) => row.pairs],
  ['passes', (row) => row.passes ?? 1],
];

/** One line a row, all digits; RFC 4180 with line feeds. */
export function csvText({ rows }: BenchmarkResult): string {
  const lines = [
    CSV_COLUMNS.map(([name]) => name),
    ...rows.map((row) => CSV_COLUMNS.map(([, of]) => csvField(of(row)))),
  ];
  return lines.map((cells) => `${cells.join(',')}\n`).join('');
}

function csvField(value: string | number | boolean | null): string {
  const text = value === null ? '' : String(value);
  // A spreadsheet takes a text that begins like a formula for one.
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A page with the machine, a table a cell, the whole encoder, and everything that was left out. */
export function markdownText(result: BenchmarkResult): string {
  const { environment: machine, plan, rows, ladder, selfTests } = result;
  const passed = selfTests.filter((test) => test.passed).length;
  const parts = [
    `# ${escaped(plan.name)}`,
    [
      `- Machine: ${escaped(machineOf(machine))}, ${machine.logicalCores} cores, ${escaped(machine.os)} ${machine.architecture}`,
      `- Recorded: ${machine.recordedAt}`,
      `- ${programs(machine)}version ${machine.version ?? 'unknown'}${machine.commit === null ? '' : `, commit ${machine.commit}`}`,
      `- Self-tests: ${passed} of ${selfTests.length} intervals of an engine against itself hold 1`,
      ...machine.remarks.map((remark) => `- ${escaped(remark)}`),
    ].join('\n'),
    ...cellsOf(rows).map(cellTable),
    '## Whole encoder',
    ladder.length === 0
      ? 'Not measured: the ratios above are those of single layers, not of a model.'
      : ladder
          .map(
            (one) =>
              `- ${one.layers} layers, ${one.tokens} tokens, ${one.threads} threads: ${ratioText(one.gainOverTwin)} over the dense twin, ` +
              `of ${ratioText(one.ceilingOverTwin)} that a feedforward without any cost would give; ` +
              `${ratioText(one.gainOver3072)} over 3072 neurons, of ${ratioText(one.ceilingOver3072)}`,
          )
          .join('\n'),
    ...leftOut(result),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** What computed; another program than ours says so in its remarks. */
function programs({ nodeVersion, kernelImplementation, onnxruntimeVersion }: BenchmarkEnvironment): string {
  return nodeVersion === null
    ? ''
    : `Kernel ${kernelImplementation ?? 'missing'}, onnxruntime ${onnxruntimeVersion ?? 'missing'}, node ${nodeVersion}, `;
}

function cellsOf(rows: readonly BenchmarkRow[]): BenchmarkRow[][] {
  const cells = new Map<string, BenchmarkRow[]>();
  for (const row of rows) {
    const key = JSON.stringify(cellFields(row));
    cells.set(key, [...(cells.get(key) ?? []), row]);
  }
  return [...cells.values()];
}

function cellFields({ batch, width, levels, cellThreads, distribution, weights, layer }: BenchmarkRow): unknown[] {
  return [batch, width, levels, cellThreads, distribution, weights, layer];
}

function cellTable(rows: readonly BenchmarkRow[]): string {
  const first = rows[0]!;
  const layer = first.layer === null ? '' : `, layer ${first.layer}`;
  const passes = passesText(rows);
  const lines = rows.map((row) =>
    [
      `${row.engine}${row.precision === 'fp32' ? '' : ` ${row.precision}`} (${row.implementation})`,
      String(row.threads),
      `${significant(row.microsecondsPerToken.median)} µs`,
      `${significant(row.microsecondsPerToken.p5)} to ${significant(row.microsecondsPerToken.p95)}`,
      ratioText(row.ratioToBestDense),
      ratioText(row.ratioToBest3072),
      String(row.bytesTouched),
      String(row.pairs),
    ].map(escaped),
  );
  return [
    `## Batch ${first.batch}, ${first.width} wide, ${first.nodes} nodes of which a token visits ${first.levels}${layer}`,
    '',
    `${first.distribution} tokens reaching ${first.distinctLeaves} distinct leaves a call, ${first.weights} weights${passes === '' ? '' : `; measured in ${passes}`}.`,
    '',
    '| engine | threads | time a token | P5 to P95 | against best dense | against best 3072 | bytes of weights | pairs |',
    '| --- | ---: | ---: | --- | --- | --- | ---: | ---: |',
    ...lines.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n');
}

function leftOut({ missing, excluded, unfinished }: BenchmarkResult): string[] {
  const lines = [
    ...missingLines(missing),
    ...excluded.map(({ engine, cell, reason }) => `${engine} was not timed at batch ${cell.batch}: ${reason}`),
    ...unfinished.map(({ cell, reason }) => `batch ${cell.batch} is unfinished: ${reason}`),
  ];
  const unique = [...new Set(lines)];
  return unique.length === 0 ? [] : ['## Left out', unique.map((line) => `- ${escaped(line)}`).join('\n')];
}

/** `12.3x (12.0 to 12.6)`; where the interval spans 1, nothing is claimed. */
function ratioText(ratio: RatioInterval | null): string {
  if (ratio === null) {
    return 'not measured';
  }
  const verdict = verdictOf(ratio);
  if (verdict === 'reference') {
    return 'is the best';
  }
  const interval = `(${significant(ratio.low)} to ${significant(ratio.high)})`;
  return verdict === 'withheld' ? `no verdict ${interval}` : `${significant(ratio.median)}x ${interval}`;
}

/** Three significant digits without an exponent. */
function significant(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 20));
}

/** Text that Markdown and its HTML leave alone. */
function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>|#]/g, (character) => `\\${character}`).replace(/\s+/g, ' ');
}
