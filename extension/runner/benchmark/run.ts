/**
 * Runs a plan in passes. Each goes over all cells, group by group of shared weights and tokens, and over the whole-model
 * ladder, with engines set up anew: verification, warm-up, and a share of the interleaved rounds. So the passes of a cell
 * lie spread over the whole run. Everything measured is kept, whatever ends the run.
 */
import { availableParallelism } from 'node:os';
import { isCancellation, toWireError } from '../../errors';
import { RUN_CANCELLED } from '../../passes';
import type { EngineSpec } from './engineSpec';
import type { EngineServices } from './engines/registry';
import type { Environment } from './environment';
import { CellRun, type PassContext } from './cell';
import type { LadderOptions, LadderResult } from './ladder';
import { LadderRun } from './ladderRun';
import { activationBytes, engineWeightBytes, shortage, tokenBytes, workloadBytes } from './memory';
import { cellText, cellsOf, groupsOf, ladderCell, withPasses } from './plan';
import type { Cell, Plan } from './plan';
import { enginesOfPlan } from './planEngines';
import { Pace, passText, type PacedPart, type Progress } from './pace';
import { rowsOf } from './result';
import type { BenchmarkResult, CellDiversity, EngineMeasurement, ResultRow } from './result';
import { systemClock, type Clock } from './schedule';
import { EngineGroup } from './engineGroup';
import { GatheredResult } from './gathered';
import type { HiddenStateSource } from './workload';
import { WorkloadShelf } from './workloadShelf';

/** What the run needs from outside; tests hand in others. */
export interface BenchmarkServices extends EngineServices {
  environment(modelHash: string | null): Promise<Environment>;
  /** Opens the plan's model and text. */
  openSource(source: { model: string; text: string }): Promise<HiddenStateSource & { close(): Promise<void> }>;
  /** Measures whole encoders with the shape and threads of the cell, one pass more. */
  ladder(plan: Plan, cell: Cell, tokens: number, options: LadderOptions): Promise<LadderResult>;
  /** Bytes that can still be allocated. */
  availableMemory(): Promise<number>;
  clock?: Clock;
  /** Cores of the machine; what `threads: 0` means. */
  cores?: number;
}

export interface RunOptions {
  /** Ends the run after the sample being taken; everything measured is kept. */
  signal?: AbortSignal | undefined;
  /** Awaited between rounds and before anything else that takes time; resolves when the run may go on. */
  whilePaused?: (() => Promise<void>) | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Rows of a cell after each of its passes, or of the running one so far; `final` once it has all its passes. */
  onRows?: ((rows: readonly ResultRow[], final: boolean) => void) | undefined;
  /** Everything measured so far, first before and then after each pass of a cell; what is left is listed as unfinished. */
  onResult?: ((result: BenchmarkResult) => void) | undefined;
  /**
   * An earlier result of the same plan. Its finished cells are taken over, and those that have passes left are gone on with
   * after the last complete one; what the pass that was broken off had measured is dropped. What another program measured
   * is taken over in whole cells only, and nothing of another processor or model; rows stay until others replace them.
   */
  resume?: BenchmarkResult | undefined;
}

/**
 * @throws FffError BAD_INPUT for a plan that cannot be run at all; anything that concerns one engine or cell is in the
 * result instead.
 */
export async function runPlan(
  plan: Plan,
  services: BenchmarkServices,
  options: RunOptions = {},
): Promise<BenchmarkResult> {
  const source = plan.source === undefined ? null : await services.openSource(plan.source);
  try {
    return await new Run(withPasses(plan), services, options, source).all();
  } finally {
    await source?.close();
  }
}

const SHOW_EVERY_MS = 1000;

class Run {
  private readonly clock: Clock;
  private readonly cores: number;
  private readonly pace: Pace;
  private gathered!: GatheredResult;
  private shelf!: WorkloadShelf;
  private cells: readonly Cell[] = [];
  private readonly runs = new Map<Cell, CellRun>();
  private ladders: readonly LadderRun[] = [];
  private shownMs = -Infinity;

  constructor(
    private readonly plan: Plan,
    private readonly services: BenchmarkServices,
    private readonly options: RunOptions,
    private readonly source: HiddenStateSource | null,
  ) {
    this.clock = services.clock ?? systemClock;
    this.cores = services.cores ?? availableParallelism();
    this.pace = new Pace(this.clock, plan.limits.totalSeconds, () => this.parts());
  }

  async all(): Promise<BenchmarkResult> {
    const { plan, services, options } = this;
    this.cells = cellsOf(plan, this.source);
    const { specs, missing } = await enginesOfPlan(plan, services);
    const environment = await services.environment(this.source?.modelHash ?? null);
    this.gathered = new GatheredResult(plan, environment, missing, this.cells, options.onResult, options.resume);
    const freeNow = (): Promise<number> => services.availableMemory();
    this.shelf = new WorkloadShelf(plan, this.source, await freeNow(), freeNow);
    for (const cell of this.cells) {
      if (!this.gathered.takeOver(cell)) {
        this.runs.set(cell, new CellRun(cell, plan, this.gathered.reopen(cell)));
      }
    }
    this.ladders = plan.ladder.tokens.map(
      (tokens) => new LadderRun(tokens, this.gathered.takeOverLadder(tokens), plan.limits.passes),
    );
    this.gathered.tell();
    // Every turn is one pass more over what is left; a pass that was broken off is none.
    for (let turn = 0; this.isLeft() && !(turn > 0 && this.cancelled()); turn++) {
      for (const group of groupsOf(this.cells)) {
        await this.group(group, specs, turn);
      }
      await this.measureLadders();
    }
    this.open(this.cells).forEach((cell) => this.gathered.leave(cell, RUN_CANCELLED));
    return this.gathered.result;
  }

  /** One pass over the cells of a group that are left. */
  private async group(cells: readonly Cell[], specs: readonly EngineSpec[], turn: number): Promise<void> {
    const [group] = cells as [Cell];
    await this.options.whilePaused?.();
    const wanted = this.cancelled() ? [] : this.open(cells).filter((cell) => this.hasTime(cell));
    const open = await this.fitting(group, wanted);
    const first = open[0];
    if (first === undefined) {
      return;
    }
    this.report(0, `preparing ${cellText(first)}`);
    let engines: EngineGroup | null = null;
    try {
      const batches = open.map(({ batch }) => batch);
      const workload = await this.shelf.take(group, batches);
      const threads = first.threads === 0 ? this.cores : first.threads;
      engines = new EngineGroup(workload, specs, threads, this.cores, this.services, turn);
      for (const cell of open) {
        await this.pass(cell, group, engines);
      }
    } catch (thrown) {
      const reason = isCancellation(thrown) ? RUN_CANCELLED : toWireError(thrown).message;
      this.open(open).forEach((cell) => this.gathered.leave(cell, reason));
    } finally {
      await engines?.dispose();
    }
  }

  /** The cells whose layers, tokens, engines and activations fit into memory; the others are listed with what they would need. */
  private async fitting(group: Cell, cells: readonly Cell[]): Promise<Cell[]> {
    const { plan, shelf } = this;
    const shortageOf = (cell: Cell): Promise<string | null> => {
      const shared = shelf.has(group) ? tokenBytes(cell) : workloadBytes(cell, plan);
      const needed = shared + engineWeightBytes(cell, plan) + activationBytes(cell, plan);
      return shortage(cell, needed, () => shelf.available());
    };
    const fit: Cell[] = [];
    for (const cell of cells) {
      let short = await shortageOf(cell);
      if (short !== null) {
        shelf.clear();
        short = await shortageOf(cell);
      }
      if (short === null) {
        fit.push(cell);
      } else {
        this.gathered.leave(cell, short);
      }
    }
    return fit;
  }

  private async pass(cell: Cell, group: Cell, engines: EngineGroup): Promise<void> {
    await this.options.whilePaused?.();
    if (this.cancelled() || !this.hasTime(cell)) {
      return;
    }
    const before = this.clock.monotonicMs();
    const run = this.runs.get(cell)!;
    const place = passText(run.passes);
    const context: PassContext = {
      ...this.common(),
      group: engines,
      roomFor: (bytes) => this.shelf.roomFor(bytes, group),
      onProgress: (part, what) => this.report(part, `${cellText(cell)}${place}: ${what}`),
      onMeasurements: (measurements, diversity) => this.showSoFar(cell, measurements, diversity),
    };
    const rows = this.gathered.put(cell, await run.pass(context));
    this.options.onRows?.(rows, !this.gathered.isOpen(cell));
    this.gathered.tell();
    this.pace.took(this.clock.monotonicMs() - before);
  }

  /** A cell for which there is no time any more is left with the passes it has. */
  private hasTime(cell: Cell): boolean {
    const { passes } = this.runs.get(cell)!;
    if (this.pace.hasTimeFor(passes)) {
      return true;
    }
    this.gathered.leave(cell, `the time was up after ${passes.complete} of ${passes.of} passes`);
    return false;
  }

  /** Resampling for intermediate rows takes time that is better spent measuring: now and then is enough. */
  private showSoFar(cell: Cell, measurements: readonly EngineMeasurement[], diversity: CellDiversity): void {
    const now = this.clock.monotonicMs();
    if (this.options.onRows !== undefined && now - this.shownMs >= SHOW_EVERY_MS) {
      this.shownMs = now;
      this.options.onRows(rowsOf(cell, measurements, diversity, this.plan.seed).rows, false);
    }
  }

  private async measureLadders(): Promise<void> {
    const cell = ladderCell(this.cells);
    for (const ladder of this.ladders) {
      if (!ladder.isOpen) {
        continue;
      }
      await this.options.whilePaused?.();
      if (this.cancelled()) {
        return;
      }
      if (!this.pace.hasTimeFor(ladder.passes)) {
        ladder.leave();
        continue;
      }
      const what = `measuring the whole encoder at ${ladder.tokens} tokens${passText(ladder.passes)}`;
      const failure = await ladder.pass((options) => this.services.ladder(this.plan, cell, ladder.tokens, options), {
        ...this.common(),
        roomFor: (bytes) => this.shelf.roomFor(bytes),
        onProgress: (part) => this.report(part, what),
      });
      if (failure !== null) {
        this.gathered.environment.remarks.push(
          `The whole encoder at ${ladder.tokens} tokens could not be measured: ${failure}`,
        );
      }
      if (ladder.known !== null) {
        this.gathered.putLadder(ladder.known);
        this.gathered.tell();
      }
    }
  }

  private common(): Pick<PassContext, 'clock' | 'budgetMs' | 'signal' | 'whilePaused'> {
    const { signal, whilePaused } = this.options;
    return { clock: this.clock, budgetMs: this.pace.budgetMs(), signal, whilePaused };
  }

  private open(cells: readonly Cell[]): Cell[] {
    return cells.filter((cell) => this.gathered.isOpen(cell));
  }

  private isLeft(): boolean {
    return this.parts().some(({ isOpen }) => isOpen);
  }

  private parts(): PacedPart[] {
    const passes = { complete: 0, of: this.plan.limits.passes };
    const cells = this.cells.map((cell) => ({
      isOpen: this.gathered.isOpen(cell),
      passes: this.runs.get(cell)?.passes ?? passes,
    }));
    return [...cells, ...this.ladders];
  }

  private cancelled(): boolean {
    return this.options.signal?.aborted === true;
  }

  private report(part: number, what: string): void {
    this.options.onProgress?.(this.pace.at(part, what));
  }
}
