/** The same words about a model wherever the terminal names one. */
import type { ModelInfo } from '../protocol';
import { bytes, count, plural } from './format';

/** For instance `4 FFF layers, depth 11, 1 tree: 12 of 4,095 neurons a token`. */
export function describeFeedforward({ layers, feedforward }: ModelInfo): string {
  if (feedforward.kind === 'dense') {
    const gated = feedforward.gated ? ', gated' : '';
    return `${plural(layers, 'dense layer')}, ${count(feedforward.width)} neurons (${feedforward.activation}${gated})`;
  }
  const { depth, trees, nodesPerTree } = feedforward;
  const visited = count((depth + 1) * trees);
  return `${plural(layers, 'FFF layer')}, depth ${depth}, ${plural(trees, 'tree')}: ${visited} of ${count(nodesPerTree * trees)} neurons a token`;
}

/** For instance `384 wide, 12 heads, 21,254,653 parameters, 42.5 MB F16`. */
export function describeSize(info: ModelInfo): string {
  return `${info.hiddenSize} wide, ${plural(info.heads, 'head')}, ${count(info.parameters)} parameters, ${bytes(info.weightsBytes)} ${info.storedDtype}`;
}
