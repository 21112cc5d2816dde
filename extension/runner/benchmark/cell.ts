/**
 * One cell over its passes: which engines are right, how long each call takes, and what the weights and paths of a call
 * amount to. Engines are chosen in the first pass; in every later one they come set up anew and are verified again.
 */
import { RUN_CANCELLED } from '../../passes';
import { hopelessNatives, verifyAgain, verifyEngine } from './candidates';
import type { Verified } from './candidates';
import { AGAIN, measurementsOf, restoreCell } from './cellState';
import type { CellState, Entrant, SavedCell } from './cellState';
import type { EngineGroup, FailedEngine, GroupEngine } from './engineGroup';
import { ENGINES } from './engineSpec';
import type { Precision } from './engineSpec';
import type { Cell, Plan } from './plan';
import { denseWeights } from './engines/registry';
import { activationBytes, shortage } from './memory';
import { Random } from './random';
import { pairedRatio, rawSamples } from './result';
import type { CellDiversity, EngineMeasurement, ExcludedEngine, PassCount, SelfTest } from './result';
import { diversityOf } from './routing';
import { measure } from './schedule';
import type { Clock, Measurement, Subject, SubjectSamples } from './schedule';
import type { PreparedWorkload } from './workload';

export interface PassContext {
  /** Engines of this pass. */
  group: EngineGroup;
  clock: Clock;
  budgetMs: number;
  /** Bytes that can be allocated, after what the run keeps for later has been given back where so many are not. */
  roomFor(bytes: number): Promise<number>;
  signal: AbortSignal | undefined;
  whilePaused: (() => Promise<void>) | undefined;
  onProgress(part: number, what: string): void;
  onMeasurements(measurements: readonly EngineMeasurement[], diversity: CellDiversity): void;
}

/** All passes so far. */
export interface CellOutcome {
  measurements: EngineMeasurement[];
  diversity: CellDiversity;
  selfTest: SelfTest | null;
  excluded: ExcludedEngine[];
  passes: PassCount;
  /** Why the cell is not gone on with though it is not measured to the end; null where it is, or where passes are left. */
  unfinished: string | null;
  /** False where the pass ended before anything was found out: without rows it takes nothing away from an earlier run's. */
  isConclusive: boolean;
}

const ALL_WRONG = 'no engine passed verification';
const STORED_BYTES: Readonly<Record<Precision, number>> = { fp32: 4, bf16: 2, fp16: 2, 'exact-low': 2 };

export class CellRun {
  private state: CellState | null = null;
  private excluded: ExcludedEngine[] = [];

  /** @param saved what an earlier run measured in complete passes, to be gone on with. */
  constructor(
    readonly cell: Cell,
    private readonly plan: Plan,
    private saved: SavedCell | null = null,
  ) {}

  get passes(): PassCount {
    const measurement = this.state?.measurement ?? null;
    return measurement === null
      ? (this.saved?.passes ?? { complete: 0, of: this.plan.limits.passes })
      : { complete: measurement.passes, of: measurement.of };
  }

  /** Measures one pass more. */
  async pass(context: PassContext): Promise<CellOutcome> {
    const { cell, plan } = this;
    const needed = activationBytes(cell, plan);
    const short = await shortage(cell, needed, () => context.roomFor(needed));
    if (short !== null) {
      return this.outcome(short, false);
    }
    context.onProgress(0, 'preparing engines');
    const { engines, failed } = await context.group.engines();
    const missing = this.takeUp(engines, failed);
    if (missing !== null) {
      return this.outcome(missing, false);
    }
    const candidates =
      this.state?.measurement == null
        ? await this.enter(engines, failed, context)
        : await this.enterAgain(engines, failed, context);
    if (typeof candidates === 'string') {
      return this.outcome(candidates, candidates === ALL_WRONG);
    }
    const state = this.state!;
    const measurement = await measure(
      this.subjects(state, candidates),
      {
        limits: plan.limits,
        random: new Random(plan.seed, 0x07de7 + this.passes.complete),
        clock: context.clock,
        budgetMs: context.budgetMs,
        signal: context.signal,
        whilePaused: context.whilePaused,
        onProgress: (part, what, samples) => {
          context.onProgress(part, what);
          context.onMeasurements(measurementsOf(state, samples), state.diversity);
        },
      },
      state.measurement,
    );
    this.state = { ...state, measurement };
    return this.outcome(this.whyUnfinished(measurement), measurement.ended !== 'cancelled');
  }

  private whyUnfinished({ ended, passes, of, lacks, measuredMs }: Measurement): string | null {
    if (ended === 'cancelled') {
      return RUN_CANCELLED;
    }
    const reached =
      lacks !== null
        ? `${lacks.pairs} of ${lacks.of} rounds`
        : `${(measuredMs / 1000).toFixed(1)} of ${this.plan.limits.minimumSeconds} seconds of rounds`;
    return ended === 'budget' && passes === of ? `the time was up after ${reached}` : null;
  }

  /** Goes on with an earlier run where its engines are still the same; a sentence where one of them is missing. */
  private takeUp(engines: readonly GroupEngine[], failed: readonly FailedEngine[]): string | null {
    if (this.saved !== null) {
      const restored = restoreCell(this.saved, engines, failed, this.cell, this.plan);
      if (typeof restored === 'string') {
        return restored;
      }
      this.saved = null;
      this.state = restored?.state ?? null;
      this.excluded = restored?.excluded ?? [];
    }
    return null;
  }

  /** Chooses the engines of a first pass; a sentence says why there are none. */
  private async enter(
    engines: readonly GroupEngine[],
    failed: readonly FailedEngine[],
    { group, signal, clock, onProgress }: PassContext,
  ): Promise<Map<string, GroupEngine> | string> {
    const { cell, plan } = this;
    const { workload } = group;
    this.excluded = failed.map(({ engine, reason }) => ({ engine, cell, reason }));
    const exclude = (engine: string, reason: string): void => void this.excluded.push({ engine, cell, reason });
    const verified: Verified[] = [];
    for (const candidate of engines) {
      if (signal?.aborted === true) {
        return RUN_CANCELLED;
      }
      onProgress(0, `verifying ${candidate.id}`);
      const answer = await verifyEngine(candidate, workload, cell, plan.limits.callSeconds, clock);
      if (typeof answer === 'string') {
        exclude(candidate.id, answer);
      } else {
        verified.push(answer);
      }
    }
    if (verified.length === 0) {
      return engines.length === 0 ? 'no engine could be set up' : ALL_WRONG;
    }
    for (const { candidate, reason } of await hopelessNatives(verified, cell.batch)) {
      exclude(candidate.candidate.id, reason);
      verified.splice(verified.indexOf(candidate), 1);
    }
    const { leavesPerCall, leavesInAll, nodesPerCall } = diversityOf(
      workload.leaves(cell.batch),
      workload.trees,
      workload.depth,
      cell.batch,
    );
    const entrants = verified.map(({ candidate: { id, spec, engine }, verification, pathFlips }): Entrant => ({
      ...{ id, engine: spec.engine, identity: engine.identity, pathFlips },
      worstError: verification.worstError,
      bytesTouched: bytesTouched(spec, workload, nodesPerCall),
    }));
    this.state = {
      entrants,
      diversity: { distinctLeaves: Math.round(leavesPerCall), distinctLeavesInAll: leavesInAll },
      twice: Math.max(
        0,
        entrants.findIndex(({ engine }) => engine === 'fff'),
      ),
      measurement: null,
    };
    return new Map(verified.map(({ candidate }) => [candidate.id, candidate]));
  }

  /** Verifies the engines of a later pass; those that are gone or wrong are not measured any more. */
  private async enterAgain(
    engines: readonly GroupEngine[],
    failed: readonly FailedEngine[],
    { group, signal, onProgress }: PassContext,
  ): Promise<Map<string, GroupEngine> | string> {
    const { entrants, twice, measurement } = this.state!;
    const byId = new Map(engines.map((candidate) => [candidate.id, candidate]));
    const subjects = measurement!.subjects.map((subject) => ({ ...subject }));
    const again = subjects[entrants.length]!;
    for (const [index, entrant] of entrants.entries()) {
      const subject = subjects[index]!;
      if (subject.failure !== null) {
        continue;
      }
      if (signal?.aborted === true) {
        break;
      }
      onProgress(0, `verifying ${entrant.id}`);
      const candidate = byId.get(entrant.id);
      const answer = candidate === undefined ? null : await verifyAgain(candidate, group.workload, this.cell.batch);
      if (answer === null) {
        const why = failed.find(({ engine }) => engine === entrant.id)?.reason ?? 'it was not there any more';
        subject.failure = `in a later pass ${why}`;
      } else if (typeof answer === 'string') {
        // What was right once and is wrong now has no time one could believe.
        subject.failure = answer;
        subject.samples = [];
      } else {
        entrant.worstError = Math.max(entrant.worstError, answer.worstError);
      }
      if (index === twice && subject.failure !== null) {
        again.failure = subject.failure;
        again.samples = subject.samples.length === 0 ? [] : again.samples;
      }
    }
    this.state = { ...this.state!, measurement: { ...measurement!, subjects } };
    if (subjects.every(({ failure }) => failure !== null)) {
      return ALL_WRONG;
    }
    return signal?.aborted === true ? RUN_CANCELLED : byId;
  }

  private subjects({ entrants, twice }: CellState, candidates: ReadonlyMap<string, GroupEngine>): Subject[] {
    const subjects = entrants.map((entrant) => subjectOf(entrant, candidates.get(entrant.id), this.cell.batch));
    return [...subjects, { ...subjects[twice]!, id: entrants[twice]!.id + AGAIN }];
  }

  private outcome(unfinished: string | null, isConclusive: boolean): CellOutcome {
    const { cell, state, passes } = this;
    const excluded = [...this.excluded];
    if (state?.measurement == null) {
      const diversity = { distinctLeaves: 0, distinctLeavesInAll: 0 };
      return { measurements: [], diversity, selfTest: null, excluded, passes, unfinished, isConclusive };
    }
    const { subjects } = state.measurement;
    const [first, second] = [subjects[state.twice]!, subjects[state.entrants.length]!];
    for (const { id, failure } of subjects) {
      if (failure !== null && !(id === second.id && failure === first.failure)) {
        excluded.push({ engine: id, cell, reason: failure });
      }
    }
    return {
      measurements: measurementsOf(state, subjects),
      diversity: state.diversity,
      selfTest: selfTestOf(cell, first, second, this.plan.seed),
      excluded,
      passes,
      unfinished,
      isConclusive,
    };
  }
}

function selfTestOf(cell: Cell, first: SubjectSamples, second: SubjectSamples, seed: number): SelfTest | null {
  const ratio = pairedRatio(first.samples, second.samples, seed);
  return ratio === null
    ? null
    : {
        ...{ cell, engine: first.id, ratio, passed: ratio.low <= 1 && ratio.high >= 1 },
        again: rawSamples(second, cell.batch),
      };
}

/** @param candidate undefined where it is not measured any more. */
function subjectOf({ id, engine }: Entrant, candidate: GroupEngine | undefined, batch: number): Subject {
  const { kind, weak } = ENGINES[engine];
  return {
    id,
    reference: !weak && (kind === 'dense-twin' || kind === 'dense-3072'),
    burst: (calls) => candidate?.engine.burst(batch, calls) ?? Promise.reject(new Error(`${id} is not there any more`)),
  };
}

/** Distinct weight bytes of a call: both rows and the bias of each node visited, or the whole dense layer. */
function bytesTouched(spec: GroupEngine['spec'], workload: PreparedWorkload, nodesPerCall: number): number {
  const { kind } = ENGINES[spec.engine];
  const { width } = workload;
  if (kind === 'fff') {
    return Math.round(nodesPerCall * (2 * width * STORED_BYTES[spec.precision] + 4));
  }
  const neurons = denseWeights(spec, workload)[0]!.neurons;
  return 4 * (2 * neurons * width + neurons + (kind === 'dense-twin' ? 0 : width));
}
