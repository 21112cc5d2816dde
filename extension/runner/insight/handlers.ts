/**
 * The insight part of the runner's API over whatever model is loaded. Looking closer never cancels what runs: it goes on
 * beside it, and long work gives way.
 */
import { FffError } from '../../errors';
import type { InsightApi, RunnerEvents } from '../../protocol';
import type { Handlers } from '../../rpc';
import type { Insight } from './insight';

/** Progress is for eyes: more often than this it would only keep both processes busy. */
const PROGRESS_EVERY_MS = 100;

/** The public side of `Insight`, so that tests can stand in for it. */
export type InsightLike = Pick<
  Insight,
  'whatIf' | 'lens' | 'layerNorms' | 'describeNode' | 'nearBoundary' | 'mapUsage'
>;

export interface InsightHost {
  /** Of the loaded model, if there is one. */
  current(): InsightLike | undefined;
  /** Of a model folder, loaded if it is not. With `fresh`, loaded anew when its files changed. */
  open(directory: string, fresh: boolean): Promise<InsightLike | undefined>;
  /** Resolves when no trace and no measurement runs. */
  idle(): Promise<void>;
  progress(progress: RunnerEvents['progress']): void;
}

export function insightHandlers(host: InsightHost): Handlers<InsightApi> {
  const current = (): InsightLike => {
    const insight = host.current();
    if (insight === undefined) {
      throw new FffError('BAD_INPUT', 'There is no trace to look into.', 'Inspect a selection first.');
    }
    return insight;
  };
  const open = async (directory: string, fresh: boolean): Promise<InsightLike> => {
    const insight = await host.open(directory, fresh);
    if (insight === undefined) {
      throw new FffError('INTERNAL', `The model ${directory} cannot be looked into.`);
    }
    return insight;
  };
  return {
    whatIf: (request, { signal }) => current().whatIf(request, signal),
    lens: (request, { signal }) => current().lens(request, signal),
    nearBoundary: (request, { signal }) => current().nearBoundary(request, signal),
    layerNorms: async ({ model, layer }, { signal }) => (await open(model, false)).layerNorms(layer, signal),
    describeNode: async (request, { signal }) => (await open(request.model, false)).describeNode(request, signal),
    mapUsage: async (request, { signal }) =>
      (await open(request.model, true)).mapUsage(request, {
        signal,
        giveWay: () => host.idle(),
        onProgress: nowAndThen((done, total, what) => host.progress({ runId: request.runId, done, total, what })),
      }),
  };
}

type OnProgress = (done: number, total: number, what: string) => void;

/** Passes on the first and the last progress, and in between no more than one in a while. */
function nowAndThen(tell: OnProgress): OnProgress {
  let toldMs = -Infinity;
  return (done, total, what) => {
    const now = performance.now();
    if (done >= total || now - toldMs >= PROGRESS_EVERY_MS) {
      toldMs = now;
      tell(done, total, what);
    }
  };
}
