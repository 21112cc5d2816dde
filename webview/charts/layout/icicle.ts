/**
 * The tree map's geometry: heap order in closed form. Level `l` is a row, its `2^l` nodes share the row's width evenly;
 * a node never moves. Picking is the inverse, by arithmetic. Pure functions, no DOM.
 */
import { firstOfLevel, levelOf } from '../../../extension/tree';

/** The visible part of the unit interval over which leaves are laid out, `0 <= from < to <= 1`. */
export interface Span {
  from: number;
  to: number;
}

export const WHOLE: Span = { from: 0, to: 1 };

/** Horizontal extent of a node in the unit interval. */
export function nodeSpan(node: number): Span {
  const level = levelOf(node);
  const width = 2 ** -level;
  const ordinal = node - firstOfLevel(level);
  return { from: ordinal * width, to: (ordinal + 1) * width };
}

/** Centre of a node in the unit interval. */
export function nodeCentre(node: number): number {
  const level = levelOf(node);
  return (node - firstOfLevel(level) + 0.5) * 2 ** -level;
}

/** The node at a position: `unit` in [0, 1), `level` an integer; null outside the tree. */
export function nodeAt(unit: number, level: number, depth: number): number | null {
  if (!(unit >= 0 && unit < 1) || level < 0 || level > depth || !Number.isInteger(level)) {
    return null;
  }
  return firstOfLevel(level) + Math.floor(unit * 2 ** level);
}

/** Height of one row in CSS px: shallow trees get calm tall rows, deep ones still fit. */
export function rowHeight(depth: number, available: number): number {
  return Math.max(12, Math.min(28, Math.floor(available / (depth + 1))));
}

/** Converts unit positions to pixels for a visible span. */
export function toPixel(unit: number, span: Span, width: number): number {
  return ((unit - span.from) / (span.to - span.from)) * width;
}

/** Converts pixels to unit positions for a visible span. */
export function toUnit(pixel: number, span: Span, width: number): number {
  return span.from + (pixel / width) * (span.to - span.from);
}

/** A horizontal run of one row to be filled alike. */
export interface Run {
  /** Pixels. */
  x: number;
  width: number;
  /** Largest number of visitors of one node within the run; never 0. */
  count: number;
  /** The node with that many visitors (the first such). */
  node: number;
}

/** Nodes narrower than this are aggregated; anything thinner would flicker instead of being seen. */
export const SMALLEST_CELL = 2;

/**
 * The visited cells of one level within a span, aggregated to columns of `SMALLEST_CELL` px where nodes are narrower
 * than that. A column shows its most visited node: a lone visitor between empty nodes stays visible.
 *
 * @param traffic visitors per node, `[2^(depth+1) - 1]`.
 * @param gap px left free between neighbouring cells, where they are wide enough to spare it.
 */
export function visitedRuns(traffic: Uint32Array, level: number, span: Span, width: number, gap: number): Run[] {
  const nodes = 2 ** level;
  const first = firstOfLevel(level);
  const cell = width / (span.to - span.from) / nodes;
  const begin = Math.max(0, Math.floor(span.from * nodes));
  const end = Math.min(nodes, Math.ceil(span.to * nodes));
  const runs: Run[] = [];
  if (cell >= SMALLEST_CELL) {
    const inset = cell > 4 * gap ? gap : 0;
    for (let ordinal = begin; ordinal < end; ordinal++) {
      const count = traffic[first + ordinal] ?? 0;
      if (count > 0) {
        const x = toPixel(ordinal / nodes, span, width);
        runs.push({ x: x + inset / 2, width: cell - inset, count, node: first + ordinal });
      }
    }
    return runs;
  }
  let last: Run | undefined;
  for (let ordinal = begin; ordinal < end; ordinal++) {
    const count = traffic[first + ordinal] ?? 0;
    if (count === 0) {
      continue;
    }
    const column = Math.floor(toPixel((ordinal + 0.5) / nodes, span, width) / SMALLEST_CELL) * SMALLEST_CELL;
    if (last?.x === column) {
      if (count > last.count) {
        last.count = count;
        last.node = first + ordinal;
      }
    } else {
      last = { x: column, width: SMALLEST_CELL, count, node: first + ordinal };
      runs.push(last);
    }
  }
  return runs;
}

/** Traffic step 0..steps-1 of a count: logarithmic between one token and all of them. */
export function trafficStep(count: number, tokens: number, steps: number): number {
  if (count <= 1 || tokens <= 1) {
    return 0;
  }
  return Math.min(steps - 1, Math.round((Math.log(count) / Math.log(tokens)) * (steps - 1)));
}

/**
 * Places labels greedily on a line so that none overlap: in order of priority, each at its wanted centre or not at all.
 *
 * @returns for each label its row, or -1 where there was no room.
 */
export function placeLabels(labels: readonly { centre: number; width: number }[], rows: number, gap: number): number[] {
  const taken: { from: number; to: number }[][] = Array.from({ length: rows }, () => []);
  return labels.map(({ centre, width }) => {
    const from = centre - width / 2 - gap;
    const to = centre + width / 2 + gap;
    const row = taken.findIndex((spans) => spans.every((span) => to <= span.from || from >= span.to));
    taken[row]?.push({ from, to });
    return row;
  });
}

/** Where a path crosses a row, and half the width of the mark it has there, px. */
export interface Crossing {
  x: number;
  half: number;
}

/** Pixels between a path's mark and its name. */
const NAME_GAP = 3;

/**
 * Puts the name of each path beside its end so that no name covers another or what is taken: to the right or left of the
 * lowest row, else of the rows above it. Where there is no room at all it stays beside the end, inside the picture.
 *
 * @param paths crossings from the lowest row upwards, at least one, and the name's width in px.
 * @param taken spans that must stay free; row 0 is the lowest.
 * @param width of the picture, px.
 * @returns for each path the row and the span of its name.
 */
export function placeNames(
  paths: readonly { crossings: readonly Crossing[]; width: number }[],
  taken: readonly { row: number; from: number; to: number }[],
  width: number,
): { row: number; from: number; to: number }[] {
  const spans = [...taken];
  return paths.map(({ crossings, width: needed }) => {
    const places = crossings.flatMap(({ x, half }, row) => {
      const [right, left] = [x + half + NAME_GAP, x - half - NAME_GAP - needed];
      return [right, left].map((from) => ({ row, from, to: from + needed }));
    });
    const inside = places.filter(({ from, to }) => from >= 0 && to <= width);
    const free = inside.find((place) =>
      spans.every(({ row, from, to }) => row !== place.row || to <= place.from || from >= place.to),
    );
    const place = free ?? inside[0] ?? { row: 0, from: 0, to: needed };
    spans.push(place);
    return place;
  });
}

/**
 * The visited node nearest to `node` on its level within `reach` places, or `node` itself: where nodes are thinner than
 * a pointer is steady, one means the node that is drawn.
 */
export function nearestVisited(traffic: Uint32Array, node: number, reach: number): number {
  const first = firstOfLevel(levelOf(node));
  for (let distance = 0; distance <= reach; distance++) {
    for (const candidate of [node - distance, node + distance]) {
      if (candidate >= first && candidate <= 2 * first && (traffic[candidate] ?? 0) > 0) {
        return candidate;
      }
    }
  }
  return node;
}
