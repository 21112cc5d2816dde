/**
 * The whole model in float64, written from model-spec section 2 line by line: plain loops, checkpoint layout, nothing
 * shared with the product but the tree arithmetic. Results carry the names of test/fixtures/README.md.
 */
import type { Activation, Architecture, EncoderBatch } from '../../../extension/runner/contracts';
import { childOf, erf, nodeCount } from '../../../extension/tree';
import type { TestTensor } from './tensorFile';

type Row = Float64Array;
export type ReferenceResult = Map<string, Float64Array>;

/** What a node does differently, if anything: its decision is reversed, or its activation is 0. */
export type ChangeAt = (
  layer: number,
  token: number,
  tree: number,
  node: number,
) => { flip: boolean; silence: boolean };

const UNCHANGED: ChangeAt = () => ({ flip: false, silence: false });

/** @param changeAt Changes to single nodes while the model runs. */
export function referenceForward(
  architecture: Architecture,
  tensors: ReadonlyMap<string, TestTensor>,
  batch: EncoderBatch,
  changeAt: ChangeAt = UNCHANGED,
): ReferenceResult {
  const { hiddenSize: H, normEpsilon, feedforward } = architecture;
  const { rows, positions } = batch;
  const data = (name: string): ArrayLike<number> => {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new Error(`The reference needs the tensor ${name}.`);
    }
    return tensor.data;
  };
  const norm = (row: Row, name: string): Row => {
    const mean = row.reduce((a, b) => a + b, 0) / H;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / H;
    const [weight, bias] = [data(`${name}.weight`), data(`${name}.bias`)];
    return row.map((x, i) => ((x - mean) / Math.sqrt(variance + normEpsilon)) * weight[i]! + bias[i]!);
  };
  const linear = (row: Row, name: string, biased: boolean): Row => {
    const weight = data(`${name}.weight`);
    const bias = biased ? data(`${name}.bias`) : null;
    return Float64Array.from({ length: weight.length / row.length }, (_, o) =>
      row.reduce((sum, x, i) => sum + x * weight[o * row.length + i]!, bias === null ? 0 : bias[o]!),
    );
  };
  const result: ReferenceResult = new Map();
  const keep = (name: string, states: readonly Row[]): void => {
    result.set(name, Float64Array.from(states.flatMap((row) => [...row])));
  };

  // Step 1.
  const words = data('encoder.embedding.word_embedding.weight');
  let states = Array.from(batch.ids, (id, index) => {
    const place = placeOf(architecture, data, index % positions);
    const row = Float64Array.from({ length: H }, (_, i) => words[id * H + i]! + place[i]!);
    return architecture.embeddingNorm ? norm(row, 'encoder.embedding.norm') : row;
  });
  keep('embedding', states);

  for (let layer = 0; layer < architecture.layers; layer++) {
    const prefix = `encoder.layers.${layer}`;
    // Step 3.
    const projected = states.map((row) =>
      linear(norm(row, `${prefix}.norm1`), `${prefix}.attn.self_attention.query_key_value`, architecture.qkvBias),
    );
    const factor = data(`${prefix}.attn.self_attention.norm_factor`)[0]!;
    const { probabilities, mixed } = attend(projected, architecture.heads, factor, batch);
    const attended = mixed.map((row) => linear(row, `${prefix}.attn.dense`, architecture.useBias));
    result.set(`layer.${layer}.attn_probs`, Float64Array.from(probabilities));
    keep(`layer.${layer}.attn_out`, attended);
    states = states.map((row, t) => row.map((x, i) => x + attended[t]![i]!));

    const inputs = states.map((row) => norm(row, `${prefix}.norm2`));
    keep(`layer.${layer}.ffn_input`, inputs);
    let outputs: Row[];
    if (feedforward.kind === 'fff') {
      // Step 4.
      const weights = {
        weightIn: data(`${prefix}.ffn.linear_in.weight`),
        biasIn: data(`${prefix}.ffn.linear_in.bias`),
        weightOut: data(`${prefix}.ffn.linear_out.weight`),
      };
      const steps = inputs.map((row, token) =>
        descend(row, feedforward.trees, feedforward.depth, weights, (tree, node) => changeAt(layer, token, tree, node)),
      );
      for (const kind of ['nodes', 'logits', 'activations'] as const) {
        keep(
          `layer.${layer}.${kind}`,
          steps.map((step) => Float64Array.from(step[kind])),
        );
      }
      outputs = steps.map((step) => step.output);
    } else {
      const before = inputs.map((row) => linear(row, `${prefix}.ffn.dense_in`, architecture.useBias));
      const half = feedforward.width / 2;
      const after = before.map((row) =>
        feedforward.gated
          ? row.subarray(half).map((gate, i) => nonlinearity(feedforward.activation, gate) * row[i]!)
          : row.map((x) => nonlinearity(feedforward.activation, x)),
      );
      keep(`layer.${layer}.ffn_preact`, before);
      keep(`layer.${layer}.ffn_act`, after);
      outputs = after.map((row) => linear(row, `${prefix}.ffn.dense_out`, architecture.useBias));
    }
    keep(`layer.${layer}.ffn_output`, outputs);
    states = states.map((row, t) => row.map((x, i) => x + outputs[t]![i]!));
    keep(`layer.${layer}.hidden`, states);
  }

  // Step 6.
  const closed = architecture.finalNorm ? states.map((row) => norm(row, 'encoder.final_norm')) : states;
  keep('final_norm', closed);
  const heads = closed.map((row) =>
    architecture.headTransform
      ? norm(
          linear(row, 'prediction_head.dense', architecture.useBias).map((x) => {
            return nonlinearity(feedforward.activation, x);
          }),
          'prediction_head.norm',
        )
      : row,
  );
  const decoderBias = architecture.decoderBias ? data('decoder.bias') : null;
  keep(
    'mlm_logits',
    heads.map((row) =>
      Float64Array.from({ length: architecture.vocabularySize }, (_, v) =>
        row.reduce((sum, x, i) => sum + x * words[v * H + i]!, decoderBias === null ? 0 : decoderBias[v]!),
      ),
    ),
  );
  if (result.get('mlm_logits')!.length !== rows * positions * architecture.vocabularySize) {
    throw new Error('The reference lost a position.');
  }
  return result;
}

function placeOf(architecture: Architecture, data: (name: string) => ArrayLike<number>, position: number): Row {
  const { hiddenSize: H, positions } = architecture;
  const prefix = 'encoder.embedding.pos_embedding';
  switch (positions) {
    case 'none':
      return new Float64Array(H);
    case 'learned': {
      const table = data(`${prefix}.embedding.weight`);
      return Float64Array.from({ length: H }, (_, i) => table[position * H + i]!);
    }
    case 'sinusoidal':
    case 'scaled-sinusoidal': {
      const scale = positions === 'sinusoidal' ? 1 : data(`${prefix}.scale_factor`)[0]!;
      return Float64Array.from({ length: H }, (_, i) => {
        const angle = position * Math.exp(((i - (i % 2)) * -Math.log(10000)) / H);
        return scale * (i % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
      });
    }
  }
}

/** @param projected Rows [3H], head a owning 3d values from 3da: query, key, value. */
function attend(
  projected: readonly Row[],
  heads: number,
  factor: number,
  batch: EncoderBatch,
): { probabilities: number[]; mixed: Row[] } {
  const { rows, positions, mask } = batch;
  const hiddenSize = projected[0]!.length / 3;
  const d = hiddenSize / heads;
  const probabilities: number[] = [];
  const mixed = projected.map(() => new Float64Array(hiddenSize));
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const part = (position: number, role: number): Row =>
        projected[row * positions + position]!.subarray((head * 3 + role) * d, (head * 3 + role + 1) * d);
      for (let query = 0; query < positions; query++) {
        const scores = Array.from({ length: positions }, (_, key) => {
          const product = part(query, 0).reduce((sum, x, i) => sum + x * part(key, 1)[i]!, 0);
          return product * factor + (1 - (mask?.[row * positions + key] ?? 1)) * -10000;
        });
        const highest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - highest));
        const total = weights.reduce((a, b) => a + b, 0);
        weights.forEach((weight, key) => {
          probabilities.push(weight / total);
          part(key, 2).forEach((x, i) => (mixed[row * positions + query]![head * d + i]! += (weight / total) * x));
        });
      }
    }
  }
  return { probabilities, mixed };
}

interface Descent {
  nodes: number[];
  logits: number[];
  activations: number[];
  output: Row;
}

function descend(
  x: Row,
  trees: number,
  depth: number,
  weights: { weightIn: ArrayLike<number>; biasIn: ArrayLike<number>; weightOut: ArrayLike<number> },
  changeAt: (tree: number, node: number) => { flip: boolean; silence: boolean },
): Descent {
  const step: Descent = { nodes: [], logits: [], activations: [], output: new Float64Array(x.length) };
  const neurons = trees * nodeCount(depth);
  for (let tree = 0; tree < trees; tree++) {
    for (let level = 0, node = 0; level <= depth; level++) {
      const neuron = tree * nodeCount(depth) + node;
      const logit = x.reduce(
        (sum, value, i) => sum + value * weights.weightIn[neuron * x.length + i]!,
        weights.biasIn[neuron]!,
      );
      const { flip, silence } = changeAt(tree, node);
      const activation = silence ? 0 : nonlinearity('GELU', logit);
      step.nodes.push(node);
      step.logits.push(logit);
      step.activations.push(activation);
      step.output.forEach((_, o) => (step.output[o]! += activation * weights.weightOut[o * neurons + neuron]!));
      const child = childOf(node, logit);
      node = flip ? 4 * node + 3 - child : child;
    }
  }
  return step;
}

/** The functions of torch.nn with these names, defaults. */
export function nonlinearity(activation: Activation, x: number): number {
  switch (activation) {
    case 'GELU':
      return (x / 2) * (1 + erf(x / Math.SQRT2));
    case 'ReLU':
      return Math.max(x, 0);
    case 'SiLU':
      return x / (1 + Math.exp(-x));
    case 'Tanh':
      return Math.tanh(x);
    case 'Mish':
      return x * Math.tanh(Math.log1p(Math.exp(x)));
  }
}
