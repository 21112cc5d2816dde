/** What insight adds to one trace: changes in place while it runs, and the norm of what every layer contributed. */
import type { Intervention, ModelInfo, Trace } from '../../protocol';
import type { FeedforwardStep } from '../contracts';
import { normOf } from './fffMath';
import type { InterventionPlan } from './interventions';

export class TracePass {
  /** A layer: [tokens]. */
  private readonly outputNorms: Float32Array[];

  /** @param tokens Tokens of all windows together. */
  constructor(
    private readonly info: ModelInfo,
    readonly interventions: readonly Intervention[],
    readonly plan: InterventionPlan | null,
    tokens: number,
  ) {
    this.outputNorms = Array.from({ length: info.layers }, () => new Float32Array(tokens));
  }

  /** Hook of the encoder for the window that begins at a token. */
  at(firstToken: number): (step: FeedforwardStep) => void {
    return (step) => {
      this.plan?.apply(step, firstToken);
      const width = this.info.hiddenSize;
      const norms = this.outputNorms[step.layer]!;
      for (let from = 0; from < step.output.length; from += width) {
        norms[firstToken + from / width] = normOf(step.output, from, width);
      }
    };
  }

  /** Completes the trace. */
  finish(trace: Trace): Trace {
    trace.layers.forEach((routing, layer) => {
      if (routing !== null) {
        routing.outputNorms = this.outputNorms[layer]!;
      }
    });
    return this.interventions.length === 0 ? trace : { ...trace, interventions: [...this.interventions] };
  }
}
