import { describe, expect, it } from 'vitest';
import { engineSpecText, parseEngineSpec } from '../../../extension/runner/benchmark/engineSpec';
import {
  cellText,
  cellsOf,
  completePlan,
  defaultHeads,
  ladderCell,
  readPlan,
} from '../../../extension/runner/benchmark/plan';
import { PRESETS, presetPlan } from '../../../extension/runner/benchmark/presets';

const minimal = { version: 1, name: 'Test', engines: ['fff', 'dense-twin'] } as const;

describe('reading a plan', () => {
  it('fills in the defaults of the project', () => {
    const plan = readPlan({ ...minimal }, 'plan.json');
    expect(plan.batches).toEqual([1, 16, 128, 1024]);
    expect(plan.widths).toEqual([768]);
    expect(plan.depths).toEqual([11]);
    expect(plan.distributions).toEqual(['spread']);
    expect(plan.weights).toEqual(['warm']);
    expect(plan.limits).toMatchObject({
      passes: 5,
      minimumPairs: 30,
      minimumSeconds: 3,
      slowPairs: 7,
      driftTolerance: 0.05,
    });
    expect(plan.ladder).toEqual({ tokens: [128], layers: 1, heads: 12 });
  });

  it('keeps what is given and drops repetitions', () => {
    const plan = readPlan(
      { ...minimal, engines: ['fff', 'fff', 'dense-twin/all'], batches: [4, 4, 2], limits: { slowPairs: 3 } },
      'x',
    );
    expect(plan.engines).toEqual(['fff', 'dense-twin/all']);
    expect(plan.batches).toEqual([4, 2]);
    expect(plan.limits.slowPairs).toBe(3);
    expect(plan.limits.minimumPairs).toBe(30);
  });

  it('reads what it wrote', () => {
    const plan = readPlan({ ...minimal, weights: ['cold'], seed: 7 }, 'x');
    expect(readPlan(JSON.parse(JSON.stringify(plan)), 'again')).toEqual(plan);
  });

  it.each([
    [null, 'the plan must be an object'],
    [{ version: 1, name: 'x' }, '"engines" is missing'],
    [{ ...minimal, version: 2 }, '"version" is 2 and must be 1'],
    [{ ...minimal, name: '' }, '"name" must not be empty'],
    [{ ...minimal, engines: [] }, '"engines" must have at least 1 entry'],
    [{ ...minimal, engines: 'fff' }, '"engines" must be a list'],
    [{ ...minimal, batchs: [1] }, '"batchs" is not known; known are'],
    [{ ...minimal, constructor: 1 }, '"constructor" is not known'],
    [{ ...minimal, batches: [1, 0] }, '"batches[1]" is 0 and must lie between 1 and 65536'],
    [{ ...minimal, batches: [1.5] }, '"batches[0]" must be a whole number'],
    [{ ...minimal, depths: [16] }, '"depths[0]" is 16'],
    [{ ...minimal, distributions: ['even'] }, '"distributions[0]" is "even" and must be spread or skewed'],
    [{ ...minimal, limits: { passes: 0 } }, '"limits.passes" is 0 and must lie between 1 and 100'],
    [{ ...minimal, limits: { driftTolerance: Infinity } }, '"limits.driftTolerance" must be a number'],
    [{ ...minimal, source: { model: 'm' } }, '"source.text" is missing'],
    [{ ...minimal, engines: ['gpu'] }, 'There is no engine "gpu"'],
    [{ ...minimal, engines: ['fff:int3'] }, 'asks for precision "int3"'],
    [{ ...minimal, engines: ['dense-twin:bf16'] }, 'only fff has other precisions'],
    [{ ...minimal, engines: ['fff@'] }, 'does not name an engine'],
    [{ ...minimal, distributions: ['hidden-states'] }, 'needs a "source"'],
    [{ ...minimal, batches: [] }, '"batches" is empty'],
    [{ ...minimal, widths: [100], ladder: { heads: 3 } }, 'the width 100 cannot be split over 3 attention heads'],
  ])('says in one sentence what is wrong with %j', (value, complaint) => {
    expect(() => readPlan(value, 'plan.json')).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', message: expect.stringContaining(complaint) as string }) as Error,
    );
  });

  it('names the file', () => {
    expect(() => readPlan([], 'my plan.json')).toThrow(/^my plan\.json: /);
  });
});

describe('engine names', () => {
  it.each(['fff', 'fff@avx2', 'fff@*:exact-low', 'fff:bf16/2', 'dense-twin/all', 'native-twin@openblas'])(
    'reads and writes %s',
    (text) => {
      expect(engineSpecText(parseEngineSpec(text))).toBe(text);
    },
  );

  it('takes a name apart', () => {
    expect(parseEngineSpec('fff@avx512:bf16/all')).toEqual({
      engine: 'fff',
      implementation: 'avx512',
      precision: 'bf16',
      threads: 0,
    });
  });
});

describe('cells', () => {
  it('are the product of shapes, batches, threads, distributions and weights, small batches first', () => {
    const plan = completePlan({
      ...minimal,
      engines: ['fff'],
      batches: [128, 1],
      depths: [3, 11],
      threads: [1, 0],
      weights: ['warm', 'cold'],
      distributions: ['spread', 'repeated'],
    });
    const cells = cellsOf(plan, null);
    expect(cells).toHaveLength(2 * 2 * 2 * 2 * 2);
    expect(new Set(cells.map(cellText)).size).toBe(cells.length);
    expect(cells.slice(0, 16).every(({ batch }) => batch === 1)).toBe(true);
  });

  it('take shape, layers and batch of hidden states from the model and its text', () => {
    const plan = completePlan({
      ...minimal,
      engines: ['fff'],
      distributions: ['hidden-states'],
      source: { model: 'm', text: 't' },
    });
    const cells = cellsOf(plan, { width: 32, depth: 4, layers: 2, tokens: 9 });
    expect(cells.map(({ width, depth, batch, layer }) => [width, depth, batch, layer])).toEqual([
      [32, 4, 9, 0],
      [32, 4, 9, 1],
    ]);
  });

  it('lend the whole encoder the published shape, or else the largest', () => {
    const cellsFor = (widths: number[], depths: number[]) =>
      cellsOf(completePlan({ ...minimal, engines: ['fff'], widths, depths, batches: [1] }), null);
    const published = ladderCell(cellsFor([128, 768, 2048], [7, 11, 15]));
    expect([published.width, published.depth]).toEqual([768, 11]);
    const largest = ladderCell(cellsFor([128, 256], [3, 5]));
    expect([largest.width, largest.depth]).toEqual([256, 5]);
    expect([768, 384, 128, 100, 7].map(defaultHeads)).toEqual([12, 6, 2, 2, 1]);
  });

  it('refuse layers and batches that the source does not have', () => {
    const source = { width: 32, depth: 4, layers: 2, tokens: 9 };
    const base = { ...minimal, engines: ['fff'], distributions: ['hidden-states' as const] };
    const strayLayer = completePlan({ ...base, source: { model: 'm', text: 't', layers: [2] } });
    expect(() => cellsOf(strayLayer, source)).toThrow('layer 2 does not exist');
    const strayBatch = completePlan({ ...base, source: { model: 'm', text: 't' }, batches: [10] });
    expect(() => cellsOf(strayBatch, source)).toThrow("more tokens than the text's 9");
  });
});

describe('presets', () => {
  it.each(PRESETS.map(({ name }) => name))('%s is a valid plan', (name) => {
    const plan = presetPlan(name, { model: 'm', text: 't' });
    expect(readPlan(JSON.parse(JSON.stringify(plan)), name)).toEqual(plan);
    expect(plan.engines).toContain(name === 'precision' ? 'fff@*' : 'fff');
    expect(plan.engines.some((engine) => engine.startsWith('dense-twin'))).toBe(true);
  });

  it('stops at batch 1024 by default and never repeats tokens unless it says so', () => {
    expect(Math.max(...presetPlan('default').batches)).toBe(1024);
    for (const { name } of PRESETS) {
      const plan = presetPlan(name, { model: 'm', text: 't' });
      expect(plan.distributions.includes('repeated')).toBe(name === 'paper-repeated');
    }
  });
});
