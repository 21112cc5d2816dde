/** One length of the whole-model ladder over the passes of a run. */
import { isCancellation, toWireError } from '../../errors';
import { isWhole } from '../../passes';
import type { LadderOptions, LadderResult } from './ladder';
import type { PassCount } from './result';

export class LadderRun {
  /** It failed, or there is no time for it any more. */
  private left = false;

  /**
   * @param result of an earlier run, whole or to be gone on with; null where there is none.
   * @param plannedPasses as many as there are until the first one shows how slow the encoders are.
   */
  constructor(
    readonly tokens: number,
    private result: LadderResult | null,
    private readonly plannedPasses: number,
  ) {}

  get known(): LadderResult | null {
    return this.result;
  }

  get isOpen(): boolean {
    return !this.left && (this.result === null || !isWhole(this.result));
  }

  get passes(): PassCount {
    const { result } = this;
    return result === null ? { complete: 0, of: this.plannedPasses } : (result.passes ?? { complete: 1, of: 1 });
  }

  /** It stays as it is in this run. */
  leave(): void {
    this.left = true;
  }

  /**
   * Measures one pass more; what was measured before stays whatever happens.
   * @returns why it cannot be measured, in one sentence; null where nothing went wrong, or the run was cancelled.
   */
  async pass(
    measure: (options: LadderOptions) => Promise<LadderResult>,
    options: Omit<LadderOptions, 'earlier'>,
  ): Promise<string | null> {
    try {
      this.result = await measure({ ...options, earlier: this.result });
      return null;
    } catch (thrown) {
      if (options.signal?.aborted === true || isCancellation(thrown)) {
        this.left = options.signal?.aborted !== true;
        return null;
      }
      this.left = true;
      return toWireError(thrown).message;
    }
  }
}
