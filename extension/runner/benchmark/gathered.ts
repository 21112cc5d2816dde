/** What a run has gathered so far: rows of finished cells, those taken over from an earlier result, and what is left. */
import type { CellOutcome } from './cell';
import type { Environment } from './environment';
import type { MissingEngine } from './engines/registry';
import type { LadderResult } from './ladder';
import { sameCell } from './plan';
import type { Cell, Plan } from './plan';
import { cellOf, finishedCell, rowsOf } from './result';
import type { BenchmarkResult, ResultRow } from './result';

export class GatheredResult {
  readonly result: BenchmarkResult;

  constructor(
    plan: Plan,
    environment: Environment,
    missing: MissingEngine[],
    private readonly cells: readonly Cell[],
    private readonly onResult: ((result: BenchmarkResult) => void) | undefined,
  ) {
    this.result = {
      format: 'fffbench',
      version: 1,
      plan,
      environment,
      rows: [],
      samples: [],
      selfTests: [],
      excluded: [],
      missing,
      ladder: [],
      unfinished: [],
    };
  }

  /** Takes a finished cell over from an earlier result; true when there was one. */
  takeOver(cell: Cell, earlier: BenchmarkResult | undefined): boolean {
    const finished = earlier === undefined ? null : finishedCell(earlier, cell, this.result.rows.length);
    if (finished === null) {
      return false;
    }
    this.result.rows.push(...finished.rows);
    this.result.samples.push(...finished.samples);
    this.result.selfTests.push(...finished.selfTests);
    this.result.excluded.push(...finished.excluded);
    return true;
  }

  /** Adds what was measured on a cell, and returns its rows. */
  add(cell: Cell, { measurements, diversity, selfTest, excluded, unfinished }: CellOutcome): ResultRow[] {
    const { result } = this;
    const { rows, samples } = rowsOf(cell, measurements, diversity, result.rows.length, result.plan.seed);
    result.rows.push(...rows);
    result.samples.push(...samples);
    result.excluded.push(...excluded);
    if (selfTest !== null) {
      result.selfTests.push(selfTest);
    }
    if (unfinished !== null) {
      this.leave(cell, unfinished);
    }
    return rows;
  }

  addLadder(ladder: LadderResult): void {
    this.result.ladder.push(ladder);
  }

  /** Lists a cell as not measured, or only in part. */
  leave(cell: Cell, reason: string): void {
    this.result.unfinished.push({ cell, reason });
  }

  /** Neither measured nor given up. */
  isOpen(cell: Cell): boolean {
    const { rows, unfinished } = this.result;
    return !rows.some((row) => sameCell(cellOf(row), cell)) && !unfinished.some((entry) => sameCell(entry.cell, cell));
  }

  /** A result of its own: whatever ends this process, the listener has a whole one. */
  tell(): void {
    const open = this.cells.filter((cell) => this.isOpen(cell));
    const { rows, samples, selfTests, excluded, ladder, unfinished } = this.result;
    this.onResult?.({
      ...this.result,
      rows: [...rows],
      samples: [...samples],
      selfTests: [...selfTests],
      excluded: [...excluded],
      ladder: [...ladder],
      unfinished: [...unfinished, ...open.map((cell) => ({ cell, reason: 'not measured yet' }))],
    });
  }
}
