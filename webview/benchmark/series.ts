/**
 * From a result's rows to what the ratio chart draws: which size lies along the axis, which are held, a series for each
 * engine, and the lines a reader measures them against. Pure.
 */
import type { BenchmarkCell, BenchmarkRow } from '../../extension/protocol';

/** What may vary between rows of one engine. */
export const DIMENSIONS = ['batch', 'levels', 'threads', 'width', 'layer', 'weights', 'distribution'] as const;
export type Dimension = (typeof DIMENSIONS)[number];
/** Those that are sizes and can be an axis. */
export const AXES: readonly Dimension[] = ['batch', 'levels', 'threads', 'width', 'layer'];

export const DIMENSION_NAMES: Readonly<Record<Dimension, string>> = {
  batch: 'Batch',
  levels: 'Levels',
  threads: 'Threads',
  width: 'Width',
  layer: 'Layer',
  weights: 'Weights',
  distribution: 'Tokens',
};

export function valueOf(row: BenchmarkRow, dimension: Dimension): number | string {
  switch (dimension) {
    case 'threads':
      return row.cellThreads === 0 ? row.threads : row.cellThreads;
    case 'layer':
      return row.layer ?? 0;
    default:
      return row[dimension];
  }
}

/** Distinct values, numbers ascending, words in order of appearance. */
export function valuesOf(rows: readonly BenchmarkRow[], dimension: Dimension): (number | string)[] {
  const values = [...new Set(rows.map((row) => valueOf(row, dimension)))];
  return typeof values[0] === 'number' ? values.sort((a, b) => Number(a) - Number(b)) : values;
}

/** Sizes that differ between rows, the one with the most values first. */
export function varying(rows: readonly BenchmarkRow[]): Dimension[] {
  return DIMENSIONS.map((dimension) => ({ dimension, count: valuesOf(rows, dimension).length }))
    .filter(({ count }) => count > 1)
    .sort((a, b) => b.count - a.count)
    .map(({ dimension }) => dimension);
}

/** A cell as text, equal for equal cells. */
export function cellKey(row: BenchmarkRow): string {
  const { width, levels, batch, cellThreads, distribution, weights, layer } = row;
  return [width, levels, batch, cellThreads, distribution, weights, layer].join('|');
}

/** The same for a cell as plans and self-tests name it. */
export function keyOfCell({ width, depth, batch, threads, distribution, weights, layer }: BenchmarkCell): string {
  return [width, depth + 1, batch, threads, distribution, weights, layer].join('|');
}

/** An engine with everything that tells its rows from another's. */
export function engineName(row: BenchmarkRow): string {
  const precision = row.precision === 'fp32' ? '' : ` ${row.precision}`;
  // In a cell of so many threads, an engine with others was asked for by name.
  const threads =
    row.cellThreads !== 0 && row.threads !== row.cellThreads
      ? `, ${row.threads} thread${row.threads === 1 ? '' : 's'}`
      : '';
  return `${row.engine}${precision} (${row.implementation}${threads})`;
}

/** One engine's points along the axis. */
export interface Series {
  name: string;
  engine: string;
  points: { x: number; row: BenchmarkRow }[];
}

export function seriesOf(rows: readonly BenchmarkRow[], axis: Dimension): Series[] {
  const series = new Map<string, Series>();
  for (const row of rows) {
    const name = engineName(row);
    const one = series.get(name) ?? { name, engine: row.engine, points: [] };
    series.set(name, one);
    one.points.push({ x: Number(valueOf(row, axis)), row });
  }
  for (const one of series.values()) {
    one.points.sort((a, b) => a.x - b.x);
  }
  return [...series.values()];
}

/** A line across the chart, one point an axis value. */
export interface ReferenceLine {
  key: 'ceiling' | 'paper' | 'roofline';
  label: string;
  points: { x: number; y: number }[];
}

/** The factors the paper reports: for its CPU against a layer of 3072 neurons, and for its batched form in PyTorch. */
const PAPER_FACTOR = 78;
const PAPER_TORCH_FACTOR = 40;
/** The paper's batched form, which only results of PyTorch hold. */
const PAPER_TORCH_ENGINE = 'paper-fff-torch';
const PAPER_LEVELS = 12;
const BERT_NEURONS = 3072;

/** What the paper reports for the kind of program that measured a result. */
export function paperFactor(engines: readonly { engine: string }[]): number {
  return engines.some(({ engine }) => engine === PAPER_TORCH_ENGINE) ? PAPER_TORCH_FACTOR : PAPER_FACTOR;
}

/** What lines are drawn for beyond the rows in the picture. */
export interface LineContext {
  /** Every engine of the result. */
  engines: readonly { engine: string }[];
  roofline: { precision: string; label: string };
}

const ROOFLINE = { precision: 'fp32', label: 'roofline of this run' };

/**
 * Ratio of operations (neurons of the dense layer over levels visited), the paper's factor where the tree is the paper's,
 * and the roofline of this result.
 */
export function referenceLines(
  rows: readonly BenchmarkRow[],
  axis: Dimension,
  against: 'dense' | '3072',
  { engines = rows, roofline = ROOFLINE }: Partial<LineContext> = {},
): ReferenceLine[] {
  const at = new Map<number, BenchmarkRow>(rows.map((row) => [Number(valueOf(row, axis)), row]));
  const columns = [...at].sort(([a], [b]) => a - b);
  const ceiling = columns.map(([x, { nodes, levels }]) => ({
    x,
    y: (against === 'dense' ? nodes : BERT_NEURONS) / levels,
  }));
  const lines: ReferenceLine[] = [];
  const [first] = ceiling;
  if (first !== undefined) {
    const constant = ceiling.every(({ y }) => y === first.y);
    const amount = constant ? `${Math.round(first.y)}× ` : '';
    lines.push({ key: 'ceiling', label: `${amount}ratio of operations`, points: ceiling });
  }
  if (columns.some(([, { levels }]) => levels === PAPER_LEVELS)) {
    const factor = paperFactor(engines);
    lines.push({
      key: 'paper',
      label: `${factor}× the paper’s`,
      points: columns.map(([x]) => ({ x, y: factor })),
    });
  }
  const reachable = rooflineOf(rows, axis, against, roofline.precision);
  if (reachable.length > 0) {
    lines.push({ key: 'roofline', label: roofline.label, points: reachable });
  }
  return lines;
}

/**
 * The ratio a routed layer would have that computes as fast as anything in this result computes and reads weights as fast
 * as anything in it reads them. Points with no reference are left out. Only rows of one precision and equal threads count.
 */
export function rooflineOf(
  rows: readonly BenchmarkRow[],
  axis: Dimension,
  against: 'dense' | '3072',
  precision = 'fp32',
): { x: number; y: number }[] {
  const alike = rows.filter((row) => row.precision === precision);
  const points: { x: number; y: number }[] = [];
  const columns = new Map<number, BenchmarkRow[]>();
  for (const row of alike) {
    const x = Number(valueOf(row, axis));
    columns.set(x, [...(columns.get(x) ?? []), row]);
  }
  const peaks = new Map<number, { operations: number; bytes: number }>();
  for (const row of alike) {
    const callUs = row.microsecondsPerToken.median * row.batch;
    const peak = peaks.get(row.threads) ?? { operations: 0, bytes: 0 };
    peaks.set(row.threads, {
      operations: Math.max(peak.operations, operationsOf(row) / callUs),
      bytes: Math.max(peak.bytes, row.bytesTouched / callUs),
    });
  }
  for (const [x, column] of [...columns].sort(([a], [b]) => a - b)) {
    const routed = column.find(({ engine }) => engine === 'fff');
    const ratio = against === 'dense' ? routed?.ratioToBestDense : routed?.ratioToBest3072;
    const peak = routed === undefined ? undefined : peaks.get(routed.threads);
    if (routed === undefined || ratio == null || peak === undefined) {
      continue;
    }
    const denseUs = ratio.median * routed.microsecondsPerToken.median * routed.batch;
    const floorUs = Math.max(operationsOf(routed) / peak.operations, routed.bytesTouched / peak.bytes);
    if (floorUs > 0) {
      points.push({ x, y: denseUs / floorUs });
    }
  }
  return points;
}

/** Multiplications and additions of one call: two products of every neuron computed. */
function operationsOf(row: BenchmarkRow): number {
  return 4 * row.width * row.batch * neuronsOf(row);
}

function neuronsOf({ engine, levels, nodes }: BenchmarkRow): number {
  if (engine.includes('fff')) {
    return levels;
  }
  return engine.endsWith('3072') ? BERT_NEURONS : engine === 'dense-16' ? 16 : nodes;
}
