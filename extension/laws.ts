/**
 * How the time of a call grows with one size while all others stay: with the levels of the tree as the paper claims for
 * the FFF (O(log n)), with its nodes as for a dense layer, with width, batch and threads. Terminal, panel and the pictures
 * of docs/performance.md share it. Pure.
 */
import type { BenchmarkRow } from './protocol';

/** A fitted law, y in microseconds a call. */
export type Law =
  /** y = fixed + each * x. */
  | { form: 'linear'; fixed: number; each: number; r2: number }
  /** y = factor * x ^ exponent. */
  | { form: 'power'; factor: number; exponent: number; r2: number };

export type GrowthVariable = 'levels' | 'nodes' | 'width' | 'batch' | 'threads';

export interface Growth {
  /** The engine with implementation and precision. */
  row: BenchmarkRow;
  variable: GrowthVariable;
  points: { x: number; microseconds: number }[];
  law: Law;
}

/** Fewer points fit any law. */
const MIN_POINTS = 4;

/** What is fitted to each variable. Depth is fitted twice: the better law tells what the engine's time grows with. */
const FITS: readonly { variable: GrowthVariable; of: (row: BenchmarkRow) => number; fit: (points: Point[]) => Law }[] =
  [
    { variable: 'levels', of: ({ levels }) => levels, fit: linearLaw },
    { variable: 'nodes', of: ({ nodes }) => nodes, fit: powerLaw },
    { variable: 'width', of: ({ width }) => width, fit: powerLaw },
    { variable: 'batch', of: ({ batch }) => batch, fit: linearLaw },
    { variable: 'threads', of: ({ threads }) => threads, fit: powerLaw },
  ];

interface Point {
  x: number;
  microseconds: number;
}

/** Least squares of y = fixed + each * x. Points are weighted by 1/y^2: their errors are relative ones. */
export function linearLaw(points: readonly Point[]): Law {
  const { fixed, each } = leastSquares(points.map(({ x, microseconds: y }) => ({ x, y, weight: 1 / (y * y) })));
  return { form: 'linear', fixed, each, r2: goodness(points, ({ x }) => fixed + each * x) };
}

/** Least squares of log y = log factor + exponent * log x. */
export function powerLaw(points: readonly Point[]): Law {
  const { fixed, each } = leastSquares(
    points.map(({ x, microseconds: y }) => ({ x: Math.log(x), y: Math.log(y), weight: 1 })),
  );
  const factor = Math.exp(fixed);
  return { form: 'power', factor, exponent: each, r2: goodness(points, ({ x }) => factor * x ** each) };
}

/** Every law a result allows to fit: groups of rows that differ in one size only. */
export function growthOf(rows: readonly BenchmarkRow[]): Growth[] {
  const growths: Growth[] = [];
  for (const { variable, of, fit } of FITS) {
    const groups = new Map<string, BenchmarkRow[]>();
    for (const row of rows) {
      const key = groupKey(row, variable);
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
    for (const group of groups.values()) {
      const byX = new Map(group.map((row) => [of(row), row.microsecondsPerToken.median * row.batch]));
      const points = [...byX].map(([x, microseconds]) => ({ x, microseconds })).sort((a, b) => a.x - b.x);
      if (points.length >= MIN_POINTS) {
        growths.push({ row: group[0]!, variable, points, law: fit(points) });
      }
    }
  }
  return growths;
}

/** Everything that tells rows apart but the variable and what follows from it. */
function groupKey(row: BenchmarkRow, variable: GrowthVariable): string {
  const { engine, implementation, precision, distribution, weights, layer } = row;
  return JSON.stringify([
    engine,
    implementation,
    precision,
    distribution,
    weights,
    layer,
    variable === 'levels' || variable === 'nodes' ? null : row.levels,
    variable === 'width' ? null : row.width,
    variable === 'batch' ? null : row.batch,
    variable === 'threads' ? null : row.threads,
  ]);
}

function leastSquares(points: readonly { x: number; y: number; weight: number }[]): { fixed: number; each: number } {
  const total = sum(points, ({ weight }) => weight);
  const meanX = sum(points, ({ x, weight }) => weight * x) / total;
  const meanY = sum(points, ({ y, weight }) => weight * y) / total;
  const variance = sum(points, ({ x, weight }) => weight * (x - meanX) ** 2);
  const covariance = sum(points, ({ x, y, weight }) => weight * (x - meanX) * (y - meanY));
  const each = covariance / variance;
  return { fixed: meanY - each * meanX, each };
}

/** Share of the variance of log y that a law explains; 1 is a perfect fit. */
function goodness(points: readonly Point[], predict: (point: Point) => number): number {
  const mean = sum(points, ({ microseconds }) => Math.log(microseconds)) / points.length;
  const all = sum(points, ({ microseconds }) => (Math.log(microseconds) - mean) ** 2);
  const left = sum(points, (point) => (Math.log(point.microseconds) - Math.log(Math.max(predict(point), 1e-9))) ** 2);
  return all === 0 ? (left === 0 ? 1 : 0) : 1 - left / all;
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
