/**
 * One message pump for every channel of the product: host <-> runner and host <-> webview.
 *
 * It knows requests, replies, cancellation and events, and no transport: a `Channel` carries plain objects either way.
 * Both sides are described by the interfaces of `protocol.ts`; this class derives the wire from them. A throwing
 * handler, a closed channel, a cancelled request and a time-out all reject the caller; no call can wait for ever on a
 * channel that is gone.
 */
import { FffError, toWireError, type WireError } from './errors';

/** Something that can be undone once; structurally the same as VS Code's, without importing it. */
export interface Disposable {
  dispose(): void;
}

/** Two-way carrier of structured-cloneable values. */
export interface Channel {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): Disposable;
  onClose(listener: () => void): Disposable;
}

/** What a handler learns about the request besides its parameters. */
export interface RequestContext {
  /** Aborted when the caller cancels or the channel closes. */
  signal: AbortSignal;
}

// Method shapes need `any` in parameter position: interfaces of specific methods are not assignable to `unknown[]`.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AsyncMethod = (...parameters: any[]) => Promise<unknown>;

/** Keys of an API interface that are async methods. */
export type MethodName<Api> = { [Key in keyof Api]: Api[Key] extends AsyncMethod ? Key : never }[keyof Api] & string;

export type Parameters_<Method> = Method extends (...parameters: infer P) => Promise<unknown> ? P : never;
export type Result<Method> = Method extends (...parameters: never[]) => Promise<infer R> ? R : never;

/** An API as its implementer writes it: the same methods with the request's context as one more, last parameter. */
export type Handlers<Api> = {
  [Key in MethodName<Api>]: (
    ...parameters: [...Parameters_<Api[Key]>, RequestContext]
  ) => Promise<Result<Api[Key]>> | Result<Api[Key]>;
};

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Reject with TIMED_OUT after this long; absent: wait until reply, cancellation or close. */
  timeoutMs?: number;
}

type WireMessage =
  | { kind: 'request'; id: number; method: string; parameters: unknown[] }
  | { kind: 'cancel'; id: number }
  | { kind: 'reply'; id: number; reply: { ok: true; result: unknown } | { ok: false; error: WireError } }
  | { kind: 'event'; name: string; payload: unknown };

interface PendingCall {
  resolve(result: unknown): void;
  reject(error: FffError): void;
}

/** Nothing can be called on, or nothing is emitted by, this side. */
export type None = Record<never, never>;

/**
 * One end of a channel.
 *
 * @typeParam Local API this side implements.
 * @typeParam Remote API the other side implements.
 * @typeParam Outgoing events this side emits.
 * @typeParam Incoming events the other side emits.
 */
export class Rpc<Local, Remote, Outgoing = None, Incoming = None> implements Disposable {
  /** Starts anywhere: a page that was loaded anew must not take an answer to its predecessor's question for its own. */
  private nextId = Math.floor(Math.random() * 2 ** 40);
  private closed = false;
  private readonly pending = new Map<number, PendingCall>();
  private readonly running = new Map<number, AbortController>();
  private readonly listeners = new Map<string, Set<(payload: unknown) => void>>();
  private readonly subscriptions: Disposable[];

  /**
   * @param onHandlerError called with whatever a handler or listener threw, before it is put on the wire: the place to
   *   log the stack, which never travels.
   */
  constructor(
    private readonly channel: Channel,
    private readonly handlers: Handlers<Local>,
    private readonly onHandlerError: (where: string, thrown: unknown) => void = () => undefined,
  ) {
    this.subscriptions = [
      channel.onMessage((message) => this.receive(message)),
      channel.onClose(() => this.close('The other side closed the channel.')),
    ];
  }

  /** Calls a method of the other side. */
  call<Key extends MethodName<Remote>>(
    method: Key,
    parameters: Parameters_<Remote[Key]>,
    options: CallOptions = {},
  ): Promise<Result<Remote[Key]>> {
    const { signal, timeoutMs } = options;
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new FffError('CHANNEL_CLOSED', `Cannot call "${method}": the channel is closed.`));
        return;
      }
      if (signal?.aborted) {
        reject(new FffError('CANCELLED', 'The run was cancelled.'));
        return;
      }
      const id = this.nextId++;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const giveUp = (error: FffError): void => {
        this.trySend({ kind: 'cancel', id });
        this.pending.get(id)?.reject(error);
      };
      const onAbort = (): void => giveUp(new FffError('CANCELLED', 'The run was cancelled.'));
      const settle = (): void => {
        this.pending.delete(id);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      this.pending.set(id, {
        resolve: (result) => {
          settle();
          resolve(result as Result<Remote[Key]>);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      signal?.addEventListener('abort', onAbort);
      if (timeoutMs !== undefined) {
        timer = setTimeout(
          () => giveUp(new FffError('TIMED_OUT', `"${method}" gave no answer within ${timeoutMs} ms.`)),
          timeoutMs,
        );
      }
      try {
        this.channel.send({ kind: 'request', id, method, parameters } satisfies WireMessage);
      } catch (thrown) {
        this.pending.get(id)?.reject(FffError.fromWire(toWireError(thrown)));
      }
    });
  }

  /** Tells the other side something; dropped silently once the channel is closed. */
  emit<Key extends keyof Outgoing & string>(name: Key, payload: Outgoing[Key]): void {
    this.trySend({ kind: 'event', name, payload });
  }

  /** Listens to an event of the other side. */
  on<Key extends keyof Incoming & string>(name: Key, listener: (payload: Incoming[Key]) => void): Disposable {
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners);
    const entry = listener as (payload: unknown) => void;
    listeners.add(entry);
    return { dispose: () => listeners.delete(entry) };
  }

  /** Stops listening, cancels what runs here and rejects what waits for the other side. */
  dispose(): void {
    this.close('The channel was closed.');
  }

  private close(reason: string): void {
    if (this.closed) {
      return;
    }
    this.closed = true;
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    for (const controller of this.running.values()) {
      controller.abort();
    }
    for (const call of [...this.pending.values()]) {
      call.reject(new FffError('CHANNEL_CLOSED', reason));
    }
    this.listeners.clear();
  }

  /** False when the transport refused the message; true also when there is nobody to send it to any more. */
  private trySend(message: WireMessage): boolean {
    if (this.closed) {
      return true;
    }
    try {
      this.channel.send(message);
      return true;
    } catch (thrown) {
      // The transport went away between our check and the send; its close event settles every waiting call.
      this.onHandlerError(`sending ${message.kind}`, thrown);
      return false;
    }
  }

  private receive(raw: unknown): void {
    if (!isWireMessage(raw)) {
      this.onHandlerError('receiving', new Error('A message that is not of this protocol was ignored.'));
      return;
    }
    switch (raw.kind) {
      case 'request':
        void this.serve(raw.id, raw.method, raw.parameters);
        return;
      case 'cancel':
        this.running.get(raw.id)?.abort();
        return;
      case 'reply': {
        // A late answer to a call that was cancelled or timed out finds nobody waiting.
        const call = this.pending.get(raw.id);
        if (raw.reply.ok) {
          call?.resolve(raw.reply.result);
        } else {
          call?.reject(FffError.fromWire(raw.reply.error));
        }
        return;
      }
      case 'event':
        for (const listener of this.listeners.get(raw.name) ?? []) {
          try {
            listener(raw.payload);
          } catch (thrown) {
            this.onHandlerError(`event ${raw.name}`, thrown);
          }
        }
    }
  }

  private async serve(id: number, method: string, parameters: unknown[]): Promise<void> {
    const controller = new AbortController();
    this.running.set(id, controller);
    try {
      const handler = Object.prototype.hasOwnProperty.call(this.handlers, method)
        ? (this.handlers as unknown as Record<string, (...parameters: unknown[]) => unknown>)[method]
        : undefined;
      if (handler === undefined) {
        throw new FffError('PROTOCOL_MISMATCH', `The other side asked for an unknown method "${method}".`);
      }
      const result: unknown = await handler.call(this.handlers, ...parameters, { signal: controller.signal });
      if (!this.trySend({ kind: 'reply', id, reply: { ok: true, result } })) {
        // The result itself may be what cannot be sent; the caller must not wait for ever.
        const message = `The answer to "${method}" could not be sent.`;
        this.trySend({ kind: 'reply', id, reply: { ok: false, error: { code: 'INTERNAL', message } } });
      }
    } catch (thrown) {
      this.onHandlerError(method, thrown);
      this.trySend({ kind: 'reply', id, reply: { ok: false, error: toWireError(thrown) } });
    } finally {
      this.running.delete(id);
    }
  }
}

/** Checks a message whole: what a stranger or a broken peer sends must not throw further in. */
function isWireMessage(value: unknown): value is WireMessage {
  if (!isObject(value)) {
    return false;
  }
  switch (value.kind) {
    case 'request':
      return Number.isInteger(value.id) && typeof value.method === 'string' && Array.isArray(value.parameters);
    case 'cancel':
      return Number.isInteger(value.id);
    case 'reply':
      return (
        Number.isInteger(value.id) &&
        isObject(value.reply) &&
        (value.reply.ok === true || (value.reply.ok === false && isWireError(value.reply.error)))
      );
    case 'event':
      return typeof value.name === 'string';
    default:
      return false;
  }
}

function isWireError(value: unknown): value is WireError {
  return isObject(value) && typeof value.code === 'string' && typeof value.message === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
