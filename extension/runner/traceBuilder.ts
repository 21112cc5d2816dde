/** Joins the outputs of one window after another into one trace. Pure: it runs no model and reads no clock. */
import { leafOfNode } from '../tree';
import type { LayerRouting, MaskPrediction, ModelInfo, Trace, TraceToken, TraceWindow } from '../protocol';
import type { Architecture, EncoderOutput, LayerOutput } from './contracts';
import { topCandidates } from './predictions';

export interface TraceFrame {
  runId: number;
  model: ModelInfo;
  text: string;
  omittedWindows: number;
  leftOutCharacters: number;
  kernelImplementation: string;
  tokenizeMs: number;
  /** From receiving the request to the end of the last window. */
  totalMs: number;
}

export class TraceBuilder {
  private readonly tokens: TraceToken[] = [];
  private readonly windows: TraceWindow[] = [];
  private readonly layers: (LayerRouting | null)[];
  private readonly feedforwardMicroseconds: number[];
  private readonly predictions: MaskPrediction[] = [];
  /** [keptTokens, H] a layer. */
  private readonly ffnInputs: Float32Array[];
  private readonly keptTokens: number;
  private embeddingUs = 0;
  private attentionUs = 0;
  private headUs = 0;

  /**
   * @param tokenCount Tokens of all windows together.
   * @param keepInputs Feedforward inputs are kept for at most this many tokens.
   * @param labelOf Text of an id.
   */
  constructor(
    private readonly architecture: Architecture,
    tokenCount: number,
    keepInputs: number,
    private readonly labelOf: (id: number) => string,
  ) {
    const { layers, hiddenSize, feedforward } = architecture;
    this.keptTokens = Math.min(tokenCount, keepInputs);
    this.ffnInputs = Array.from({ length: layers }, () => new Float32Array(this.keptTokens * hiddenSize));
    this.feedforwardMicroseconds = new Array<number>(layers).fill(0);
    this.layers = Array.from({ length: layers }, () =>
      feedforward.kind === 'fff' ? emptyRouting(tokenCount, feedforward.trees, feedforward.depth) : null,
    );
  }

  /** Tokens of the windows added so far. */
  get tokensDone(): number {
    return this.tokens.length;
  }

  /**
   * Appends one window.
   * @param wanted Positions within the window whose logits `output` holds, in that order.
   */
  add(window: readonly TraceToken[], output: EncoderOutput, wanted: readonly number[], top: number): void {
    const first = this.tokens.length;
    for (const [index, layer] of output.layers.entries()) {
      this.addLayer(index, layer, first);
    }
    this.addPredictions(output.logits, wanted, first, top);
    this.embeddingUs += output.embeddingMicroseconds;
    this.headUs += output.headMicroseconds;
    this.windows.push({ firstToken: first, tokenCount: window.length });
    this.tokens.push(...window);
  }

  /** Feedforward inputs of the first tokens, one array a layer. */
  measurable(): { tokens: number; ffnInputs: Float32Array[] } {
    return { tokens: this.keptTokens, ffnInputs: this.ffnInputs };
  }

  finish({ tokenizeMs, totalMs, ...frame }: TraceFrame): Trace {
    return {
      ...frame,
      tokens: this.tokens,
      windows: this.windows,
      layers: this.layers,
      feedforwardMicroseconds: this.feedforwardMicroseconds,
      predictions: this.predictions,
      phases: {
        tokenizeMs,
        embeddingMs: this.embeddingUs / 1000,
        attentionMs: this.attentionUs / 1000,
        feedforwardMs: this.feedforwardMicroseconds.reduce((sum, us) => sum + us, 0) / 1000,
        headMs: this.headUs / 1000,
        totalMs,
      },
    };
  }

  private addLayer(index: number, output: LayerOutput, firstToken: number): void {
    this.feedforwardMicroseconds[index]! += output.feedforwardMicroseconds;
    this.attentionUs += output.attentionMicroseconds;
    const { hiddenSize, feedforward } = this.architecture;
    if (firstToken < this.keptTokens) {
      const room = (this.keptTokens - firstToken) * hiddenSize;
      this.ffnInputs[index]!.set(output.ffnInput.subarray(0, room), firstToken * hiddenSize);
    }
    const routing = this.layers[index];
    if (!routing || output.fff === null || feedforward.kind !== 'fff') {
      return;
    }
    const { nodes, logits } = output.fff;
    const levels = feedforward.depth + 1;
    const firstPath = firstToken * feedforward.trees;
    routing.logits.set(logits, firstPath * levels);
    for (let path = 0; path < nodes.length / levels; path++) {
      routing.leaves[firstPath + path] = leafOfNode(nodes[(path + 1) * levels - 1]!, feedforward.depth);
    }
  }

  private addPredictions(logits: Float32Array | null, wanted: readonly number[], first: number, top: number): void {
    if (logits === null) {
      return;
    }
    const { vocabularySize } = this.architecture;
    for (const [row, position] of wanted.entries()) {
      const candidates = topCandidates(logits.subarray(row * vocabularySize, (row + 1) * vocabularySize), top);
      this.predictions.push({
        index: first + position,
        top: candidates.map(({ id, probability }) => ({ id, text: this.labelOf(id), probability })),
      });
    }
  }
}

function emptyRouting(tokens: number, trees: number, depth: number): LayerRouting {
  const paths = tokens * trees;
  return {
    leaves: depth <= 16 ? new Uint16Array(paths) : new Uint32Array(paths),
    logits: new Float32Array(paths * (depth + 1)),
  };
}
