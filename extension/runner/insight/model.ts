/** What insight needs from a loaded model and from its last run. Types only. */
import type { ModelInfo, Trace } from '../../protocol';
import type { Checkpoint, FffWeights } from '../contracts';
import type { Encoder } from '../encoder/encoder';
import type { Tokenizer } from '../tokenizer';

/** A loaded model as the tracer hands it over. */
export interface InsightModel {
  readonly info: ModelInfo;
  readonly checkpoint: Checkpoint;
  readonly encoder: Encoder;
  /** @throws FffError TOKENIZER_INVALID when there is none. */
  tokenizer(): Tokenizer;
  /** Text of a token id. */
  labelOf(id: number): string;
}

/** The last trace and the feedforward inputs kept with it. */
export interface LastRun {
  trace: Trace;
  /** [keptTokens, H] a layer, of the first tokens of the trace. */
  ffnInputs: readonly Float32Array[];
}

/** Weights of a layer as the checkpoint has them, in float32. */
export type WeightsOf = (layer: number) => Promise<FffWeights>;
