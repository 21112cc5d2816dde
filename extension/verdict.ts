/**
 * What a benchmark result comes to: the layer's gain over all cells, and never without the whole encoder's. The one home
 * of this choice; terminal and panel say it in their own style. Pure; shared by all bundles.
 */
import type { BenchmarkLadder, BenchmarkResult, BenchmarkRow, RatioInterval } from './protocol';

/** What an interval on a ratio allows to say: nothing where it spans 1; a reference against itself is no comparison. */
export type Verdict = 'faster' | 'slower' | 'withheld' | 'reference';

export function verdictOf(ratio: RatioInterval): Verdict {
  if (ratio.low === 1 && ratio.high === 1) {
    return 'reference';
  }
  return ratio.low > 1 ? 'faster' : ratio.high < 1 ? 'slower' : 'withheld';
}

export interface CellGain {
  row: BenchmarkRow;
  ratio: RatioInterval;
}

export interface ResultVerdict {
  /** Cells in which an fp32 FFF layer was measured. */
  cells: number;
  /** Cells in which a dense layer was measured beside it. */
  compared: number;
  /** Compared cells whose interval spans 1. */
  withheld: number;
  /** The smallest and the largest decided gain over the best dense layer of the same size; null where none is decided. */
  lowest: CellGain | null;
  highest: CellGain | null;
  /** The whole encoder, the first that was measured. */
  encoder: BenchmarkLadder | null;
}

/** A cell may hold several implementations of the FFF: its fastest counts. */
export function verdictOfResult(
  { rows, ladder }: Pick<BenchmarkResult, 'rows' | 'ladder'>,
  precision = 'fp32',
): ResultVerdict {
  const routed = fastestRouted(rows, precision);
  const gains = routed.flatMap((row): CellGain[] =>
    row.ratioToBestDense === null ? [] : [{ row, ratio: row.ratioToBestDense }],
  );
  const decided = gains
    .filter(({ ratio }) => verdictOf(ratio) !== 'withheld')
    .sort((a, b) => a.ratio.median - b.ratio.median);
  return {
    cells: routed.length,
    compared: gains.length,
    withheld: gains.length - decided.length,
    lowest: decided[0] ?? null,
    highest: decided.at(-1) ?? null,
    encoder: ladder[0] ?? null,
  };
}

/**
 * Precisions in which dense layers were measured, and which are compared with those: fp32 alone on a processor, also bf16
 * on a GPU, where a gain in fp32 is not what one would see.
 */
export function densePrecisions({ rows }: { rows: readonly BenchmarkRow[] }): string[] {
  const dense = rows.filter(({ engine }) => engine === 'dense-twin').map(({ precision }) => precision);
  return [...new Set(['fp32', ...dense])];
}

function fastestRouted(rows: readonly BenchmarkRow[], precision: string): BenchmarkRow[] {
  const fastest = new Map<string, BenchmarkRow>();
  for (const row of rows) {
    if (row.engine === 'fff' && row.precision === precision) {
      const { width, levels, batch, cellThreads, distribution, weights, layer } = row;
      const cell = [width, levels, batch, cellThreads, distribution, weights, layer].join('|');
      const other = fastest.get(cell);
      if (other === undefined || row.microsecondsPerToken.median < other.microsecondsPerToken.median) {
        fastest.set(cell, row);
      }
    }
  }
  return [...fastest.values()];
}

/** What a machine lacks, a line a reason: `native-twin@own, native-3072@own are missing: ...`. */
export function missingLines(missing: BenchmarkResult['missing']): string[] {
  const engines = new Map<string, string[]>();
  for (const { engine, reason } of missing) {
    engines.set(reason, [...(engines.get(reason) ?? []), engine]);
  }
  return [...engines].map(
    ([reason, names]) => `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} missing: ${reason}`,
  );
}
