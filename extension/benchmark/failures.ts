/**
 * A benchmark that failed is told once: by the panel where it is seen, as it also offers to go on from there, and by a
 * notification that leads to the panel where it is not.
 */
import type { Disposable } from '../disposable';
import { FffError } from '../errors';
import type { Notifier } from '../notify';
import type { BenchmarkSession } from './session';

/** @param panel whether the user has it in view. */
export function tellFailures(
  session: Pick<BenchmarkSession, 'on'>,
  panel: { readonly visible: boolean },
  notifier: Pick<Notifier, 'report'>,
): Disposable {
  return session.on('run', (state) => {
    if (state.kind === 'failed' && !panel.visible) {
      const { code, message, action } = state.error;
      // The runner of inspections dies with the same words.
      void notifier.report(new FffError(code, `Benchmark: ${message}`, action), 'Open Benchmark');
    }
  });
}
