/** Names at the ends of paths in the node-link form: outside the leaf where there is room, and none over another. */
import { svg } from '../dom';
import { place, type RadialScene } from './nodeLinkScene';

/** Width of a letter, height of a line, and the room between a leaf and its name, px. */
const LETTER = 7.3;
const LINE = 13;
const GAP = 9;
/** Lines a name may be moved up or down to be clear of the others. */
const SHIFTS = [0, 1, -1, 2, -2];

export interface PathEnd {
  leaf: number;
  label: string;
}

/** @param ends most important first; of tokens with one text and one leaf, the first is named. */
export function tips(scene: RadialScene, ends: readonly PathEnd[]): SVGTextElement[] {
  const placed: { from: number; to: number; y: number }[] = [];
  const named = ends.filter(
    ({ leaf, label }, index) => ends.findIndex((other) => other.leaf === leaf && other.label === label) === index,
  );
  return named.map(({ leaf, label }) => {
    const { x, y } = place(scene, leaf);
    const needed = label.length * LETTER;
    const isLeft = x < scene.centre.x ? x - GAP - needed >= 0 : x + GAP + needed > scene.width;
    const from = isLeft ? x - GAP - needed : x + GAP;
    const to = from + needed;
    const lines = SHIFTS.map((shift) => y + shift * LINE);
    const free = lines.find((line) =>
      placed.every((other) => Math.abs(other.y - line) >= LINE || to <= other.from || from >= other.to),
    );
    const line = free ?? y;
    placed.push({ from, to, y: line });
    const at = { x: (isLeft ? x - GAP : x + GAP).toFixed(1), y: line.toFixed(1), dy: '0.35em' };
    return svg('text', { class: 'tip', ...at, 'text-anchor': isLeft ? 'end' : 'start' }, label);
  });
}
