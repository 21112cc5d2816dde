/** A tree's visits as a small picture for reports: the same icicle as in the views, for one theme or the other. Pure. */
import { firstOfLevel } from '../tree';

const WIDTH = 640;
const ROW = 10;
/** Cells of the widest rows; deeper levels are summed up to them. */
const CELLS = 256;
/** Heights of the marks, from few visits to many: colour alone would say nothing on an unknown page. */
const HEIGHTS = [3, 4, 5, 7, 9];
/** 3:1 and more against white and against the dark themes. */
const COLOUR = '#3d7fd6';
const GROUND = '#80808026';

/**
 * @param visits `[nodes]` in heap order, as in `TreeUsage`.
 * @returns SVG text. Root on top, every level halves the width; taller where more tokens pass, on a logarithmic scale.
 */
export function usagePicture(visits: Uint32Array, depth: number): string {
  let marks = '';
  const total = visits[0] ?? 0;
  for (let level = 0; level <= depth; level++) {
    const cells = Math.min(CELLS, 2 ** level);
    const each = 2 ** level / cells;
    const heights = Array.from({ length: cells }, (_, cell) => {
      const from = firstOfLevel(level) + cell * each;
      return heightOf(
        visits.subarray(from, from + each).reduce((sum, count) => sum + count, 0),
        total,
      );
    });
    // Neighbours of one height are one mark.
    for (let cell = 0; cell < cells;) {
      let end = cell + 1;
      while (end < cells && heights[end] === heights[cell]) {
        end++;
      }
      const [x, right] = [(WIDTH * cell) / cells, (WIDTH * end) / cells];
      const markHeight = heights[cell]!;
      if (markHeight > 0) {
        marks += `M${x} ${(level + 1) * ROW - 1}H${right}v${-markHeight}H${x}z`;
      }
      cell = end;
    }
  }
  const height = ROW * (depth + 1);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">` +
    `<rect width="${WIDTH}" height="${height}" fill="${GROUND}"/><path fill="${COLOUR}" d="${marks}"/></svg>`
  );
}

/** 0 where nobody passes. */
function heightOf(count: number, total: number): number {
  const step = Math.ceil((HEIGHTS.length * Math.log1p(count)) / Math.log1p(total));
  return count === 0 ? 0 : HEIGHTS[step - 1]!;
}
