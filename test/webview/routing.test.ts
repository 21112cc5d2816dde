import { describe, expect, it } from 'vitest';
import type { Trace } from '../../extension/protocol';
import { childOf, gelu, isAncestor, nodeCount } from '../../extension/tree';
import { passes, stepsOf, subTreeOfNode, tokenKind, TraceView, type LayerView } from '../../webview/routing';
import { sampleTrace } from './support/sampleTrace';

function layerOf(trace: Trace, layer = 0): LayerView {
  const view = new TraceView(trace).layer(layer);
  expect(view).not.toBeNull();
  return view!;
}

describe.each([
  { depth: 11, trees: 1 },
  { depth: 4, trees: 8 },
  { depth: 0, trees: 1 },
  { depth: 15, trees: 1 },
])('routing of $trees trees of depth $depth', (shape) => {
  const trace = sampleTrace({ ...shape, layers: 2 });
  const view = layerOf(trace, 1);

  it('gives each token the path its logits decide', () => {
    for (let token = 0; token < view.tokens; token++) {
      for (let tree = 0; tree < view.trees; tree++) {
        const path = view.path(token, tree);
        const logits = view.logits(token, tree);
        expect(path).toHaveLength(shape.depth + 1);
        expect(logits).toHaveLength(shape.depth + 1);
        for (let level = 0; level < shape.depth; level++) {
          expect(path[level + 1]).toBe(childOf(path[level]!, logits[level]!));
        }
      }
    }
  });

  it('counts traffic as walking every path would', () => {
    for (let tree = 0; tree < view.trees; tree++) {
      const counted = new Uint32Array(nodeCount(shape.depth));
      for (let token = 0; token < view.tokens; token++) {
        for (const node of view.path(token, tree)) {
          counted[node]! += 1;
        }
      }
      expect(view.traffic(tree)).toEqual(counted);
      expect(view.distinctNodes(tree)).toBe(counted.filter((count) => count > 0).length);
    }
  });

  it('names the visitors of each visited node', () => {
    const traffic = view.traffic(0);
    for (let node = 0; node < Math.min(traffic.length, 600); node++) {
      const visitors = view.visitors(node, 0);
      expect(visitors).toHaveLength(traffic[node]!);
      expect(visitors.every((token) => view.path(token, 0).includes(node) && passes(view, token, 0, node))).toBe(true);
    }
  });

  it('puts each token into the sub-tree its path enters', () => {
    for (let token = 0; token < view.tokens; token++) {
      const { index, count } = view.subTree(token, 0, 3);
      const level = Math.min(3, shape.depth);
      expect(count).toBe(2 ** level);
      expect(isAncestor(count - 1 + index, view.path(token, 0).at(-1)!)).toBe(true);
    }
  });
});

describe('steps', () => {
  const trace = sampleTrace({ depth: 4, layers: 1 });
  const view = layerOf(trace);

  it('say what happened at each node', () => {
    const steps = stepsOf(view, 2, 0);
    const path = view.path(2, 0);
    expect(steps.map(({ node }) => node)).toEqual(path);
    for (const { level, logit, bit, margin, activation, node, sibling, visits, siblingVisits } of steps) {
      expect(bit).toBe(level === 4 ? null : logit > 0 ? 1 : 0);
      expect(margin).toBe(Math.abs(logit));
      expect(activation).toBe(gelu(logit));
      expect(visits).toBe(view.traffic(0)[node]);
      if (sibling !== null) {
        expect((sibling - 1) >> 1).toBe((node - 1) >> 1);
        expect(visits + siblingVisits).toBe(view.traffic(0)[(node - 1) >> 1]);
      }
    }
    expect(steps[0]?.sibling).toBeNull();
  });

  it('take the decision from the path, so that a NaN logit shows the left turn it caused', () => {
    const routing = trace.layers[0]!;
    const logits = routing.logits.slice();
    const leaves = routing.leaves.slice();
    logits.fill(NaN, 0, 5);
    leaves[0] = 0;
    const nan = layerOf({ ...trace, layers: [{ leaves, logits }] });
    expect(stepsOf(nan, 0, 0).map(({ bit }) => bit)).toEqual([0, 0, 0, 0, null]);
    expect(stepsOf(nan, 0, 0).every(({ margin, activation }) => Number.isNaN(margin) && Number.isNaN(activation))).toBe(
      true,
    );
    expect(nan.maxAbsLogit()).toBeGreaterThan(0);
  });
});

describe('closest decisions', () => {
  const trace = sampleTrace({ depth: 5, trees: 2, layers: 3, dense: [1] });

  function everyMargin(): number[] {
    return new TraceView(trace).layers.flatMap((view) =>
      view === null
        ? []
        : trace.tokens.flatMap((_, token) => [0, 1].flatMap((tree) => [...view.logits(token, tree)].slice(0, 5))),
    );
  }

  it('are the smallest margins, without the leaves that decide nothing', () => {
    const sorted = everyMargin()
      .map(Math.abs)
      .sort((a, b) => a - b);
    const closest = new TraceView(trace).closestDecisions(20);
    expect(closest.map(({ margin }) => margin)).toEqual(sorted.slice(0, 20));
    for (const { token, layer, tree, level, node, logit } of closest) {
      const view = new TraceView(trace).layer(layer)!;
      expect(view.path(token, tree)[level]).toBe(node);
      expect(view.logits(token, tree)[level]).toBe(logit);
    }
  });

  it('put NaN before all numbers', () => {
    const routing = trace.layers[0]!;
    const logits = routing.logits.slice();
    logits[3] = NaN;
    const view = new TraceView({ ...trace, layers: [{ ...routing, logits }, null, trace.layers[2]!] });
    const [first, second] = view.closestDecisions(2);
    expect(first).toMatchObject({ layer: 0, token: 0, tree: 0, level: 3, margin: NaN });
    expect(second?.margin).toBeGreaterThan(0);
  });

  it('are none in a model without routing or of depth 0', () => {
    expect(new TraceView(sampleTrace({ layers: 2, dense: [0, 1] })).closestDecisions(5)).toEqual([]);
    expect(new TraceView(sampleTrace({ depth: 0 })).closestDecisions(5)).toEqual([]);
  });
});

describe('tokens and sub-trees', () => {
  it.each([
    ['<mask>', '<mask>', 'mask'],
    ['[MASK]', '[MASK]', 'mask'],
    ['<mask>', null, 'special'],
    ['<sep>', '<mask>', 'special'],
    ['</s>', '<mask>', 'special'],
    ['[CLS]', '[MASK]', 'special'],
    ['<', '<mask>', 'text'],
    ['##ing', '<mask>', 'text'],
    ['<img src=x onerror=alert(1)>', '<mask>', 'text'],
  ] as const)('%s with mask %s is %s', (text, mask, kind) => {
    expect(tokenKind(text, mask)).toBe(kind);
  });

  it('assign every node of a level to the sub-tree above it', () => {
    expect(subTreeOfNode(0, 2)).toBeNull();
    expect(subTreeOfNode(2, 2)).toBeNull();
    expect([3, 4, 5, 6].map((node) => subTreeOfNode(node, 2))).toEqual([0, 1, 2, 3]);
    expect([7, 8, 13, 14].map((node) => subTreeOfNode(node, 2))).toEqual([0, 0, 3, 3]);
  });
});
