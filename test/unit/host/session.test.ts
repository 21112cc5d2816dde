import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FffError } from '../../../extension/errors';
import type { RunStatus } from '../../../extension/protocol';
import { Session, type Inspection } from '../../../extension/session';
import { FakeRunner, memoryLog, passTimingOf, timingOf, traceOf } from './fakes';

const inspection = (text: string): Inspection => ({
  text,
  source: { label: `${text.split(' ')[0] ?? ''}.ts:1`, uri: 'file:///a.ts', offset: 7 },
});

describe('Session', () => {
  let runner: FakeRunner;
  let session: Session;
  let log: ReturnType<typeof memoryLog>;
  let statuses: RunStatus[];
  let visible: boolean;
  let settings: { modelDirectory: string; topPredictions: number; measureBudgetMsPerLayer: number };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    runner = new FakeRunner();
    log = memoryLog();
    visible = true;
    settings = { modelDirectory: '/models/small', topPredictions: 5, measureBudgetMsPerLayer: 100 };
    session = new Session({
      runner,
      settings: () => settings,
      hasVisibleView: () => visible,
      log,
      now: () => performance.now(),
    });
    statuses = [];
    session.on('status', (status) => statuses.push(status));
  });

  afterEach(() => {
    session.dispose();
    vi.useRealTimers();
  });

  /** Inspects and answers; returns once the trace is the session's. */
  async function traced(text: string): Promise<number> {
    const done = session.inspect(inspection(text));
    const { request, resolve } = runner.traces.at(-1)!;
    resolve(traceOf(request.runId, text));
    await done;
    return request.runId;
  }

  it('asks the runner with the settings of that moment and keeps the trace', async () => {
    settings = { modelDirectory: '/models/other', topPredictions: 9, measureBudgetMsPerLayer: 100 };
    const traces: string[] = [];
    session.on('traced', ({ trace, source }) => traces.push(`${trace.text} from ${source.label}`));
    const runId = await traced('one two');
    expect(runner.traces[0]?.request).toEqual({
      runId,
      model: '/models/other',
      input: { text: 'one two' },
      topPredictions: 9,
    });
    expect(traces).toEqual(['one two from one.ts:1']);
    expect(session.state).toMatchObject({
      trace: { runId, text: 'one two' },
      source: { offset: 7 },
      status: { kind: 'idle' },
      focus: { token: 0, layer: 0, tree: 0, node: null },
      timings: [],
    });
  });

  const shownStatuses = (): string[] =>
    statuses.map((status) => (status.kind === 'running' ? `${status.what} ${status.done}` : status.kind));

  it('says what it is doing once it lasts', async () => {
    const done = session.inspect(inspection('one'));
    const { request, resolve } = runner.traces[0]!;
    const progress = (layers: number): void =>
      runner.events.fire('progress', { runId: request.runId, done: layers, total: 4, what: 'Layer' });
    vi.advanceTimersByTime(100);
    progress(1);
    expect(shownStatuses()).toEqual([]);
    expect(session.state.status).toMatchObject({ kind: 'running', what: 'Layer', done: 1 });
    vi.advanceTimersByTime(100);
    runner.events.fire('progress', { runId: request.runId + 1, done: 9, total: 9, what: 'of another run' });
    progress(2);
    resolve(traceOf(request.runId, 'one'));
    await done;
    expect(shownStatuses()).toEqual(['Layer 1', 'Layer 2', 'idle']);
    vi.advanceTimersByTime(1000);
    expect(shownStatuses()).toHaveLength(3);
  });

  it('does not flicker for a quick run', async () => {
    await traced('one');
    await traced('two');
    vi.advanceTimersByTime(1000);
    expect(shownStatuses()).toEqual(['idle', 'idle']);
  });

  it('knows whether a trace is under way, which measuring is not', async () => {
    expect(session.isTracing).toBe(false);
    const done = session.inspect(inspection('one'));
    expect(session.isTracing).toBe(true);
    runner.traces[0]!.resolve(traceOf(1, 'one'));
    await done;
    session.painted(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(runner.measures).toHaveLength(1);
    expect(session.isTracing).toBe(false);
    const given = session.inspect(inspection('two'));
    session.cancel();
    expect(session.isTracing).toBe(false);
    runner.traces[1]!.reject(new FffError('CANCELLED', 'The run was cancelled.'));
    await given;
  });

  it('lets a new selection supersede the one under way', async () => {
    const first = session.inspect(inspection('first'));
    const second = session.inspect(inspection('second'));
    expect(runner.traces[0]?.signal.aborted).toBe(true);
    expect(runner.traces[1]?.signal.aborted).toBe(false);
    runner.traces[1]!.resolve(traceOf(runner.traces[1]!.request.runId, 'second'));
    // The first answer comes late, and after the second.
    runner.traces[0]!.resolve(traceOf(runner.traces[0]!.request.runId, 'first'));
    expect(await first).toBeNull();
    expect((await second)?.text).toBe('second');
    expect(session.state.trace?.text).toBe('second');
  });

  it('does not report the failure of a superseded run', async () => {
    const first = session.inspect(inspection('first'));
    const second = session.inspect(inspection('second'));
    runner.traces[0]!.reject(new FffError('INTERNAL', 'Too late.'));
    expect(await first).toBeNull();
    expect(session.state.status.kind).toBe('running');
    runner.traces[1]!.resolve(traceOf(2, 'second'));
    expect(await second).not.toBeNull();
  });

  it('goes back to idle on cancel, keeps the last trace and drops the late answer', async () => {
    await traced('kept');
    const done = session.inspect(inspection('given up'));
    session.cancel();
    expect(session.state.status).toEqual({ kind: 'idle' });
    expect(runner.traces[1]?.signal.aborted).toBe(true);
    runner.traces[1]!.resolve(traceOf(runner.traces[1]!.request.runId, 'given up'));
    expect(await done).toBeNull();
    expect(session.state.trace?.text).toBe('kept');
  });

  it('takes a CANCELLED from the runner quietly', async () => {
    const done = session.inspect(inspection('one'));
    runner.traces[0]!.reject(new FffError('CANCELLED', 'The run was cancelled.'));
    expect(await done).toBeNull();
    expect(statuses.at(-1)).toEqual({ kind: 'idle' });
    expect(log.lines.filter((line) => line.startsWith('error'))).toEqual([]);
    expect(log.lines.join('\n')).toMatch(/^info: Run 1 \(one\.ts:1\) was given up\. .*The run was cancelled\./m);
  });

  it('shows a failure, throws it, keeps the last trace, and works again', async () => {
    await traced('kept');
    const done = session.inspect(inspection('bad'));
    runner.traces[1]!.reject(new FffError('RUNNER_EXITED', 'The runner process ended unexpectedly (signal SIGKILL).'));
    await expect(done).rejects.toMatchObject({ code: 'RUNNER_EXITED' });
    expect(session.state.status).toMatchObject({ kind: 'failed', error: { code: 'RUNNER_EXITED' } });
    expect(session.state.trace?.text).toBe('kept');
    await traced('again');
    expect(session.state).toMatchObject({ trace: { text: 'again' }, status: { kind: 'idle' } });
  });

  it('measures only after the picture, and refines', async () => {
    const runId = await traced('one two');
    await vi.advanceTimersByTimeAsync(100);
    expect(runner.measures).toEqual([]);
    session.painted(runId);
    await vi.advanceTimersByTimeAsync(0);
    expect(runner.measures[0]?.request).toEqual({ runId, budgetMsPerLayer: 100 });
    const seen: number[] = [];
    session.on('timing', ({ layer }) => seen.push(layer));
    runner.events.fire('timing', { runId, timing: timingOf(1, 30) });
    runner.events.fire('timing', { runId, timing: timingOf(0, 20) });
    runner.events.fire('timing', { runId, timing: timingOf(1, 25) });
    runner.events.fire('timing', { runId: runId - 1, timing: timingOf(0, 999) });
    expect(seen).toEqual([1, 0, 1]);
    expect(session.state.timings.map(({ layer, fffMicroseconds }) => [layer, fffMicroseconds.median])).toEqual([
      [0, 20],
      [1, 25],
    ]);
    const passes: number[] = [];
    session.on('passTiming', ({ tokens }) => passes.push(tokens));
    runner.events.fire('passTiming', { runId: runId - 1, passTiming: { ...passTimingOf(), tokens: 99 } });
    expect(session.state.passTiming).toBeNull();
    runner.events.fire('passTiming', { runId, passTiming: passTimingOf() });
    expect(session.state.passTiming).toEqual(passTimingOf());
    expect(passes).toEqual([3]);
    runner.measures[0]!.resolve([timingOf(0, 18), timingOf(1, 22)]);
    await vi.advanceTimersByTimeAsync(0);
    expect(session.state.timings.map(({ fffMicroseconds }) => fffMicroseconds.median)).toEqual([18, 22]);
  });

  it.each([
    ['soon when nobody looks', false, 200],
    ['after a while when the view never says that it painted', true, 2000],
  ])('measures %s', async (_, isVisible, delayMs) => {
    visible = isVisible;
    await traced('one');
    await vi.advanceTimersByTimeAsync(delayMs - 1);
    expect(runner.measures).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(runner.measures).toHaveLength(1);
  });

  it('says when what must not hold up the picture may begin: once it is painted, or nobody painted it', async () => {
    settings = { ...settings, measureBudgetMsPerLayer: 0 };
    const settled: number[] = [];
    session.on('settled', (runId) => settled.push(runId));
    const first = await traced('one');
    await vi.advanceTimersByTimeAsync(1000);
    expect(settled).toEqual([]);
    session.painted(first);
    await vi.advanceTimersByTimeAsync(0);
    expect(settled).toEqual([first]);
    const unpainted = await traced('two');
    await vi.advanceTimersByTimeAsync(2000);
    expect(settled).toEqual([first, unpainted]);
    // Given up before it was painted: it is what is shown all the same.
    const last = await traced('three');
    session.cancel();
    await vi.advanceTimersByTimeAsync(0);
    expect(settled).toEqual([first, unpainted, last]);
  });

  it('does not measure when measuring is switched off', async () => {
    settings = { ...settings, measureBudgetMsPerLayer: 0 };
    session.painted(await traced('one'));
    await vi.advanceTimersByTimeAsync(5000);
    expect(runner.measures).toEqual([]);
  });

  it('stops measuring for the next selection, and starts its timings from nothing', async () => {
    session.painted(await traced('one'));
    await vi.advanceTimersByTimeAsync(0);
    runner.events.fire('timing', { runId: 1, timing: timingOf(0) });
    runner.events.fire('passTiming', { runId: 1, passTiming: passTimingOf() });
    expect(session.state.timings).toHaveLength(1);
    await traced('two');
    expect(runner.measures[0]?.signal.aborted).toBe(true);
    expect(session.state).toMatchObject({ timings: [], passTiming: null });
    runner.measures[0]!.resolve([timingOf(0)]);
    await vi.advanceTimersByTimeAsync(0);
    expect(session.state.timings).toEqual([]);
  });

  it('does not measure a trace that was superseded before it was painted', async () => {
    const first = await traced('one');
    const done = session.inspect(inspection('two'));
    session.painted(first);
    await vi.advanceTimersByTimeAsync(5000);
    expect(runner.measures).toEqual([]);
    runner.traces[1]!.resolve(traceOf(2, 'two'));
    await done;
  });

  it('says so in place when measuring fails, and keeps the trace', async () => {
    session.painted(await traced('one'));
    await vi.advanceTimersByTimeAsync(0);
    runner.measures[0]!.reject(new FffError('ONNXRUNTIME_FAILED', 'onnxruntime failed.'));
    await vi.advanceTimersByTimeAsync(0);
    expect(session.state).toMatchObject({ status: { kind: 'failed' }, trace: { text: 'one' } });
  });

  it('measures the way from the command to the first picture', async () => {
    const startedAt = performance.now();
    const done = session.inspect(inspection('one two three'), startedAt);
    vi.advanceTimersByTime(40);
    runner.traces[0]!.resolve(traceOf(1, 'one two three'));
    await done;
    vi.advanceTimersByTime(3);
    const painted: number[] = [];
    session.on('painted', ({ pictureMs }) => painted.push(pictureMs));
    session.painted(99);
    session.painted(1);
    vi.advanceTimersByTime(10);
    session.painted(1);
    expect(painted).toEqual([43]);
    expect(session.latencies).toEqual([{ runId: 1, tokens: 4, traceMs: 40, pictureMs: 43 }]);
    expect(log.lines).toContain('info: Selection to picture: 43.0 ms (4 tokens, trace 40.0 ms, run 1)');
  });

  it('shares the focus, and tells who moved it', async () => {
    await traced('one two');
    const changes: unknown[] = [];
    session.on('focus', (change) => changes.push(change));
    const view = {};
    session.setFocus({ token: 2, layer: 1, tree: 0, node: 6 }, view);
    expect(changes).toEqual([{ focus: { token: 2, layer: 1, tree: 0, node: 6 }, origin: view }]);
    expect(session.state.focus.token).toBe(2);
  });

  it.each([
    [
      { token: 99, layer: 99, tree: 99, node: 99 },
      { token: 2, layer: 1, tree: 0, node: 6 },
    ],
    [
      { token: -1, layer: NaN, tree: 0.5, node: null },
      { token: 0, layer: 0, tree: 0, node: null },
    ],
  ])('pulls a focus outside the trace into it', async (wanted, got) => {
    await traced('one two');
    session.setFocus(wanted);
    expect(session.state.focus).toEqual(got);
  });

  it('keeps the layer for the next trace and starts at its first written or masked token', async () => {
    await traced('one two');
    session.setFocus({ token: 2, layer: 1, tree: 0, node: 3 });
    await traced('three four');
    expect(session.state.focus).toEqual({ token: 0, layer: 1, tree: 0, node: null });
    const done = session.inspect(inspection('five <mask>'));
    runner.traces[2]!.resolve({ ...traceOf(3, 'five <mask>'), predictions: [{ index: 1, top: [] }] });
    await done;
    expect(session.state.focus.token).toBe(1);
  });

  it('inspects the last text again with the model of now', async () => {
    expect(await session.inspectAgain()).toBeNull();
    await traced('one two');
    settings = { ...settings, modelDirectory: '/models/new' };
    const done = session.inspectAgain();
    expect(runner.traces[1]?.request).toMatchObject({ model: '/models/new', input: { text: 'one two' } });
    runner.traces[1]!.resolve(traceOf(2, 'one two'));
    await done;
  });
});
