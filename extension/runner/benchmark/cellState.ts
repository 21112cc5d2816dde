/** What a cell keeps from pass to pass, and how it is taken from a result whose run ended between passes. */
import type { FailedEngine, GroupEngine } from './engineGroup';
import { parseEngineSpec } from './engineSpec';
import type { EngineName } from './engineSpec';
import type { EngineIdentity } from './engines/engine';
import type { Cell, Plan } from './plan';
import { samplesOf } from './result';
import type {
  CellDiversity,
  CellResult,
  EngineMeasurement,
  ExcludedEngine,
  PassCount,
  ResultRow,
  RowSamples,
} from './result';
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
 * version that did not keep the samples of the self-test: the cell is then measured from the beginning. A sentence where
 * an engine cannot be set up this time: the cell then stays as it is, for another run.
 */
export function restoreCell(
  { result, passes }: SavedCell,
  engines: readonly GroupEngine[],
  failed: readonly FailedEngine[],
  cell: Cell,
  plan: Plan,
): { state: CellState; excluded: ExcludedEngine[] } | string | null {
  const { rows, selfTests } = result;
  const reasonOf = (id: string): string | null => result.excluded.find(({ engine }) => engine === id)?.reason ?? null;
  const entrants: Entrant[] = [];
  let missing: string | null = null;
  for (const row of rows) {
    const isNew = (id: string): boolean => !entrants.some((entrant) => entrant.id === id);
    const absent = failed.find((one) => couldBe(one, row) && isNew(one.engine));
    const id = engines.find((one) => isOf(one, row) && isNew(one.id))?.id ?? absent?.engine;
    if (id === undefined) {
      return null;
    }
    if (id === absent?.engine && reasonOf(id) === null) {
      missing ??= `${id} could not be set up: ${absent.reason}`;
    }
    const { engine, implementation, precision, threads, pathFlips, worstError, bytesTouched } = row;
    const identity = { implementation, precision, threads };
    entrants.push({ id, engine, identity, pathFlips, worstError, bytesTouched });
  }
  const [test] = selfTests;
  const twice = entrants.findIndex(({ id }) => id === test?.engine);
  if (twice < 0 || test?.again === undefined) {
    return null;
  }
  if (missing !== null) {
    return missing;
  }
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
  const again = subjectOf(test.engine + AGAIN, test.again, rows[twice]!.settled);
  // Its exclusion is named only where it has a reason of its own.
  subjects.push({ ...again, failure: again.failure ?? subjects[twice]!.failure });
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
        lacks: null,
      },
    },
    excluded: result.excluded.filter(({ engine }) => !ids.has(engine)),
  };
}

/** What the passes so far say of each entrant. @param subjects in the order of the entrants. */
export function measurementsOf({ entrants }: CellState, subjects: readonly SubjectSamples[]): EngineMeasurement[] {
  return entrants.map(({ engine, identity, bytesTouched: bytes, worstError, pathFlips }, index) => {
    const { samples, callsPerSample, settled } = subjects[index]!;
    return { engine, ...identity, samples, callsPerSample, settled, bytesTouched: bytes, worstError, pathFlips };
  });
}

/** Whether the row may be of an engine that could not be set up, of which no more is known than what the plan calls it. */
function couldBe({ engine: name }: FailedEngine, row: ResultRow): boolean {
  const { engine, implementation, precision, threads } = parseEngineSpec(name);
  return (
    engine === row.engine &&
    precision === row.precision &&
    // Libraries add their version to the name.
    (engine !== 'fff' || implementation === null || implementation === row.implementation) &&
    (threads === null || threads === 0 || threads === row.threads)
  );
}

function isOf({ spec, engine: { identity } }: GroupEngine, row: ResultRow): boolean {
  return (
    spec.engine === row.engine &&
    identity.implementation === row.implementation &&
    identity.precision === row.precision &&
    identity.threads === row.threads
  );
}
