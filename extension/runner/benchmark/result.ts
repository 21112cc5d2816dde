/**
 * The result file: one JSON value with the plan, the machine, a row for each engine and cell, and every raw sample. The
 * terminal, the panel and an exported `.fffbench` file hold the same value.
 */
import { nodeCount } from '../../tree';
import type { Environment } from './environment';
import { ENGINES } from './engineSpec';
import type { EngineName, Precision } from './engineSpec';
import type { MissingEngine } from './engines/registry';
import type { LadderResult } from './ladder';
import { sameCell } from './plan';
import type { Cell, Distribution, Plan, WeightTemperature } from './plan';
import type { Sample } from './schedule';
import { ratioInterval, spreadOf } from './statistics';
import type { RatioInterval } from './statistics';

export const RESULT_VERSION = 1;

export interface ResultRow {
  engine: EngineName;
  precision: Precision;
  implementation: string;
  batch: number;
  width: number;
  nodes: number;
  levels: number;
  microsecondsPerToken: { median: number; p5: number; p95: number };
  /**
   * How many times faster than the fastest verified fp32 dense layer with as many neurons as the tree has nodes, on the
   * same cell with at most as many threads; null where none was measured. Above 1: this engine is faster.
   */
  ratioToBestDense: RatioInterval | null;
  /** The same against the fastest layer of 3072 neurons. */
  ratioToBest3072: RatioInterval | null;
  /** Distinct leaves one call reaches, averaged over calls. */
  distinctLeaves: number;
  /** Distinct bytes of weights one call reads, averaged over calls. */
  bytesTouched: number;
  verified: boolean;
  threads: number;
  /** Threads the cell asked for, 0 for all; engines may name their own. */
  cellThreads: number;
  distribution: Distribution;
  weights: WeightTemperature;
  /** Layer of the source's model; null for synthetic weights. */
  layer: number | null;
  /** Distinct leaves of all tokens that were looked at, over many calls. */
  distinctLeavesInAll: number;
  /** Tokens whose path differs from float64's, of those compared; null for engines that have no paths. */
  pathFlips: { flips: number; tokens: number } | null;
  /** Largest relative L2 error of the verified sample. */
  worstError: number;
  pairs: number;
  /** Passes the pairs are from, each with engines set up anew; absent in files of versions that had one. */
  passes?: number;
  /** False where a warm-up ended because time was up. */
  settled: boolean;
}

export interface RowSamples {
  /** Index into `rows`. */
  row: number;
  /** A sample is the mean over so many calls. */
  callsPerSample: number;
  /** Rounds the samples belong to: samples of different rows and the same round form a pair. */
  rounds: number[];
  /** Passes the samples are from, counted from 0; absent in files of versions that had one. */
  passes?: number[];
  microsecondsPerToken: number[];
}

/** So many passes of a cell came to their end, of so many that there are to be. */
export interface PassCount {
  complete: number;
  of: number;
}

/** The same engine measured twice as if it were two: the interval should hold 1. */
export interface SelfTest {
  cell: Cell;
  engine: string;
  ratio: RatioInterval;
  passed: boolean;
  /** Raw samples of the second time; those of the first are the engine's own. Absent in files of earlier versions. */
  again?: Omit<RowSamples, 'row'>;
}

/** An engine that was there and was not measured to the end, and why. */
export interface ExcludedEngine {
  engine: string;
  cell: Cell;
  reason: string;
}

export interface BenchmarkResult {
  format: 'fffbench';
  version: typeof RESULT_VERSION;
  plan: Plan;
  environment: Environment;
  rows: ResultRow[];
  samples: RowSamples[];
  selfTests: SelfTest[];
  excluded: ExcludedEngine[];
  missing: MissingEngine[];
  ladder: LadderResult[];
  unfinished: UnfinishedCell[];
}

/** A cell that was not measured, or only in part, and why; there is none after a full run. */
export interface UnfinishedCell {
  cell: Cell;
  reason: string;
  /** Where it can be gone on with: samples of later passes than the complete ones are from one that was broken off. */
  passes?: PassCount;
}

/** The cell a row was measured on. */
export function cellOf(row: ResultRow): Cell {
  const { width, levels, batch, cellThreads, distribution, weights, layer } = row;
  return { width, depth: levels - 1, batch, threads: cellThreads, distribution, weights, layer };
}

/** What a result holds of one cell; rows of samples are counted from its own first one. */
export type CellResult = Pick<BenchmarkResult, 'rows' | 'samples' | 'selfTests' | 'excluded'>;

/** The part of a result that is about a cell, measured to the end or not. */
export function resultOfCell(result: BenchmarkResult, cell: Cell): CellResult {
  const indices = [...result.rows.keys()].filter((index) => sameCell(cellOf(result.rows[index]!), cell));
  return {
    rows: indices.map((index) => result.rows[index]!),
    samples: result.samples
      .filter(({ row }) => indices.includes(row))
      .map((samples) => ({ ...samples, row: indices.indexOf(samples.row) })),
    selfTests: result.selfTests.filter((test) => sameCell(test.cell, cell)),
    excluded: result.excluded.filter((entry) => sameCell(entry.cell, cell)),
  };
}

/** One engine's measurements on one cell, before ratios are formed. */
export interface EngineMeasurement {
  engine: EngineName;
  precision: Precision;
  implementation: string;
  threads: number;
  samples: readonly Sample[];
  callsPerSample: number;
  settled: boolean;
  bytesTouched: number;
  worstError: number;
  pathFlips: ResultRow['pathFlips'];
}

export interface CellDiversity {
  distinctLeaves: number;
  distinctLeavesInAll: number;
}

/** Rows and samples of one cell. Engines without samples have no row. */
export function rowsOf(
  cell: Cell,
  measurements: readonly EngineMeasurement[],
  diversity: CellDiversity,
  seed: number,
): { rows: ResultRow[]; samples: RowSamples[] } {
  const measured = measurements.filter(({ samples }) => samples.length > 0);
  const rows = measured.map((measurement): ResultRow => {
    const spread = spreadOf(perToken(measurement.samples, cell.batch));
    const ratioTo = (kind: 'dense-twin' | 'dense-3072'): RatioInterval | null => {
      const reference = fastest(kind, measured, measurement.threads);
      return reference === null ? null : pairedRatio(reference.samples, measurement.samples, seed);
    };
    return {
      engine: measurement.engine,
      precision: measurement.precision,
      implementation: measurement.implementation,
      batch: cell.batch,
      width: cell.width,
      nodes: nodeCount(cell.depth),
      levels: cell.depth + 1,
      microsecondsPerToken: { median: spread.median, p5: spread.p5, p95: spread.p95 },
      ratioToBestDense: ratioTo('dense-twin'),
      ratioToBest3072: ratioTo('dense-3072'),
      distinctLeaves: diversity.distinctLeaves,
      bytesTouched: measurement.bytesTouched,
      // An engine that fails verification is excluded and has no row.
      verified: true,
      threads: measurement.threads,
      cellThreads: cell.threads,
      distribution: cell.distribution,
      weights: cell.weights,
      layer: cell.layer,
      distinctLeavesInAll: diversity.distinctLeavesInAll,
      pathFlips: measurement.pathFlips,
      worstError: measurement.worstError,
      pairs: measurement.samples.length,
      passes: new Set(measurement.samples.map(({ pass }) => pass)).size,
      settled: measurement.settled,
    };
  });
  const samples = measured.map((measurement, row): RowSamples => ({ row, ...rawSamples(measurement, cell.batch) }));
  return { rows, samples };
}

/** Samples as a result keeps them. */
export function rawSamples(
  { samples, callsPerSample }: Pick<EngineMeasurement, 'samples' | 'callsPerSample'>,
  batch: number,
): Omit<RowSamples, 'row'> {
  return {
    callsPerSample,
    rounds: samples.map(({ round }) => round),
    passes: samples.map(({ pass }) => pass),
    microsecondsPerToken: perToken(samples, batch),
  };
}

/** The inverse of `rawSamples`. */
export function samplesOf({ rounds, passes, microsecondsPerToken }: Omit<RowSamples, 'row'>, batch: number): Sample[] {
  return microsecondsPerToken.map((microseconds, index) => ({
    round: rounds[index]!,
    pass: passes?.[index] ?? 0,
    microsecondsPerCall: microseconds * batch,
  }));
}

/** Ratio of medians over the rounds in which both were measured, with its interval, or null where there is none. */
export function pairedRatio(
  numerator: readonly Sample[],
  denominator: readonly Sample[],
  seed: number,
): RatioInterval | null {
  const byRound = new Map(denominator.map((sample) => [sample.round, sample.microsecondsPerCall]));
  const pairs = numerator.filter(({ round }) => byRound.has(round));
  return pairs.length === 0
    ? null
    : ratioInterval(
        pairs.map((sample) => sample.microsecondsPerCall),
        pairs.map(({ round }) => byRound.get(round)!),
        pairs.map(({ pass }) => pass),
        { seed },
      );
}

/** The fastest fp32 dense layer of a kind that uses at most so many threads. Weak ones do not count as best. */
function fastest(
  kind: 'dense-twin' | 'dense-3072',
  measurements: readonly EngineMeasurement[],
  threads: number,
): EngineMeasurement | null {
  let best: { measurement: EngineMeasurement; median: number } | null = null;
  for (const measurement of measurements) {
    const family = ENGINES[measurement.engine];
    if (family.kind === kind && !family.weak && measurement.precision === 'fp32' && measurement.threads <= threads) {
      const { median } = spreadOf(measurement.samples.map((sample) => sample.microsecondsPerCall));
      if (best === null || median < best.median) {
        best = { measurement, median };
      }
    }
  }
  return best?.measurement ?? null;
}

function perToken(samples: readonly Sample[], batch: number): number[] {
  return samples.map(({ microsecondsPerCall }) => microsecondsPerCall / batch);
}
