/**
 * Stands in for the extension host in a plain page: answers `ready` with the state the page's address asks for and
 * remembers every call. Bundled by `scripts/previewWebview.mjs`; for looking at the views, never part of the product.
 */
import type { LayerTiming, PassTiming, Trace, ViewApi, ViewState } from '../../../extension/protocol';
import { firstOfLevel } from '../../../extension/tree';
import {
  sampleAnswers,
  sampleCompared,
  sampleContexts,
  sampleUsage,
  sampleWhatIf,
  type Answers,
} from './sampleInsight';
import { sampleState, sampleTrace } from './sampleTrace';

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
  const options = {
    layers: number('layers', 4),
    depth: number('depth', 11),
    trees: number('trees', 1),
    dense: (query.get('dense') ?? '').split(',').filter(Boolean).map(Number),
    ...(tokens === null ? {} : { tokens: Number(tokens) }),
  };
  const made = sampleState(options);
  if (preview.realTraceText !== undefined) {
    Object.assign(made, fromTerminal(preview.realTraceText));
  }
  if (made.trace !== null && query.has('usage')) {
    const { runId, tokens } = sampleUsage(made.trace);
    made.usage = { runId, tokens, documents: 1, label: 'src' };
  }
  if (made.trace !== null && query.has('compared')) {
    made.compared = sampleCompared(made.trace, sampleTrace({ ...options, seed: 8 }));
  }
  const word = query.get('word');
  if (made.trace !== null && word !== null) {
    const others = [8, 9, 10].map((seed) => sampleTrace({ ...options, seed }));
    made.contexts = sampleContexts(word, [...others, made.trace]);
  }
  const flipped = query.get('flip');
  if (made.trace !== null && flipped !== null) {
    const interventions = flipped.split(',').map((node) => ({
      ...{ layer: 0, tree: 0, node: Number(node), token: null, kind: 'flip' as const },
    }));
    made.whatIf = { interventions, result: sampleWhatIf(made.trace, interventions, [10, 40]) };
  }
  if (query.has('node')) {
    made.focus = { ...made.focus, node: number('node', 0) };
  }
  switch (query.get('state')) {
    case 'empty':
      return { ...made, trace: null, source: null, timings: [], passTiming: null };
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
        passTiming: null,
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
      return { ...made, timings: made.timings.slice(0, 2), passTiming: null };
    default:
      return made;
  }
}

/** The terminal's JSON, whose arrays are nested and whose paths are node lists, as trace and timings. */
function fromTerminal(json: string): Pick<ViewState, 'trace' | 'timings' | 'passTiming'> {
  type Measured = Omit<LayerTiming, 'layer' | 'tokens'>;
  interface Layer {
    nodes: number[][][] | null;
    logits: number[][][];
    fffMicroseconds: number;
    measured?: Measured | null;
  }
  const { layers, passTiming, ...rest } = JSON.parse(json) as Omit<Trace, 'layers'> & {
    layers: Layer[];
    passTiming: PassTiming | null;
  };
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
  return { trace, timings, passTiming };
}

const shown = state();
const answers: Answers = shown.trace === null ? {} : sampleAnswers(shown.trace);
preview.sent = [];
preview.emit = (name, payload) => window.postMessage({ kind: 'event', name, payload }, '*');
preview.acquireVsCodeApi = () => ({
  postMessage(message: { kind: string; id: number; method: keyof ViewApi; parameters: unknown[] }) {
    preview.sent.push(message);
    if (message.kind === 'request') {
      const answer = answers[message.method] as ((...parameters: unknown[]) => unknown) | undefined;
      const result = message.method === 'ready' ? shown : answer?.(...message.parameters);
      window.postMessage({ kind: 'reply', id: message.id, reply: { ok: true, result } }, '*');
    }
  },
  getState: () => ({
    form: query.get('form') ?? 'map',
    tables: (query.get('tables') ?? '').split(',').filter(Boolean),
    open: (query.get('open') ?? 'node').split(',').filter(Boolean),
    traffic: query.get('traffic') ?? 'trace',
    neurons: query.get('neurons') ?? 'activation',
    precision: query.get('precision') ?? 'fp32',
  }),
  setState: () => undefined,
});
