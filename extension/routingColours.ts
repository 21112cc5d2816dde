/**
 * Which mark a token gets in the editor: one of up to eight, told apart by colour and by line alike. Pure.
 */
import type { Trace } from './protocol';

/** Levels below the root that can be told apart: 2, 4 or 8 sub-trees. */
export const MAX_DECORATION_DEPTH = 3;
export const MARKS = 2 ** MAX_DECORATION_DEPTH;

export interface Mark {
  /** Colour contributed in package.json. */
  colorId: string;
  style: 'solid' | 'dashed' | 'dotted' | 'double';
  /** CSS border width: the line runs below the word, or above it. */
  width: string;
}

const STYLES = ['solid', 'dashed', 'dotted', 'double'] as const;

/** The mark of sub-tree `index`, from the left. Neighbours differ in style, the two halves of the tree in edge. */
export function markOf(index: number): Mark {
  const style = STYLES[index % STYLES.length] ?? 'solid';
  const thickness = style === 'double' ? '3px' : '2px';
  return {
    colorId: `fffExplorer.subTree${index + 1}`,
    style,
    width: index < MARKS / 2 ? `0 0 ${thickness} 0` : `${thickness} 0 0 0`,
  };
}

/** Characters of the traced text that get one mark. */
export interface MarkedRange {
  start: number;
  end: number;
  mark: number;
  token: number;
}

/**
 * The written tokens of a trace with the sub-tree each takes in one layer's tree; empty for a dense layer.
 * @param levels how many decisions are told apart, 1 .. `MAX_DECORATION_DEPTH`.
 */
export function markedRanges(trace: Trace, layer: number, tree: number, levels: number): MarkedRange[] {
  const { feedforward } = trace.model;
  const routing = trace.layers[layer];
  if (feedforward.kind !== 'fff' || !routing) {
    return [];
  }
  const { depth, trees } = feedforward;
  const level = Math.min(levels, depth, MAX_DECORATION_DEPTH);
  return trace.tokens.flatMap(({ start, end }, token) =>
    end > start
      ? [
          {
            start,
            end,
            token,
            // Two sub-trees use the marks farthest apart, so that fewer levels look like coarser steps of the same scale.
            mark: (routing.leaves[token * trees + tree]! >> (depth - level)) << (MAX_DECORATION_DEPTH - level),
          },
        ]
      : [],
  );
}
