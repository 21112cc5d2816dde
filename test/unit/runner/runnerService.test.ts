import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FffError } from '../../../extension/errors';
import { PROTOCOL_VERSION, type LayerTiming, type Trace } from '../../../extension/protocol';
import { RunnerService, type TracerLike } from '../../../extension/runner/runnerService';
import { MODEL, passTimingOf, timingOf, traceOf } from '../host/fakes';

const NEVER = { signal: new AbortController().signal };

describe('RunnerService', () => {
  let directory: string;
  let opened: string[];
  let disposed: number;
  let events: string[];
  let active: number;
  let mostActive: number;
  /** Replaced by tests that need a load to last. */
  let load: (folder: string, signal: AbortSignal) => Promise<void>;
  /** Replaced by tests that need a run to last. */
  let work: (signal: AbortSignal | undefined) => Promise<void>;
  let service: RunnerService;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'fff-service-'));
    await writeFile(path.join(directory, 'model.safetensors'), 'x');
    [opened, disposed, events, active, mostActive] = [[], 0, [], 0, 0];
    work = () => Promise.resolve();
    load = () => Promise.resolve();
    const exclusive = async <T>(signal: AbortSignal | undefined, result: T): Promise<T> => {
      mostActive = Math.max(mostActive, ++active);
      try {
        await work(signal);
        return result;
      } finally {
        active--;
      }
    };
    const tracer = (): TracerLike => ({
      info: MODEL,
      trace: (request, { signal, onProgress }): Promise<Trace> => {
        onProgress?.(1, 2, 'Layer 1 of 2');
        return exclusive(signal, traceOf(request.runId, 'a'));
      },
      measure: (_, { signal, onTiming, onPassTiming }): Promise<LayerTiming[]> => {
        onTiming?.(timingOf(0));
        onPassTiming?.(passTimingOf());
        return exclusive(signal, [timingOf(0), timingOf(1)]);
      },
      dispose: () => {
        disposed++;
      },
    });
    service = new RunnerService(
      () =>
        Promise.resolve({
          onnxruntimeVersion: '1.30.0',
          kernelImplementation: 'scalar',
          supportedImplementations: ['scalar'],
          open: async (folder, { threads }, signal) => {
            opened.push(`${path.basename(folder)} with ${threads}`);
            await load(folder, signal);
            return tracer();
          },
        }),
      (name, payload) => events.push(`${name} ${'what' in payload ? payload.what : ''}`.trim()),
    );
  });

  afterEach(() => rm(directory, { recursive: true }));

  const { hello, trace, measure, loadModel } = {
    hello: () => service.handlers.hello({ threads: 2 }, NEVER),
    trace: async (runId: number, model = directory, signal = NEVER.signal) =>
      service.handlers.trace({ runId, model, input: { text: 'a' }, topPredictions: 0 }, { signal }),
    measure: async (runId: number) => service.handlers.measure({ runId, budgetMsPerLayer: 1 }, NEVER),
    loadModel: async () => service.handlers.loadModel(directory, NEVER),
  };

  /** A run that lasts until it is aborted or finished. */
  function lasting(): { started: Promise<void>; finish: () => void } {
    let finish: () => void = () => undefined;
    let begin: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (begin = resolve));
    work = (signal) =>
      new Promise((resolve, reject) => {
        begin();
        finish = resolve;
        signal?.addEventListener('abort', () => reject(new FffError('CANCELLED', 'The run was cancelled.')));
      });
    return { started, finish: () => finish() };
  }

  it('introduces itself', async () => {
    expect(await hello()).toEqual({
      protocolVersion: PROTOCOL_VERSION,
      pid: process.pid,
      nodeVersion: process.versions.node,
      onnxruntimeVersion: '1.30.0',
      kernelImplementation: 'scalar',
      supportedImplementations: ['scalar'],
    });
  });

  it('refuses work before the handshake', async () => {
    await expect(trace(1)).rejects.toMatchObject({ code: 'PROTOCOL_MISMATCH' });
  });

  it('loads a model once, with the options of the handshake', async () => {
    await hello();
    expect(await loadModel()).toBe(MODEL);
    expect((await trace(1)).runId).toBe(1);
    expect((await trace(2)).runId).toBe(2);
    expect(opened).toEqual([`${path.basename(directory)} with 2`]);
  });

  it('loads it again when a file of the folder changed, and frees the old one first', async () => {
    await hello();
    await trace(1);
    await utimes(path.join(directory, 'model.safetensors'), new Date(), new Date(Date.now() + 60_000));
    await trace(2);
    expect(opened).toHaveLength(2);
    expect(disposed).toBe(1);
  });

  it('reports progress and timings under the run’s number', async () => {
    await hello();
    await trace(1);
    expect(events.slice(0, 1)).toEqual(['progress Loading the model']);
    expect(events).toContain('progress Layer 1 of 2');
    events = [];
    expect(await measure(1)).toHaveLength(2);
    expect(events).toEqual(['timing', 'passTiming']);
  });

  it('refuses to measure where nothing was traced', async () => {
    await hello();
    await expect(measure(1)).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('lets a newer run supersede the one under way, and never runs two', async () => {
    await hello();
    const { started } = lasting();
    const first = expect(trace(1)).rejects.toMatchObject({ code: 'CANCELLED' });
    await started;
    work = () => Promise.resolve();
    expect((await trace(2)).runId).toBe(2);
    await first;
    expect(mostActive).toBe(1);
  });

  it('skips runs that were superseded before they began', async () => {
    await hello();
    await trace(0);
    events = [];
    const results = await Promise.allSettled([trace(1), trace(2), trace(3)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(events.filter((event) => event.includes('Layer'))).toHaveLength(1);
  });

  it('stops measuring for a new trace', async () => {
    await hello();
    await trace(1);
    const { started } = lasting();
    const measuring = expect(measure(1)).rejects.toMatchObject({ code: 'CANCELLED' });
    await started;
    work = () => Promise.resolve();
    await trace(2);
    await measuring;
  });

  it('stops a run whose caller cancelled, and works on', async () => {
    await hello();
    const { started } = lasting();
    const controller = new AbortController();
    const run = expect(trace(1, directory, controller.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    await started;
    controller.abort();
    await run;
    work = () => Promise.resolve();
    expect((await trace(2)).runId).toBe(2);
  });

  describe('while a model is loaded', () => {
    let other: string;
    /** Ends the loads under way, whether they were given up or not. */
    let loaded: () => void;
    let signals: AbortSignal[];

    beforeEach(async () => {
      other = path.join(directory, 'other');
      await mkdir(other);
      await hello();
      signals = [];
      const gate = new Promise<void>((resolve) => (loaded = resolve));
      load = (_, signal) => {
        signals.push(signal);
        return gate;
      };
    });

    const loading = (count: number): Promise<void> => vi.waitFor(() => expect(signals).toHaveLength(count));

    it('gives the load up when another model is asked for, and keeps nothing of it', async () => {
      const first = expect(trace(1)).rejects.toMatchObject({ code: 'CANCELLED' });
      await loading(1);
      const second = trace(2, other);
      expect(signals[0]?.aborted).toBe(true);
      // Even a load that does not listen must not leave its weights behind.
      loaded();
      await first;
      expect((await second).runId).toBe(2);
      expect(disposed).toBe(1);
      expect(opened.map((name) => name.split(' ')[0])).toEqual([path.basename(directory), 'other']);
      expect((await trace(3, other)).runId).toBe(3);
      expect(opened).toHaveLength(2);
    });

    it('lets it end when the same model is asked for again, however often, or the run is given up', async () => {
      const controller = new AbortController();
      const runs = Promise.allSettled([trace(1), trace(2), trace(3, directory, controller.signal)]);
      await loading(1);
      controller.abort();
      loaded();
      expect((await runs).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(signals[0]?.aborted).toBe(false);
      expect((await trace(4)).runId).toBe(4);
      expect(opened).toHaveLength(1);
    });

    it('passes on that it failed, and loads again when asked again', async () => {
      load = () => Promise.reject(new FffError('CHECKPOINT_INVALID', 'No.'));
      await expect(trace(1)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
      load = () => Promise.resolve();
      expect((await trace(2)).runId).toBe(2);
    });
  });

  it('keeps working after a run that failed', async () => {
    await hello();
    work = () => Promise.reject(new FffError('ONNXRUNTIME_FAILED', 'No.'));
    await expect(trace(1)).rejects.toMatchObject({ code: 'ONNXRUNTIME_FAILED' });
    work = () => Promise.resolve();
    expect((await trace(2)).runId).toBe(2);
  });
});
