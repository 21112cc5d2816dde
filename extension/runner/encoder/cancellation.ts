/** The one way work in the encoder ends early. */
import { FffError } from '../../errors';

/** @throws FffError CANCELLED when the signal is aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new FffError('CANCELLED', 'The run was cancelled.');
  }
}
