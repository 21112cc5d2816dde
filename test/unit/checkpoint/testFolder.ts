/** Builds checkpoint folders for tests: a sound one, and every way of breaking it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RawTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

export type RawTensors = Map<string, RawTensor>;

export function f32(shape: number[], values?: readonly number[]): RawTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Float32Array.from(values ?? Array.from({ length: count }, (_, i) => ((i * 37) % 101) / 100 - 0.5));
  return { dtype: 'F32', shape, bytes: new Uint8Array(data.buffer) };
}

export function halves(dtype: 'F16' | 'BF16', bits: readonly number[]): RawTensor {
  return { dtype, shape: [bits.length], bytes: new Uint8Array(Uint16Array.from(bits).buffer) };
}

/** Any header text, with its length in front and any data behind. */
export function rawFile(header: string | Uint8Array, data: Uint8Array = new Uint8Array(0), claimed?: bigint): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** A sound file. */
export function safetensors(tensors: ReadonlyMap<string, RawTensor>): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  return rawFile(JSON.stringify(header), Buffer.concat([...tensors.values()].map((tensor) => tensor.bytes)));
}

export interface TestArch {
  [key: string]: unknown;
  embedding: Record<string, unknown>;
  attention: Record<string, unknown>;
}

/** One layer, 8 wide, two trees of depth 2, 10 entries, 6 tokens. */
export function tinyArch(): TestArch {
  return {
    architectures: ['ScriptableCrammedBERT'],
    num_transformer_layers: 1,
    hidden_size: 8,
    intermed_type: 'fff',
    intermed_size: 2,
    intermed_depth: 2,
    hidden_dropout_prob: 0.1,
    norm: 'LayerNorm',
    norm_eps: 1e-12,
    norm_scheme: 'pre',
    nonlin: 'GELU',
    tie_weights: true,
    decoder_bias: false,
    sparse_prediction: 0.25,
    loss: 'cross-entropy',
    objective_layout: 'MLM',
    embedding: {
      vocab_size: 10,
      pos_embedding: 'scaled-sinusoidal',
      dropout_prob: 0.1,
      pad_token_id: 0,
      max_seq_length: 6,
      embedding_dim: 8,
      normalization: true,
      stable_low_precision: false,
    },
    attention: {
      type: 'self-attention',
      causal_attention: false,
      num_attention_heads: 2,
      dropout_prob: 0.1,
      skip_output_projection: false,
      qkv_bias: false,
      rotary_embedding: false,
      seq_op_in_fp32: false,
      sequence_op: 'torch-softmax',
    },
    init: { type: 'normal', std: 0.02 },
    ffn_layer_frequency: 1,
    skip_head_transform: true,
    use_bias: false,
    final_norm: true,
    num_labels: null,
    classification_head: { pooler: 'avg' },
  };
}

/** The tensors of `tinyArch`. */
export function tinyTensors(): RawTensors {
  const layer = 'encoder.layers.0';
  return new Map([
    ['encoder.embedding.word_embedding.weight', f32([10, 8])],
    ['encoder.embedding.pos_embedding.scale_factor', f32([1], [0.35])],
    ['encoder.embedding.norm.weight', f32([8])],
    ['encoder.embedding.norm.bias', f32([8])],
    [`${layer}.norm1.weight`, f32([8])],
    [`${layer}.norm1.bias`, f32([8])],
    [`${layer}.norm2.weight`, f32([8])],
    [`${layer}.norm2.bias`, f32([8])],
    [`${layer}.attn.self_attention.norm_factor`, f32([], [0.5])],
    [`${layer}.attn.self_attention.query_key_value.weight`, f32([24, 8])],
    [`${layer}.attn.dense.weight`, f32([8, 8])],
    [`${layer}.ffn.linear_in.weight`, f32([14, 8])],
    [`${layer}.ffn.linear_in.bias`, f32([14])],
    [`${layer}.ffn.linear_out.weight`, f32([8, 14])],
    ['encoder.final_norm.weight', f32([8])],
    ['encoder.final_norm.bias', f32([8])],
  ]);
}

/** `tinyArch` with the vocabulary of the tokenizer fixture and windows of 16 tokens: the smallest model that reads text. */
export function tinyTextModel(): { arch: TestArch; tensors: RawTensors } {
  const arch = tinyArch();
  Object.assign(arch.embedding, { vocab_size: 2048, max_seq_length: 16 });
  const tensors = tinyTensors();
  tensors.set('encoder.embedding.word_embedding.weight', f32([2048, 8]));
  return { arch, tensors };
}

/** A scratch directory whose folders disappear with it. */
export class Scratch {
  private constructor(readonly path: string) {}

  static async create(): Promise<Scratch> {
    return new Scratch(await mkdtemp(join(tmpdir(), 'fff-test-')));
  }

  /** A new folder with these files; returns its path. */
  async folder(files: Record<string, string | Uint8Array>): Promise<string> {
    const folder = await mkdtemp(join(this.path, 'folder-'));
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(folder, name), content);
    }
    return folder;
  }

  /** A new folder with a checkpoint. */
  async checkpoint(arch: TestArch = tinyArch(), tensors: RawTensors = tinyTensors()): Promise<string> {
    return this.folder({
      'config.json': JSON.stringify({ arch, model_type: 'crammedBERT' }),
      'model.safetensors': safetensors(tensors),
    });
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
