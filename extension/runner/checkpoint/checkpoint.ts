/**
 * A checkpoint folder in the hub layout: `config.json` (or `model_config.json`), `model.safetensors` and, for text,
 * `tokenizer.json`.
 *
 * Opening reads the configuration and the weights file's header and checks that every tensor the architecture needs is
 * there in the right shape, before any weight is read. Weights are read and widened to float32 tensor by tensor.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { FffError } from '../../errors';
import type { Architecture, Checkpoint, FloatDtype, FloatTensor } from '../contracts';
import { hasArchitecture, parseArchitecture, type ConfiguredArchitecture } from './config';
import { CHOOSE, describeMissingWeights, listFolder, readJson, WEIGHTS } from './folder';
import { isFloatDtype, SafetensorsFile, type TensorEntry } from './safetensors';
import { DECODER, isBuffer, requiredTensors, WORD_EMBEDDING } from './tensorPlan';

const CONFIGS = ['config.json', 'model_config.json'];
/** Prefix that training in several processes leaves on every name; the reference loader accepts it. */
const PARALLEL_PREFIX = 'module.';

/**
 * Opens a checkpoint folder.
 * @throws FffError CHECKPOINT_NOT_FOUND, CHECKPOINT_INVALID or CHECKPOINT_UNSUPPORTED, one sentence naming the file and
 * the cause.
 */
export async function openCheckpoint(directory: string): Promise<Checkpoint> {
  const folder = resolve(directory);
  const files = await listFolder(folder);
  const configs = CONFIGS.filter((name) => files.has(name)).map((name) => join(folder, name));
  if (configs.length === 0) {
    throw new FffError('CHECKPOINT_NOT_FOUND', `${folder} is no checkpoint: it has no config.json.`, CHOOSE);
  }
  if (!files.has(WEIGHTS)) {
    throw new FffError('CHECKPOINT_NOT_FOUND', describeMissingWeights(folder, files), CHOOSE);
  }
  const { file: configFile, json } = await readConfig(configs);
  const configured = parseArchitecture(json, configFile);
  const weights = await SafetensorsFile.open(join(folder, WEIGHTS));
  try {
    const names = plainNames(weights);
    const architecture = completeArchitecture(configured, weights, names, configFile);
    checkTensors(architecture, weights, names, configFile);
    const tokenizerFile = files.has('tokenizer.json') ? join(folder, 'tokenizer.json') : null;
    return new FolderCheckpoint(folder, architecture, tokenizerFile, weights, names);
  } catch (error) {
    await weights.close();
    throw error;
  }
}

/** The first of the files that describes an architecture: beside ours, a `config.json` may be of some other tool. */
async function readConfig(files: readonly string[]): Promise<{ file: string; json: unknown }> {
  const [first, second] = files;
  const json = await readJson(first!);
  if (second === undefined || hasArchitecture(json)) {
    return { file: first!, json };
  }
  const other: unknown = await readJson(second);
  return hasArchitecture(other) ? { file: second, json: other } : { file: first!, json };
}

class FolderCheckpoint implements Checkpoint {
  readonly weightsFile: string;
  readonly weightsBytes: number;
  readonly storedDtype: FloatDtype;
  readonly parameters: number;
  private hash: Promise<string> | null = null;
  private readonly closing = new AbortController();

  constructor(
    readonly directory: string,
    readonly architecture: Architecture,
    readonly tokenizerFile: string | null,
    private readonly weights: SafetensorsFile,
    private readonly names: ReadonlyMap<string, TensorEntry>,
  ) {
    this.weightsFile = weights.path;
    this.weightsBytes = weights.bytes;
    this.storedDtype = mostStored(names.values());
    this.parameters = countParameters(names);
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  shapeOf(name: string): number[] {
    return [...this.entry(name).shape];
  }

  async read(name: string, shape: readonly number[]): Promise<FloatTensor> {
    const entry = this.entry(name);
    checkShape(this.weightsFile, name, entry.shape, shape);
    return { name, shape: [...shape], data: await this.weights.readFloats(entry.name) };
  }

  async readWordEmbedding(): Promise<FloatTensor> {
    const shape = [this.architecture.vocabularySize, this.architecture.hiddenSize];
    const embedding = await this.read(this.has(WORD_EMBEDDING) ? WORD_EMBEDDING : DECODER, shape);
    if (embedding.name === WORD_EMBEDDING && this.has(DECODER)) {
      const decoder = await this.read(DECODER, shape);
      const differs = firstDifference(embedding.data, decoder.data);
      if (differs >= 0) {
        // The reference model ties the two always and would silently keep one of them.
        throw new FffError(
          'CHECKPOINT_INVALID',
          `${this.weightsFile}: ${DECODER} and ${WORD_EMBEDDING} differ at index ${differs}, but this model has one tied tensor for both.`,
          'Remove the wrong one of the two tensors from the file.',
        );
      }
    }
    return embedding;
  }

  /** Streams the file once when first asked: about 1 ms a megabyte, in pieces between which other work goes on. */
  weightsHash(): Promise<string> {
    this.hash ??= sha256(this.weightsFile, this.closing.signal);
    return this.hash;
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.weights.close();
  }

  private entry(name: string): TensorEntry {
    return this.names.get(name) ?? this.weights.entry(name);
  }
}

/** The file's entries under the names of the specification. */
function plainNames(weights: SafetensorsFile): Map<string, TensorEntry> {
  const names = new Map<string, TensorEntry>();
  for (const entry of weights.tensors.values()) {
    const name = entry.name.startsWith(PARALLEL_PREFIX) ? entry.name.slice(PARALLEL_PREFIX.length) : entry.name;
    if (names.has(name)) {
      throw new FffError(
        'CHECKPOINT_INVALID',
        `${weights.path} holds the tensor ${name} both with and without the prefix \`module.\`.`,
      );
    }
    names.set(name, entry);
  }
  return names;
}

/** Takes the vocabulary from the embedding tensor and checks it against the configuration, if that names one. */
function completeArchitecture(
  configured: ConfiguredArchitecture,
  weights: SafetensorsFile,
  names: ReadonlyMap<string, TensorEntry>,
  configFile: string,
): Architecture {
  const embedding = names.get(WORD_EMBEDDING) ?? names.get(DECODER);
  if (!embedding) {
    throw new FffError(
      'CHECKPOINT_INVALID',
      `${weights.path} lacks both ${WORD_EMBEDDING} and ${DECODER}.`,
      'Export the checkpoint again.',
    );
  }
  const stored = embedding.shape[0] ?? 0;
  const vocabularySize = configured.vocabularySize ?? stored;
  if (stored === 0 || vocabularySize !== stored) {
    throw new FffError(
      'CHECKPOINT_INVALID',
      `${weights.path}: tensor ${embedding.name} has ${stored} rows, but ${configFile} gives a vocabulary of ${configured.vocabularySize ?? 'unknown size'}.`,
      'Use the configuration that belongs to these weights.',
    );
  }
  return { ...configured, vocabularySize };
}

/** Every tensor the architecture needs is there, is float and has its shape; no tensor hints at another architecture. */
function checkTensors(
  architecture: Architecture,
  weights: SafetensorsFile,
  names: ReadonlyMap<string, TensorEntry>,
  configFile: string,
): void {
  const plan = requiredTensors(architecture);
  const tiedShape = [architecture.vocabularySize, architecture.hiddenSize];
  plan.push(...[WORD_EMBEDDING, DECODER].filter((name) => names.has(name)).map((name) => ({ name, shape: tiedShape })));
  for (const { name, shape } of plan) {
    const entry = names.get(name);
    if (!entry) {
      throw new FffError(
        'CHECKPOINT_INVALID',
        `${weights.path} lacks the tensor ${name} that ${configFile} calls for.`,
        'Use the configuration that belongs to these weights.',
      );
    }
    checkShape(weights.path, name, entry.shape, shape);
    if (!isFloatDtype(entry.dtype)) {
      throw new FffError(
        'CHECKPOINT_INVALID',
        `${weights.path}: tensor ${name} is stored as ${entry.dtype}, not as F32, F16 or BF16.`,
      );
    }
  }
  const planned = new Set(plan.map((tensor) => tensor.name));
  for (const name of names.keys()) {
    // A bias or layer the configuration does not mention would be left out of the computation without a word.
    if (/^(encoder|decoder|prediction_head)\./.test(name) && !planned.has(name) && !isBuffer(name)) {
      throw new FffError(
        'CHECKPOINT_INVALID',
        `${weights.path} holds the tensor ${name}, which ${configFile} does not account for.`,
        'Use the configuration that belongs to these weights.',
      );
    }
  }
}

function checkShape(file: string, name: string, stored: readonly number[], wanted: readonly number[]): void {
  if (stored.length !== wanted.length || stored.some((size, axis) => size !== wanted[axis])) {
    throw new FffError(
      'CHECKPOINT_INVALID',
      `${file}: tensor ${name} has shape [${stored.join(', ')}], but the configuration calls for [${wanted.join(', ')}].`,
      'Use the configuration that belongs to these weights.',
    );
  }
}

/** Distinct parameters: the tied pair counts once, buffers and integers not at all. */
function countParameters(names: ReadonlyMap<string, TensorEntry>): number {
  let count = 0;
  for (const [name, entry] of names) {
    const repeatsEmbedding = name === DECODER && names.has(WORD_EMBEDDING);
    if (isFloatDtype(entry.dtype) && !isBuffer(name) && !repeatsEmbedding) {
      count += entry.elements;
    }
  }
  return count;
}

/** The dtype that holds the most values. */
function mostStored(entries: Iterable<TensorEntry>): FloatDtype {
  const elements: Record<FloatDtype, number> = { F32: 0, F16: 0, BF16: 0 };
  for (const entry of entries) {
    if (isFloatDtype(entry.dtype)) {
      elements[entry.dtype] += entry.elements;
    }
  }
  return (Object.keys(elements) as FloatDtype[]).reduce((a, b) => (elements[b] > elements[a] ? b : a));
}

function firstDifference(a: Float32Array, b: Float32Array): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) {
      return i;
    }
  }
  return -1;
}

async function sha256(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024, signal })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}
