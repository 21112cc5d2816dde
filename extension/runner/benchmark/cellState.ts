/** What a cell keeps from pass to pass, and how it is taken from a result whose run ended between passes. */
import type { GroupEngine } from './engineGroup';
import type { EngineName } from './engineSpec';
import type { EngineIdentity } from './engines/engine';
import type { Cell, Plan } from './plan';
import { samplesOf } from './result';
import type { CellDiversity, CellResult, ExcludedEngine, PassCount, ResultRow, RowSamples } from './result';
import type { Measurement, SubjectSamples } from './schedule';

/** After the name of the engine that is measured a second time. */
export const AGAIN = ' (again)';

/** An engine that was right in the first pass. */
export interface Entrant {
  id: string;
  engine: EngineName;
  identity: EngineIdentity;
  pathFlips: ResultRow['pathFlips'];
  /** Of all passes. */
  worstError: number;
  bytesTouched: number;
}

export interface CellState {
  entrants: Entrant[];
  diversity: CellDiversity;
  /** Index of the entrant that is measured twice. */
  twice: number;
  /** One subject for each entrant, and the second one of the A/A test; null before the first pass is measured. */
  measurement: Measurement | null;
}

/** A cell of an earlier result that has passes left. */
export interface SavedCell {
  result: CellResult;
  passes: PassCount;
}

/**
 * The state at the end of the last complete pass. Null where the engines are not what they were then, or the file is of a
 * version that did not keep the samples of the self-test: the cell is then measured from the beginning.
 */
export function restoreCell(
  { result, passes }: SavedCell,
  engines: readonly GroupEngine[],
  cell: Cell,
  plan: Plan,
): { state: CellState; excluded: ExcludedEngine[] } | null {
  const { rows, selfTests } = result;
  const entrants: Entrant[] = [];
  for (const row of rows) {
    const engine = engines.find((one) => isOf(one, row) && !entrants.some(({ id }) => id === one.id));
    if (engine !== undefined) {
      const { pathFlips, worstError, bytesTouched } = row;
      const { id, spec } = engine;
      entrants.push({ id, engine: spec.engine, identity: engine.engine.identity, pathFlips, worstError, bytesTouched });
    }
  }
  const [test] = selfTests;
  const twice = entrants.findIndex(({ id }) => id === test?.engine);
  if (entrants.length < rows.length || twice < 0 || test?.again === undefined) {
    return null;
  }
  const reasonOf = (id: string): string | null => result.excluded.find(({ engine }) => engine === id)?.reason ?? null;
  const subjectOf = (id: string, raw: Omit<RowSamples, 'row'> | undefined, settled: boolean): SubjectSamples => ({
    id,
    samples: raw === undefined ? [] : samplesOf(raw, cell.batch).filter(({ pass }) => pass < passes.complete),
    callsPerSample: raw?.callsPerSample ?? 1,
    settled,
    failure: reasonOf(id),
  });
  const subjects = rows.map((row, index) =>
    subjectOf(
      entrants[index]!.id,
      result.samples.find((raw) => raw.row === index),
      row.settled,
    ),
  );
  subjects.push(subjectOf(test.engine + AGAIN, test.again, rows[twice]!.settled));
  const ids = new Set(subjects.map(({ id }) => id));
  const { distinctLeaves, distinctLeavesInAll } = rows[0]!;
  return {
    state: {
      entrants,
      diversity: { distinctLeaves, distinctLeavesInAll },
      twice,
      measurement: {
        subjects,
        passes: passes.complete,
        of: passes.of,
        rounds: 1 + Math.max(...subjects.flatMap(({ samples }) => samples.map(({ round }) => round))),
        // Each complete pass had its share.
        measuredMs: (plan.limits.minimumSeconds * 1000 * passes.complete) / passes.of,
        interruptions: 0,
        ended: 'complete',
      },
    },
    excluded: result.excluded.filter(({ engine }) => !ids.has(engine)),
  };
}

function isOf({ spec, engine: { identity } }: GroupEngine, row: ResultRow): boolean {
  return (
    spec.engine === row.engine &&
    identity.implementation === row.implementation &&
    identity.precision === row.precision &&
    identity.threads === row.threads
  );
}
