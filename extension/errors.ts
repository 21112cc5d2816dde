/**
 * The error vocabulary of the whole product.
 *
 * A code travels over every hop (runner, host, view); the message is one sentence for a person and `action` is the one
 * thing that person can do about it. Stacks never travel to a view: they go to the log of the process that threw.
 */

/** Every code a request can be refused with. Add here first; views and the terminal switch over it exhaustively. */
export type ErrorCode =
  | 'BAD_INPUT' // the request itself: empty text, ids out of range, an unknown option
  | 'CHECKPOINT_NOT_FOUND' // the folder or one of its files is missing
  | 'CHECKPOINT_INVALID' // a file is there but cannot be what it claims to be
  | 'CHECKPOINT_UNSUPPORTED' // a well-formed checkpoint whose architecture we do not compute
  | 'TOKENIZER_INVALID'
  | 'KERNEL_LOAD_FAILED'
  | 'KERNEL_UNKNOWN_IMPLEMENTATION'
  | 'KERNEL_REFUSED' // the native side rejected its arguments
  | 'ONNXRUNTIME_FAILED'
  | 'OUT_OF_MEMORY'
  | 'RUNNER_EXITED'
  | 'RUNNER_GAVE_UP' // it crashed too often and is not restarted by itself
  | 'PROTOCOL_MISMATCH'
  | 'CANCELLED'
  | 'TIMED_OUT'
  | 'CHANNEL_CLOSED'
  | 'INTERNAL';

/** What an error looks like on the wire. */
export interface WireError {
  code: ErrorCode;
  /** One sentence that names the file or value and the cause. */
  message: string;
  /** One thing the user can do, as an imperative sentence; absent where nothing helps. */
  action?: string;
}

/** The only error class thrown on purpose. */
export class FffError extends Error {
  override readonly name = 'FffError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly action?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  toWire(): WireError {
    return this.action === undefined
      ? { code: this.code, message: this.message }
      : { code: this.code, message: this.message, action: this.action };
  }

  static fromWire(wire: WireError): FffError {
    return new FffError(wire.code, wire.message, wire.action);
  }
}

/** Turns whatever was thrown into something that can travel. Unexpected errors keep their text but get `INTERNAL`. */
export function toWireError(thrown: unknown): WireError {
  if (thrown instanceof FffError) {
    return thrown.toWire();
  }
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return { code: 'CANCELLED', message: 'The run was cancelled.' };
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'INTERNAL', message: `Unexpected error: ${text}`, action: 'Open the FFF Explorer log for details.' };
}

/** True for cancellations, which are never shown as failures. */
export function isCancellation(thrown: unknown): boolean {
  return toWireError(thrown).code === 'CANCELLED';
}

/** Compile-time proof that a switch is exhaustive; at run time it names what slipped through. */
export function assertNever(value: never): never {
  throw new FffError('INTERNAL', `Unhandled case: ${JSON.stringify(value)}`);
}
