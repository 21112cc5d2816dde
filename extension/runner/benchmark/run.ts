/**
 * Runs a plan: for each group of cells the shared weights and tokens, for each cell verification, warm-up and interleaved
 * rounds, and at the end the whole-model ladder. Everything measured is kept, whatever ends the run.
 */
import { availableParallelism } from 'node:os';
import { FffError, isCancellation, toWireError } from '../../errors';
import { engineSpecText, parseEngineSpec } from './engineSpec';
import type { EngineSpec } from './engineSpec';
import type { EngineServices, MissingEngine } from './engines/registry';
import { availableEngines } from './engines/registry';
import type { Environment } from './environment';
import { measureCell } from './cell';
import type { CellContext } from './cell';
import type { LadderOptions, LadderResult } from './ladder';
import { activationBytes, engineWeightBytes, shortage, workloadBytes } from './memory';
import { cellText, cellsOf, groupsOf, ladderCell } from './plan';
import type { Cell, Plan } from './plan';
import { rowsOf } from './result';
import type { BenchmarkResult, CellDiversity, EngineMeasurement, ResultRow } from './result';
import type { Clock } from './schedule';
import { systemClock } from './schedule';
import { EngineGroup } from './engineGroup';
import { GatheredResult } from './gathered';
import { PreparedWorkload } from './workload';
import type { HiddenStateSource } from './workload';

/** What the run needs from outside; tests hand in others. */
export interface BenchmarkServices extends EngineServices {
  environment(modelHash: string | null): Promise<Environment>;
  /** Opens the plan's model and text. */
  openSource(source: { model: string; text: string }): Promise<HiddenStateSource & { close(): Promise<void> }>;
  /** Measures whole encoders with the shape and threads of the cell. */
  ladder(plan: Plan, cell: Cell, tokens: number, options: LadderOptions): Promise<LadderResult>;
  /** Bytes that can still be allocated. */
  availableMemory(): Promise<number>;
  clock?: Clock;
  /** Cores of the machine; what `threads: 0` means. */
  cores?: number;
}

export interface Progress {
  /** Cells done and to do, the ladder's lengths counted as cells. */
  done: number;
  total: number;
  /** Part of the current one, 0..1. */
  part: number;
  what: string;
  /** Extrapolated from what was done; null before the first cell is. */
  remainingMs: number | null;
}

export interface RunOptions {
  /** Ends the run after the sample being taken; everything measured is kept. */
  signal?: AbortSignal | undefined;
  /** Awaited between rounds; resolves when measuring may go on. */
  whilePaused?: (() => Promise<void>) | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Rows of a finished cell, or of the running one so far (then `final` is false). */
  onRows?: ((rows: readonly ResultRow[], final: boolean) => void) | undefined;
  /** Everything measured so far, first before and then after each cell; what is left to do is listed as unfinished. */
  onResult?: ((result: BenchmarkResult) => void) | undefined;
  /** An earlier result of the same plan: its finished cells are taken over instead of measured again. */
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
    return await new Run(plan, services, options, source).all();
  } finally {
    await source?.close();
  }
}

const SHOW_EVERY_MS = 1000;
const CANCELLED = 'the run was cancelled';

class Run {
  private readonly clock: Clock;
  private readonly cores: number;
  private readonly startedMs: number;
  private gathered!: GatheredResult;
  private cells: readonly Cell[] = [];
  private done = 0;
  private measuredMs = 0;
  private shownMs = -Infinity;

  constructor(
    private readonly plan: Plan,
    private readonly services: BenchmarkServices,
    private readonly options: RunOptions,
    private readonly source: HiddenStateSource | null,
  ) {
    this.clock = services.clock ?? systemClock;
    this.cores = services.cores ?? availableParallelism();
    this.startedMs = this.clock.monotonicMs();
  }

  async all(): Promise<BenchmarkResult> {
    const { plan, services } = this;
    this.cells = cellsOf(plan, this.source);
    const { specs, missing } = await this.engines();
    const environment = await services.environment(this.source?.modelHash ?? null);
    this.gathered = new GatheredResult(plan, environment, missing, this.cells, this.options.onResult);
    this.gathered.tell();
    for (const group of groupsOf(this.cells)) {
      await this.group(group, specs);
    }
    await this.ladders();
    return this.gathered.result;
  }

  /** The plan's engines that this machine has. A kernel that does not load takes only the FFF engines with it. */
  private async engines(): Promise<{ specs: EngineSpec[]; missing: MissingEngine[] }> {
    const named = this.plan.engines.map(parseEngineSpec);
    let broken: MissingEngine[] = [];
    let usable = named;
    try {
      this.services.kernel();
    } catch (thrown) {
      const reason = toWireError(thrown).message;
      broken = named.filter(({ engine }) => engine === 'fff').map((spec) => ({ engine: engineSpecText(spec), reason }));
      usable = named.filter(({ engine }) => engine !== 'fff');
    }
    const { specs, missing } = await availableEngines(usable, this.services);
    if (specs.length === 0) {
      throw new FffError(
        'BAD_INPUT',
        `None of the plan's engines is available here: ${[...broken, ...missing].map(({ engine, reason }) => `${engine} (${reason})`).join('; ')}.`,
        'Name other engines.',
      );
    }
    return { specs, missing: [...broken, ...missing] };
  }

  private async group(cells: readonly Cell[], specs: readonly EngineSpec[]): Promise<void> {
    const open = await this.fitting(cells.filter((cell) => !this.takeOver(cell)));
    const first = open[0];
    if (first === undefined) {
      return;
    }
    if (this.cancelled()) {
      open.forEach((cell) => this.gathered.leave(cell, CANCELLED));
      return;
    }
    this.report(0, `preparing ${cellText(first)}`);
    let group: EngineGroup | null = null;
    try {
      const batches = open.map(({ batch }) => batch);
      const workload = await PreparedWorkload.build(this.plan, first, batches, this.source);
      group = new EngineGroup(
        workload,
        specs,
        first.threads === 0 ? this.cores : first.threads,
        this.cores,
        this.services,
      );
      for (const cell of open) {
        await this.cell(cell, group);
      }
    } catch (thrown) {
      const reason = isCancellation(thrown) ? CANCELLED : toWireError(thrown).message;
      open.filter((cell) => this.gathered.isOpen(cell)).forEach((cell) => this.gathered.leave(cell, reason));
    } finally {
      await group?.dispose();
    }
  }

  /** The cells whose layers, tokens, engines and activations fit into memory; the others are listed with what they would need. */
  private async fitting(cells: readonly Cell[]): Promise<Cell[]> {
    const fit: Cell[] = [];
    for (const cell of cells) {
      const needed =
        workloadBytes(cell, this.plan) + engineWeightBytes(cell, this.plan) + activationBytes(cell, this.plan);
      const short = await shortage(cell, needed, () => this.services.availableMemory());
      if (short === null) {
        fit.push(cell);
      } else {
        this.gathered.leave(cell, short);
        this.done++;
      }
    }
    return fit;
  }

  private async cell(cell: Cell, group: EngineGroup): Promise<void> {
    if (this.cancelled()) {
      this.gathered.leave(cell, CANCELLED);
      return;
    }
    const before = this.clock.monotonicMs();
    const context: CellContext = {
      cell,
      plan: this.plan,
      group,
      clock: this.clock,
      budgetMs: this.budgetMs(),
      availableMemory: () => this.services.availableMemory(),
      signal: this.options.signal,
      whilePaused: this.options.whilePaused,
      onProgress: (part, what) => this.report(part, `${cellText(cell)}: ${what}`),
      onMeasurements: (measurements, diversity) => this.showSoFar(cell, measurements, diversity),
    };
    const rows = this.gathered.add(cell, await measureCell(context));
    this.options.onRows?.(rows, true);
    this.gathered.tell();
    this.done++;
    this.measuredMs += this.clock.monotonicMs() - before;
  }

  /** Resampling for intermediate rows takes time that is better spent measuring: now and then is enough. */
  private showSoFar(cell: Cell, measurements: readonly EngineMeasurement[], diversity: CellDiversity): void {
    const now = this.clock.monotonicMs();
    if (this.options.onRows !== undefined && now - this.shownMs >= SHOW_EVERY_MS) {
      this.shownMs = now;
      this.options.onRows(rowsOf(cell, measurements, diversity, 0, this.plan.seed).rows, false);
    }
  }

  private async ladders(): Promise<void> {
    const cell = ladderCell(this.cells);
    for (const tokens of this.plan.ladder.tokens) {
      const known = this.options.resume?.ladder.find((entry) => entry.tokens === tokens);
      if (known !== undefined) {
        this.gathered.addLadder(known);
        this.done++;
        continue;
      }
      if (this.cancelled()) {
        return;
      }
      try {
        this.gathered.addLadder(await this.services.ladder(this.plan, cell, tokens, this.ladderOptions(tokens)));
        this.gathered.tell();
        this.done++;
      } catch (thrown) {
        if (!isCancellation(thrown)) {
          this.gathered.result.environment.remarks.push(
            `The whole encoder at ${tokens} tokens could not be measured: ${toWireError(thrown).message}`,
          );
        }
      }
    }
  }

  private ladderOptions(tokens: number): LadderOptions {
    return {
      clock: this.clock,
      budgetMs: this.budgetMs(),
      signal: this.options.signal,
      whilePaused: this.options.whilePaused,
      onProgress: (part) => this.report(part, `measuring the whole encoder at ${tokens} tokens`),
    };
  }

  private takeOver(cell: Cell): boolean {
    const taken = this.gathered.takeOver(cell, this.options.resume);
    this.done += taken ? 1 : 0;
    return taken;
  }

  /** This cell's share of what is left of the plan's budget: quick cells leave theirs to slow ones. */
  private budgetMs(): number {
    const { totalSeconds } = this.plan.limits;
    const left = totalSeconds * 1000 - (this.clock.monotonicMs() - this.startedMs);
    return totalSeconds === 0 ? Infinity : Math.max(0, left) / Math.max(1, this.total() - this.done);
  }

  private total(): number {
    return this.cells.length + this.plan.ladder.tokens.length;
  }

  private cancelled(): boolean {
    return this.options.signal?.aborted === true;
  }

  private report(part: number, what: string): void {
    const total = this.total();
    const remainingMs =
      this.done === 0 || this.measuredMs === 0 ? null : (this.measuredMs / this.done) * (total - this.done - part);
    this.options.onProgress?.({ done: this.done, total, part, what, remainingMs });
  }
}
