/** What a run has gathered so far, cell by cell: measured now, taken over from an earlier result, or left and why. */
import { isWhole, NOT_MEASURED_YET, PASSES_LEFT } from '../../passes';
import type { CellOutcome } from './cell';
import type { SavedCell } from './cellState';
import type { Environment } from './environment';
import type { MissingEngine } from './engines/registry';
import type { LadderResult } from './ladder';
import { differenceOf, originRemarks } from './origin';
import type { Difference } from './origin';
import { sameCell } from './plan';
import type { Cell, Plan } from './plan';
import { resultOfCell, rowsOf } from './result';
import type { BenchmarkResult, CellResult, PassCount, ResultRow, UnfinishedCell } from './result';

interface Entry {
  cell: Cell;
  result: CellResult;
  passes: PassCount;
  /** Why it is left as it is; null where it is finished, or where passes are left. */
  reason: string | null;
  /** All of it is from an earlier result, whose own figures may have been taken over, too. */
  isTakenOver: boolean;
}

const NOTHING: CellResult = { rows: [], samples: [], selfTests: [], excluded: [] };

export class GatheredResult {
  /** Of cells about which there is something to say, in the order in which they were begun. */
  private readonly entries: Entry[] = [];
  private readonly ladders = new Map<number, { ladder: LadderResult; isTakenOver: boolean }>();
  private readonly difference: Difference;

  /** @param earlier result of the same plan, to be gone on with. */
  constructor(
    private readonly plan: Plan,
    readonly environment: Environment,
    private readonly missing: MissingEngine[],
    private readonly cells: readonly Cell[],
    private readonly onResult: ((result: BenchmarkResult) => void) | undefined,
    private readonly earlier: BenchmarkResult | undefined,
  ) {
    this.difference = earlier === undefined ? 'same' : differenceOf(earlier.environment, environment);
  }

  /** Everything so far. Cells that are neither finished nor left are listed as unfinished. */
  get result(): BenchmarkResult {
    const { plan, missing, entries } = this;
    const environment = { ...this.environment, remarks: this.remarks() };
    const result: BenchmarkResult = {
      ...({ format: 'fffbench', version: 1 } as const),
      ...{ plan, environment, rows: [], samples: [], selfTests: [], excluded: [], missing, ladder: [], unfinished: [] },
    };
    for (const { result: own } of entries) {
      const first = result.rows.length;
      result.rows.push(...own.rows);
      result.samples.push(...own.samples.map((samples) => ({ ...samples, row: first + samples.row })));
      result.selfTests.push(...own.selfTests);
      result.excluded.push(...own.excluded);
    }
    result.ladder.push(...[...this.ladders.values()].map(({ ladder }) => ladder));
    const left = entries.filter(({ reason }) => reason !== null).map((entry) => unfinished(entry, entry.reason!));
    const open = this.cells
      .filter((cell) => this.isOpen(cell))
      .map((cell) => {
        const begun = this.entryOf(cell);
        return begun === undefined ? { cell, reason: NOT_MEASURED_YET } : unfinished(begun, PASSES_LEFT);
      });
    result.unfinished.push(...left, ...open);
    return result;
  }

  /** Takes a finished cell over from the earlier result; true when there was one. */
  takeOver(cell: Cell): boolean {
    const result = this.earlierOf(cell);
    const isFinished =
      result.rows.length > 0 && this.difference !== 'subject' && unfinishedIn(this.earlier, cell) === undefined;
    if (isFinished) {
      this.entries.push({ cell, result, passes: { complete: 1, of: 1 }, reason: null, isTakenOver: true });
    }
    return isFinished;
  }

  /**
   * What the earlier result holds of a cell in complete passes, to be gone on with. Whatever rows it has are kept until
   * there are others in their place, even where the cell must be measured from the beginning.
   */
  reopen(cell: Cell): SavedCell | null {
    const result = this.earlierOf(cell);
    const passes = this.difference === 'same' ? unfinishedIn(this.earlier, cell)?.passes : undefined;
    if (result.rows.length === 0) {
      return null;
    }
    const begun = passes ?? { complete: 0, of: this.plan.limits.passes };
    this.entries.push({ cell, result, passes: begun, reason: null, isTakenOver: passes === undefined });
    return passes === undefined ? null : { result, passes };
  }

  /** The earlier result's whole encoder, as in `takeOver` and `reopen`: without complete passes where none can be gone on with. */
  takeOverLadder(tokens: number): LadderResult | null {
    const found = this.earlier?.ladder.find((entry) => entry.tokens === tokens);
    if (found === undefined) {
      return null;
    }
    const isKept = this.difference === 'same' || (this.difference === 'program' && isWhole(found));
    const of = found.passes?.of ?? this.plan.limits.passes;
    const ladder = isKept ? found : { ...found, passes: { complete: 0, of } };
    this.ladders.set(tokens, { ladder, isTakenOver: isWhole(ladder) || ladder.passes?.complete === 0 });
    return ladder;
  }

  /** Puts what was measured on a cell in the place of what was there of it, and returns the rows that it has now. */
  put(
    cell: Cell,
    { measurements, diversity, selfTest, excluded, passes, unfinished: reason, isConclusive }: CellOutcome,
  ): ResultRow[] {
    const measured = rowsOf(cell, measurements, diversity, this.plan.seed);
    const result = { ...measured, selfTests: selfTest === null ? [] : [selfTest], excluded };
    const entry = this.entryOf(cell);
    if (entry === undefined) {
      this.entries.push({ cell, result, passes, reason, isTakenOver: false });
    } else if (!isConclusive && measured.rows.length === 0) {
      // Nothing was found out: what an earlier run measured stays.
      entry.reason = reason;
      return entry.result.rows;
    } else {
      Object.assign(entry, { result, passes, reason, isTakenOver: false });
    }
    return measured.rows;
  }

  putLadder(ladder: LadderResult): void {
    this.ladders.set(ladder.tokens, { ladder, isTakenOver: false });
  }

  /** Lists a cell as not measured, or only in part. */
  leave(cell: Cell, reason: string): void {
    const entry = this.entryOf(cell);
    if (entry === undefined) {
      this.entries.push({ cell, result: NOTHING, passes: { complete: 0, of: 1 }, reason, isTakenOver: false });
    } else {
      entry.reason = reason;
    }
  }

  /** Neither finished nor left. */
  isOpen(cell: Cell): boolean {
    const entry = this.entryOf(cell);
    return entry === undefined || (entry.reason === null && entry.passes.complete < entry.passes.of);
  }

  /** A result of its own: whatever ends this process, the listener has a whole one. */
  tell(): void {
    this.onResult?.(this.result);
  }

  /** The environment's own, and what must be known of figures that are not of this run, or not of all passes. */
  private remarks(): string[] {
    const { earlier, environment, entries } = this;
    const ladders = [...this.ladders.values()];
    const isTakenOver = [...entries, ...ladders].some((one) => one.isTakenOver);
    const origins = isTakenOver && earlier !== undefined ? originRemarks(earlier.environment, environment) : [];
    const parts = ladders
      .filter(({ ladder }) => !isWhole(ladder))
      .map(({ ladder: { tokens, passes } }) => {
        const { complete, of } = passes!;
        return `The whole encoder at ${tokens} tokens has ${complete} of ${of} passes.`;
      });
    return [...environment.remarks, ...origins, ...parts];
  }

  private earlierOf(cell: Cell): CellResult {
    return this.earlier === undefined ? NOTHING : resultOfCell(this.earlier, cell);
  }

  private entryOf(cell: Cell): Entry | undefined {
    return this.entries.find((entry) => sameCell(entry.cell, cell));
  }
}

function unfinishedIn(result: BenchmarkResult | undefined, cell: Cell): UnfinishedCell | undefined {
  return result?.unfinished.find((entry) => sameCell(entry.cell, cell));
}

/** Passes are named where a later run can go on after them. */
function unfinished({ cell, result, passes }: Entry, reason: string): UnfinishedCell {
  const canGoOn = result.rows.length > 0 && passes.complete > 0 && passes.complete < passes.of;
  return { cell, reason, ...(canGoOn ? { passes } : {}) };
}
