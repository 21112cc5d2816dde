/**
 * What a run is doing, as views are told: a run shows only once it lasts. Until then a flicker is all they would get.
 */
import type { RunStatus, RunnerState, WireError } from './protocol';

export type Running = Extract<RunStatus, { kind: 'running' }>;

const SHOW_RUNNING_AFTER_MS = 200;

export class StatusLine {
  private status: RunStatus = { kind: 'idle' };
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param tell called with what is to be shown.
   * @param now milliseconds of a clock that never goes back.
   */
  constructor(
    private readonly tell: (status: RunStatus) => void,
    private readonly now: () => number,
  ) {}

  /** What is true now, shown or not yet. */
  get current(): RunStatus {
    return this.status;
  }

  /** A run goes on that was started at `startedAt`. */
  running(status: Running, startedAt: number): void {
    const sameRun = this.status.kind === 'running' && this.status.runId === status.runId;
    this.status = status;
    if (!sameRun) {
      this.stopWaiting();
    }
    const leftMs = startedAt + SHOW_RUNNING_AFTER_MS - this.now();
    if (leftMs <= 0) {
      this.show();
    } else {
      this.timer ??= setTimeout(() => this.show(), leftMs);
    }
  }

  /** A run is over, one way or another. */
  enter(status: Exclude<RunStatus, Running>): void {
    this.status = status;
    this.show();
  }

  private show(): void {
    this.stopWaiting();
    this.tell(this.status);
  }

  private stopWaiting(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}

/** Whether a view that shows this status shows this error, with all that can be done about it. */
export function isShownBy({ status, runner }: { status: RunStatus; runner: RunnerState }, error: WireError): boolean {
  const shown =
    status.kind === 'failed'
      ? status.error
      : status.kind === 'idle' && runner.kind === 'crashed' && !runner.willRestart
        ? runner.error
        : null;
  return shown?.message === error.message;
}
