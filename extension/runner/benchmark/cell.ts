/**
 * One cell over its passes: which engines are right, how long each call takes, and what the weights and paths of a call
 * amount to. Engines are chosen in the first pass; in every later one they come set up anew and are verified again.
 */
import { hopelessNatives, verifyAgain, verifyEngine } from './candidates';
import type { Verified } from './candidates';
import { AGAIN, restoreCell } from './cellState';
import type { CellState, Entrant, SavedCell } from './cellState';
import type { EngineGroup, GroupEngine } from './engineGroup';
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
  availableMemory(): Promise<number>;
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
}

const CANCELLED = 'the run was cancelled';
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
    const short = await shortage(cell, activationBytes(cell, plan), () => context.availableMemory());
    if (short !== null) {
      return this.outcome(short);
    }
    context.onProgress(0, 'preparing engines');
    const { engines, failed } = await context.group.engines();
    const candidates = this.goesOn(engines)
      ? await this.enterAgain(engines, failed, context)
      : await this.enter(engines, failed, context);
    if (typeof candidates === 'string') {
      return this.outcome(candidates);
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
    return this.outcome(this.whyUnfinished(measurement));
  }

  private whyUnfinished({ ended, passes, of, rounds, measuredMs }: Measurement): string | null {
    if (ended === 'cancelled') {
      return CANCELLED;
    }
    const { minimumPairs, minimumSeconds } = this.plan.limits;
    const reached =
      rounds < minimumPairs
        ? `${rounds} of ${minimumPairs} rounds`
        : `${(measuredMs / 1000).toFixed(1)} of ${minimumSeconds} seconds of rounds`;
    return ended === 'budget' && passes === of ? `the time was up after ${reached}` : null;
  }

  /** Whether there is something to go on with, of this run or of an earlier one whose engines are still the same. */
  private goesOn(engines: readonly GroupEngine[]): boolean {
    if (this.saved !== null) {
      const restored = restoreCell(this.saved, engines, this.cell, this.plan);
      this.saved = null;
      this.state = restored?.state ?? null;
      this.excluded = restored?.excluded ?? [];
    }
    return this.state?.measurement != null;
  }

  /** Chooses the engines of a first pass; a sentence says why there are none. */
  private async enter(
    engines: readonly GroupEngine[],
    failed: readonly { engine: string; reason: string }[],
    { group, signal, clock, onProgress }: PassContext,
  ): Promise<Map<string, GroupEngine> | string> {
    const { cell, plan } = this;
    const { workload } = group;
    this.excluded = failed.map(({ engine, reason }) => ({ engine, cell, reason }));
    const exclude = (engine: string, reason: string): void => void this.excluded.push({ engine, cell, reason });
    const verified: Verified[] = [];
    for (const candidate of engines) {
      if (signal?.aborted === true) {
        return CANCELLED;
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
      return 'no engine passed verification';
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
    failed: readonly { engine: string; reason: string }[],
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
        return CANCELLED;
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
    return subjects.some(({ failure }) => failure === null) ? byId : 'no engine passed verification';
  }

  private subjects({ entrants, twice }: CellState, candidates: ReadonlyMap<string, GroupEngine>): Subject[] {
    const subjects = entrants.map((entrant) => subjectOf(entrant, candidates.get(entrant.id), this.cell.batch));
    return [...subjects, { ...subjects[twice]!, id: entrants[twice]!.id + AGAIN }];
  }

  private outcome(unfinished: string | null): CellOutcome {
    const { cell, state, passes } = this;
    const excluded = [...this.excluded];
    if (state?.measurement == null) {
      const diversity = { distinctLeaves: 0, distinctLeavesInAll: 0 };
      return { measurements: [], diversity, selfTest: null, excluded, passes, unfinished };
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

function measurementsOf({ entrants }: CellState, subjects: readonly SubjectSamples[]): EngineMeasurement[] {
  return entrants.map(({ engine, identity, bytesTouched: bytes, worstError, pathFlips }, index) => {
    const { samples, callsPerSample, settled } = subjects[index]!;
    return { engine, ...identity, samples, callsPerSample, settled, bytesTouched: bytes, worstError, pathFlips };
  });
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
