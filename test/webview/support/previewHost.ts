/**
 * Stands in for the extension host in a plain page: answers `ready` with the state the page's address asks for and
 * remembers every call. Bundled by `scripts/previewWebview.mjs`; for looking at the views, never part of the product.
 */
import type { LayerTiming, Trace, ViewState } from '../../../extension/protocol';
import { firstOfLevel } from '../../../extension/tree';
import { sampleState } from './sampleTrace';

interface PreviewWindow {
  acquireVsCodeApi(): unknown;
  /** Every message the view sent. */
  sent: unknown[];
  /** What `fff-explorer trace --json` printed, if the page brought it. */
  realTraceText?: string;
  /** Sends an event to the view, as the host would. */
  emit(name: string, payload: unknown): void;
}

const preview = window as unknown as PreviewWindow;
const query = new URLSearchParams(location.search);

function state(): ViewState {
  const number = (name: string, fallback: number): number => Number(query.get(name) ?? fallback);
  const tokens = query.get('tokens');
  const made = sampleState({
    layers: number('layers', 4),
    depth: number('depth', 11),
    trees: number('trees', 1),
    dense: (query.get('dense') ?? '').split(',').filter(Boolean).map(Number),
    ...(tokens === null ? {} : { tokens: Number(tokens) }),
  });
  if (preview.realTraceText !== undefined) {
    Object.assign(made, fromTerminal(preview.realTraceText));
  }
  switch (query.get('state')) {
    case 'empty':
      return { ...made, trace: null, source: null, timings: [] };
    case 'running':
      return {
        ...made,
        status: { kind: 'running', runId: 13, label: 'sample.ts:4', done: 3, total: 8, what: 'layer 3 of 8' },
      };
    case 'failed':
      return {
        ...made,
        trace: null,
        timings: [],
        status: {
          kind: 'failed',
          error: {
            code: 'RUNNER_EXITED',
            message: 'The runner stopped in the middle of the run (signal SIGKILL).',
            action: 'Run the command again; a fresh runner has been started.',
          },
        },
      };
    case 'measuring':
      return { ...made, timings: made.timings.slice(0, 2) };
    default:
      return made;
  }
}

/** The terminal's JSON, whose arrays are nested and whose paths are node lists, as trace and timings. */
function fromTerminal(json: string): Pick<ViewState, 'trace' | 'timings'> {
  type Measured = Omit<LayerTiming, 'layer' | 'tokens'>;
  interface Layer {
    nodes: number[][][] | null;
    logits: number[][][];
    fffMicroseconds: number;
    measured?: Measured | null;
  }
  const { layers, ...rest } = JSON.parse(json) as Omit<Trace, 'layers'> & { layers: Layer[] };
  const trace: Trace = {
    ...rest,
    runId: 1,
    text: query.get('text') ?? '',
    layers: layers.map(({ nodes, logits }) =>
      nodes === null
        ? null
        : {
            leaves: new Uint16Array(nodes.flat().map((path) => (path.at(-1) ?? 0) - firstOfLevel(path.length - 1))),
            logits: new Float32Array(logits.flat(2)),
          },
    ),
    feedforwardMicroseconds: layers.map(({ fffMicroseconds }) => fffMicroseconds),
  };
  const timings = layers.flatMap(({ measured }, layer) =>
    measured ? [{ ...measured, layer, tokens: trace.tokens.length }] : [],
  );
  return { trace, timings };
}

preview.sent = [];
preview.emit = (name, payload) => window.postMessage({ kind: 'event', name, payload }, '*');
preview.acquireVsCodeApi = () => ({
  postMessage(message: { kind: string; id: number; method: string }) {
    preview.sent.push(message);
    if (message.kind === 'request') {
      const result = message.method === 'ready' ? state() : undefined;
      window.postMessage({ kind: 'reply', id: message.id, reply: { ok: true, result } }, '*');
    }
  },
  getState: () => ({
    form: query.get('form') ?? 'map',
    tables: (query.get('tables') ?? '').split(',').filter(Boolean),
  }),
  setState: () => undefined,
});
