/**
 * How an error reaches the user: one sentence and one button. The stack is in the log already.
 */
import { assertNever, isCancellation, toWireError, type ErrorCode, type WireError } from './errors';
import { describeThrown, type Log } from './log';

export type ButtonLabel = 'Show Log' | 'Restart Runner' | 'Open Settings' | 'Open Benchmark';

/** The button that fits an error. */
export function buttonFor(code: ErrorCode): ButtonLabel | null {
  switch (code) {
    case 'CHECKPOINT_NOT_FOUND':
    case 'CHECKPOINT_INVALID':
    case 'CHECKPOINT_UNSUPPORTED':
    case 'TOKENIZER_INVALID':
      return 'Open Settings';
    case 'RUNNER_GAVE_UP':
    case 'PROTOCOL_MISMATCH':
    case 'OUT_OF_MEMORY':
    case 'TIMED_OUT':
      return 'Restart Runner';
    case 'RUNNER_EXITED':
    case 'KERNEL_LOAD_FAILED':
    case 'KERNEL_UNKNOWN_IMPLEMENTATION':
    case 'KERNEL_REFUSED':
    case 'ONNXRUNTIME_FAILED':
    case 'CHANNEL_CLOSED':
    case 'INTERNAL':
      return 'Show Log';
    case 'BAD_INPUT':
    case 'CANCELLED':
      // The sentence says what to do, and it is done in the editor, not by a button.
      return null;
    default:
      return assertNever(code);
  }
}

export interface NotifierServices {
  /** Shows a message, resolves to the button that was pressed. */
  show(kind: 'error' | 'info', message: string, button: ButtonLabel | null): PromiseLike<string | undefined>;
  /** Whether a view the user sees says the same already, with the same buttons. */
  isShown(error: WireError): boolean;
  log: Log;
  /** What each button does. */
  press: Record<ButtonLabel, () => unknown>;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

/** A death of the runner arrives twice, as a state and as the refusal of the request it was working on. */
const SAID_ALREADY_MS = 1000;

export class Notifier {
  private last: { message: string; at: number } | null = null;

  constructor(private readonly services: NotifierServices) {}

  /** Runs what the user asked for; its failure is logged and told, and never the caller's. */
  async guard(what: string, action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (thrown) {
      this.services.log.warn(`${what}: ${describeThrown(thrown)}`);
      // Not awaited: the message stays until the user presses something.
      void this.report(thrown);
    }
  }

  /** Tells the user once; cancellations are no news. @param leadsTo in the place of the button that fits the error. */
  async report(thrown: unknown, leadsTo?: ButtonLabel): Promise<void> {
    if (isCancellation(thrown)) {
      return;
    }
    const error = toWireError(thrown);
    if (this.services.isShown(error)) {
      return;
    }
    const button = leadsTo ?? buttonFor(error.code);
    const message = button === null && error.action !== undefined ? `${error.message} ${error.action}` : error.message;
    const at = this.services.now();
    if (this.last?.message === message && at - this.last.at < SAID_ALREADY_MS) {
      return;
    }
    this.last = { message, at };
    const pressed = await this.services.show(error.code === 'BAD_INPUT' ? 'info' : 'error', message, button);
    if (button !== null && pressed === button) {
      await this.services.press[button]();
    }
  }
}
