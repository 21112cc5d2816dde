/** FFF by the book, one token and one node at a time, sums in float64: what the encoder is tested with, not the kernel. */
import type { FffLayer, FffRecord, FffWeights, Kernel } from '../../../extension/runner/contracts';
import { childOf, gelu, nodeCount } from '../../../extension/tree';

export class ReferenceKernel implements Kernel {
  readonly implementation = 'reference';
  readonly implementations = [
    { name: 'reference', description: 'TypeScript, float64 sums', supported: true, multipliesBf16: false },
  ];
  /** Layers made and not yet disposed of. */
  readonly alive = new Set<FffLayer>();

  createLayer(weights: FffWeights): FffLayer {
    const layer: FffLayer = {
      width: weights.width,
      depth: weights.depth,
      trees: weights.trees,
      implementation: this.implementation,
      bytes: 4 * (weights.inputWeights.length + weights.inputBias.length + weights.outputWeights.length),
      forward: (input, tokens) => {
        if (!this.alive.has(layer)) {
          throw new Error('The layer was disposed of.');
        }
        return forward(weights, input, tokens);
      },
      forwardInto: (input, tokens, output) => output.set(forward(weights, input, tokens).output),
      dispose: () => this.alive.delete(layer),
    };
    this.alive.add(layer);
    return layer;
  }
}

function forward(weights: FffWeights, input: Float32Array, tokens: number): FffRecord {
  const { width, depth, trees, inputWeights, inputBias, outputWeights } = weights;
  const levels = depth + 1;
  const neurons = trees * nodeCount(depth);
  const record: FffRecord = {
    output: new Float32Array(tokens * width),
    nodes: new Int32Array(tokens * trees * levels),
    logits: new Float32Array(tokens * trees * levels),
    activations: new Float32Array(tokens * trees * levels),
  };
  for (let token = 0; token < tokens; token++) {
    const sum = new Float64Array(width);
    for (let tree = 0; tree < trees; tree++) {
      let node = 0;
      for (let level = 0; level < levels; level++) {
        const row = tree * nodeCount(depth) + node;
        let logit = inputBias[row]!;
        for (let i = 0; i < width; i++) {
          logit += inputWeights[row * width + i]! * input[token * width + i]!;
        }
        const activation = gelu(logit);
        for (let i = 0; i < width; i++) {
          sum[i]! += activation * outputWeights[i * neurons + row]!;
        }
        const at = (token * trees + tree) * levels + level;
        record.nodes[at] = node;
        record.logits[at] = logit;
        record.activations[at] = activation;
        node = childOf(node, logit);
      }
    }
    record.output.set(sum, token * width);
  }
  return record;
}
