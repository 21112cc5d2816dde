/** One cell: which engines are right, how long each call takes, and what the weights and paths of a call amount to. */
import { hopelessNatives, verifyEngine } from './candidates';
import type { Verified } from './candidates';
import type { EngineGroup, GroupEngine } from './engineGroup';
import { ENGINES } from './engineSpec';
import type { Precision } from './engineSpec';
import type { Cell, Plan } from './plan';
import { denseWeights } from './engines/registry';
import { activationBytes, shortage } from './memory';
import { Random } from './random';
import { pairedRatio } from './result';
import type { CellDiversity, EngineMeasurement, ExcludedEngine, SelfTest } from './result';
import { diversityOf } from './routing';
import { measure } from './schedule';
import type { Clock, Subject, SubjectSamples } from './schedule';
import type { PreparedWorkload } from './workload';

export interface CellContext {
  cell: Cell;
  plan: Plan;
  group: EngineGroup;
  clock: Clock;
  budgetMs: number;
  availableMemory(): Promise<number>;
  signal: AbortSignal | undefined;
  whilePaused: (() => Promise<void>) | undefined;
  onProgress(part: number, what: string): void;
  onMeasurements(measurements: readonly EngineMeasurement[], diversity: CellDiversity): void;
}

export interface CellOutcome {
  measurements: EngineMeasurement[];
  diversity: CellDiversity;
  selfTest: SelfTest | null;
  excluded: ExcludedEngine[];
  /** Why the cell is not measured to the end; null when it is. */
  unfinished: string | null;
}

/** The name under which the first engine is measured a second time. */
const AGAIN = ' (again)';

const STORED_BYTES: Readonly<Record<Precision, number>> = { fp32: 4, bf16: 2, fp16: 2, 'exact-low': 2 };

export async function measureCell(context: CellContext): Promise<CellOutcome> {
  const { cell, plan, group, clock } = context;
  const { workload } = group;
  const outcome: CellOutcome = {
    measurements: [],
    diversity: { distinctLeaves: 0, distinctLeavesInAll: 0 },
    selfTest: null,
    excluded: [],
    unfinished: null,
  };
  const short = await shortage(cell, activationBytes(cell, plan), () => context.availableMemory());
  if (short !== null) {
    return { ...outcome, unfinished: short };
  }
  context.onProgress(0, 'preparing engines');
  const { engines, failed } = await group.engines();
  const exclude = (engine: string, reason: string): void => void outcome.excluded.push({ engine, cell, reason });
  failed.forEach(({ engine, reason }) => exclude(engine, reason));

  const verified: Verified[] = [];
  for (const candidate of engines) {
    if (context.signal?.aborted === true) {
      return { ...outcome, unfinished: 'the run was cancelled' };
    }
    context.onProgress(0, `verifying ${candidate.id}`);
    const answer = await verifyEngine(candidate, workload, cell, plan.limits.callSeconds, clock);
    if (typeof answer === 'string') {
      exclude(candidate.id, answer);
    } else {
      verified.push(answer);
    }
  }
  if (verified.length === 0) {
    return { ...outcome, unfinished: 'no engine passed verification' };
  }
  for (const { candidate, reason } of await hopelessNatives(verified, cell.batch)) {
    exclude(candidate.candidate.id, reason);
    verified.splice(verified.indexOf(candidate), 1);
  }

  const diversity = diversityOf(workload.leaves(cell.batch), workload.trees, workload.depth, cell.batch);
  outcome.diversity = {
    distinctLeaves: Math.round(diversity.leavesPerCall),
    distinctLeavesInAll: diversity.leavesInAll,
  };
  const toMeasurements = (subjects: readonly SubjectSamples[]): EngineMeasurement[] =>
    verified.map(({ candidate, verification, pathFlips }, index) => ({
      engine: candidate.spec.engine,
      ...candidate.engine.identity,
      samples: subjects[index]!.samples,
      callsPerSample: subjects[index]!.callsPerSample,
      settled: subjects[index]!.settled,
      bytesTouched: bytesTouched(candidate, workload, diversity.nodesPerCall),
      worstError: verification.worstError,
      pathFlips,
    }));

  const subjects = verified.map(({ candidate }) => subjectOf(candidate, cell.batch));
  const twice = verified.find(({ candidate }) => candidate.spec.engine === 'fff') ?? verified[0]!;
  subjects.push({ ...subjectOf(twice.candidate, cell.batch), id: twice.candidate.id + AGAIN });
  const measurement = await measure(subjects, {
    limits: plan.limits,
    random: new Random(plan.seed, 0x07de7),
    clock,
    budgetMs: context.budgetMs,
    signal: context.signal,
    whilePaused: context.whilePaused,
    onProgress: (part, what, samples) => {
      context.onProgress(part, what);
      context.onMeasurements(toMeasurements(samples), outcome.diversity);
    },
  });
  outcome.measurements = toMeasurements(measurement.subjects);
  measurement.subjects.forEach(({ id, failure }) => {
    if (failure !== null) {
      exclude(id, failure);
    }
  });

  const first = measurement.subjects[verified.indexOf(twice)]!;
  const second = measurement.subjects[measurement.subjects.length - 1]!;
  const ratio = pairedRatio(first.samples, second.samples, plan.seed);
  if (ratio !== null) {
    outcome.selfTest = { cell, engine: first.id, ratio, passed: ratio.low <= 1 && ratio.high >= 1 };
  }
  if (measurement.ended === 'cancelled') {
    outcome.unfinished = 'the run was cancelled';
  } else if (measurement.ended === 'budget') {
    outcome.unfinished = `the time was up after ${measurement.rounds} of ${plan.limits.minimumPairs} rounds`;
  }
  return outcome;
}

function subjectOf({ id, spec, engine }: GroupEngine, batch: number): Subject {
  const { kind, weak } = ENGINES[spec.engine];
  return {
    id,
    reference: !weak && (kind === 'dense-twin' || kind === 'dense-3072'),
    burst: (calls) => engine.burst(batch, calls),
  };
}

/** Distinct weight bytes of a call: both rows and the bias of each node visited, or the whole dense layer. */
function bytesTouched({ spec }: GroupEngine, workload: PreparedWorkload, nodesPerCall: number): number {
  const { kind } = ENGINES[spec.engine];
  const { width } = workload;
  if (kind === 'fff') {
    return Math.round(nodesPerCall * (2 * width * STORED_BYTES[spec.precision] + 4));
  }
  const neurons = denseWeights(spec, workload)[0]!.neurons;
  return 4 * (2 * neurons * width + neurons + (kind === 'dense-twin' ? 0 : width));
}
