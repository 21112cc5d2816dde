/**
 * Which precisions of a result are shown. Where dense layers were measured in several, as on a GPU, each precision is
 * compared with its own and is a trial by itself: one can be looked at alone. On a processor all is compared with fp32,
 * and there is nothing to choose.
 */
import type { BenchmarkRow } from '../../extension/protocol';
import { densePrecisions } from '../../extension/verdict';
import { engineName } from './series';
import type { BenchmarkStore } from './store';

/** In the place of a precision: all of them. */
export const ALL = 'all';
/** More engines than two colours of six shapes tell apart begin with one precision alone. */
const READABLE_ENGINES = 12;

export interface PrecisionChoice {
  /** Precisions with dense layers of their own; where there is one, nothing can be chosen. */
  precisions: readonly string[];
  /** One of them, or `ALL`. */
  chosen: string;
}

export function precisionChoice({ rows, setup }: Pick<BenchmarkStore, 'rows' | 'setup'>): PrecisionChoice {
  const dense = densePrecisions({ rows });
  const precisions = dense.filter((precision) => rows.some((row) => comparedIn(row, dense) === precision));
  const [first, ...others] = precisions;
  if (first === undefined || others.length === 0) {
    return { precisions, chosen: ALL };
  }
  const { precision } = setup;
  if (precision !== null && [ALL, ...precisions].includes(precision)) {
    return { precisions, chosen: precision };
  }
  return { precisions, chosen: engineCount(rows) > READABLE_ENGINES ? first : ALL };
}

/** Those of some rows of the shown result that the choice shows: engines, and the dense layers they are compared with. */
export function shownRows(store: BenchmarkStore, rows: readonly BenchmarkRow[] = store.rows): readonly BenchmarkRow[] {
  const { chosen } = precisionChoice(store);
  const dense = densePrecisions(store);
  return chosen === ALL ? rows : rows.filter((row) => comparedIn(row, dense) === chosen);
}

/** What the choice leaves out, in a sentence with a space before it; empty where it leaves out nothing. */
export function leftOutSentence(store: BenchmarkStore): string {
  const { chosen } = precisionChoice(store);
  return chosen === ALL
    ? ''
    : ` Only ${chosen} is shown, ${engineCount(shownRows(store))} of ${engineCount(store.rows)} engines; choose others under Precision.`;
}

/** The chosen precision for the name of what is saved or tabulated; empty for all. */
export function precisionName(store: BenchmarkStore): string {
  const { chosen } = precisionChoice(store);
  return chosen === ALL ? '' : chosen;
}

/** The precision of the dense layers a row is compared with. */
function comparedIn({ precision }: BenchmarkRow, dense: readonly string[]): string {
  return dense.includes(precision) ? precision : 'fp32';
}

function engineCount(rows: readonly BenchmarkRow[]): number {
  return new Set(rows.map(engineName)).size;
}
