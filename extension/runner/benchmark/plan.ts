/**
 * What to measure: a plan is JSON (plan.schema.json), the same for terminal, panel and tests. This file turns what a
 * person wrote into a complete plan and expands it into cells; it measures nothing.
 */
import { FffError } from '../../errors';
import { nodeCount } from '../../tree';
import { engineSpecText, parseEngineSpec } from './engineSpec';
import planSchema from './plan.schema.json';
import { checkAgainst } from './schema';

export type Distribution = 'spread' | 'skewed' | 'hidden-states' | 'repeated';
export type WeightTemperature = 'warm' | 'cold';

/** How long and how carefully to measure; see plan.schema.json for each. */
export interface Limits {
  passes: number;
  minimumPairs: number;
  minimumSeconds: number;
  slowPairSeconds: number;
  slowPairs: number;
  driftTolerance: number;
  warmupSeconds: number;
  burstMs: number;
  leadMs: number;
  callSeconds: number;
  totalSeconds: number;
}

export interface LadderPlan {
  tokens: number[];
  layers: number;
  heads: number;
}

/** A complete plan: nothing is left to a default. */
export interface Plan {
  version: 1;
  name: string;
  engines: string[];
  widths: number[];
  depths: number[];
  batches: number[];
  threads: number[];
  distributions: Distribution[];
  weights: WeightTemperature[];
  coldLayers: number;
  source?: { model: string; text: string; layers?: number[] };
  ladder: LadderPlan;
  seed: number;
  limits: Limits;
}

/** What a person has to write: everything but version, name and engines has a default. */
export type PartialPlan = Pick<Plan, 'version' | 'name' | 'engines'> &
  Partial<Omit<Plan, 'version' | 'name' | 'engines' | 'ladder' | 'limits'>> & {
    ladder?: Partial<LadderPlan>;
    limits?: Partial<Limits>;
  };

/**
 * The bars of the project: 30 interleaved pairs and 3 s in 5 passes, 7 pairs where one takes more than 0.3 s, drift below
 * 5 %. With fewer passes Student's t grows fast (2.8 at five, 4.3 at three), with more they take time to set up.
 */
export const DEFAULT_LIMITS: Readonly<Limits> = {
  passes: 5,
  minimumPairs: 30,
  minimumSeconds: 3,
  slowPairSeconds: 0.3,
  slowPairs: 7,
  driftTolerance: 0.05,
  warmupSeconds: 2,
  burstMs: 10,
  leadMs: 5,
  callSeconds: 20,
  totalSeconds: 0,
};

/** What one thing is measured on. Several engines run on each cell, interleaved. */
export interface Cell {
  width: number;
  depth: number;
  batch: number;
  /** 0: all cores. */
  threads: number;
  distribution: Distribution;
  weights: WeightTemperature;
  /** Layer of the source's model; null for synthetic weights. */
  layer: number | null;
}

/**
 * @param value Parsed JSON.
 * @param what Names its origin in errors, for instance the file.
 * @throws FffError BAD_INPUT with one sentence naming the place and the cause.
 */
export function readPlan(value: unknown, what: string): Plan {
  checkAgainst(planSchema, value, what);
  return completePlan(value as PartialPlan, what);
}

/** @throws FffError BAD_INPUT where parts of the plan contradict each other. */
export function completePlan(partial: PartialPlan, what = 'The plan'): Plan {
  const { version, name, source } = partial;
  const distributions = unique<Distribution>(partial.distributions ?? ['spread']);
  const needsSource = distributions.includes('hidden-states');
  if (needsSource && source === undefined) {
    throw contradiction(what, 'the distribution "hidden-states" needs a "source" with a model and a text');
  }
  const batches = unique(partial.batches ?? (needsSource ? [] : [1, 16, 128, 1024]));
  if (batches.length === 0 && distributions.some((distribution) => distribution !== 'hidden-states')) {
    throw contradiction(what, '"batches" is empty, which only "hidden-states" alone understands');
  }
  const widths = unique(partial.widths ?? [768]);
  const ladder = { tokens: [128], layers: 1, heads: defaultHeads(widths[0]!), ...partial.ladder };
  if (ladder.tokens.length > 0 && !needsSource && widths.some((width) => width % ladder.heads !== 0)) {
    const width = widths.find((candidate) => candidate % ladder.heads !== 0);
    throw contradiction(what, `the width ${width} cannot be split over ${ladder.heads} attention heads of the ladder`);
  }
  return {
    version,
    name,
    engines: unique(partial.engines.map((engine) => engineSpecText(parseEngineSpec(engine)))),
    widths,
    depths: unique(partial.depths ?? [11]),
    batches,
    threads: unique(partial.threads ?? [1]),
    distributions,
    weights: unique<WeightTemperature>(partial.weights ?? ['warm']),
    coldLayers: partial.coldLayers ?? 6,
    ...(source === undefined ? {} : { source }),
    ladder,
    seed: partial.seed ?? 1,
    limits: { ...DEFAULT_LIMITS, ...partial.limits },
  };
}

/** A plan of a result from before there were passes is gone on with in one. */
export function withPasses(plan: Plan): Plan {
  const limits: Omit<Limits, 'passes'> & { passes?: number } = plan.limits;
  return { ...plan, limits: { ...limits, passes: limits.passes ?? 1 } };
}

/** What a source's model looks like, for the expansion of a plan. */
export interface SourceShape {
  width: number;
  depth: number;
  layers: number;
  /** Tokens of the text. */
  tokens: number;
}

/**
 * Every cell of a plan, cheapest batches first, so that a cancelled run has something to show.
 *
 * @param source Shape of the source's model; needed only for hidden states.
 * @throws FffError BAD_INPUT for a layer the model does not have, or a batch larger than its text.
 */
export function cellsOf(plan: Plan, source: SourceShape | null): Cell[] {
  const cells: Cell[] = [];
  for (const distribution of plan.distributions) {
    const real = distribution === 'hidden-states' ? source : null;
    const layers = real === null ? [null] : layersOf(plan, real);
    const widths = real === null ? plan.widths : [real.width];
    const depths = real === null ? plan.depths : [real.depth];
    const batches = real === null || plan.batches.length > 0 ? plan.batches : [real.tokens];
    if (real !== null && batches.some((batch) => batch > real.tokens)) {
      throw contradiction(
        'The plan',
        `a batch of ${Math.max(...batches)} needs more tokens than the text's ${real.tokens}`,
      );
    }
    for (const width of widths) {
      for (const depth of depths) {
        for (const layer of layers) {
          for (const weights of plan.weights) {
            for (const threads of plan.threads) {
              for (const batch of batches) {
                cells.push({ width, depth, batch, threads, distribution, weights, layer });
              }
            }
          }
        }
      }
    }
  }
  return cells.sort((a, b) => a.batch - b.batch);
}

/** Cells that differ only in the batch share weights, tokens and sessions. */
export function groupsOf(cells: readonly Cell[]): Cell[][] {
  const groups: Cell[][] = [];
  for (const cell of cells) {
    const group = groups.find(([first]) => sameCell({ ...first!, batch: cell.batch }, cell));
    if (group === undefined) {
      groups.push([cell]);
    } else {
      group.push(cell);
    }
  }
  return groups;
}

export function sameCell(a: Cell, b: Cell): boolean {
  return (
    a.width === b.width &&
    a.depth === b.depth &&
    a.batch === b.batch &&
    a.threads === b.threads &&
    a.distribution === b.distribution &&
    a.weights === b.weights &&
    a.layer === b.layer
  );
}

/** One line that tells cells apart. */
export function cellText(cell: Cell): string {
  const threads = cell.threads === 0 ? 'all threads' : cell.threads === 1 ? '1 thread' : `${cell.threads} threads`;
  const layer = cell.layer === null ? '' : `, layer ${cell.layer}`;
  return (
    `${cell.width} wide, ${nodeCount(cell.depth)} nodes, batch ${cell.batch}, ${threads}, ` +
    `${cell.distribution} tokens, ${cell.weights} weights${layer}`
  );
}

function layersOf(plan: Plan, source: SourceShape): number[] {
  const layers = plan.source?.layers ?? Array.from({ length: source.layers }, (_, layer) => layer);
  const stray = layers.find((layer) => layer >= source.layers);
  if (stray !== undefined) {
    throw contradiction('The plan', `layer ${stray} does not exist in a model of ${source.layers} layers`);
  }
  return unique(layers);
}

/** The cell whose shape the whole encoder has: the published one where the plan has it, otherwise the largest. */
export function ladderCell(cells: readonly Cell[]): Cell {
  const closeness = ({ width, depth }: Cell): number => (width === 768 && depth === 11 ? Infinity : width * 2 ** depth);
  return cells.reduce((best, cell) => (closeness(cell) > closeness(best) ? cell : best));
}

/** 64 columns a head, as in BERT, where the width allows it; otherwise the most heads below that which divide it. */
export function defaultHeads(width: number): number {
  let heads = Math.max(1, Math.round(width / 64));
  while (width % heads !== 0) {
    heads--;
  }
  return heads;
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

function contradiction(what: string, cause: string): FffError {
  return new FffError('BAD_INPUT', `${what}: ${cause}.`, 'Correct the plan.');
}
