/** How far a run is, what is left of its time, and how much of that the next pass over a cell may take. */
import type { PassCount } from './result';
import type { Clock } from './schedule';

export interface Progress {
  /** Passes over cells, done and to do; the ladder's lengths count as cells. */
  done: number;
  total: number;
  /** Part of the current one, 0..1. */
  part: number;
  what: string;
  /** Extrapolated from what was done; null before the first pass over a cell is. */
  remainingMs: number | null;
}

/** A cell or a length of the ladder. */
export interface PacedPart {
  /** False where it needs no more passes, whether it has all of them or is left as it is. */
  isOpen: boolean;
  passes: PassCount;
}

/** Measured whatever the time: Student's t is 4.3 for three passes, and 12.7 for two. */
const FEWEST_PASSES = 3;

export class Pace {
  private readonly startedMs: number;
  private passesMs = 0;
  private passesTimed = 0;

  /** @param totalSeconds of the whole run; 0: no end. */
  constructor(
    private readonly clock: Clock,
    private readonly totalSeconds: number,
    private readonly parts: () => readonly PacedPart[],
  ) {
    this.startedMs = clock.monotonicMs();
  }

  /** The next pass's share of what is left of the time: quick cells leave theirs to slow ones. */
  budgetMs(): number {
    const { done, total } = this.counted();
    return this.leftMs() / Math.max(1, total - done);
  }

  /** Whether a part with so many passes may have another one. */
  hasTimeFor({ complete }: PassCount): boolean {
    return complete < FEWEST_PASSES || this.leftMs() > 0;
  }

  /** A pass over a cell took so long. */
  took(milliseconds: number): void {
    this.passesMs += milliseconds;
    this.passesTimed++;
  }

  at(part: number, what: string): Progress {
    const { done, total } = this.counted();
    const left = Math.max(0, total - done - part);
    const remainingMs = this.passesTimed === 0 ? null : (this.passesMs / this.passesTimed) * left;
    return { done, total, part, what, remainingMs };
  }

  private leftMs(): number {
    const usedMs = this.clock.monotonicMs() - this.startedMs;
    return this.totalSeconds === 0 ? Infinity : Math.max(0, this.totalSeconds * 1000 - usedMs);
  }

  private counted(): { done: number; total: number } {
    let [done, total] = [0, 0];
    for (const { isOpen, passes } of this.parts()) {
      done += isOpen ? passes.complete : passes.of;
      total += passes.of;
    }
    return { done, total };
  }
}

/** Which pass comes next; nothing where there is only one. */
export function passText({ complete, of }: PassCount): string {
  return of > 1 ? `, pass ${complete + 1} of ${of}` : '';
}
