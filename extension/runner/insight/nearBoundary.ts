/**
 * Which decisions of a run hang by a thread: those that other weights (rounded to 16 bits) or a small disturbance of
 * the hidden state would reverse. Each decision is judged on the path that was taken, on the hidden state of the run.
 */
import type { NearBoundary } from '../../protocol';
import { pathNode } from '../../tree';
import type { FffWeights } from '../contracts';
import { dot, neuronOf, normOf } from './fffMath';
import { roundedRow, type HalfFormat } from './rounding';

/** Decisions of the paths of some tokens through one layer. */
export interface LayerDecisions {
  layer: number;
  /** Index within the trace of the first token. */
  firstToken: number;
  tokens: number;
  /** [tokens, H]. */
  states: Float32Array;
  /** [tokens, trees]. */
  leaves: Uint16Array | Uint32Array;
  /** [tokens, trees, depth + 1]. */
  logits: Float32Array;
}

interface Decision {
  layer: number;
  token: number;
  tree: number;
  level: number;
  node: number;
  logit: number;
  rounded: number;
  margin: number;
  flips: boolean;
}

export class BoundarySearch {
  private decisions = 0;
  private flipped = 0;
  private flippable = 0;
  private readonly rerouted: Uint32Array;
  private found: Decision[] = [];

  /**
   * @param noise Norm of the disturbance relative to that of the hidden state.
   * @param limit Most decisions to keep.
   */
  constructor(
    layers: number,
    private readonly precision: HalfFormat,
    private readonly noise: number,
    private readonly limit: number,
  ) {
    this.rerouted = new Uint32Array(layers);
  }

  /** Judges all decisions of some tokens in one layer. */
  add(weights: FffWeights, part: LayerDecisions): void {
    const rows = new RoundedRows(weights, this.precision);
    const { width, depth, trees } = weights;
    for (let token = 0; token < part.tokens; token++) {
      const stateNorm = normOf(part.states, token * width, width);
      let rerouted = false;
      for (let path = token * trees; path < (token + 1) * trees; path++) {
        for (let level = 0; level < depth; level++) {
          const node = pathNode(part.leaves[path]!, level, depth);
          const row = rows.of(neuronOf(weights, path - token * trees, node));
          const logit = part.logits[path * (depth + 1) + level]!;
          const rounded = row.bias + dot(row.values, 0, part.states, token * width, width);
          const flips = logit > 0 !== rounded > 0;
          rerouted ||= flips;
          this.count({
            layer: part.layer,
            token: part.firstToken + token,
            tree: path - token * trees,
            level,
            node,
            logit,
            rounded,
            margin: Math.abs(logit) / (stateNorm * row.norm),
            flips,
          });
        }
      }
      this.rerouted[part.layer]! += rerouted ? 1 : 0;
    }
  }

  result(runId: number): NearBoundary {
    this.prune();
    const found = this.found.sort(byMargin);
    return {
      runId,
      precision: this.precision,
      noise: this.noise,
      decisions: this.decisions,
      flippedByRounding: this.flipped,
      flippableByNoise: this.flippable,
      rerouted: this.rerouted,
      layers: Uint16Array.from(found, ({ layer }) => layer),
      tokens: Uint32Array.from(found, ({ token }) => token),
      trees: Uint16Array.from(found, ({ tree }) => tree),
      levels: Uint8Array.from(found, ({ level }) => level),
      nodes: Uint32Array.from(found, ({ node }) => node),
      logits: Float32Array.from(found, ({ logit }) => logit),
      roundedLogits: Float32Array.from(found, ({ rounded }) => rounded),
      margins: Float32Array.from(found, ({ margin }) => margin),
      flips: Uint8Array.from(found, ({ flips }) => (flips ? 1 : 0)),
    };
  }

  private count(decision: Decision): void {
    this.decisions++;
    this.flipped += decision.flips ? 1 : 0;
    this.flippable += this.noise > 0 && decision.margin <= this.noise ? 1 : 0;
    this.found.push(decision);
    if (this.found.length >= 4 * this.limit + 10_000) {
      this.prune();
    }
  }

  /** Keeps what can still be listed. */
  private prune(): void {
    this.found.sort((one, other) => Number(other.flips) - Number(one.flips) || byMargin(one, other));
    this.found.length = Math.min(this.found.length, this.limit);
  }
}

/** A zero state or row has no boundary and no finite margin: last. */
function byMargin({ margin: a }: Decision, { margin: b }: Decision): number {
  return a === b ? 0 : Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b;
}

/** Rounded input weights, each row once: the root is visited by every token. */
class RoundedRows {
  private readonly rows = new Map<number, { values: Float32Array; bias: number; norm: number }>();

  constructor(
    private readonly weights: FffWeights,
    private readonly precision: HalfFormat,
  ) {}

  /** `norm` is that of the row before rounding. */
  of(neuron: number): { values: Float32Array; bias: number; norm: number } {
    let row = this.rows.get(neuron);
    if (row === undefined) {
      const { width, inputWeights, inputBias } = this.weights;
      row = {
        values: roundedRow(inputWeights, neuron * width, width, this.precision),
        bias: inputBias[neuron]!,
        norm: normOf(inputWeights, neuron * width, width),
      };
      this.rows.set(neuron, row);
    }
    return row;
  }
}
