import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FffError } from '../../../extension/errors';
import type { RunnerApi, RunnerState, TraceRequest } from '../../../extension/protocol';
import type { Handlers } from '../../../extension/rpc';
import { MAX_RESTARTS, RESTART_WINDOW_MS, RunnerClient } from '../../../extension/runner/client';
import { FakeProcess, HELLO } from './fakeProcess';
import { memoryLog, timingOf, traceOf } from './fakes';

const REQUEST: TraceRequest = { runId: 1, model: '/m', input: { text: 'a b' }, topPredictions: 0 };

describe('RunnerClient', () => {
  let processes: FakeProcess[];
  let handlers: Partial<Handlers<RunnerApi>>;
  let obedient: boolean;
  let spawnError: Error | null;
  let clock: number;
  let log: ReturnType<typeof memoryLog>;
  let client: RunnerClient;
  let states: string[];

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    processes = [];
    handlers = { trace: ({ runId }) => traceOf(runId, 'a b') };
    obedient = true;
    spawnError = null;
    clock = 0;
    log = memoryLog();
    client = new RunnerClient({
      spawn: () => {
        if (spawnError !== null) {
          throw spawnError;
        }
        const process = new FakeProcess(handlers, obedient);
        processes.push(process);
        return process;
      },
      options: () => ({ threads: 3 }),
      log,
      now: () => clock,
    });
    states = [];
    client.on('state', (state) => states.push(describeState(state)));
  });

  afterEach(() => {
    client.dispose();
    vi.useRealTimers();
  });

  function describeState(state: RunnerState): string {
    return state.kind === 'crashed' ? `crashed ${state.error.code}${state.willRestart ? '' : ' for good'}` : state.kind;
  }

  it('starts on the first request and not before', async () => {
    expect(client.state).toEqual({ kind: 'stopped' });
    expect(processes).toEqual([]);
    expect((await client.trace(REQUEST)).tokens).toHaveLength(3);
    expect(client.state).toEqual({ kind: 'ready', hello: HELLO });
    expect(states).toEqual(['starting', 'ready']);
    expect(processes).toHaveLength(1);
  });

  it('shakes hands first, with the options, and once for all that wait', async () => {
    const order: string[] = [];
    handlers.hello = ({ threads }) => {
      order.push(`hello ${threads}`);
      return HELLO;
    };
    handlers.trace = ({ runId }) => {
      order.push(`trace ${runId}`);
      return traceOf(runId, 'a');
    };
    await Promise.all([client.trace(REQUEST), client.trace({ ...REQUEST, runId: 2 })]);
    expect(order).toEqual(['hello 3', 'trace 1', 'trace 2']);
    expect(processes).toHaveLength(1);
  });

  it('refuses a runner of another version, ends it, and does not try again by itself', async () => {
    handlers.hello = () => ({ ...HELLO, protocolVersion: 99 });
    await expect(client.trace(REQUEST)).rejects.toMatchObject({ code: 'PROTOCOL_MISMATCH' });
    await expect(client.trace(REQUEST)).rejects.toMatchObject({ code: 'PROTOCOL_MISMATCH' });
    expect(processes).toHaveLength(1);
    expect(processes[0]?.kills).toContain('asked');
    expect(states).toEqual(['starting', 'crashed PROTOCOL_MISMATCH for good']);
  });

  it('passes on why a runner cannot start', async () => {
    handlers.hello = () => {
      throw new FffError('KERNEL_LOAD_FAILED', 'fff.node is missing.', 'Build it.');
    };
    await expect(client.trace(REQUEST)).rejects.toMatchObject({
      code: 'KERNEL_LOAD_FAILED',
      message: 'fff.node is missing.',
    });
    expect(client.state).toMatchObject({ kind: 'crashed', willRestart: false });
  });

  it('gives up a handshake that is never answered', async () => {
    handlers.hello = () => new Promise(() => undefined);
    const call = client.trace(REQUEST);
    const refused = expect(call).rejects.toMatchObject({ code: 'TIMED_OUT' });
    await vi.advanceTimersByTimeAsync(30_000);
    await refused;
    expect(client.state).toMatchObject({ kind: 'crashed', willRestart: true });
  });

  it('refuses what was in flight when the child dies, in one clear sentence, and works again', async () => {
    handlers.trace = () => new Promise(() => undefined);
    const call = client.trace(REQUEST);
    const refused = expect(call).rejects.toMatchObject({
      code: 'RUNNER_EXITED',
      message: 'The runner process ended unexpectedly (signal SIGKILL).',
    });
    await vi.advanceTimersByTimeAsync(0);
    processes[0]!.die({ signal: 'SIGKILL' });
    await refused;
    expect(states).toEqual(['starting', 'ready', 'crashed RUNNER_EXITED']);
    handlers.trace = ({ runId }) => traceOf(runId, 'a b');
    expect((await client.trace(REQUEST)).runId).toBe(1);
    expect(processes).toHaveLength(2);
  });

  it('notices a death between requests', async () => {
    await client.trace(REQUEST);
    processes[0]!.die({ exitCode: 134 });
    expect(client.state).toMatchObject({
      kind: 'crashed',
      willRestart: true,
      error: { message: 'The runner process ended unexpectedly (exit code 134).' },
    });
    await client.trace(REQUEST);
    expect(client.state.kind).toBe('ready');
  });

  it(`restarts ${MAX_RESTARTS} times within the window, then says that it gave up`, async () => {
    for (let life = 0; life <= MAX_RESTARTS; life++) {
      await client.trace(REQUEST);
      clock += 1000;
      processes[life]!.die({ signal: 'SIGSEGV' });
    }
    expect(client.state).toMatchObject({ kind: 'crashed', willRestart: false, error: { code: 'RUNNER_GAVE_UP' } });
    await expect(client.trace(REQUEST)).rejects.toMatchObject({
      code: 'RUNNER_GAVE_UP',
      message: expect.stringContaining('signal SIGSEGV') as string,
    });
    clock += 10 * RESTART_WINDOW_MS;
    await expect(client.trace(REQUEST)).rejects.toMatchObject({ code: 'RUNNER_GAVE_UP' });
    expect(processes).toHaveLength(MAX_RESTARTS + 1);

    await client.restart();
    expect(client.state.kind).toBe('ready');
    processes.at(-1)!.die({ signal: 'SIGSEGV' });
    expect(client.state).toMatchObject({ kind: 'crashed', willRestart: true });
  });

  it('goes on restarting a runner that dies now and then', async () => {
    for (let life = 0; life < 3 * MAX_RESTARTS; life++) {
      await client.trace(REQUEST);
      clock += RESTART_WINDOW_MS / 2;
      processes[life]!.die({ signal: 'SIGKILL' });
      expect(client.state).toMatchObject({ kind: 'crashed', willRestart: true });
    }
  });

  it('counts a process that cannot be started as a death', async () => {
    spawnError = new Error('spawn ENOENT');
    for (let attempt = 0; attempt <= MAX_RESTARTS; attempt++) {
      await expect(client.trace(REQUEST)).rejects.toMatchObject({
        code: attempt < MAX_RESTARTS ? 'RUNNER_EXITED' : 'RUNNER_GAVE_UP',
        message: expect.stringContaining('spawn ENOENT') as string,
      });
    }
    spawnError = null;
    await client.restart();
    expect(client.state.kind).toBe('ready');
  });

  it('tells apart a process that died during the handshake', async () => {
    handlers.hello = () => new Promise(() => undefined);
    const call = client.trace(REQUEST);
    const refused = expect(call).rejects.toMatchObject({ code: 'RUNNER_EXITED' });
    await vi.advanceTimersByTimeAsync(0);
    processes[0]!.die({ exitCode: 1 });
    await refused;
    expect(states).toEqual(['starting', 'crashed RUNNER_EXITED']);
  });

  it('cancels the request in the child, and the caller at once', async () => {
    let signal: AbortSignal | undefined;
    handlers.trace = (_, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    };
    const controller = new AbortController();
    const call = client.trace(REQUEST, controller.signal);
    const refused = expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    await vi.advanceTimersByTimeAsync(0);
    controller.abort();
    await refused;
    await vi.advanceTimersByTimeAsync(0);
    expect(signal?.aborted).toBe(true);
    expect(client.state.kind).toBe('ready');
  });

  it('lets a caller go while the runner is still starting', async () => {
    let answer: (() => void) | undefined;
    handlers.hello = () => new Promise((resolve) => (answer = () => resolve(HELLO)));
    const controller = new AbortController();
    const call = client.trace(REQUEST, controller.signal);
    const refused = expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    await vi.advanceTimersByTimeAsync(0);
    controller.abort();
    await refused;
    answer?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(client.state.kind).toBe('ready');
  });

  it('passes on an error of the runner unchanged', async () => {
    handlers.trace = () => {
      throw new FffError('CHECKPOINT_NOT_FOUND', 'There is no folder /m.', 'Choose another.');
    };
    await expect(client.trace(REQUEST)).rejects.toMatchObject({
      code: 'CHECKPOINT_NOT_FOUND',
      action: 'Choose another.',
    });
    expect(client.state.kind).toBe('ready');
  });

  it('passes on progress, timings and log lines, from every life of the child', async () => {
    const progress: number[] = [];
    const timings: number[] = [];
    client.on('progress', ({ done }) => progress.push(done));
    client.on('timing', ({ timing }) => timings.push(timing.layer));
    for (let life = 0; life < 2; life++) {
      await client.trace(REQUEST);
      processes[life]!.rpc.emit('progress', { runId: 1, done: life, total: 2, what: 'Layer' });
      processes[life]!.rpc.emit('timing', { runId: 1, timing: timingOf(life) });
      processes[life]!.rpc.emit('log', { level: 'warn', message: `life ${life}` });
      await vi.advanceTimersByTimeAsync(0);
      processes[life]!.die({ signal: 'SIGKILL' });
    }
    expect(progress).toEqual([0, 1]);
    expect(timings).toEqual([0, 1]);
    expect(log.lines).toEqual(expect.arrayContaining(['warn: runner: life 0', 'warn: runner: life 1']));
  });

  it('gives arrays of their own, whatever buffer they came in', async () => {
    const shared = new ArrayBuffer(64);
    handlers.trace = ({ runId }) => {
      const trace = traceOf(runId, 'a');
      trace.layers = [{ leaves: new Uint16Array(shared, 8, 2), logits: new Float32Array(shared, 16, 6) }, null];
      return trace;
    };
    const [layer] = (await client.trace(REQUEST)).layers;
    expect([layer?.leaves.byteOffset, layer?.leaves.buffer.byteLength]).toEqual([0, 4]);
    expect([layer?.logits.byteOffset, layer?.logits.buffer.byteLength]).toEqual([0, 24]);
  });

  it('asks the child to end, and ends it when it does not', async () => {
    obedient = false;
    await client.trace(REQUEST);
    client.stop();
    expect(processes[0]?.kills).toEqual(['asked']);
    expect(client.state).toEqual({ kind: 'stopped' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(processes[0]?.kills).toEqual(['asked', 'forced']);
    expect(states).toEqual(['starting', 'ready', 'stopped']);
  });

  it('cancels what was in flight when it is stopped on purpose', async () => {
    handlers.trace = () => new Promise(() => undefined);
    const call = client.trace(REQUEST);
    const refused = expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    await vi.advanceTimersByTimeAsync(0);
    client.stop();
    await refused;
  });

  it('starts nothing after it was disposed', async () => {
    client.dispose();
    await expect(client.trace(REQUEST)).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' });
    expect(processes).toEqual([]);
  });
});
