/** The insight part of the runner's API as its owner meets it: beside traces and measurements, never in their way. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LayerNorms, UsageMap } from '../../../extension/protocol';
import type { InsightLike } from '../../../extension/runner/insight/handlers';
import { Tracer } from '../../../extension/runner/tracer';
import { RunnerService, type TracerLike } from '../../../extension/runner/runnerService';
import { fixtureFolder } from '../encoder/fixture';
import { MODEL, traceOf } from '../host/fakes';
import { NEVER } from './models';

const CONTEXT = { signal: NEVER };

describe('insight of the runner service', () => {
  let service: RunnerService;
  let events: { name: string; payload: unknown }[];
  let opened: string[];
  /** What a trace waits for. */
  let tracing: Promise<void>;
  let insight: Partial<InsightLike>;

  beforeEach(async () => {
    [events, opened, tracing, insight] = [[], [], Promise.resolve(), {}];
    const tracer = (): TracerLike => ({
      info: MODEL,
      insight: insight as InsightLike,
      trace: async (request, { signal }) => {
        await Promise.race([tracing, new Promise((resolve) => signal?.addEventListener('abort', resolve))]);
        signal?.throwIfAborted();
        return traceOf(request.runId, 'a');
      },
      measure: () => Promise.resolve([]),
      dispose: () => undefined,
    });
    service = new RunnerService(
      () =>
        Promise.resolve({
          onnxruntimeVersion: '',
          kernelImplementation: '',
          supportedImplementations: [],
          open: (directory) => {
            opened.push(directory);
            return Promise.resolve(tracer());
          },
        }),
      (name, payload) => events.push({ name, payload }),
    );
    await service.handlers.hello({ threads: 1 }, CONTEXT);
  });

  const trace = async (runId: number) =>
    service.handlers.trace({ runId, model: '/model', input: { text: 'a' }, topPredictions: 0 }, CONTEXT);

  it('has nothing to look into before a trace', () => {
    const request = { runId: 1, token: 0, top: 1 };
    expect(() => service.handlers.lens(request, CONTEXT)).toThrow(/no trace to look into/);
  });

  it('goes on beside a trace without ending it', async () => {
    let finish: () => void = () => undefined;
    await trace(1);
    tracing = new Promise((resolve) => (finish = resolve));
    const running = trace(2);
    const norms: LayerNorms = { layer: 0, inputNorms: new Float32Array(1), outputNorms: new Float32Array(1) };
    insight.layerNorms = (layer) => Promise.resolve({ ...norms, layer });
    expect(await service.handlers.layerNorms({ model: '/model', layer: 3 }, CONTEXT)).toMatchObject({ layer: 3 });
    finish();
    expect((await running).runId).toBe(2);
    expect(opened).toHaveLength(1);
  });

  it('loads a model that is not loaded', async () => {
    insight.layerNorms = (layer) =>
      Promise.resolve({ layer, inputNorms: new Float32Array(), outputNorms: new Float32Array() });
    await service.handlers.layerNorms({ model: '/model', layer: 0 }, CONTEXT);
    await service.handlers.layerNorms({ model: '/other', layer: 0 }, CONTEXT);
    expect(opened).toEqual(['/model', '/other']);
  });

  it('maps usage with progress, and lets traces go first', async () => {
    const order: string[] = [];
    let finish: () => void = () => undefined;
    insight.mapUsage = async ({ runId }, { onProgress, giveWay }) => {
      onProgress(1, 2, 'file');
      tracing = new Promise((resolve) => (finish = resolve));
      const traced = trace(5).then(() => order.push('trace'));
      const waited = giveWay().then(() => order.push('mapping'));
      setTimeout(finish, 20);
      await Promise.all([traced, waited]);
      return { runId, model: MODEL } as UsageMap;
    };
    const usage = await service.handlers.mapUsage({ runId: 9, model: '/model', documents: [] }, CONTEXT);
    expect(usage.runId).toBe(9);
    expect(order).toEqual(['trace', 'mapping']);
    expect(events).toContainEqual({ name: 'progress', payload: { runId: 9, done: 1, total: 2, what: 'file' } });
  });
});

describe('a change of the model', () => {
  let service: RunnerService;
  afterEach(async () => {
    await service.handlers.loadModel(fixtureFolder('F1'), CONTEXT);
  });

  it('ends the mapping of the one before', async () => {
    service = new RunnerService(
      () =>
        Promise.resolve({
          onnxruntimeVersion: '',
          kernelImplementation: '',
          supportedImplementations: [],
          open: (directory, options) => Tracer.open(directory, options),
        }),
      (name, payload) => {
        if (name === 'progress' && 'runId' in payload && payload.runId === 1) {
          begin();
        }
      },
    );
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    await service.handlers.hello({ threads: 1 }, CONTEXT);
    const model = `${fixtureFolder('..')}/../models/default`;
    const documents = [{ name: 'a', text: 'word '.repeat(100_000), hash: 'a' }];
    const mapping = Promise.resolve(service.handlers.mapUsage({ runId: 1, model, documents }, CONTEXT));
    const ended = expect(mapping).rejects.toMatchObject({ code: 'CANCELLED' });
    await begun;
    const input = { ids: [1, 2, 3] };
    const request = { runId: 2, model: fixtureFolder('F2'), input, topPredictions: 0 };
    expect((await service.handlers.trace(request, CONTEXT)).layers).toHaveLength(3);
    await ended;
    const whatIf = { runId: 2, interventions: [], positions: [0], top: 1 };
    expect((await service.handlers.whatIf(whatIf, CONTEXT)).predictions).toHaveLength(1);
  });
});
