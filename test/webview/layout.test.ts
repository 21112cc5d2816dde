import { describe, expect, it } from 'vitest';
import { firstOfLevel, levelOf, nodeCount, pathToLeaf } from '../../extension/tree';
import {
  nearestVisited,
  nodeAt,
  nodeCentre,
  nodeSpan,
  placeLabels,
  placeNames,
  rowHeight,
  SMALLEST_CELL,
  toPixel,
  toUnit,
  trafficStep,
  visitedRuns,
  WHOLE,
} from '../../webview/charts/layout/icicle';
import { levelRadius, linkControls, nodeAngle, nodeNear, nodePoint } from '../../webview/charts/layout/radial';
import { random } from './support/sampleTrace';

const DEPTHS = [0, 1, 2, 4, 11, 15];

describe.each(DEPTHS)('icicle of depth %i', (depth) => {
  const nodes = Array.from({ length: nodeCount(depth) }, (_, node) => node);
  const inner = nodes.slice(0, nodeCount(depth) - 2 ** depth);

  it('picks every node back from its centre', () => {
    expect(nodes.filter((node) => nodeAt(nodeCentre(node), levelOf(node), depth) !== node)).toEqual([]);
  });

  it('gives the first and last point of a cell to its node', () => {
    const wrong = nodes.filter((node) => {
      const { from, to } = nodeSpan(node);
      const level = levelOf(node);
      return nodeAt(from, level, depth) !== node || nodeAt(to - 2 ** -20, level, depth) !== node;
    });
    expect(wrong).toEqual([]);
  });

  it('nests children exactly within their parents', () => {
    const wrong = inner.filter((node) => {
      const [parent, left, right] = [nodeSpan(node), nodeSpan(2 * node + 1), nodeSpan(2 * node + 2)];
      return left.from !== parent.from || left.to !== right.from || right.to !== parent.to;
    });
    expect(wrong).toEqual([]);
  });

  it('shows under one leaf the nodes of the path to it', () => {
    const wrong = Array.from({ length: 2 ** depth }, (_, leaf) => leaf).filter((leaf) => {
      const unit = nodeCentre(firstOfLevel(depth) + leaf);
      return !pathToLeaf(leaf, depth).every((node, level) => nodeAt(unit, level, depth) === node);
    });
    expect(wrong).toEqual([]);
  });

  it('answers null outside the tree', () => {
    expect(nodeAt(-0.001, 0, depth)).toBeNull();
    expect(nodeAt(1, 0, depth)).toBeNull();
    expect(nodeAt(NaN, 0, depth)).toBeNull();
    expect(nodeAt(0.5, depth + 1, depth)).toBeNull();
    expect(nodeAt(0.5, -1, depth)).toBeNull();
    expect(nodeAt(0.5, 0.5, depth)).toBeNull();
  });
});

describe.each(DEPTHS)('node-link form of depth %i', (depth) => {
  const nodes = Array.from({ length: nodeCount(depth) }, (_, node) => node);

  it('picks every node back from its point', () => {
    expect(nodes.filter((node) => nodeNear(nodePoint(node, depth), depth) !== node)).toEqual([]);
  });

  it('puts each level on its own ring, inside the unit circle', () => {
    for (let level = 1; level <= depth; level++) {
      expect(levelRadius(level, depth)).toBeGreaterThan(levelRadius(level - 1, depth));
    }
    expect(levelRadius(depth, depth)).toBe(depth === 0 ? 0 : 1);
  });

  it('has a node turn halfway between its children', () => {
    const between = (node: number): number => (nodeAngle(2 * node + 1) + nodeAngle(2 * node + 2)) / 2;
    const inner = nodes.slice(0, nodeCount(depth) - 2 ** depth);
    expect(inner.filter((node) => !(Math.abs(nodeAngle(node) - between(node)) < 1e-10))).toEqual([]);
  });

  it('picks nothing far outside', () => {
    expect(nodeNear({ x: 3, y: 3 }, depth)).toBeNull();
  });
});

describe('links', () => {
  it('bend between the rings they connect', () => {
    for (const child of [1, 2, 5, 14, 77]) {
      for (const { x, y } of linkControls(child, 11)) {
        const radius = Math.hypot(x, y);
        expect(radius).toBeGreaterThan(levelRadius(levelOf(child) - 1, 11));
        expect(radius).toBeLessThan(levelRadius(levelOf(child), 11));
      }
    }
  });
});

/** Visitors of every node when the given leaves are reached. */
function trafficOf(leaves: readonly number[], depth: number): Uint32Array {
  const traffic = new Uint32Array(nodeCount(depth));
  for (const leaf of leaves) {
    for (const node of pathToLeaf(leaf, depth)) {
      traffic[node]! += 1;
    }
  }
  return traffic;
}

describe('visitedRuns', () => {
  const depth = 11;
  const uniform = random(3);
  const leaves = Array.from({ length: 300 }, () => Math.floor(uniform() * 2 ** depth));
  const traffic = trafficOf(leaves, depth);

  it('gives every visited node its own cell where cells are wide enough', () => {
    for (let level = 0; level <= 8; level++) {
      const runs = visitedRuns(traffic, level, WHOLE, 900, 0);
      const nodes = Array.from({ length: 2 ** level }, (_, i) => firstOfLevel(level) + i);
      expect(runs.map(({ node }) => node)).toEqual(nodes.filter((node) => traffic[node]! > 0));
      expect(runs.map(({ count }) => count)).toEqual(runs.map(({ node }) => traffic[node]));
      expect(runs.every(({ width }) => Math.abs(width - 900 / 2 ** level) < 1e-9)).toBe(true);
    }
  });

  it('loses no visited leaf when several share a column, and shows the busiest', () => {
    const runs = visitedRuns(traffic, depth, WHOLE, 900, 0);
    expect(runs.every(({ width }) => width === SMALLEST_CELL)).toBe(true);
    const byColumn = new Map<number, number>();
    for (const leaf of leaves) {
      const x = ((leaf + 0.5) / 2 ** depth) * 900;
      const column = Math.floor(x / SMALLEST_CELL) * SMALLEST_CELL;
      byColumn.set(column, Math.max(byColumn.get(column) ?? 0, traffic[firstOfLevel(depth) + leaf]!));
    }
    expect(new Map(runs.map(({ x, count }) => [x, count]))).toEqual(byColumn);
  });

  it('keeps to the visible span', () => {
    const span = { from: 0.25, to: 0.5 };
    for (let level = 0; level <= depth; level++) {
      for (const { x, width, node } of visitedRuns(traffic, level, span, 900, 0)) {
        expect(x + width).toBeGreaterThan(0);
        expect(x).toBeLessThan(900);
        const { from, to } = nodeSpan(node);
        expect(to).toBeGreaterThan(span.from - 2 ** -20);
        expect(from).toBeLessThan(span.to + 2 ** -20);
      }
    }
  });

  it('draws nothing for a tree nobody visits', () => {
    expect(visitedRuns(new Uint32Array(nodeCount(4)), 4, WHOLE, 100, 0)).toEqual([]);
  });
});

describe('helpers', () => {
  it('convert between pixels and units both ways', () => {
    const span = { from: 0.3, to: 0.7 };
    for (const unit of [0.3, 0.41, 0.7, 0.9]) {
      expect(toUnit(toPixel(unit, span, 640), span, 640)).toBeCloseTo(unit, 12);
    }
  });

  it('grade traffic from one token to all', () => {
    expect(trafficStep(1, 512, 6)).toBe(0);
    expect(trafficStep(512, 512, 6)).toBe(5);
    expect(trafficStep(1, 1, 6)).toBe(0);
    const steps = Array.from({ length: 512 }, (_, i) => trafficStep(i + 1, 512, 6));
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(new Set(steps).size).toBe(6);
  });

  it('keep rows readable for any depth', () => {
    expect(rowHeight(0, 312)).toBe(28);
    expect(rowHeight(11, 312)).toBe(26);
    expect(rowHeight(15, 312)).toBe(19);
    expect(rowHeight(15, 50)).toBe(12);
  });

  it('place labels without overlap, the first ones first', () => {
    const labels = [
      { centre: 50, width: 40 },
      { centre: 60, width: 40 },
      { centre: 55, width: 40 },
      { centre: 120, width: 40 },
    ];
    expect(placeLabels(labels, 2, 2)).toEqual([0, 1, -1, 0]);
  });

  it('place names of paths beside their ends: right, left, or above, where nothing else is', () => {
    const straight = (x: number, width: number) => ({ crossings: [0, 1, 2].map(() => ({ x, half: 3 })), width });
    const taken = [{ row: 0, from: 120, to: 130 }];
    expect(placeNames([straight(100, 10), straight(100, 30), straight(100, 30)], taken, 300)).toEqual([
      { row: 0, from: 106, to: 116 },
      { row: 0, from: 64, to: 94 },
      { row: 1, from: 106, to: 136 },
    ]);
    // At the edges of the picture there is one side only, and no name leaves it.
    expect(placeNames([straight(2, 20), straight(298, 20)], [], 300)).toEqual([
      { row: 0, from: 8, to: 28 },
      { row: 0, from: 272, to: 292 },
    ]);
  });

  it('follow a path that bends, and keep a name beside its end where there is no room anywhere', () => {
    const bent = { crossings: [100, 140].map((x) => ({ x, half: 4 })), width: 20 };
    const full = [{ row: 0, from: 0, to: 300 }];
    expect(placeNames([bent], full, 300)).toEqual([{ row: 1, from: 147, to: 167 }]);
    expect(placeNames([bent], [...full, { row: 1, from: 0, to: 300 }], 300)).toEqual([{ row: 0, from: 107, to: 127 }]);
  });

  it('snap to the nearest visited node of the level, within reach', () => {
    const traffic = trafficOf([3], 3);
    expect(nearestVisited(traffic, 12, 3)).toBe(10);
    expect(nearestVisited(traffic, 12, 1)).toBe(12);
    // Leaf 0 is node 7; its level starts there, so that nothing of another level is reached.
    expect(nearestVisited(trafficOf([7], 3), 7, 1)).toBe(7);
  });
});
