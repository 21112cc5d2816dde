/**
 * Paints the mass of the tree map: every node of one tree as an icicle in heap order, coloured by sub-tree and traffic,
 * and the rug of tokens under the leaves. Draws on a `Painter` only; focus and interaction are `treeMap.ts`.
 */
import { firstOfLevel, levelOf } from '../../extension/tree';
import { countsOf, countText, fillOf, type Heat } from '../heat';
import type { LayerView } from '../routing';
import type { Theme } from '../theme';
import { nearestVisited, nodeAt, nodeCentre, placeLabels, toPixel, visitedRuns, type Span } from './layout/icicle';
import type { Painter } from './painter';

export interface Scene {
  view: LayerView;
  tree: number;
  colourLevel: number;
  /** Whose visits are shown; the trace's own where there is none. */
  heat?: Heat | null;
  /** Texts of the trace's tokens, for the rug. */
  labels: readonly string[];
  span: Span;
  /** Size of the icicle itself in CSS px; the rug lies below it. */
  width: number;
  row: number;
  rug: number;
  /** The picture is being moved: words are left out until it rests. */
  moving?: boolean;
}

/** Smallest cell that is separated from its neighbours, and that carries a number. */
const SEPARATED = 5;
const CHARACTER = 6.2;

export function paintTreeMap(painter: Painter, scene: Scene, theme: Theme): void {
  const { view, width, row, rug } = scene;
  painter.begin(width, row * view.levels + rug);
  for (let level = 0; level <= view.depth; level++) {
    paintLevel(painter, scene, theme, level);
  }
  if (rug > 0) {
    paintRug(painter, scene, theme);
  }
}

function paintLevel(painter: Painter, scene: Scene, theme: Theme, level: number): void {
  const { span, width, row } = scene;
  const traffic = countsOf(scene);
  const nodes = 2 ** level;
  const cell = width / (span.to - span.from) / nodes;
  const top = level * row;
  const height = row - 1;
  painter.rect(0, top, width, height, theme.empty);
  for (const run of visitedRuns(traffic, level, span, width, 0)) {
    const left = Math.max(0, Math.round(run.x));
    const right = Math.min(width, Math.max(left + 1, Math.round(run.x + run.width)));
    painter.rect(left, top, right - left, height, fillOf(scene, theme, run.node, run.count));
  }
  if (cell < SEPARATED) {
    return;
  }
  const first = Math.max(0, Math.floor(span.from * nodes));
  const last = Math.min(nodes - 1, Math.ceil(span.to * nodes) - 1);
  const separators: number[] = [];
  for (let ordinal = first + 1; ordinal <= last; ordinal++) {
    const x = Math.round(toPixel(ordinal / nodes, span, width));
    separators.push(x, top, x, top + height);
  }
  painter.segments(separators, theme.background, 1);
  if (row >= 14 && scene.moving !== true) {
    for (let ordinal = first; ordinal <= last; ordinal++) {
      paintNumber(painter, scene, theme, firstOfLevel(level) + ordinal, traffic);
    }
  }
}

/** Left and right edge of the visible part of a node's cell, px. */
function visibleCell({ span, width }: Scene, node: number): [number, number] {
  const half = 2 ** -levelOf(node) / 2;
  const left = Math.max(0, toPixel(nodeCentre(node) - half, span, width));
  return [left, Math.min(width, toPixel(nodeCentre(node) + half, span, width))];
}

/**
 * The label at a cell's centre: node number and visitors, as far as they fit; null where nothing does. Numbers of empty
 * nodes are noise until there is plenty of room.
 */
export function numberLabel(scene: Scene, node: number, count: number): string | null {
  const [left, right] = visibleCell(scene, node);
  const room = (right - left - 8) / CHARACTER;
  const both = `${node} · ${countText(scene, node, count)}`;
  if (count > 0 && room > both.length + 1) {
    return both;
  }
  return room < String(node).length + (count > 0 ? 0 : 4) ? null : String(node);
}

/** The label in words, where there is room for it; it keeps to the left, as paths run through the cells' centres. */
export function sentenceLabel(scene: Scene, node: number, count: number): string | null {
  const [left, right] = visibleCell(scene, node);
  const sentence = `node ${node} · ${countText(scene, node, count)} ${count === 1 ? 'token' : 'tokens'}`;
  return count > 0 && (right - left) / CHARACTER > 2.4 * sentence.length ? sentence : null;
}

function paintNumber(painter: Painter, scene: Scene, theme: Theme, node: number, traffic: Uint32Array): void {
  const [left, right] = visibleCell(scene, node);
  const count = traffic[node] ?? 0;
  const y = levelOf(node) * scene.row + (scene.row - 1) / 2 + 0.5;
  const font = `10px ${theme.fontFamily}`;
  const fill = count > 0 ? theme.on(fillOf(scene, theme, node, count)) : theme.muted;
  const sentence = sentenceLabel(scene, node, count);
  if (sentence !== null) {
    painter.text(left + 8, y, sentence, { fill, font, align: 'left' });
    return;
  }
  const label = numberLabel(scene, node, count);
  if (label !== null) {
    painter.text((left + right) / 2, y, label, { fill, font, align: 'center' });
  }
}

/** One tick a reached leaf, and as many token labels as fit, most visited leaves first. */
function paintRug(painter: Painter, scene: Scene, theme: Theme): void {
  const { view, tree, span, width, row, labels } = scene;
  const top = row * view.levels + 1;
  const groups = leafGroups(view, tree, labels);
  const ticks = new Map<string, number[]>();
  const visible = groups
    .map((group) => ({ ...group, x: toPixel(nodeCentre(firstOfLevel(view.depth) + group.leaf), span, width) }))
    .filter(({ x }) => x >= 0 && x <= width);
  for (const { leaf, x } of visible) {
    const { index, count } = subTreeOfLeaf(scene, leaf);
    const colour = theme.subTree(index, count);
    const flat = ticks.get(colour) ?? [];
    flat.push(x, top, x, top + 6);
    ticks.set(colour, flat);
  }
  for (const [colour, flat] of ticks) {
    painter.segments(flat, colour, 1.5);
  }
  if (scene.moving === true) {
    return;
  }
  const byVisits = [...visible].sort((a, b) => b.tokens.length - a.tokens.length || a.leaf - b.leaf);
  const boxes = byVisits.map(({ text, x }) => {
    const labelWidth = text.length * CHARACTER;
    return { centre: Math.max(labelWidth / 2, Math.min(width - labelWidth / 2, x)), width: labelWidth };
  });
  const rows = Math.max(1, Math.floor((scene.rug - 8) / 13));
  placeLabels(boxes, rows, 4).forEach((labelRow, i) => {
    const box = boxes[i];
    const group = byVisits[i];
    if (labelRow >= 0 && box !== undefined && group !== undefined) {
      painter.text(box.centre, top + 14 + labelRow * 13, group.text, {
        fill: theme.muted,
        font: `10px ${theme.monoFamily}`,
        align: 'center',
      });
    }
  });
}

function subTreeOfLeaf(scene: Scene, leaf: number): { index: number; count: number } {
  const level = Math.min(scene.colourLevel, scene.view.depth);
  return { index: leaf >> (scene.view.depth - level), count: 2 ** level };
}

export interface LeafGroup {
  leaf: number;
  tokens: number[];
  /** `the`, `the ×3` for one text several times, `the +2` for several texts. */
  text: string;
}

const groupsOf = new WeakMap<LayerView, Map<number, LeafGroup[]>>();

/** Tokens grouped by the leaf they reach, left to right; kept a layer and tree, as every zoom frame asks for them. */
export function leafGroups(view: LayerView, tree: number, labels: readonly string[]): LeafGroup[] {
  const byTree = groupsOf.get(view) ?? new Map<number, LeafGroup[]>();
  groupsOf.set(view, byTree);
  let groups = byTree.get(tree);
  if (groups === undefined) {
    groups = groupByLeaf(view, tree, labels);
    byTree.set(tree, groups);
  }
  return groups;
}

function groupByLeaf(view: LayerView, tree: number, labels: readonly string[]): LeafGroup[] {
  const byLeaf = new Map<number, number[]>();
  for (let token = 0; token < view.tokens; token++) {
    const leaf = view.leaf(token, tree);
    const tokens = byLeaf.get(leaf);
    if (tokens === undefined) {
      byLeaf.set(leaf, [token]);
    } else {
      tokens.push(token);
    }
  }
  return [...byLeaf]
    .sort(([a], [b]) => a - b)
    .map(([leaf, tokens]) => {
      const first = labels[tokens[0] ?? 0] ?? '';
      const shown = first.length > 12 ? `${first.slice(0, 11)}…` : first;
      const alike = tokens.every((token) => labels[token] === first);
      const suffix = tokens.length === 1 ? '' : alike ? ` ×${tokens.length}` : ` +${tokens.length - 1}`;
      return { leaf, tokens, text: shown + suffix };
    });
}

/**
 * The node a pointer means: the one under it, or, where nodes are thinner than a pointer is steady, the nearest visited
 * one within reach.
 */
export function pickNode(scene: Scene, x: number, y: number): number | null {
  const { view, span, width, row } = scene;
  const level = Math.floor(y / row);
  const node = nodeAt(span.from + (x / width) * (span.to - span.from), level, view.depth);
  const cell = width / (span.to - span.from) / 2 ** level;
  if (node === null || cell >= 4) {
    return node;
  }
  return nearestVisited(countsOf(scene), node, Math.ceil(4 / cell));
}
