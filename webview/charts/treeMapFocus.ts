/**
 * The marks laid over the tree map: the focused token's path with its stops, the hovered and the pinned node, and the
 * token's name under its leaf. Builds SVG elements from a scene; knows no interaction.
 */
import { levelOf } from '../../extension/tree';
import { svg } from '../dom';
import { nodeSpan, toPixel } from './layout/icicle';
import { numberLabel, type Scene } from './treeMapScene';

export interface Focused {
  /** Nodes of the path, root first; empty for none. */
  path: readonly number[];
  /** Name of the token whose path it is. */
  label: string | null;
  hovered: number | null;
  pinned: number | null;
}

export function focusMarks(scene: Scene, { path, label, hovered, pinned }: Focused): SVGElement[] {
  const points = path.map((node) => centre(scene, node));
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const marks: SVGElement[] = [];
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
  const last = points[points.length - 1];
  if (label !== null && last !== undefined && scene.rug > 0 && last[0] >= 0 && last[0] <= scene.width) {
    marks.push(flag(scene, last[0], label));
  }
  return marks;
}

/** Where the path meets a node. While zoomed in, an ancestor's stop waits at the visible part of its cell. */
function centre({ span, width, row }: Scene, node: number): [number, number] {
  const { from, to } = nodeSpan(node);
  const left = Math.max(from, span.from);
  const right = Math.min(to, span.to);
  const unit = left < right ? (left + right) / 2 : (from + to) / 2;
  return [toPixel(unit, span, width), levelOf(node) * row + (row - 1) / 2];
}

/** A stop of the path: the node's number where its cell is wide enough, a dot elsewhere. */
function stop(scene: Scene, node: number, x: number, y: number): SVGElement {
  const { view, tree, span, width, row } = scene;
  const { from, to } = nodeSpan(node);
  const text = numberLabel(scene, node, view.traffic(tree)[node] ?? 0) ?? '';
  const labelWidth = text.length * 6.2 + 10;
  const cell = ((to - from) / (span.to - span.from)) * width;
  if (text === '' || cell < labelWidth || row < 14) {
    const radius = levelOf(node) === view.depth ? 4 : 2.6;
    return svg('circle', { class: 'path-dot', cx: x.toFixed(1), cy: y.toFixed(1), r: radius });
  }
  return svg(
    'g',
    { class: 'station' },
    svg('rect', { x: (x - labelWidth / 2).toFixed(1), y: y - 7.5, width: labelWidth.toFixed(1), height: 15, rx: 7.5 }),
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
