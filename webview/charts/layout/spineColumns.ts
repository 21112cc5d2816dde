/** Which columns of the spine fit a width, and where they stand. Pure. */

/** Right edges of the spine's columns and the ends of the bars' lane, px; null for a column there is no room for. */
export interface SpineColumns {
  width: number;
  node: number;
  laneFrom: number;
  laneTo: number;
  logit: number;
  margin: number | null;
  activation: number | null;
  contribution: number | null;
  visits: number | null;
}

/** Which columns fit: everything from about 430 px, logit alone at the narrowest. All values are right edges in px. */
export function spineColumns(width: number, depth: number, contributions = false): SpineColumns {
  const digits = String(2 ** (depth + 1) - 2).length;
  const node = 62 + 7 * digits;
  let right = width - 2;
  const take = (needed: number, columnWidth: number): number | null => {
    if (width < needed) {
      return null;
    }
    const edge = right;
    right -= columnWidth;
    return edge;
  };
  const visits = take(430, 44);
  const contribution = contributions ? take(400, 66) : null;
  const activation = take(330, 62);
  const margin = take(contributions ? 566 : 500, 58);
  const logit = take(0, 56) as number;
  return {
    width,
    node,
    laneFrom: node + 10,
    laneTo: Math.max(node + 30, right - 4),
    logit,
    margin,
    activation,
    contribution,
    visits,
  };
}
