/**
 * What the status bar says about the last run: how long the person waited, which is not what the FFF took, and what the
 * FFF is worth. Pure.
 */
import { ladderOf, type Measured } from './gains';
import type { RatioInterval, TracePhases } from './protocol';
import type { Latency } from './session';

/** @param latency null until a view has painted the trace. */
export function resultText(measured: Measured, latency: Latency | null): string {
  const { totalMs } = measured.trace.phases;
  const waited =
    latency === null ? `${totalMs.toFixed(0)} ms to trace` : `${latency.pictureMs.toFixed(0)} ms to picture`;
  const pass = ladderOf(measured)?.pass;
  // No room for intervals here: the sign says that there is one, and the tooltip which.
  return pass ? `${waited}, FFF layers ≈${times(pass.layers.median)}, model ≈${times(pass.pass.median)}` : waited;
}

/** Every part of what the text sums up, a line each. */
export function resultTooltip(measured: Measured, latency: Latency | null): string {
  const { trace } = measured;
  const { model, tokens, phases } = trace;
  const pass = ladderOf(measured)?.pass;
  return [
    `FFF Explorer, run ${trace.runId}: ${plural(tokens.length, 'token')} through ${plural(model.layers, 'layer')} of ${model.name}.`,
    latency === null
      ? `Text to trace: ${ms(phases.totalMs)}.`
      : `Selection to picture: ${ms(latency.pictureMs)}, of which selection to trace ${ms(latency.traceMs)} and drawing ${ms(latency.pictureMs - latency.traceMs)}.`,
    `Inside the trace, measured once: ${partsOf(phases, model.feedforward.kind === 'fff' ? 'FFF' : 'dense feedforward')}.`,
    ...(pass
      ? [
          `FFF layers ${withInterval(pass.layers)} as fast as dense ones; the forward pass ${withInterval(pass.pass)}, of at most ${withInterval(pass.ceiling)}. Medians of repeated runs with 95 % intervals.`,
        ]
      : []),
    'Click to open the trace.',
  ].join('\n');
}

function partsOf(phases: TracePhases, feedforward: string): string {
  return [
    `tokenizing ${ms(phases.tokenizeMs)}`,
    `embedding ${ms(phases.embeddingMs)}`,
    `attention and norms ${ms(phases.attentionMs)}`,
    `${feedforward} ${ms(phases.feedforwardMs)}`,
    `head ${ms(phases.headMs)}`,
  ].join(', ');
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}

function withInterval({ median, low, high }: RatioInterval): string {
  return `${times(median)} [${digits(low)}, ${digits(high)}]`;
}

function times(ratio: number): string {
  return `${digits(ratio)}×`;
}

function digits(ratio: number): string {
  return ratio.toFixed(ratio < 10 ? 2 : ratio < 100 ? 1 : 0);
}
