/**
 * What passes say about an interval. A plan is measured in several passes (invocations, in the words of Kalibera and Jones,
 * "Rigorous benchmarking in reasonable time"), each with its engines set up anew: some of what decides a time stays the
 * same for as long as memory lies where it lies, and samples of one pass, however many, cannot see it. Pure; shared by all
 * bundles.
 */
import type { RatioInterval } from './protocol';

/** Why a cell is not measured to the end while its run goes on. */
export const NOT_MEASURED_YET = 'not measured yet';
export const PASSES_LEFT = 'not measured in all its passes yet';
/** Why it is not where its run was ended. */
export const RUN_CANCELLED = 'the run was cancelled';

/** Whether all passes came to their end; what does not count them, as in older files, was measured in one. */
export function isWhole({ passes }: { passes?: { complete: number; of: number } }): boolean {
  return passes === undefined || passes.complete >= passes.of;
}

export interface Ends {
  low: number;
  high: number;
}

/** The values of each pass. @param passes of each value; absent in older files, where all are of one pass. */
export function byPass(values: readonly number[], passes: readonly number[] | undefined): number[][] {
  const groups = new Map<number, number[]>();
  for (const [index, value] of values.entries()) {
    const pass = passes?.[index] ?? 0;
    const group = groups.get(pass);
    if (group === undefined) {
      groups.set(pass, [value]);
    } else {
      group.push(value);
    }
  }
  return [...groups.values()];
}

/**
 * 95 % interval of a ratio of which every pass gives one value: Student's t over their logarithms. Nothing is assumed of
 * the samples inside a pass. Null for fewer than two passes, which say nothing of how passes differ.
 */
export function intervalOfPasses(ratios: readonly number[]): Ends | null {
  const logs = ratios.map(Math.log);
  const degrees = logs.length - 1;
  if (degrees < 1) {
    return null;
  }
  const half = studentQuantile(degrees) * Math.sqrt(squaresAround(logs) / degrees / logs.length);
  return around(mean(logs), half);
}

/**
 * 95 % interval of the ratio of two things measured apart, each in passes of its own that give one value each. Passes of
 * both are taken to scatter alike, so that one of them may be a single pass. Null where both are.
 */
export function intervalBetween(above: readonly number[], below: readonly number[]): Ends | null {
  const [up, down] = [above.map(Math.log), below.map(Math.log)];
  const degrees = up.length + down.length - 2;
  if (degrees < 1 || up.length === 0 || down.length === 0) {
    return null;
  }
  const variance = (squaresAround(up) + squaresAround(down)) / degrees;
  const half = studentQuantile(degrees) * Math.sqrt(variance * (1 / up.length + 1 / down.length));
  return around(mean(up) - mean(down), half);
}

/** No narrower than either. */
export function widened(interval: RatioInterval, ends: Ends | null): RatioInterval {
  return ends === null
    ? interval
    : { ...interval, low: Math.min(interval.low, ends.low), high: Math.max(interval.high, ends.high) };
}

/** `5 passes`, `3 to 5 passes`; empty where everything was measured in one, as older files are. */
export function passesText(rows: readonly { passes?: number }[]): string {
  const counts = rows.map(({ passes = 1 }) => passes);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  return !(most > 1) ? '' : fewest === most ? `${most} passes` : `${fewest} to ${most} passes`;
}

/** Tabulated 97.5 % quantiles of Student's t for 1 to 4 degrees of freedom. */
const FEW_DEGREES: readonly number[] = [12.7062, 4.3027, 3.1824, 2.7764];
/** The same of the normal distribution. */
const NORMAL = 1.959964;

/** 97.5 % quantile of Student's t: from 5 degrees of freedom on by its expansion (Abramowitz and Stegun 26.7.5). */
export function studentQuantile(degrees: number): number {
  const tabulated = FEW_DEGREES[degrees - 1];
  if (tabulated !== undefined) {
    return tabulated;
  }
  const z = NORMAL;
  return (
    z +
    (z ** 3 + z) / 4 / degrees +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96 / degrees ** 2 +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384 / degrees ** 3 +
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160 / degrees ** 4
  );
}

function around(log: number, half: number): Ends {
  return { low: Math.exp(log - half), high: Math.exp(log + half) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function squaresAround(values: readonly number[]): number {
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
}
