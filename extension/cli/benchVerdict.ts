/** The first sentence of a benchmark report: what was measured, what the layer gains, and what that is to an encoder. */
import { verdictOfResult, verdictOf, type CellGain } from '../verdict';
import { cellOf, type BenchmarkResult, type ResultRow } from '../runner/benchmark/result';
import { sameCell, type Cell } from '../runner/benchmark/plan';
import { count, plural, ratioText } from './format';

/** One sentence; a layer's gain is not told where the encoder was not measured. */
export function verdictSentence(result: BenchmarkResult): string {
  const { cells, compared, withheld, lowest, highest, encoder } = verdictOfResult(result);
  if (cells === 0) {
    return result.rows.length === 0 ? 'Nothing was measured.' : 'No FFF layer was measured, so there is no verdict.';
  }
  const measured = `FFF layers against dense ones in ${plural(cells, 'cell')}, every engine verified first`;
  if (compared === 0) {
    return `Measured: ${measured}; no dense layer was among them, so there is nothing to compare.`;
  }
  if (encoder === null) {
    return `Measured: ${measured}; the whole encoder was not, so no gain of a layer is told.`;
  }
  const whole =
    verdictOf(encoder.gainOverTwin) === 'withheld'
      ? `for the whole encoder of ${plural(encoder.layers, 'layer')} there is no verdict ${ratioText(encoder.gainOverTwin)}`
      : `the whole encoder of ${plural(encoder.layers, 'layer')} at ${plural(encoder.tokens, 'token')} is ` +
        `${ratioText(encoder.gainOverTwin)} as fast, of at most ${ratioText(encoder.ceilingOverTwin)}`;
  const layer =
    lowest === null || highest === null
      ? 'in no cell is one FFF layer shown to be faster or slower than the best dense layer of its size'
      : `one FFF layer is ${gainText(lowest, result)}${lowest === highest ? '' : ` to ${gainText(highest, result)}`} ` +
        `as fast as the best dense layer of its size${withheld > 0 ? ` (no verdict in ${plural(withheld, 'cell')})` : ''}`;
  return `Measured: ${measured}: ${layer}; ${whole}.`;
}

/** `44.9x (40.0 to 50.0, batch 1,024)`: the ratio, its interval, and what tells its cell from the others. */
function gainText({ row, ratio }: CellGain, { rows }: BenchmarkResult): string {
  const own = cellOf(row as ResultRow);
  const cells = rows.map(cellOf);
  const differs = (size: keyof Cell): boolean => cells.some((cell) => cell[size] !== own[size]);
  const where = [
    ...(differs('batch') || cells.every((cell) => sameCell(cell, own)) ? [`batch ${count(own.batch)}`] : []),
    ...(differs('width') ? [`${count(own.width)} wide`] : []),
    ...(differs('depth') ? [`depth ${own.depth}`] : []),
    ...(differs('threads') ? [own.threads === 0 ? 'all threads' : plural(own.threads, 'thread')] : []),
    ...(differs('weights') ? [`${own.weights} weights`] : []),
    ...(own.distribution === 'repeated' ? ['one token repeated, which flatters trees'] : []),
    ...(differs('layer') ? [`layer ${own.layer}`] : []),
  ];
  return `${ratioText(ratio).replace(/\)$/, '')}, ${where.join(', ')})`;
}
