/**
 * What all views look at together: where it starts in a new trace, and how it is kept inside one.
 */
import type { Focus, Trace } from './protocol';

/** The first masked position, else the first token that stands for characters of the text. */
export function firstInteresting(trace: Trace): number {
  const predicted = trace.predictions[0]?.index;
  const written = trace.tokens.findIndex(({ start, end }) => end > start);
  return predicted ?? Math.max(0, written);
}

/** Numbers from a webview are not trusted to lie inside the trace. */
export function clampFocus(focus: Focus, trace: Trace): Focus {
  const { feedforward } = trace.model;
  const within = (value: number, count: number): number =>
    Number.isInteger(value) ? Math.min(Math.max(0, value), Math.max(0, count - 1)) : 0;
  const trees = feedforward.kind === 'fff' ? feedforward.trees : 1;
  const nodes = feedforward.kind === 'fff' ? feedforward.nodesPerTree : 0;
  return {
    token: within(focus.token, trace.tokens.length),
    layer: within(focus.layer, trace.layers.length),
    tree: within(focus.tree, trees),
    node: focus.node === null || nodes === 0 ? null : within(focus.node, nodes),
  };
}
