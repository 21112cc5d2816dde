/** The numbers behind the benchmark's pictures, as table data. Pure. */
import type { BenchmarkLadder, BenchmarkRow, RatioInterval } from '../../extension/protocol';
import { verdictOf } from '../../extension/verdict';
import type { TableData } from '../charts/table';
import { formatCount, formatDuration, formatFactor, formatPercent, formatThree } from '../format';
import type { Comparison } from './compare';
import type { GrowthView } from './growth';
import { cellKey, engineName } from './series';
import { formatBytes } from './words';

const text = (name: string): { name: string } => ({ name });
const number = (name: string): { name: string; numeric: boolean } => ({ name, numeric: true });

/** Every row of a result. */
export function rowsTable(rows: readonly BenchmarkRow[], cell: string | null, caption: string): TableData {
  return {
    caption,
    columns: [
      text('Engine'),
      number('Batch'),
      number('Width'),
      number('Nodes'),
      number('Visited'),
      number('Layer'),
      number('Threads'),
      text('Tokens'),
      text('Weights'),
      number('Time a token'),
      number('P5'),
      number('P95'),
      number('Against best dense'),
      text('95 % interval'),
      number('Against best 3072'),
      text('95 % interval'),
      number('Leaves'),
      number('Weights read'),
      text('Verified'),
      number('Samples'),
      number('Passes'),
    ],
    rows: rows.map((row) => [
      engineName(row),
      formatCount(row.batch),
      formatCount(row.width),
      formatCount(row.nodes),
      formatCount(row.levels),
      row.layer === null ? '–' : String(row.layer),
      formatCount(row.threads),
      row.distribution,
      row.weights,
      ...[row.microsecondsPerToken.median, row.microsecondsPerToken.p5, row.microsecondsPerToken.p95].map(
        formatDuration,
      ),
      ...ratioCells(row.ratioToBestDense),
      ...ratioCells(row.ratioToBest3072),
      formatCount(row.distinctLeaves),
      formatBytes(row.bytesTouched),
      row.verified ? 'yes' : 'no',
      `${row.pairs}${row.settled ? '' : ' (unsettled)'}`,
      formatCount(row.passes ?? 1),
    ]),
    selected: cell === null ? null : rows.findIndex((row) => cellKey(row) === cell),
  };
}

function ratioCells(ratio: RatioInterval | null): string[] {
  if (ratio === null) {
    return ['–', '–'];
  }
  const interval = `${formatThree(ratio.low)}–${formatThree(ratio.high)}`;
  switch (verdictOf(ratio)) {
    case 'reference':
      return ['is the best', '–'];
    case 'withheld':
      return ['no verdict', interval];
    default:
      return [formatFactor(ratio.median), interval];
  }
}

export function ladderTable(ladders: readonly BenchmarkLadder[]): TableData {
  return {
    caption: 'Whole encoder',
    columns: [
      number('Tokens'),
      number('Layers'),
      text('Encoder'),
      number('Median'),
      number('P5'),
      number('P95'),
      number('Feedforward'),
    ],
    rows: ladders.flatMap((ladder) =>
      (['fff', 'twin', 'dense3072', 'withoutFeedforward'] as const).map((rung) => {
        const { median, p5, p95 } = ladder.milliseconds[rung];
        const name = {
          fff: 'FFF',
          twin: 'dense twin',
          dense3072: '3072 neurons',
          withoutFeedforward: 'no feedforward',
        }[rung];
        const share = rung === 'withoutFeedforward' ? '–' : formatPercent(ladder.feedforwardShare[rung]);
        return [
          formatCount(ladder.tokens),
          formatCount(ladder.layers),
          name,
          ...[median, p5, p95].map((ms) => formatDuration(ms * 1e3)),
          share,
        ];
      }),
    ),
    selected: null,
  };
}

export function comparisonTable({ rows }: Comparison): TableData {
  return {
    caption: 'Comparison of two results',
    columns: [
      text('Engine'),
      number('Batch'),
      number('Layer'),
      number('Shown'),
      number('Other'),
      number('Ratio'),
      text('95 % interval'),
      number('p'),
      text('Verdict'),
    ],
    rows: rows.map((compared) => {
      const { row, other, ratio, p, verdict, reason } = compared;
      return [
        engineName(row),
        formatCount(row.batch),
        row.layer === null ? '–' : String(row.layer),
        formatDuration(row.microsecondsPerToken.median),
        formatDuration(other.microsecondsPerToken.median),
        formatFactor(ratio.median),
        `${formatThree(ratio.low)}–${formatThree(ratio.high)}`,
        p < 0.001 ? '< 0.001' : p.toFixed(3),
        verdict === 'withheld' ? `none: ${reason}` : verdict,
      ];
    }),
    selected: null,
  };
}

/** The points of a sweep, and the law of each engine. */
export function growthTable({ lines, axisName }: GrowthView): TableData {
  return {
    caption: 'How the time grows',
    columns: [text('Engine'), number(axisName.replace(/;.*/, '')), number('Time of a call'), text('Law')],
    rows: lines.flatMap(({ name, points, sentence }) =>
      points.map(({ x, microseconds }) => [name, formatCount(x), formatDuration(microseconds), sentence]),
    ),
    selected: null,
  };
}
