/** Growth laws for people: which sweeps a result holds, what was fitted to each engine's times, and what that means. Pure. */
import { growthOf, type Growth, type GrowthVariable } from '../../extension/laws';
import type { BenchmarkRow } from '../../extension/protocol';
import { formatCount, formatDuration, formatFactor } from '../format';
import { DIMENSION_NAMES, engineName, valueOf, varying, type Dimension } from './series';

/** Levels and nodes are two laws of one sweep. */
export type GrowthSize = 'levels' | 'width' | 'batch' | 'threads';

const SIZE_OF: Readonly<Record<GrowthVariable, GrowthSize>> = {
  levels: 'levels',
  nodes: 'levels',
  width: 'width',
  batch: 'batch',
  threads: 'threads',
};

const AXIS_NAMES: Readonly<Record<GrowthSize, string>> = {
  levels: 'Levels of the tree; each doubles its neurons',
  width: 'Hidden size',
  batch: 'Tokens in a call',
  threads: 'Threads',
};

export interface GrowthLine {
  name: string;
  engine: string;
  points: { x: number; microseconds: number }[];
  /** The fitted law along the axis; empty where it says nothing about the points. */
  law: { x: number; microseconds: number }[];
  /** The law in words. */
  sentence: string;
  r2: number;
}

/** One picture: a size that varies, at one value of every other. */
export interface GrowthView {
  key: string;
  label: string;
  size: GrowthSize;
  axisName: string;
  lines: GrowthLine[];
}

const STEPS = 40;
/** Below the first a law says nothing about the times, below the second not much. */
const NO_FIT = 0.5;
const POOR_FIT = 0.9;

/** Every sweep that rows allow to fit, an engine a line; of the two laws of a depth sweep the better one. */
export function growthViews(rows: readonly BenchmarkRow[]): GrowthView[] {
  const sizes = varying(rows);
  const views = new Map<string, GrowthView>();
  for (const growth of growthOf(rows)) {
    const size = SIZE_OF[growth.variable];
    const held = sizes.filter((dimension) => dimension !== size);
    const key = JSON.stringify([size, ...held.map((dimension) => valueOf(growth.row, dimension))]);
    const view = views.get(key) ?? {
      key,
      label: [DIMENSION_NAMES[size], ...held.map((dimension) => heldText(growth.row, dimension))].join(', '),
      size,
      axisName: AXIS_NAMES[size],
      lines: [],
    };
    views.set(key, view);
    const line = lineOf(growth);
    const known = view.lines.findIndex(({ name }) => name === line.name);
    if (known < 0) {
      view.lines.push(line);
    } else if (line.r2 > view.lines[known]!.r2) {
      view.lines[known] = line;
    }
  }
  return [...views.values()];
}

function heldText(row: BenchmarkRow, dimension: Dimension): string {
  const value = valueOf(row, dimension);
  return typeof value === 'number' ? `${DIMENSION_NAMES[dimension].toLowerCase()} ${formatCount(value)}` : value;
}

function lineOf(growth: Growth): GrowthLine {
  const { row, variable, law } = growth;
  // Nodes are told by the levels they fill, so that both laws of a depth sweep share an axis.
  const toAxis = (x: number): number => (variable === 'nodes' ? Math.log2(x + 1) : x);
  const toLaw = (x: number): number => (variable === 'nodes' ? 2 ** x - 1 : x);
  const points = growth.points.map(({ x, microseconds }) => ({ x: toAxis(x), microseconds }));
  const [low, high] = [points[0]!.x, points.at(-1)!.x];
  const steps = Array.from({ length: STEPS + 1 }, (_, step) =>
    SIZE_OF[variable] === 'levels' ? low + ((high - low) * step) / STEPS : low * (high / low) ** (step / STEPS),
  );
  const fits = law.r2 >= NO_FIT;
  const words = fits
    ? `${lawText(growth)}${law.r2 < POOR_FIT ? '; no simple law fits well' : ''}`
    : 'no simple law fits these times';
  return {
    name: engineName(row),
    engine: row.engine,
    points,
    law: fits ? steps.map((x) => ({ x, microseconds: Math.max(predicted(law, toLaw(x)), 1e-9) })) : [],
    sentence: `${words} (R² ${law.r2.toFixed(3).replace('-', '−')}).`,
    r2: law.r2,
  };
}

function predicted(law: Growth['law'], x: number): number {
  return law.form === 'linear' ? law.fixed + law.each * x : law.factor * x ** law.exponent;
}

/** What the law says about a thing one can picture: one level more, twice as many neurons, one token more. */
function lawText({ variable, law, points }: Growth): string {
  const [first, last] = [points[0]!, points.at(-1)!];
  const longer = formatFactor(last.microseconds / first.microseconds);
  if (law.form === 'power') {
    const twice = formatFactor(2 ** law.exponent);
    switch (variable) {
      case 'nodes':
        return `twice the neurons take ${twice} the time; ${formatCount(last.x)} neurons take ${longer} the time of ${formatCount(first.x)}`;
      case 'threads':
        return `twice the threads take ${twice} the time, where a perfect split would take ${formatFactor(0.5)}`;
      default:
        return `twice the ${variable} takes ${twice} the time`;
    }
  }
  if (!(law.each > 0)) {
    return `the time does not grow with the ${variable} here`;
  }
  const each = formatDuration(law.each);
  if (variable === 'levels') {
    return `each level adds ${each} to a call; from ${first.x} to ${last.x} levels the neurons grow ${formatFactor(2 ** (last.x - first.x))} and a call takes ${longer} the time`;
  }
  const fixed = law.fixed > 0 ? `a call costs ${formatDuration(law.fixed)} and` : 'a call costs';
  return `${fixed} ${each} for each token`;
}
