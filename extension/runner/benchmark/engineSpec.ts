/**
 * How a plan names an engine: `name[@implementation][:precision][/threads]`.
 *
 * `fff` is our kernel as it chooses itself; `fff@avx2` forces an implementation and `fff@*` stands for every one this
 * CPU supports; `fff:bf16` picks a precision; `dense-twin/all` uses every core whatever the cell's thread count is.
 */
import { FffError } from '../../errors';

export const PRECISIONS = ['fp32', 'bf16', 'fp16', 'exact-low'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** What an engine computes, which decides its reference and what it is compared as. */
export type EngineKind = 'fff' | 'dense-twin' | 'dense-3072' | 'dense-16';

export interface EngineFamily {
  kind: EngineKind;
  /** One sentence a person reads beside the figures: what is included and what is not. */
  meaning: string;
  /** Deliberately weak or otherwise unfit to be called the best dense layer. */
  weak: boolean;
}

/** Every engine a plan may name. */
export const ENGINES = {
  fff: {
    kind: 'fff',
    weak: false,
    meaning: 'Our FFF kernel: routing, exact GELU and output, called through the addon as the product calls it.',
  },
  'dense-twin': {
    kind: 'dense-twin',
    weak: false,
    meaning: 'All neurons of the same tree with the same weights, in onnxruntime, one call for the whole batch.',
  },
  'dense-3072': {
    kind: 'dense-3072',
    weak: false,
    meaning: 'A dense layer of 3072 neurons with both biases, as in BERT-base, in onnxruntime.',
  },
  'dense-16': {
    kind: 'dense-16',
    weak: true,
    meaning: 'A control: a dense layer of only 16 neurons in onnxruntime, about as much arithmetic as the path.',
  },
  'dense-per-token': {
    kind: 'dense-twin',
    weak: true,
    meaning: 'Weak on purpose: the dense twin called once for each token, so that no weight is reused in a batch.',
  },
  'native-twin': {
    kind: 'dense-twin',
    weak: false,
    meaning: 'The dense twin on a native matrix library of this machine (kernels/bench), GELU included.',
  },
  'native-3072': {
    kind: 'dense-3072',
    weak: false,
    meaning: 'The 3072-neuron layer on a native matrix library of this machine (kernels/bench), GELU included.',
  },
  'paper-fff-1': {
    kind: 'fff',
    weak: true,
    meaning: 'The paper’s FFF level 1 rebuilt in plain loops: one dot product and one scaled sum at a time.',
  },
  'paper-fff-2': {
    kind: 'fff',
    weak: true,
    meaning: 'The paper’s FFF level 2 rebuilt in plain loops: level by level, all tokens of the batch together.',
  },
  'paper-dense-1': {
    kind: 'dense-twin',
    weak: true,
    meaning: 'The paper’s dense level 1 rebuilt in plain loops: one dot product and one scaled sum at a time.',
  },
  'paper-dense-2': {
    kind: 'dense-twin',
    weak: true,
    meaning: 'The paper’s dense level 2 rebuilt in plain loops: neuron by neuron, all tokens of the batch together.',
  },
  'paper-dense-3': {
    kind: 'dense-twin',
    weak: true,
    meaning:
      'The paper’s dense level 3 rebuilt in plain loops: two matrix products, blocked so that weights are reused.',
  },
} as const satisfies Record<string, EngineFamily>;

export type EngineName = keyof typeof ENGINES;

export interface EngineSpec {
  engine: EngineName;
  /** Null: the engine's own choice; `*`: every one available. */
  implementation: string | null;
  precision: Precision;
  /** Null: the cell's; 0: all cores. */
  threads: number | null;
}

const PATTERN = /^([a-z0-9-]+)(?:@([A-Za-z0-9_.*-]+))?(?::([a-z0-9-]+))?(?:\/(all|\d{1,3}))?$/;

/** @throws FffError BAD_INPUT for anything that names no engine. */
export function parseEngineSpec(text: string): EngineSpec {
  const match = PATTERN.exec(text.trim());
  if (match === null) {
    throw bad(`"${text}" does not name an engine; engines are written name[@implementation][:precision][/threads].`);
  }
  const [, name = '', implementation, precision = 'fp32', threads] = match;
  if (!Object.hasOwn(ENGINES, name)) {
    throw bad(`There is no engine "${name}"; there are ${Object.keys(ENGINES).join(', ')}.`);
  }
  if (!(PRECISIONS as readonly string[]).includes(precision)) {
    throw bad(`Engine "${text}" asks for precision "${precision}"; there are ${PRECISIONS.join(', ')}.`);
  }
  if (precision !== 'fp32' && name !== 'fff') {
    throw bad(`Engine "${text}" asks for ${precision}; only fff has other precisions than fp32.`);
  }
  return {
    engine: name as EngineName,
    implementation: implementation ?? null,
    precision: precision as Precision,
    threads: threads === undefined ? null : threads === 'all' ? 0 : Number(threads),
  };
}

/** The inverse of `parseEngineSpec`, defaults left out. */
export function engineSpecText(spec: EngineSpec): string {
  const implementation = spec.implementation === null ? '' : `@${spec.implementation}`;
  const precision = spec.precision === 'fp32' ? '' : `:${spec.precision}`;
  const threads = spec.threads === null ? '' : `/${spec.threads === 0 ? 'all' : spec.threads}`;
  return `${spec.engine}${implementation}${precision}${threads}`;
}

function bad(message: string): FffError {
  return new FffError('BAD_INPUT', message, 'Correct the list of engines.');
}
