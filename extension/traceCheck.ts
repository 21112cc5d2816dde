/**
 * Whether a value from a file is a trace whose parts fit together: views index its arrays without asking.
 */
import { leafCount, nodeCount } from './tree';

/** @returns what is wrong, to follow a colon; null for a trace. */
export function checkTrace(trace: unknown): string | null {
  if (!isRecord(trace) || !isRecord(trace['model']) || !Array.isArray(trace['tokens'])) {
    return 'it holds no trace';
  }
  const { model, tokens, layers, windows, predictions, phases, feedforwardMicroseconds, text } = trace;
  if (typeof text !== 'string' || !isModel(model)) {
    return 'its text or its model is missing';
  }
  if (!tokens.every(isToken)) {
    return 'one of its tokens is damaged';
  }
  if (!Array.isArray(windows) || !windows.every(isWindow)) {
    return 'its windows are damaged';
  }
  if (!Array.isArray(layers) || layers.length !== model.layers) {
    return 'it does not have as many layers as its model';
  }
  if (!isRecord(phases) || Object.values(phases).some((phase) => typeof phase !== 'number')) {
    return 'its times are damaged';
  }
  if (!Array.isArray(feedforwardMicroseconds) || feedforwardMicroseconds.length !== layers.length) {
    return 'it does not time every layer';
  }
  if (!Array.isArray(predictions) || !predictions.every((prediction) => isPrediction(prediction, tokens.length))) {
    return 'its predictions are damaged';
  }
  const { leftOutCharacters: leftOut } = trace;
  if (leftOut !== undefined && !isCount(leftOut)) {
    return 'its number of characters without a token is damaged';
  }
  const bad = layers.findIndex((layer) => !isRouting(layer, model.feedforward, tokens.length));
  return bad < 0 ? null : `the paths of layer ${bad} do not fit its tokens and trees`;
}

function isModel(model: unknown): model is Record<string, unknown> & { layers: number; feedforward: unknown } {
  return (
    isRecord(model) &&
    ['directory', 'name', 'weightsHash'].every((key) => typeof model[key] === 'string') &&
    Number.isInteger(model['layers']) &&
    isRecord(model['feedforward']) &&
    (model['feedforward']['kind'] === 'dense' || isFff(model['feedforward']))
  );
}

function isFff(value: unknown): value is { kind: 'fff'; depth: number; trees: number } {
  if (!isRecord(value) || value['kind'] !== 'fff') {
    return false;
  }
  const { depth, trees, nodesPerTree } = value;
  return isCount(depth) && depth < 31 && isCount(trees) && trees > 0 && nodesPerTree === nodeCount(depth);
}

function isToken(token: unknown): boolean {
  return (
    isRecord(token) && typeof token['text'] === 'string' && ['id', 'start', 'end'].every((key) => isCount(token[key]))
  );
}

function isWindow(window: unknown): boolean {
  return isRecord(window) && isCount(window['firstToken']) && isCount(window['tokenCount']);
}

function isPrediction(prediction: unknown, tokens: number): boolean {
  return (
    isRecord(prediction) &&
    isCount(prediction['index']) &&
    prediction['index'] < tokens &&
    Array.isArray(prediction['top']) &&
    prediction['top'].every((word) => isRecord(word) && typeof word['text'] === 'string')
  );
}

/** `null` stands for a dense layer, in a model of either kind. */
function isRouting(layer: unknown, feedforward: unknown, tokens: number): boolean {
  if (layer === null) {
    return true;
  }
  if (!isRecord(layer) || !isFff(feedforward)) {
    return false;
  }
  const { leaves, logits, outputNorms } = layer;
  const { depth, trees } = feedforward;
  return (
    (leaves instanceof Uint16Array || leaves instanceof Uint32Array) &&
    leaves.length === tokens * trees &&
    leaves.every((leaf) => leaf < leafCount(depth)) &&
    logits instanceof Float32Array &&
    logits.length === leaves.length * (depth + 1) &&
    (outputNorms === undefined || (outputNorms instanceof Float32Array && outputNorms.length === tokens))
  );
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
