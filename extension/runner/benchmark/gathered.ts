/** What a run has gathered so far, cell by cell: measured now, taken over from an earlier result, or left and why. */
import { NOT_MEASURED_YET, PASSES_LEFT } from '../../passes';
import type { CellOutcome } from './cell';
import type { SavedCell } from './cellState';
import type { Environment } from './environment';
import type { MissingEngine } from './engines/registry';
import type { LadderResult } from './ladder';
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
}

const NOTHING: CellResult = { rows: [], samples: [], selfTests: [], excluded: [] };

export class GatheredResult {
  /** Of cells about which there is something to say, in the order in which they were begun. */
  private readonly entries: Entry[] = [];
  private readonly ladders = new Map<number, LadderResult>();

  constructor(
    private readonly plan: Plan,
    readonly environment: Environment,
    private readonly missing: MissingEngine[],
    private readonly cells: readonly Cell[],
    private readonly onResult: ((result: BenchmarkResult) => void) | undefined,
  ) {}

  /** Everything so far. Cells that are neither finished nor left are listed as unfinished. */
  get result(): BenchmarkResult {
    const { plan, environment, missing, entries } = this;
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
    result.ladder.push(...this.ladders.values());
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

  /** Takes a finished cell over from an earlier result; true when there was one. */
  takeOver(cell: Cell, earlier: BenchmarkResult | undefined): boolean {
    const result = earlier === undefined ? NOTHING : resultOfCell(earlier, cell);
    const isFinished = result.rows.length > 0 && unfinishedIn(earlier, cell) === undefined;
    if (isFinished) {
      this.entries.push({ cell, result, passes: { complete: 1, of: 1 }, reason: null });
    }
    return isFinished;
  }

  /** What an earlier result holds of a cell in complete passes, to be gone on with; it is kept until then. */
  reopen(cell: Cell, earlier: BenchmarkResult | undefined): SavedCell | null {
    const passes = unfinishedIn(earlier, cell)?.passes;
    const result = earlier === undefined ? NOTHING : resultOfCell(earlier, cell);
    if (passes === undefined || result.rows.length === 0) {
      return null;
    }
    this.entries.push({ cell, result, passes, reason: null });
    return { result, passes };
  }

  /** Puts what was measured on a cell in the place of what was there of it, and returns its rows. */
  put(
    cell: Cell,
    { measurements, diversity, selfTest, excluded, passes, unfinished: reason }: CellOutcome,
  ): ResultRow[] {
    const measured = rowsOf(cell, measurements, diversity, this.plan.seed);
    const result = { ...measured, selfTests: selfTest === null ? [] : [selfTest], excluded };
    const entry = this.entryOf(cell);
    if (entry === undefined) {
      this.entries.push({ cell, result, passes, reason });
    } else {
      // Where a later pass did not even begin, what an earlier run measured stays.
      Object.assign(entry, measured.rows.length === 0 && passes.complete > 0 ? { reason } : { result, passes, reason });
    }
    return measured.rows;
  }

  putLadder(ladder: LadderResult): void {
    this.ladders.set(ladder.tokens, ladder);
  }

  /** Lists a cell as not measured, or only in part. */
  leave(cell: Cell, reason: string): void {
    const entry = this.entryOf(cell);
    if (entry === undefined) {
      this.entries.push({ cell, result: NOTHING, passes: { complete: 0, of: 1 }, reason });
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
