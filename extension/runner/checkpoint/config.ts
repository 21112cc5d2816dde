/**
 * `config.json` (or `model_config.json`) to `Architecture`.
 *
 * Every switch that changes what the model computes is read here and nowhere else. Switches that only matter for
 * training are skipped, switches the reference model never reads are skipped too (`norm_scheme`, `tie_weights`,
 * `ffn_layer_frequency`: model-spec section 1), and everything else that is turned on is refused by name: a checkpoint
 * is computed exactly or not at all.
 */
import { FffError } from '../../errors';
import type { Activation, Architecture } from '../contracts';
import { ConfigObject } from './configObject';

/** What the file says. The vocabulary may be open (`vocab_size: null`): then the embedding tensor decides. */
export type ConfiguredArchitecture = Omit<Architecture, 'vocabularySize'> & { vocabularySize: number | null };

/** Keys of `arch` without effect on inference, or never read by the reference model. */
const IGNORED = {
  arch: [
    'hidden_dropout_prob',
    'norm_scheme',
    'tie_weights',
    'sparse_prediction',
    'loss',
    'objective_layout',
    'init',
    'ffn_layer_frequency',
    'num_labels',
    'classification_head',
  ],
  // pad_token_id zeroes a row at initialisation only; stable_low_precision computes the norm in float32, as we always do.
  embedding: ['dropout_prob', 'pad_token_id', 'stable_low_precision'],
  // seq_op_in_fp32 computes the softmax in float32, as we always do.
  attention: ['dropout_prob', 'seq_op_in_fp32'],
};

/** Far beyond any model; keeps sizes computed from the file within safe integers. */
const LIMITS = {
  layers: 1024,
  width: 65_536,
  heads: 1024,
  depth: 24,
  trees: 4096,
  tokens: 65_536,
  vocabulary: 2 ** 24,
};

const ACTIVATIONS: readonly Activation[] = ['GELU', 'ReLU', 'SiLU', 'Tanh', 'Mish'];

/**
 * Reads the architecture from a parsed configuration file.
 * @param json The file's content: an object with `arch`, or the `arch` object itself.
 * @param file Path of the file, for messages.
 * @throws FffError CHECKPOINT_INVALID for missing or ill-typed keys, CHECKPOINT_UNSUPPORTED for switches we do not
 * compute; both name file and key.
 */
export function parseArchitecture(json: unknown, file: string): ConfiguredArchitecture {
  const arch = archOf(json, file);
  checkModelClass(arch);

  const hiddenSize = arch.size('hidden_size', LIMITS.width);
  arch.requireOneOf('norm', ['LayerNorm']);

  const embedding = arch.object('embedding');
  const embeddingDim = embedding.size('embedding_dim', LIMITS.width);
  if (embeddingDim !== hiddenSize) {
    throw embedding.unsupported('embedding_dim', `${embeddingDim}, another width than hidden_size ${hiddenSize}`);
  }
  const positions = readPositions(embedding);
  if (positions.endsWith('sinusoidal') && hiddenSize % 2 !== 0) {
    throw arch.unsupported('hidden_size', `${hiddenSize}, which is odd and cannot carry sinusoidal positions`);
  }

  const attention = arch.object('attention');
  const heads = attention.size('num_attention_heads', LIMITS.heads);
  if (hiddenSize % heads !== 0) {
    throw attention.invalid('num_attention_heads', `${heads}, which does not divide hidden_size ${hiddenSize}`);
  }
  attention.requireOneOf('type', ['self-attention']);
  attention.requireOneOf('sequence_op', ['torch-softmax']);
  attention.requireOff('causal_attention');
  attention.requireOff('rotary_embedding');
  attention.requireOff('skip_output_projection');

  const architecture: ConfiguredArchitecture = {
    layers: arch.size('num_transformer_layers', LIMITS.layers),
    hiddenSize,
    heads,
    vocabularySize: embedding.isAbsent('vocab_size') ? null : embedding.size('vocab_size', LIMITS.vocabulary),
    maxSequenceLength: embedding.size('max_seq_length', LIMITS.tokens),
    positions,
    normEpsilon: arch.positiveNumber('norm_eps'),
    embeddingNorm: embedding.flag('normalization'),
    finalNorm: arch.flag('final_norm'),
    qkvBias: attention.flag('qkv_bias'),
    useBias: arch.flag('use_bias'),
    decoderBias: arch.flag('decoder_bias'),
    headTransform: !arch.flag('skip_head_transform'),
    feedforward: readFeedforward(arch),
  };
  arch.refuseUnread(IGNORED.arch);
  embedding.refuseUnread(IGNORED.embedding);
  attention.refuseUnread(IGNORED.attention);
  return architecture;
}

/** Whether a parsed file has an `arch` object or is one, right or wrong. */
export function hasArchitecture(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) {
    return false;
  }
  const { arch, num_transformer_layers: layers } = json as Record<string, unknown>;
  return (arch ?? layers ?? null) !== null;
}

function archOf(json: unknown, file: string): ConfigObject {
  const root = ConfigObject.from(json, file, '');
  if (!root.isAbsent('arch')) {
    return root.object('arch');
  }
  if (root.isAbsent('num_transformer_layers')) {
    throw new FffError(
      'CHECKPOINT_UNSUPPORTED',
      `${file} has no \`arch\` object, so it does not describe an UltraFastBERT checkpoint.`,
      'Choose a folder in the layout of UltraFastBERT-1x11-long.',
    );
  }
  return root;
}

function checkModelClass(arch: ConfigObject): void {
  if (arch.isAbsent('architectures')) {
    return;
  }
  const names = arch.take('architectures');
  const known = Array.isArray(names) && names.every((name) => name === 'ScriptableCrammedBERT');
  if (!known) {
    throw arch.unsupported('architectures', `${JSON.stringify(names)}, and only ScriptableCrammedBERT is supported`);
  }
}

function readPositions(embedding: ConfigObject): Architecture['positions'] {
  const value = embedding.take('pos_embedding');
  switch (value) {
    case 'scaled-sinusoidal':
    case 'sinusoidal':
    case 'learned':
      return value;
    case 'none':
    case '':
    case false:
    case null:
    case undefined:
      return 'none';
    default:
      throw embedding.unsupported(
        'pos_embedding',
        `${JSON.stringify(value)}, and only scaled-sinusoidal, sinusoidal, learned and none are supported`,
      );
  }
}

function readFeedforward(arch: ConfigObject): Architecture['feedforward'] {
  const type = arch.isAbsent('intermed_type') ? 'ff' : arch.take('intermed_type');
  const { activation, gated } = readActivation(arch);
  if (type === 'fff') {
    // The kernel computes GELU; GLU has no meaning for single nodes of a tree.
    if (gated || activation !== 'GELU') {
      throw arch.unsupported(
        'nonlin',
        `${JSON.stringify(arch.take('nonlin'))}, and FFF layers are computed with GELU only`,
      );
    }
    return {
      kind: 'fff',
      depth: arch.size('intermed_depth', LIMITS.depth, 0),
      trees: arch.size('intermed_size', LIMITS.trees),
      activation,
    };
  }
  if (type === 'ff') {
    arch.take('intermed_depth'); // Only FFF layers have one.
    const width = arch.size('intermed_size', LIMITS.width * 16);
    if (gated && width % 2 !== 0) {
      throw arch.invalid('intermed_size', `${width}, which is odd and cannot be split for a gated nonlinearity`);
    }
    return { kind: 'dense', width, activation, gated };
  }
  throw arch.unsupported('intermed_type', `${JSON.stringify(type)}, and only fff and ff are supported`);
}

/** `GELU` is the nonlinearity itself, `GELUglu` the same inside a gated linear unit. */
function readActivation(arch: ConfigObject): { activation: Activation; gated: boolean } {
  const name = arch.text('nonlin');
  const gated = name.endsWith('glu');
  const base = gated ? name.slice(0, -'glu'.length) : name;
  const activation = ACTIVATIONS.find((known) => known === base);
  if (!activation) {
    throw arch.unsupported(
      'nonlin',
      `${JSON.stringify(name)}, and only ${ACTIVATIONS.join(', ')} (each also with the suffix glu) are supported`,
    );
  }
  return { activation, gated };
}
