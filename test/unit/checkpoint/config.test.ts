import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FffError } from '../../../extension/errors';
import { parseArchitecture } from '../../../extension/runner/checkpoint/config';
import { tinyArch, type TestArch } from './testFolder';

const FIXTURES = join(__dirname, '../../fixtures');

async function fixture(path: string): Promise<unknown> {
  return JSON.parse(await readFile(join(FIXTURES, path), 'utf8'));
}

function parse(change: (arch: TestArch) => void) {
  const arch = tinyArch();
  change(arch);
  return parseArchitecture({ arch }, '/models/x/config.json');
}

function refusal(change: (arch: TestArch) => void): FffError {
  try {
    parse(change);
  } catch (error) {
    expect(error).toBeInstanceOf(FffError);
    return error as FffError;
  }
  throw new Error('The configuration was accepted.');
}

describe('known configurations', () => {
  it('reads the published model with an open vocabulary', async () => {
    expect(parseArchitecture(await fixture('published/model_config.json'), 'model_config.json')).toEqual({
      layers: 16,
      hiddenSize: 768,
      heads: 12,
      vocabularySize: null,
      maxSequenceLength: 128,
      positions: 'scaled-sinusoidal',
      normEpsilon: 1e-12,
      embeddingNorm: true,
      finalNorm: true,
      qkvBias: false,
      useBias: false,
      decoderBias: false,
      headTransform: false,
      feedforward: { kind: 'fff', depth: 11, trees: 1, activation: 'GELU' },
    });
  });

  it('reads the same from config.json, whose vocabulary is known', async () => {
    const whole = parseArchitecture(await fixture('published/config.reconstructed.json'), 'config.json');
    const arch = parseArchitecture(await fixture('published/model_config.json'), 'model_config.json');
    expect(whole).toEqual({ ...arch, vocabularySize: 32768 });
  });

  it.each([
    ['F1', { kind: 'fff', depth: 4, trees: 1, activation: 'GELU' }],
    ['F2', { kind: 'fff', depth: 5, trees: 3, activation: 'GELU' }],
    ['D1', { kind: 'dense', width: 80, activation: 'GELU', gated: false }],
  ])('reads fixture %s', async (name, feedforward) => {
    expect(parseArchitecture(await fixture(`${name}/config.json`), 'config.json').feedforward).toEqual(feedforward);
  });

  it('reads a gated dense model without intermed_type', () => {
    const { feedforward } = parse((arch) => {
      delete arch['intermed_type'];
      delete arch['intermed_depth'];
      Object.assign(arch, { intermed_size: 3072, nonlin: 'GELUglu' });
    });
    expect(feedforward).toEqual({ kind: 'dense', width: 3072, activation: 'GELU', gated: true });
  });

  it.each([
    ['learned', 'learned'],
    ['sinusoidal', 'sinusoidal'],
    ['none', 'none'],
    [null, 'none'],
  ])('reads positions %s', (value, positions) => {
    expect(parse((arch) => (arch.embedding['pos_embedding'] = value)).positions).toBe(positions);
  });

  it('reads every switch that changes the computation', () => {
    const architecture = parse((arch) => {
      Object.assign(arch, { use_bias: true, decoder_bias: true, final_norm: false, skip_head_transform: false });
      arch.attention['qkv_bias'] = true;
      arch.embedding['normalization'] = false;
      arch['norm_eps'] = 1e-5;
    });
    expect(architecture).toMatchObject({
      useBias: true,
      decoderBias: true,
      finalNorm: false,
      headTransform: true,
      qkvBias: true,
      embeddingNorm: false,
      normEpsilon: 1e-5,
    });
  });

  it('skips what the reference model never reads, what only matters for training, and what is off', () => {
    const changed = parse((arch) => {
      Object.assign(arch, {
        norm_scheme: 'post',
        tie_weights: false,
        ffn_layer_frequency: 4,
        objective_layout: 'SCRIPT',
        hidden_dropout_prob: 0.5,
        loss: 'other',
        init: { type: 'deepnorm' },
        num_labels: 3,
        future_switch: false,
        another: null,
        _comment: 'private',
      });
      arch.embedding['stable_low_precision'] = true;
      arch.attention['seq_op_in_fp32'] = true;
    });
    expect(changed).toEqual(parse(() => undefined));
  });
});

describe('unsupported switches are refused by name', () => {
  it.each<[string, (arch: TestArch) => void]>([
    ['architectures', (arch) => (arch['architectures'] = ['ScriptableRecurrentBERT'])],
    ['norm', (arch) => (arch['norm'] = 'ScaleNorm')],
    ['intermed_type', (arch) => (arch['intermed_type'] = 'moe')],
    ['nonlin', (arch) => (arch['nonlin'] = 'Softmax')],
    ['nonlin', (arch) => (arch['nonlin'] = 'GELUglu')],
    ['nonlin', (arch) => (arch['nonlin'] = 'ReLU')],
    ['embedding.pos_embedding', (arch) => (arch.embedding['pos_embedding'] = 'rotary')],
    ['embedding.embedding_dim', (arch) => (arch.embedding['embedding_dim'] = 4)],
    ['attention.type', (arch) => (arch.attention['type'] = 'fourier')],
    ['attention.sequence_op', (arch) => (arch.attention['sequence_op'] = 'torch-norm')],
    ['attention.causal_attention', (arch) => (arch.attention['causal_attention'] = true)],
    ['attention.rotary_embedding', (arch) => (arch.attention['rotary_embedding'] = true)],
    ['attention.rotary_embedding', (arch) => (arch.attention['rotary_embedding'] = 'v2')],
    ['attention.skip_output_projection', (arch) => (arch.attention['skip_output_projection'] = true)],
    ['layer_drop', (arch) => (arch['layer_drop'] = 0.2)],
    ['embedding.token_types', (arch) => (arch.embedding['token_types'] = 2)],
    ['attention.window', (arch) => (arch.attention['window'] = 64)],
  ])('%s', (key, change) => {
    const { code, message } = refusal(change);
    expect(code).toBe('CHECKPOINT_UNSUPPORTED');
    expect(message).toContain(`/models/x/config.json: \`arch.${key}\``);
  });

  it('a configuration of another kind of model', () => {
    expect(() => parseArchitecture({ hidden_size: 768, model_type: 'bert' }, 'config.json')).toThrow(
      /no `arch` object/,
    );
  });
});

describe('impossible values are refused by name', () => {
  it.each<[string, (arch: TestArch) => void]>([
    ['num_transformer_layers', (arch) => (arch['num_transformer_layers'] = 0)],
    ['num_transformer_layers', (arch) => (arch['num_transformer_layers'] = '4')],
    ['hidden_size', (arch) => delete arch['hidden_size']],
    ['hidden_size', (arch) => (arch['hidden_size'] = 1e9)],
    ['intermed_size', (arch) => (arch['intermed_size'] = 1.5)],
    ['intermed_depth', (arch) => delete arch['intermed_depth']],
    ['intermed_depth', (arch) => (arch['intermed_depth'] = 60)],
    ['norm_eps', (arch) => (arch['norm_eps'] = -1)],
    ['norm_eps', (arch) => (arch['norm_eps'] = 'small')],
    ['nonlin', (arch) => (arch['nonlin'] = 7)],
    ['use_bias', (arch) => (arch['use_bias'] = 'no')],
    ['final_norm', (arch) => (arch['final_norm'] = null)],
    ['embedding.vocab_size', (arch) => (arch.embedding['vocab_size'] = -1)],
    ['embedding.max_seq_length', (arch) => delete arch.embedding['max_seq_length']],
    ['attention.num_attention_heads', (arch) => (arch.attention['num_attention_heads'] = 3)],
  ])('%s', (key, change) => {
    const { code, message } = refusal(change);
    expect(code).toBe('CHECKPOINT_INVALID');
    expect(message).toContain(`\`arch.${key}\``);
  });

  it.each([[null], [7], ['text'], [[]]])('a file that holds %j', (json) => {
    expect(() => parseArchitecture(json, 'config.json')).toThrow(/config\.json does not hold a JSON object/);
  });

  it('a missing embedding section', () => {
    expect(refusal((arch) => delete (arch as Record<string, unknown>)['embedding']).message).toContain(
      '`arch.embedding`',
    );
  });
});
