/**
 * The marks laid over the tree map: the focused token's path with its stops, the hovered and the pinned node, and the
 * token's name under its leaf. Builds SVG elements from a scene; knows no interaction.
 */
import { levelOf } from '../../extension/tree';
import { svg } from '../dom';
import { countsOf } from '../heat';
import { nodeSpan, placeNames, toPixel } from './layout/icicle';
import { numberLabel, sentenceLabel, type Scene } from './treeMapScene';
import { badgeBeside, DASHES, interventionBadge, type TreeMarks } from './treeMarks';

export interface Focused {
  /** Nodes of the path, root first; empty for none. */
  path: readonly number[];
  /** Name of the token whose path it is. */
  label: string | null;
  hovered: number | null;
  pinned: number | null;
  /** Paths of other tokens, with their names. */
  more: readonly { path: readonly number[]; label: string }[];
  /** The focused token's path with the interventions in place; empty where it is the same. */
  changed: readonly number[];
  interventions: TreeMarks['interventions'];
}

export function focusMarks(scene: Scene, focused: Focused): SVGElement[] {
  const { path, label, hovered, pinned, more, changed, interventions } = focused;
  const points = path.map((node) => centre(scene, node));
  const line = polyline(points);
  const marks = otherPaths(scene, more, path);
  if (changed.length > 0) {
    const other = polyline(changed.map((node) => centre(scene, node)));
    const attributes = { class: 'path-changed', points: other, 'data-testid': 'changed-path' };
    // Stops of its own, so that the line does not run through the numbers of its cells.
    const stops = changed
      .filter((node) => !path.includes(node))
      .map((node) => stop(scene, node, ...centre(scene, node)));
    marks.push(
      svg('polyline', { class: 'path-halo', points: other }),
      svg('polyline', attributes),
      svg('g', { class: 'changed-stops' }, ...stops),
    );
  }
  if (path.length > 0) {
    marks.push(
      svg('polyline', { class: 'path-halo', points: line }),
      svg('polyline', { class: 'path-line', points: line }),
      ...points.map(([x, y], level) => stop(scene, path[level] ?? 0, x, y)),
    );
  }
  if (hovered !== null) {
    marks.push(box(scene, hovered, 'hovered'));
  }
  if (pinned !== null) {
    marks.push(box(scene, pinned, 'pinned'));
  }
  marks.push(...interventions.map(({ node, kind }) => badge(scene, node, kind)));
  const last = points[points.length - 1];
  if (label !== null && last !== undefined && scene.rug > 0 && last[0] >= 0 && last[0] <= scene.width) {
    marks.push(flag(scene, last[0], label));
  }
  return marks;
}

function polyline(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
}

/** Rows above the leaves in which a path's name may stand. */
const NAME_ROWS = 3;
/** Width of a letter of a name, px. */
const LETTER = 6.7;

/**
 * Paths of other tokens: thin, each dashed its own way, with stops of their own where the line would run through the
 * numbers of its cells, and their names beside the leaves.
 */
function otherPaths(scene: Scene, more: Focused['more'], focused: readonly number[]): SVGElement[] {
  const lines = more.flatMap(({ path }, index) => {
    const points = polyline(path.map((node) => centre(scene, node)));
    const dashes = DASHES[index % DASHES.length] ?? '';
    return [
      svg('polyline', { class: 'path-halo thin', points }),
      svg('polyline', { class: 'path-other', points, 'data-testid': 'other-path', 'stroke-dasharray': dashes }),
    ];
  });
  const nodes = new Set(more.flatMap(({ path }) => path).filter((node) => !focused.includes(node)));
  const stops = [...nodes]
    .filter((node) => pillOf(scene, node) !== null && !isInWords(scene, node))
    .map((node) => stop(scene, node, ...centre(scene, node)));
  return [...lines, svg('g', { class: 'other-stops' }, ...stops), ...names(scene, more, focused)];
}

/** The names of other tokens' paths; tokens of one text that reach one leaf are named once. */
function names(scene: Scene, more: Focused['more'], focused: readonly number[]): SVGElement[] {
  const named = more.filter(
    ({ path, label }, index) =>
      more.findIndex((other) => other.label === label && other.path.at(-1) === path.at(-1)) === index,
  );
  const seen = named.filter(({ path }) => isInSight(scene, path));
  const crossings = (path: readonly number[]) =>
    path
      .slice(-NAME_ROWS)
      .reverse()
      .map((node) => ({ x: centre(scene, node)[0], half: (pillOf(scene, node)?.width ?? 7) / 2 }));
  const taken = crossings(focused).map(({ x, half }, row) => ({ row, from: x - half, to: x + half }));
  const paths = seen.map(({ path, label }) => ({ crossings: crossings(path), width: label.length * LETTER }));
  return placeNames(paths, taken, scene.width).map(({ row, from }, index) => {
    const { path, label } = seen[index]!;
    const y = centre(scene, path[path.length - 1 - row] ?? 0)[1];
    return svg('text', { class: 'path-name', x: from.toFixed(1), y: y.toFixed(1), dy: '0.35em' }, label);
  });
}

/** Whether a path ends in the visible part of the tree. */
function isInSight(scene: Scene, path: readonly number[]): boolean {
  const last = path.at(-1);
  const x = last === undefined ? -1 : centre(scene, last)[0];
  return x >= 0 && x <= scene.width;
}

/** Whether a cell says its number in words, beside the paths. */
function isInWords(scene: Scene, node: number): boolean {
  return sentenceLabel(scene, node, countsOf(scene)[node] ?? 0) !== null;
}

/** The sign of an intervention beside its node. */
function badge(scene: Scene, node: number, kind: TreeMarks['interventions'][number]['kind']): SVGElement {
  const [x, y] = centre(scene, node);
  const pill = pillOf(scene, node);
  return interventionBadge(badgeBeside(x, pill === null ? 4 : pill.width / 2, scene.width), y, node, kind);
}

/** Where the path meets a node. While zoomed in, an ancestor's stop waits at the visible part of its cell. */
function centre({ span, width, row }: Scene, node: number): [number, number] {
  const { from, to } = nodeSpan(node);
  const left = Math.max(from, span.from);
  const right = Math.min(to, span.to);
  const unit = left < right ? (left + right) / 2 : (from + to) / 2;
  return [toPixel(unit, span, width), levelOf(node) * row + (row - 1) / 2];
}

/** The pill that carries a node's number; null where its cell is too narrow for one. */
function pillOf(scene: Scene, node: number): { text: string; width: number } | null {
  const { span, width, row } = scene;
  const { from, to } = nodeSpan(node);
  const text = numberLabel(scene, node, countsOf(scene)[node] ?? 0) ?? '';
  const pill = text.length * 6.2 + 10;
  const cell = ((to - from) / (span.to - span.from)) * width;
  return text === '' || cell < pill - 2 || row < 14 ? null : { text, width: pill };
}

/** A stop of the path: the node's number where its cell is wide enough, a dot elsewhere. */
function stop(scene: Scene, node: number, x: number, y: number): SVGElement {
  const pill = pillOf(scene, node);
  if (pill === null) {
    const radius = levelOf(node) === scene.view.depth ? 4 : 2.6;
    return svg('circle', { class: 'path-dot', cx: x.toFixed(1), cy: y.toFixed(1), r: radius });
  }
  const { text, width } = pill;
  return svg(
    'g',
    { class: 'station' },
    svg('rect', { x: (x - width / 2).toFixed(1), y: y - 7.5, width: width.toFixed(1), height: 15, rx: 7.5 }),
    svg('text', { x: x.toFixed(1), y: y.toFixed(1), dy: '0.34em', 'text-anchor': 'middle' }, text),
  );
}

function box({ span, width, row }: Scene, node: number, name: string): SVGRectElement {
  const { from, to } = nodeSpan(node);
  const x = toPixel(from, span, width);
  const boxWidth = Math.max(3, toPixel(to, span, width) - x);
  const y = levelOf(node) * row;
  return svg('rect', { class: name, x: x.toFixed(1), y, width: boxWidth.toFixed(1), height: row - 1 });
}

/** The focused token's name under its leaf, over whatever the rug says there. */
function flag({ view, width, row }: Scene, x: number, label: string): SVGGElement {
  const top = row * view.levels;
  const shown = label.length > 24 ? `${label.slice(0, 23)}…` : label;
  const flagWidth = shown.length * 7 + 12;
  const left = Math.max(0, Math.min(width - flagWidth, x - flagWidth / 2));
  return svg(
    'g',
    { class: 'flag' },
    svg('rect', { x: left.toFixed(1), y: top + 7, width: flagWidth, height: 15, rx: 3 }),
    svg('line', { x1: x.toFixed(1), x2: x.toFixed(1), y1: top - 2, y2: top + 7 }),
    svg('text', { x: (left + flagWidth / 2).toFixed(1), y: top + 15, dy: '0.33em', 'text-anchor': 'middle' }, shown),
  );
}
