/** What a benchmark is doing, on standard error: one line that is written over, or one line in all where nobody watches. */
import type { BenchmarkProgress } from '../protocol';
import type { Plan } from '../runner/benchmark/plan';
import { plural } from './format';
import type { CliIo } from './io';

/** Carriage return, then erase to the end of the line. */
const CLEAR = '\r\u001b[K';

export class ProgressLine {
  private shown = '';

  constructor(
    private readonly plan: Plan,
    private readonly io: Pick<CliIo, 'err' | 'errColumns'>,
  ) {}

  show({ done, total, what, remainingMs }: BenchmarkProgress): void {
    if (this.io.errColumns === null) {
      if (this.shown === '') {
        const { totalSeconds } = this.plan.limits;
        const time = totalSeconds === 0 ? '' : `, about ${totalSeconds} s`;
        this.write(`Measuring "${this.plan.name}": ${plural(total, 'part')}${time}.\n`);
      }
      return;
    }
    const remaining = remainingMs === null ? '' : `, about ${Math.ceil(remainingMs / 1000)} s left`;
    const line = `${Math.min(done + 1, total)} of ${total}${remaining}: ${what}`;
    // A line that wraps could not be written over.
    this.write(CLEAR + line.slice(0, Math.max(1, this.io.errColumns - 1)));
  }

  /** Leaves nothing of it on the terminal. */
  end(): void {
    if (this.io.errColumns !== null && this.shown !== '') {
      this.write(CLEAR);
    }
  }

  private write(text: string): void {
    if (text !== this.shown) {
      this.shown = text;
      this.io.err(text);
    }
  }
}
