import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../extension/runner/benchmark/random';
import type { FffLayer, FffRecord, FffWeights } from '../../../extension/runner/contracts';
import { timeLayer, verifyLayer } from '../../../extension/runner/layerTiming';
import { childOf, gelu, nodeCount } from '../../../extension/tree';
import type { LayerTiming } from '../../../extension/protocol';

const WIDTH = 6;
const DEPTH = 3;
const TREES = 2;
const TOKENS = 5;
const NODES = nodeCount(DEPTH);

let weights: FffWeights;
let input: Float32Array;

beforeAll(() => {
  const random = new Random(3);
  const normal = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
  weights = {
    width: WIDTH,
    depth: DEPTH,
    trees: TREES,
    inputWeights: normal(TREES * NODES * WIDTH),
    inputBias: normal(TREES * NODES),
    outputWeights: normal(WIDTH * TREES * NODES),
  };
  input = normal(TOKENS * WIDTH);
});

/** A layer written down as plainly as possible. */
function plainForward(): FffRecord {
  const levels = DEPTH + 1;
  const record = {
    output: new Float32Array(TOKENS * WIDTH),
    nodes: new Int32Array(TOKENS * TREES * levels),
    logits: new Float32Array(TOKENS * TREES * levels),
    activations: new Float32Array(TOKENS * TREES * levels),
  };
  for (let token = 0; token < TOKENS; token++) {
    for (let tree = 0; tree < TREES; tree++) {
      let node = 0;
      for (let level = 0; level < levels; level++) {
        const row = tree * NODES + node;
        let logit = weights.inputBias[row]!;
        for (let i = 0; i < WIDTH; i++) {
          logit += weights.inputWeights[row * WIDTH + i]! * input[token * WIDTH + i]!;
        }
        const at = (token * TREES + tree) * levels + level;
        record.nodes[at] = node;
        record.logits[at] = logit;
        record.activations[at] = gelu(logit);
        for (let i = 0; i < WIDTH; i++) {
          record.output[token * WIDTH + i]! += gelu(logit) * weights.outputWeights[i * TREES * NODES + row]!;
        }
        node = childOf(node, logit);
      }
    }
  }
  return record;
}

function layer(spoil: (record: FffRecord) => void = () => undefined, spoilTimed = spoil): FffLayer {
  return {
    width: WIDTH,
    depth: DEPTH,
    trees: TREES,
    implementation: 'counting',
    bytes: 0,
    forward: () => {
      const record = plainForward();
      spoil(record);
      return record;
    },
    forwardInto: (_input, _tokens, output) => {
      const record = plainForward();
      spoilTimed(record);
      output.set(record.output);
    },
    dispose: () => undefined,
  };
}

const ALL = [0, 1, 2, 3, 4];

describe('verifyLayer', () => {
  it('accepts a right layer and says how close it is', () => {
    const difference = verifyLayer(layer(), weights, input, TOKENS, ALL);
    expect(difference).toBeLessThan(1e-5);
  });

  it.each<[string, (record: FffRecord) => void, RegExp]>([
    ['a wrong turn', ({ nodes }) => (nodes[2 * TREES * 4 + 3]! ^= 1), /token 2 takes the wrong path through tree 0/],
    ['a wrong output', ({ output }) => (output[3 * WIDTH]! += 0.1), /output of token 3 is off by/],
    ['NaN', ({ output }) => (output[WIDTH + 2] = NaN), /output of token 1 is off by NaN/],
  ])('refuses %s', (_, spoil, said) => {
    expect(() => verifyLayer(layer(spoil), weights, input, TOKENS, ALL)).toThrow(said);
  });

  it('checks the call that is timed too', () => {
    const wrong = layer(
      () => undefined,
      ({ output }) => output.fill(0),
    );
    expect(() => verifyLayer(wrong, weights, input, TOKENS, ALL)).toThrow(/output of token 0/);
  });
});

describe('timeLayer', () => {
  function timed(calls: string[]) {
    const fff = layer();
    const twin = {
      run: () => {
        calls.push('dense');
        return Promise.resolve(new Float32Array(TOKENS * WIDTH));
      },
    };
    const spied: FffLayer = { ...fff, forwardInto: () => void calls.push('fff') };
    return { layer: 7, fff: spied, twin, input, tokens: TOKENS, threads: 3, verifiedMaxDifference: 1e-7 };
  }

  it('alternates both sides and reports the same number of samples', async () => {
    const calls: string[] = [];
    const { timing, resampled } = await timeLayer(timed(calls), { budgetMs: 0 });
    expect([resampled.above.length, resampled.below.length]).toEqual([1000, 1000]);
    expect(timing).toMatchObject({ layer: 7, tokens: TOKENS, threads: 3, verifiedMaxDifference: 1e-7 });
    expect(timing.fffMicroseconds.samples).toBe(timing.denseMicroseconds.samples);
    expect(timing.fffMicroseconds.samples).toBeGreaterThanOrEqual(7);
    const { low, median, high } = timing.ratio;
    expect(low).toBeLessThanOrEqual(median);
    expect(median).toBeLessThanOrEqual(high);
    const order = calls.slice(4, 12).join(' ');
    expect(order).toBe('fff dense dense fff fff dense dense fff');
  });

  it('reports while it refines, the last report being the result', async () => {
    const reports: LayerTiming[] = [];
    const slow = timed([]);
    slow.twin.run = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return new Float32Array(0);
    };
    const { timing } = await timeLayer(slow, { budgetMs: 600, onTiming: (report) => reports.push(report) });
    expect(reports.length).toBeGreaterThanOrEqual(2);
    expect(reports.at(-1)).toEqual(timing);
    const samples = reports.map((report) => report.fffMicroseconds.samples);
    expect(samples).toEqual([...samples].sort((a, b) => a - b));
  });

  it('stops when it is cancelled', async () => {
    const controller = new AbortController();
    const endless = timeLayer(timed([]), { budgetMs: 1e9, signal: controller.signal });
    controller.abort();
    await expect(endless).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
