/** A trace for a person in a terminal: tokens, path bits, margins, what a layer costs, and guesses at the masks. */
import { ladderOf, type Measured } from '../gains';
import { leftOutSentence } from '../leftOut';
import type { LayerRouting, LayerTiming, RatioInterval, Trace } from '../protocol';
import { pathBits } from '../tree';
import { describeFeedforward, describeSize } from './describe';
import { count, duration, plural, significant, table, visible, type Column, type Style } from './format';

/** Without `--layer`, all layers are shown while their tables stay within this many rows, else the first. */
const MAX_DEFAULT_ROWS = 240;
/** Trees of a token that are printed; the JSON output holds all. */
const MAX_TREES = 4;

/** The report in pieces. @param shown Layers to print, or null to choose. */
export function* renderTrace(measured: Measured, shown: readonly number[] | null, style: Style): Generator<string> {
  const { trace, timings } = measured;
  const { model } = trace;
  yield `${style.bold(model.name)}  ${describeFeedforward(model)}\n`;
  yield `${style.dim(`${describeSize(model)}; kernel ${trace.kernelImplementation}`)}\n`;
  const windows = trace.windows.length > 1 ? ` in ${plural(trace.windows.length, 'window')}` : '';
  yield `${plural(trace.tokens.length, 'token')}${windows}, ${duration(trace.phases.totalMs * 1000)} from text to trace\n`;
  const leftOut = leftOutSentence(trace.leftOutCharacters);
  yield leftOut === null ? '' : `${leftOut}\n`;

  const routed = trace.layers.flatMap((routing, layer) => (routing === null ? [] : [layer]));
  const rowsOfLayer = trace.tokens.length * shownTrees(trace);
  const byDefault = routed.length * rowsOfLayer <= MAX_DEFAULT_ROWS ? routed : routed.slice(0, 1);
  const chosen = shown ?? byDefault;
  for (const layer of chosen) {
    const routing = trace.layers[layer];
    const timing = timings.find((candidate) => candidate.layer === layer);
    yield `\n${style.bold(`Layer ${layer}`)}${costInWords(timing)}\n`;
    yield routing
      ? layerTable(trace, routing, style)
      : '  dense: every neuron works on every token, so there is no path\n';
  }
  if (routed.length === 0 && shown === null) {
    yield `\n${tokenTable(trace, style)}`;
  }
  if (shown === null && byDefault.length < routed.length) {
    yield style.dim(
      `  ${plural(routed.length - byDefault.length, 'more layer')}: add --layer all, or --layer with a list.\n`,
    );
  }
  yield `\n${costTable(measured, style)}`;
  if (trace.predictions.length > 0) {
    yield `\n${predictionTable(trace, style)}`;
  }
}

function shownTrees({ model: { feedforward } }: Trace): number {
  return feedforward.kind === 'fff' ? Math.min(feedforward.trees, MAX_TREES) : 1;
}

function costInWords(timing: LayerTiming | undefined): string {
  if (!timing) {
    return '';
  }
  const fff = duration(timing.fffMicroseconds.median);
  const dense = duration(timing.denseMicroseconds.median);
  return `  FFF ${fff}, dense ${dense}: ${significant(timing.ratio.median)} times as fast`;
}

function layerTable(trace: Trace, routing: LayerRouting, style: Style): string {
  const { feedforward } = trace.model;
  if (feedforward.kind !== 'fff') {
    return '';
  }
  const { depth, trees } = feedforward;
  const rows: string[][] = [];
  for (const [index, token] of trace.tokens.entries()) {
    for (let tree = 0; tree < shownTrees(trace); tree++) {
      const path = index * trees + tree;
      const leaf = routing.leaves[path]!;
      const margin = smallestMargin(routing.logits.subarray(path * (depth + 1), path * (depth + 1) + depth));
      rows.push([
        tree === 0 ? String(index) : '',
        tree === 0 ? visible(token.text) : '',
        ...(trees > 1 ? [String(tree)] : []),
        pathBits(leaf, depth) || '(root only)',
        String(leaf),
        margin === null ? '' : significant(margin.value),
        margin === null ? '' : String(margin.level),
      ]);
    }
  }
  const columns: Column[] = [
    { title: '#', align: 'right' },
    { title: 'token', align: 'left' },
    ...(trees > 1 ? [{ title: 'tree', align: 'right' } as const] : []),
    { title: 'path', align: 'left' },
    { title: 'leaf', align: 'right' },
    { title: 'smallest margin', align: 'right' },
    { title: 'at level', align: 'right' },
  ];
  const hidden =
    trees > MAX_TREES ? style.dim(`  ${plural(trees - MAX_TREES, 'more tree')} a token: see --json.\n`) : '';
  return table(columns, rows, style) + hidden;
}

/** The decision closest to zero among those of a path; null for a tree that decides nothing. */
function smallestMargin(decisions: Float32Array): { value: number; level: number } | null {
  let best: { value: number; level: number } | null = null;
  for (const [level, logit] of decisions.entries()) {
    const value = Math.abs(logit);
    if (best === null || value < best.value) {
      best = { value, level };
    }
  }
  return best;
}

function tokenTable(trace: Trace, style: Style): string {
  return table(
    [
      { title: '#', align: 'right' },
      { title: 'id', align: 'right' },
      { title: 'token', align: 'left' },
    ],
    trace.tokens.map((token, index) => [String(index), String(token.id), visible(token.text)]),
    style,
  );
}

/** What every layer's feedforward costs. */
function costTable(measured: Measured, style: Style): string {
  const { trace, timings } = measured;
  const first = timings[0];
  if (!first) {
    const rows = trace.feedforwardMicroseconds.map((us, layer) => [String(layer), duration(us)]);
    const columns: Column[] = [
      { title: 'layer', align: 'right' },
      { title: 'feedforward, measured once', align: 'right' },
    ];
    return `${style.bold('Cost')}\n${table(columns, rows, style)}`;
  }
  const heading = `${style.bold('Cost')}  median of repeated runs over ${plural(first.tokens, 'token')}, dense with ${plural(first.threads, 'thread')}, same weights\n`;
  const rows = timings.map((timing) => [
    String(timing.layer),
    duration(timing.fffMicroseconds.median),
    duration(timing.denseMicroseconds.median),
    `${significant(timing.ratio.median)}x`,
    `${significant(timing.ratio.low)} to ${significant(timing.ratio.high)}`,
    count(timing.fffMicroseconds.samples),
    timing.verifiedMaxDifference.toExponential(1),
  ]);
  const titles = ['layer', 'FFF', 'dense', 'dense / FFF', '95 % interval', 'pairs', 'checked to'];
  const columns = titles.map((title): Column => ({ title, align: 'right' }));
  return heading + table(columns, rows, style) + wholePass(measured);
}

/** What the layers' gain leaves of itself in the whole pass. */
function wholePass(measured: Measured): string {
  const pass = ladderOf(measured)?.pass;
  if (!pass) {
    return '';
  }
  const { tokens, restMicroseconds: rest } = pass;
  const over = tokens < measured.trace.tokens.length ? ` over the first ${plural(tokens, 'token')}` : '';
  return (
    `All layers together are ${timesAsFast(pass.layers)} as dense ones. The rest of the pass takes ` +
    `${duration(rest.median)}, the median\nof ${plural(rest.samples, 'warm run')}${over}; with it the whole pass is ` +
    `${timesAsFast(pass.pass)},\nof at most ${significant(pass.ceiling.median)} ` +
    `(${significant(pass.ceiling.low)} to ${significant(pass.ceiling.high)}) if the FFF took no time. Intervals hold 95 %.\n`
  );
}

function timesAsFast({ median, low, high }: RatioInterval): string {
  return `${significant(median)} times (${significant(low)} to ${significant(high)}) as fast`;
}

function predictionTable(trace: Trace, style: Style): string {
  const rows = trace.predictions.map(({ index, top }) => [
    String(index),
    visible(trace.tokens[index]?.text ?? ''),
    top.map(({ text, probability }) => `${visible(text)} ${significant(probability * 100)} %`).join('   '),
  ]);
  const columns: Column[] = [
    { title: '#', align: 'right' },
    { title: 'token', align: 'left' },
    { title: 'most probable', align: 'left' },
  ];
  return `${style.bold('Predictions')}\n${table(columns, rows, style)}`;
}
