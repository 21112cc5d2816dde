/**
 * The marks laid over the tree map: the focused token's path with its stops, the hovered and the pinned node, and the
 * token's name under its leaf. Builds SVG elements from a scene; knows no interaction.
 */
import { levelOf } from '../../extension/tree';
import { svg } from '../dom';
import { countsOf } from '../heat';
import { nodeSpan, toPixel } from './layout/icicle';
import { numberLabel, type Scene } from './treeMapScene';
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
  const marks: SVGElement[] = more.flatMap((other, index) => otherPath(scene, other, index));
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

/** Another token's path: thin, dashed its own way, with its name beside the leaf. */
function otherPath(scene: Scene, { path, label }: Focused['more'][number], index: number): SVGElement[] {
  const points = path.map((node) => centre(scene, node));
  const [x, y] = points[points.length - 1] ?? [0, 0];
  const attributes = { class: 'path-other', points: polyline(points), 'data-testid': 'other-path' };
  const line = svg('polyline', { ...attributes, 'stroke-dasharray': DASHES[index % DASHES.length] ?? '' });
  const left = x > scene.width - 60;
  const name = { class: 'path-name', x: (x + (left ? -6 : 6)).toFixed(1), y: y.toFixed(1), dy: '0.35em' };
  const halo = svg('polyline', { class: 'path-halo thin', points: polyline(points) });
  return [halo, line, svg('text', { ...name, 'text-anchor': left ? 'end' : 'start' }, label)];
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
  return text === '' || cell < pill || row < 14 ? null : { text, width: pill };
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
    svg('line', { x1: x.toFixed(1), x2: x.toFixed(1), y1: top - 2, y2: top + 7 }),
    svg('rect', { x: left.toFixed(1), y: top + 7, width: flagWidth, height: 15, rx: 3 }),
    svg('text', { x: (left + flagWidth / 2).toFixed(1), y: top + 15, dy: '0.33em', 'text-anchor': 'middle' }, shown),
  );
}
