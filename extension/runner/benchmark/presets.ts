/** Ready-made plans: the terminal's default and what the panel offers by name. */
import { completePlan } from './plan';
import type { PartialPlan, Plan } from './plan';

export type PresetName =
  | 'default'
  | 'selection'
  | 'paper-distinct'
  | 'paper-repeated'
  | 'depth-sweep'
  | 'batch-sweep'
  | 'width-sweep'
  | 'threads'
  | 'precision'
  | 'ladder';

export interface Preset {
  name: PresetName;
  title: string;
  /** What it answers, in one sentence. */
  purpose: string;
}

/** The dense layers a claim has to stand against. Those this machine lacks are named in the result. */
const BASELINES = [
  'dense-twin',
  'dense-twin/all',
  'dense-3072',
  'dense-3072/all',
  'dense-16',
  'native-twin@*',
  'native-3072@*',
];

/** The dense layers of one thread, for sweeps in which many cells are measured. */
const SWEEP = ['fff', 'fff:exact-low', 'dense-twin', 'dense-3072', 'native-twin@*', 'native-3072@*'];

const PAPER = ['paper-fff-1', 'paper-fff-2', 'paper-dense-1', 'paper-dense-2', 'paper-dense-3'];

export const PRESETS: readonly Preset[] = [
  {
    name: 'default',
    title: 'Default',
    purpose: 'The published layer shape on distinct tokens, at batches from 1 to 1024, in under a minute.',
  },
  {
    name: 'selection',
    title: 'This selection on this model',
    purpose: 'Every layer of the loaded model on the hidden states of the selected text.',
  },
  {
    name: 'paper-distinct',
    title: 'Paper shape, distinct inputs',
    purpose: 'The paper’s shape at batch 16384, each token different, as in real use.',
  },
  {
    name: 'paper-repeated',
    title: 'Paper shape, one repeated input',
    purpose: 'The same with one token repeated, as in the published benchmark code: every token walks one path.',
  },
  {
    name: 'depth-sweep',
    title: 'Scaling in depth',
    purpose: 'Trees of 255 to 65535 nodes: does the time grow with the levels visited or with the nodes stored?',
  },
  { name: 'batch-sweep', title: 'Batch sweep', purpose: 'Batches from 1 to 16384, with warm and with cold weights.' },
  { name: 'width-sweep', title: 'Width sweep', purpose: 'Hidden sizes from 128 to 2048.' },
  { name: 'threads', title: 'Threads', purpose: 'One, two, four and all cores, for the kernel and for dense layers.' },
  {
    name: 'precision',
    title: 'Precision and implementation',
    purpose: 'Every implementation and storage precision of the kernel, with its path flips.',
  },
  {
    name: 'ladder',
    title: 'Ladder',
    purpose:
      'A whole encoder of twelve layers with FFF, with its dense twin and with 3072 neurons, at 16 and 128 tokens.',
  },
];

/** @param source Model and text for `selection`; others ignore it. */
export function presetPlan(name: PresetName, source?: { model: string; text: string }): Plan {
  const title = PRESETS.find((preset) => preset.name === name)!.title;
  return completePlan({
    version: 1,
    name: title,
    ...partialOf(name),
    ...(source && name === 'selection' ? { source } : {}),
  });
}

function partialOf(name: PresetName): Omit<PartialPlan, 'version' | 'name'> {
  switch (name) {
    case 'default':
      return { engines: ['fff', 'fff:exact-low', ...BASELINES], limits: { totalSeconds: 50, warmupSeconds: 0.7 } };
    case 'selection':
      return {
        engines: ['fff', 'dense-twin', 'dense-3072', 'dense-16'],
        distributions: ['hidden-states'],
        limits: { minimumSeconds: 1 },
      };
    case 'paper-distinct':
      return { engines: ['fff', 'fff:exact-low', ...BASELINES, ...PAPER], batches: [16384] };
    case 'paper-repeated':
      return { engines: ['fff', ...BASELINES, ...PAPER], batches: [16384], distributions: ['repeated'] };
    case 'depth-sweep':
      return { engines: SWEEP, depths: [7, 8, 9, 10, 11, 12, 13, 14, 15], batches: [1, 128] };
    case 'batch-sweep':
      return {
        engines: [...SWEEP, 'dense-per-token'],
        batches: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384],
        weights: ['warm', 'cold'],
      };
    case 'width-sweep':
      return { engines: SWEEP, widths: [128, 256, 512, 768, 1024, 2048], batches: [1, 128] };
    case 'threads':
      return {
        engines: ['fff', 'fff:exact-low', 'dense-twin', 'dense-3072'],
        threads: [1, 2, 4, 0],
        batches: [128, 1024],
      };
    case 'precision':
      return {
        engines: ['fff@*', 'fff@*:bf16', 'fff@*:fp16', 'fff@*:exact-low', 'dense-twin', 'native-twin@*'],
        batches: [1, 16, 128, 1024],
      };
    case 'ladder':
      return {
        engines: ['fff', 'dense-twin', 'dense-3072'],
        batches: [16, 128],
        ladder: { tokens: [16, 128], layers: 12 },
      };
  }
}
