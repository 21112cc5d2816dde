/** Where the numbers on screen come from, in one line. Only facts of the trace and its timings. */
import type { LayerTiming, Trace } from '../extension/protocol';
import { formatCount, formatDuration, formatPercent, plural } from './format';

/** The model in a few words: `default: 4 layers, 384 wide, 12 of 4,095 neurons a token and layer`. */
export function modelLine({ model }: Trace): string {
  const { feedforward } = model;
  const shape = `${model.name}: ${plural(model.layers, 'layer')}, ${formatCount(model.hiddenSize)} wide`;
  if (feedforward.kind === 'dense') {
    return `${shape}, dense feedforward of ${formatCount(feedforward.width)} neurons`;
  }
  const visited = feedforward.trees * (feedforward.depth + 1);
  const all = feedforward.trees * feedforward.nodesPerTree;
  const trees = feedforward.trees > 1 ? ` in ${feedforward.trees} trees` : '';
  return `${shape}, ${formatCount(visited)} of ${formatCount(all)} neurons${trees} a token and layer (${formatPercent(visited / all)})`;
}

/** The run: tokens, windows, time, kernel, threads, dtype and weights. */
export function sourceLine(trace: Trace, timings: readonly LayerTiming[]): string {
  const { model, windows, omittedWindows } = trace;
  const threads = timings[0]?.threads;
  const differences = timings.map(({ verifiedMaxDifference }) => verifiedMaxDifference);
  const parts = [
    `Run ${trace.runId}`,
    plural(trace.tokens.length, 'token') + (windows.length > 1 ? ` in ${windows.length} windows` : ''),
    ...(omittedWindows > 0 ? [`${plural(omittedWindows, 'window')} beyond the limit not traced`] : []),
    `${formatDuration(trace.phases.totalMs * 1e3)} in all`,
    `kernel ${trace.kernelImplementation}`,
    ...(threads === undefined ? [] : [plural(threads, 'thread')]),
    `weights ${model.storedDtype}, computed in float32`,
    ...(model.weightsHash === '' ? [] : [`SHA-256 ${model.weightsHash.slice(0, 8)}`]),
    ...(differences.length === 0
      ? []
      : [`FFF against masked twin: largest difference ${worst(differences).toExponential(1).replace('-', '−')}`]),
  ];
  return `${parts.join(' · ')}.`;
}

/** Largest value, NaN if any is: an unverifiable layer must show. */
function worst(values: readonly number[]): number {
  return values.some(Number.isNaN) ? NaN : Math.max(...values);
}
