import { beforeEach, describe, expect, it } from 'vitest';
import { FffError } from '../../../extension/errors';
import { Rpc, type None, type RequestContext } from '../../../extension/rpc';
import { loopback, type Loopback } from './loopback';

interface Api {
  add(a: number, b: number): Promise<number>;
  fail(how: 'fff' | 'plain' | 'string'): Promise<void>;
  forever(): Promise<void>;
  bytes(): Promise<{ data: Float32Array }>;
  unclonable(): Promise<unknown>;
}
interface Happened {
  tick: { count: number };
}

describe('Rpc', () => {
  let wire: Loopback;
  let client: Rpc<None, Api, None, Happened>;
  let server: Rpc<Api, None, Happened>;
  let errors: string[];
  let forever: { context: RequestContext; finish: () => void }[];

  beforeEach(() => {
    wire = loopback();
    errors = [];
    // Its own array each time: what the test before left under way must not land here.
    const calls: typeof forever = [];
    forever = calls;
    server = new Rpc<Api, None, Happened>(
      wire.right,
      {
        add: (a, b) => a + b,
        fail: (how) => {
          if (how === 'fff') {
            throw new FffError('CHECKPOINT_INVALID', 'The file is broken.', 'Choose another.');
          }
          // eslint-disable-next-line @typescript-eslint/only-throw-error
          throw how === 'plain' ? new Error('secret detail') : 'just text';
        },
        forever: (context) => new Promise<void>((finish) => calls.push({ context, finish })),
        bytes: () => ({ data: Float32Array.of(1, NaN, 3) }),
        unclonable: () => () => 1,
      },
      (where, thrown) => errors.push(`${where}: ${String(thrown)}`),
    );
    client = new Rpc<None, Api, None, Happened>(wire.left, {});
  });

  it('returns what the handler returns', async () => {
    expect(await client.call('add', [2, 3])).toBe(5);
    expect((await client.call('bytes', [])).data).toEqual(Float32Array.of(1, NaN, 3));
  });

  it('matches answers to questions when they overtake each other', async () => {
    const slow = client.call('forever', []);
    const fast = await client.call('add', [1, 1]);
    expect(fast).toBe(2);
    forever[0]?.finish();
    await expect(slow).resolves.toBeUndefined();
  });

  it('carries the code, sentence and action of an error, and logs it where it was thrown', async () => {
    await expect(client.call('fail', ['fff'])).rejects.toMatchObject({
      name: 'FffError',
      code: 'CHECKPOINT_INVALID',
      message: 'The file is broken.',
      action: 'Choose another.',
    });
    expect(errors).toEqual(['fail: FffError: The file is broken.']);
  });

  it.each([
    ['plain', 'Unexpected error: secret detail'],
    ['string', 'Unexpected error: just text'],
  ] as const)('turns anything else that is thrown into INTERNAL (%s)', async (how, message) => {
    await expect(client.call('fail', [how])).rejects.toMatchObject({ code: 'INTERNAL', message });
  });

  it('never sends a stack', async () => {
    await client.call('fail', ['plain']).catch(() => undefined);
    expect(JSON.stringify(wire.right.sent)).not.toContain('rpc.test');
  });

  it('refuses methods the other side does not have, also inherited ones', async () => {
    const call = client.call.bind(client) as unknown as (method: string, parameters: unknown[]) => Promise<unknown>;
    for (const method of ['nothing', 'toString', 'constructor', '__proto__']) {
      await expect(call(method, [])).rejects.toMatchObject({ code: 'PROTOCOL_MISMATCH' });
    }
  });

  it('rejects all that waits when the channel closes, and everything asked after', async () => {
    const waiting = [client.call('forever', []), client.call('forever', [])];
    await wire.settle();
    wire.close();
    for (const call of waiting) {
      await expect(call).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' });
    }
    await expect(client.call('add', [1, 2])).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' });
    expect(forever.map(({ context }) => context.signal.aborted)).toEqual([true, true]);
  });

  it('rejects all that waits when it is disposed', async () => {
    const call = client.call('forever', []);
    client.dispose();
    await expect(call).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' });
  });

  it('rejects at once, and tells the handler, when the caller cancels', async () => {
    const controller = new AbortController();
    const call = client.call('forever', [], { signal: controller.signal });
    await wire.settle();
    expect(forever[0]?.context.signal.aborted).toBe(false);
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    await wire.settle();
    expect(forever[0]?.context.signal.aborted).toBe(true);
  });

  it('does not even ask when the signal is aborted already', async () => {
    await expect(client.call('add', [1, 2], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(wire.left.sent).toEqual([]);
  });

  it('drops the late answer to a cancelled call', async () => {
    const controller = new AbortController();
    const call = client.call('forever', [], { signal: controller.signal });
    await wire.settle();
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    forever[0]?.finish();
    await wire.settle();
    expect(await client.call('add', [4, 4])).toBe(8);
  });

  it('rejects and cancels after the time-out', async () => {
    await expect(client.call('forever', [], { timeoutMs: 20 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    await wire.settle();
    expect(forever[0]?.context.signal.aborted).toBe(true);
  });

  it('answers with an error when the result cannot be sent', async () => {
    await expect(client.call('unclonable', [])).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('rejects when the parameters cannot be sent', async () => {
    const call = client.call.bind(client) as unknown as (method: string, parameters: unknown[]) => Promise<unknown>;
    await expect(call('add', [() => 1])).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('ignores what is not of the protocol, and says so', async () => {
    const strangers = [
      ...[null, undefined, 7, 'reply', [], {}, { kind: 'other' }],
      ...[{ kind: 'request' }, { kind: 'request', id: 1, method: 'add' }, { kind: 'request', id: '1', method: 'add' }],
      ...[
        { kind: 'reply', id: 9 },
        { kind: 'reply', id: 9, reply: { ok: false } },
        { kind: 'cancel' },
        { kind: 'event' },
      ],
    ];
    for (const stranger of strangers) {
      wire.right.inject(stranger);
    }
    expect(errors).toHaveLength(strangers.length);
    wire.right.inject({ kind: 'reply', id: 99, reply: { ok: true, result: 1 } });
    wire.right.inject({ kind: 'cancel', id: 99 });
    expect(await client.call('add', [1, 2])).toBe(3);
  });

  it('tells every listener about an event, until it stops listening or the channel closes', async () => {
    const seen: number[] = [];
    const first = client.on('tick', ({ count }) => seen.push(count));
    client.on('tick', ({ count }) => seen.push(count * 10));
    server.emit('tick', { count: 1 });
    await wire.settle();
    first.dispose();
    server.emit('tick', { count: 2 });
    await wire.settle();
    expect(seen).toEqual([1, 10, 20]);
    wire.close();
    server.emit('tick', { count: 3 });
    await wire.settle();
    expect(seen).toEqual([1, 10, 20]);
  });

  it('keeps going when a listener throws', async () => {
    const failures: string[] = [];
    const listening = new Rpc<None, Api, None, Happened>(wire.left, {}, (where) => failures.push(where));
    const seen: number[] = [];
    listening.on('tick', () => {
      throw new Error('listener');
    });
    listening.on('tick', ({ count }) => seen.push(count));
    server.emit('tick', { count: 5 });
    await wire.settle();
    expect(seen).toEqual([5]);
    expect(failures).toEqual(['event tick']);
  });

  it('does not mistake an answer to an earlier page for its own', async () => {
    const old = client.call('forever', []);
    await wire.settle();
    client.dispose();
    await expect(old).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' });
    // The page was loaded anew on the same channel; the old question is answered only now.
    const reloaded = new Rpc<None, Api, None, Happened>(wire.left, {});
    const sum = reloaded.call('add', [20, 1]);
    forever[0]?.finish();
    expect(await sum).toBe(21);
  });
});
