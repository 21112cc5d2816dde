/** What is found out on request, on the whole page of the trace panel with the test as the host. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Intervention, ViewState } from '../../extension/protocol';
import { gelu, pathToLeaf } from '../../extension/tree';
import { sampleCard, sampleCompared, sampleNorms, sampleUsage, sampleWhatIf } from './support/sampleInsight';
import { sampleState, sampleTrace } from './support/sampleTrace';
import { openView, type ViewPage } from './support/viewPage';

afterEach(() => vi.unstubAllGlobals());

const called = (page: ViewPage, method: string): unknown[][] =>
  page.calls.filter((call) => call.method === method).map(({ parameters }) => parameters);

const pathOf = (state: ViewState, layer: number, token: number): number[] =>
  pathToLeaf(state.trace!.layers[layer]!.leaves[token]!, 11);

/** Several questions may be answered one after the other, each with a frame between. */
async function settleAll(page: ViewPage): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await page.settle();
  }
}

async function opened(
  open: string[],
  change: Partial<ViewState> = {},
  setup: Record<string, unknown> = {},
): Promise<{ page: ViewPage; state: ViewState }> {
  const state = { ...sampleState(), ...change };
  const page = await openView('trace', state, { open, ...setup });
  await settleAll(page);
  return { page, state };
}

const pinned = (node: number | null): Partial<ViewState> => ({ focus: { token: 10, layer: 0, tree: 0, node } });

describe('contributions', () => {
  it('are |activation| times the norm of the output weights, summed against the norm of the output', async () => {
    const state = sampleState();
    state.trace!.layers[0]!.outputNorms = new Float32Array(44).fill(2.5);
    const page = await openView('trace', state);
    await settleAll(page);
    const norms = sampleNorms(state.trace!, 0).outputNorms;
    const logits = state.trace!.layers[0]!.logits.subarray(10 * 12, 11 * 12);
    const expected = pathOf(state, 0, 10).map((node, level) => Math.abs(gelu(logits[level]!)) * norms[node]!);
    const { dataset } = page.find('spine');
    expect(Number(dataset['contributionSum'])).toBeCloseTo(
      expected.reduce((sum, value) => sum + value, 0),
      10,
    );
    expect(dataset['outputNorm']).toBe('2.5');
    expect(page.find('spine').querySelector('.foot')!.textContent).toMatch(
      /^sum of contributions [\d.]+ · output of the layer 2\.50$/,
    );
    const drawn = [...document.querySelectorAll('[data-layer="0"] > .neuron')].map((neuron) =>
      Number(neuron.getAttribute('data-contribution')),
    );
    expect(drawn).toHaveLength(12);
    drawn.forEach((value, level) => expect(value).toBeCloseTo(expected[level]!, 10));
  });

  it('ask once a layer, however often the focus moves', async () => {
    const { page } = await opened([]);
    for (let i = 0; i < 4; i++) {
      await page.press('ArrowRight');
    }
    const layers = called(page, 'layerNorms').map(([layer]) => layer);
    expect([...layers].sort()).toEqual([0, 1, 2, 3]);
  });

  it('stand in for activations where chosen, and leave no bar while they are unknown', async () => {
    const { page } = await opened([], {}, { neurons: 'contribution' });
    expect(page.find('neurons').dataset['measure']).toBe('contribution');
    expect(document.querySelectorAll('.neurons .nan')).toHaveLength(0);
    page.find('neurons-measure').querySelector('button')!.click();
    await page.settle();
    expect(page.find('neurons').dataset['measure']).toBe('activation');
    expect(page.saved).toMatchObject({ neurons: 'activation' });
  });
});

describe('node card', () => {
  it('asks only for a pinned node of an open card, and shows its weights, words and tokens', async () => {
    const { page, state } = await opened(['node']);
    expect(called(page, 'describeNode')).toEqual([]);
    await page.press('ArrowDown', { shiftKey: true });
    await page.press('ArrowDown', { shiftKey: true });
    await settleAll(page);
    const node = pathOf(state, 0, 10)[1]!;
    expect(called(page, 'describeNode').at(-1)).toEqual([{ layer: 0, tree: 0, node }]);
    const card = sampleCard(state.trace!, 0, 0, node);
    const root = page.find('node-card');
    expect(root.dataset['node']).toBe(String(node));
    expect(Number(page.find('node-input').dataset['norm'])).toBeCloseTo(card.input.norm, 12);
    const words = [...page.find('node-output').querySelectorAll<HTMLElement>('.along li')];
    expect(words.map(({ dataset }) => dataset['text'])).toEqual(card.output.along.map(({ text }) => text));
    const drawn = page.find('node-input').querySelectorAll('.weights path');
    const hairs = [...drawn].map((path) => (path.getAttribute('d')!.match(/M/g) ?? []).length);
    expect(hairs).toEqual([
      card.input.weights.filter((weight) => weight > 0).length,
      card.input.weights.filter((weight) => weight <= 0).length,
    ]);
    const visitor = root.querySelector<HTMLElement>('[data-token]')!;
    visitor.click();
    await page.settle();
    expect(called(page, 'setFocus').at(-1)).toMatchObject([{ token: card.tokens[0], node }]);
  });

  it('names the corpus’s tokens too', async () => {
    const note = { runId: 77, documents: 1, tokens: 2720, label: 'src' };
    const { page } = await opened(['node'], { usage: note, ...pinned(0) });
    expect(page.find('node-corpus').dataset['visits']).toBe('2720');
    expect(page.find('node-corpus').textContent).toContain('func ×1,000');
    expect(called(page, 'usageContexts')).toEqual([[{ layer: 0, tree: 0, node: 0 }]]);
    const [first, second] = document.querySelectorAll<HTMLElement>('[data-testid="usage-context"]');
    expect(first!.querySelector('strong')!.textContent).toBe('func');
    expect(first!.title).toBe('src/go/range.ts, line 12');
    expect(second!.textContent).toBe('old.ts changed since it was mapped');
    page.find('table-node').click();
    await settleAll(page);
    const rows = [...page.find('figure-node').querySelectorAll('tbody tr')].map((row) =>
      [...row.querySelectorAll('td')].map(({ textContent }) => textContent),
    );
    expect(rows.slice(-4)).toEqual([
      ['visits', 'token of the corpus', 'func', '1000'],
      ['visits', 'in src/go/range.ts', expect.stringContaining('before the word func') as string, 'line 12'],
      ['visits', 'token of the corpus', '##tion', '40'],
      ['visits', 'in old.ts', 'changed since', '–'],
    ]);
  });

  it('costs nothing while it is folded', async () => {
    const { page } = await opened([], pinned(5));
    expect(called(page, 'describeNode')).toEqual([]);
    page.find('fold-node').click();
    await settleAll(page);
    expect(page.find('fold-node').getAttribute('aria-expanded')).toBe('true');
    expect(called(page, 'describeNode')).toEqual([[{ layer: 0, tree: 0, node: 5 }]]);
    expect(page.saved).toMatchObject({ open: ['node'] });
  });
});

describe('what if', () => {
  const changes = (page: ViewPage): Intervention[][] =>
    called(page, 'setInterventions').map(([request]) => (request as { interventions: Intervention[] }).interventions);

  it('flips by f, silences by s, undoes by u, and opens its list', async () => {
    const { page, state } = await opened([], pinned(0));
    await page.press('f');
    await settleAll(page);
    const flip = { layer: 0, tree: 0, node: 0, token: 10, kind: 'flip' };
    expect(changes(page)).toEqual([[flip]]);
    const before = state.trace!.layers[0]!.leaves[10]!;
    expect(page.find('tree-map').dataset['changedPath']).toBe(pathToLeaf(before ^ (1 << 10), 11).join(','));
    expect(page.find('intervention-mark').getAttribute('data-node')).toBe('0');
    expect(page.find('navigator').dataset['changed']).toBe('1');
    expect(page.find('intervention').textContent).toContain('Flip node 0 of layer 0 for “array” (token 10)');
    const changed = [...document.querySelectorAll<HTMLElement>('[data-testid="prediction-change"]')];
    const masked = state.trace!.predictions.map(({ index }) => index);
    expect(changed.map(({ dataset }) => Number(dataset['index']))).toEqual([10, ...masked].sort((a, b) => a - b));
    expect(changed[0]!.textContent).toContain('KL 0.037 nats');
    await page.press('ArrowDown', { shiftKey: true });
    await page.press('s');
    await settleAll(page);
    const silence = { ...flip, node: pathOf(state, 0, 10)[1], kind: 'silence' };
    expect(changes(page).at(-1)).toEqual([flip, silence]);
    expect(document.querySelectorAll('[data-testid="intervention"]')).toHaveLength(2);
    await page.press('u');
    await settleAll(page);
    expect(changes(page).at(-1)).toEqual([flip]);
    page.find('what-if-clear').click();
    await settleAll(page);
    expect(changes(page).at(-1)).toEqual([]);
    expect(page.find('tree-map').dataset['changedPath']).toBe('');
    expect(document.querySelector('[data-testid="what-if"]')).toBeNull();
  });

  it('loses no gesture to the next, however quickly it follows', async () => {
    const { page, state } = await opened(['whatif'], pinned(0));
    const quickly = async (...presses: [string, KeyboardEventInit?][]): Promise<void> => {
      // All in one turn: the host's first answer comes after the last key.
      await Promise.all(presses.map(([key, change]) => page.press(key, change)));
      await settleAll(page);
    };
    const down: [string, KeyboardEventInit] = ['ArrowDown', { shiftKey: true }];
    const path = pathOf(state, 0, 10);
    const at = { layer: 0, tree: 0, token: 10 };
    const flip = { ...at, node: 0, kind: 'flip' };
    const silence = (level: number): object => ({ ...at, node: path[level], kind: 'silence' });
    await quickly(['f'], down, ['s']);
    expect(changes(page)).toEqual([[flip], [flip, silence(1)]]);
    expect(document.querySelectorAll('[data-testid="intervention"]')).toHaveLength(2);
    await quickly(['u'], ['u'], ['u']);
    expect(changes(page).slice(2)).toEqual([[flip], []]);
    expect(page.find('hint').textContent).toBe('There is no change to undo.');
    await quickly(['s'], down, ['s'], down, ['s']);
    const rows = [...document.querySelectorAll<HTMLElement>('.remove')];
    expect(rows).toHaveLength(3);
    rows.slice(0, 2).forEach((row) => row.click());
    await settleAll(page);
    expect(changes(page).at(-1)).toEqual([silence(3)]);
  });

  it('says in one line why a key did nothing, or what else it did', async () => {
    const { page, state } = await opened([]);
    const hint = page.find('hint');
    expect(hint.getAttribute('role')).toBe('status');
    await page.press('s');
    expect(hint.textContent).toContain('No node is pinned.');
    await page.press('u');
    expect(hint.textContent).toBe('There is no change to undo.');
    for (let level = 0; level < 12; level++) {
      await page.press('ArrowDown', { shiftKey: true });
    }
    expect(hint.textContent).toBe('');
    expect(changes(page)).toEqual([]);
    await page.press('f');
    expect(hint.textContent).toBe('A leaf decides nothing, so its neuron is silenced instead.');
    expect(changes(page)).toMatchObject([[{ node: pathOf(state, 0, 10)[11], kind: 'silence' }]]);
    document.body.dispatchEvent(new Event('pointerdown', { bubbles: true }));
    expect(hint.textContent).toBe('');
  });

  it('names the cut corners only where there are some', async () => {
    const { page } = await opened([], pinned(0));
    const caption = (): string => page.find('figure-navigator').querySelector('.caption')!.textContent;
    expect(caption()).not.toContain('cut corner');
    await page.press('f');
    await settleAll(page);
    expect(caption()).toContain('A cut corner: the path there changed under trial.');
    await page.press('u');
    await settleAll(page);
    expect(caption()).not.toContain('cut corner');
  });

  it('is listed in the sidebar while there is something to list', async () => {
    const state = { ...sampleState(), ...pinned(0) };
    const page = await openView('sidebar', state);
    const section = document.querySelector<HTMLElement>('.what-if-section')!;
    expect(section.hidden).toBe(true);
    await page.press('f');
    await settleAll(page);
    expect(section.hidden).toBe(false);
    expect(page.find('intervention').textContent).toContain('Flip node 0 of layer 0 for “array” (token 10)');
    await page.press('s');
    await settleAll(page);
    document.querySelector<HTMLElement>('.remove')!.click();
    await settleAll(page);
    expect(changes(page).at(-1)).toEqual([]);
    expect(section.hidden).toBe(true);
  });

  it('takes the same change back, and lets one kind replace the other', async () => {
    const { page } = await opened(['whatif'], pinned(0), { scope: 'all' });
    await page.press('Enter');
    await settleAll(page);
    await page.press('s');
    await settleAll(page);
    await page.press('s');
    await settleAll(page);
    const at = { layer: 0, tree: 0, node: 0, token: null };
    expect(changes(page)).toEqual([[{ ...at, kind: 'flip' }], [{ ...at, kind: 'silence' }], []]);
  });

  it('silences a leaf instead of flipping it, by double click in the path', async () => {
    const { page, state } = await opened(['whatif']);
    const leaf = pathOf(state, 0, 10)[11]!;
    const row = page.find('spine').querySelector(`[data-node="${leaf}"]`)!;
    row.dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
    await settleAll(page);
    expect(changes(page)).toEqual([[{ layer: 0, tree: 0, node: leaf, token: 10, kind: 'silence' }]]);
    document.querySelector<HTMLElement>('.remove')!.click();
    await settleAll(page);
    expect(changes(page).at(-1)).toEqual([]);
  });

  it('shows what another view tried, and says where it had no effect', async () => {
    const { page, state } = await opened(['whatif']);
    const off = state.trace!.layers[0]!.leaves.every((leaf) => leaf !== 2047);
    expect(off).toBe(true);
    const interventions: Intervention[] = [{ layer: 0, tree: 0, node: 4094, token: null, kind: 'silence' }];
    await page.emit('interventions', { interventions, result: sampleWhatIf(state.trace!, interventions, [1]) });
    expect(page.find('intervention').textContent).toContain('no token comes by: no effect');
    expect(page.find('what-if-paths').textContent).toBe('No token takes another path.');
  });
});

describe('lens and predictions', () => {
  it('follow the pinned token only while they are open', async () => {
    const { page } = await opened([]);
    expect(called(page, 'lens')).toEqual([]);
    page.find('fold-lens').click();
    await settleAll(page);
    await page.press('ArrowRight');
    await settleAll(page);
    expect(called(page, 'lens')).toEqual([[10], [11]]);
    const rows = [...document.querySelectorAll<HTMLElement>('[data-testid="lens-layer"]')];
    expect(rows.map(({ dataset }) => dataset['rank'])).toEqual(['9', '6', '3', '0']);
    expect(page.find('lens').dataset['final']).toBe(rows[3]!.querySelector<HTMLElement>('.guess')!.dataset['text']);
    rows[2]!.querySelector('button')!.click();
    await page.settle();
    expect(called(page, 'setFocus').at(-1)).toMatchObject([{ layer: 2 }]);
  });

  it('say why where there is no answer', async () => {
    const state = sampleState();
    const page = await openView('trace', state, { open: ['lens'] });
    page.refuse.set('lens', { code: 'BAD_INPUT', message: 'This trace came from a file.' });
    await page.press('ArrowRight');
    await settleAll(page);
    expect(page.find('figure-lens').textContent).toContain('This trace came from a file.');
  });

  it('can be asked for at any token', async () => {
    const { page } = await opened([]);
    page.find('predict-here').click();
    await settleAll(page);
    const shown = [...document.querySelectorAll<HTMLElement>('[data-testid="predictions"] .prediction')];
    expect(shown.map(({ dataset }) => dataset['index'])).toContain('10');
    expect(called(page, 'predictAt')).toEqual([[10]]);
  });
});

describe('closest decisions with rounded weights', () => {
  it('come from the host, say how many flip, and lead to their place', async () => {
    const { page } = await opened([]);
    expect(called(page, 'nearBoundary')).toEqual([]);
    page.find('boundary-precision').querySelectorAll('button')[2]!.click();
    await settleAll(page);
    expect(called(page, 'nearBoundary')).toEqual([[{ precision: 'bf16', noise: 0 }]]);
    expect(page.find('boundary-summary').textContent).toBe(
      '3 of 1,936 decisions flip with bf16 weights; 2 paths change.',
    );
    const rows = [...page.find('figure-boundary').querySelectorAll('tbody tr[data-row]')];
    expect(rows.map((row) => row.textContent.includes('flips')).slice(0, 5)).toEqual([true, true, true, false, false]);
    rows[1]!.querySelector<HTMLElement>('td')!.click();
    await page.settle();
    const cells = [...rows[1]!.querySelectorAll('td')].map(({ textContent }) => textContent);
    expect(called(page, 'setFocus').at(-1)).toMatchObject([{ layer: Number(cells[2]), node: Number(cells[3]) }]);
  });
});

describe('corpus and comparison', () => {
  const note = { runId: 77, documents: 1, tokens: 2720, label: 'src' };

  it('show a corpus that was just mapped as the tree’s traffic, until the user chooses otherwise', async () => {
    const { page, state } = await opened([]);
    expect(called(page, 'usage')).toEqual([]);
    page.find('map-usage').click();
    await page.emit('usage', note);
    await settleAll(page);
    expect(called(page, 'mapUsage')).toEqual([[]]);
    expect(page.find('usage-about').textContent).toBe('src: 2,720 tokens of 1 document.');
    const usage = sampleUsage(state.trace!).layers[1]![0]!;
    const row = page.find('usage-bars').querySelector('[data-layer="1"]')!;
    expect(Number(row.getAttribute('data-values')!.split(',')[0])).toBeCloseTo(usage.entropyBits / 11, 10);
    expect(page.find('tree-map').dataset['traffic']).toBe('corpus');
    await page.press('ArrowDown', { shiftKey: true });
    expect(page.find('tree-readout').textContent).toContain('2,720 of 2,720 tokens of the corpus');
    expect(called(page, 'usage')).toHaveLength(1);
    page.find('report-usage').click();
    expect(called(page, 'openReport')).toEqual([['usage']]);
    page.find('tree-traffic').querySelectorAll('button')[0]!.click();
    await settleAll(page);
    expect(page.find('tree-map').dataset['traffic']).toBe('trace');
    await page.emit('usage', { ...note, runId: 78 });
    await settleAll(page);
    expect(called(page, 'usage')).toHaveLength(2);
    expect(page.find('tree-map').dataset['traffic']).toBe('corpus');
  });

  it('show what came while the view was hidden, once', async () => {
    const { page } = await opened([], { usage: note });
    expect(page.find('tree-map').dataset['traffic']).toBe('corpus');
    expect(page.find('usage-about').textContent).toContain('src');
    const again = await opened([], { usage: note }, { traffic: 'trace', shownUsage: '77' });
    expect(again.page.find('tree-map').dataset['traffic']).toBe('trace');
  });

  it('show the difference to another trace, and where paths part', async () => {
    const { page, state } = await opened(['divergence']);
    expect(page.find('report-comparison').hidden).toBe(true);
    page.find('compare-start').click();
    const compared = sampleCompared(state.trace!, sampleTrace({ seed: 8 }));
    await page.emit('compared', compared);
    await settleAll(page);
    expect(called(page, 'compare')).toEqual([[true]]);
    expect(page.find('tree-map').dataset['traffic']).toBe('difference');
    const { overlap, samePaths } = compared.comparison.layers[2]!;
    expect(page.find('compare-bars').querySelector('[data-layer="2"]')!.getAttribute('data-values')).toBe(
      `${overlap},${samePaths}`,
    );
    const level = compared.comparison.layers[0]!.divergenceLevels[10]!;
    const about = page.find('compare-about').textContent;
    expect(about).toContain(`part first in layer 0, at level ${level}.`);
    // Nothing is said of what there is none of: tokens of one side only, another model.
    expect(about).toMatch(/^Against range\.ts:1 \(before\): 44 tokens in both\. /);
    expect(about).not.toContain('model');
    const { trace } = compared;
    await page.emit('compared', { ...compared, trace: { ...trace, model: { ...trace.model, name: 'other' } } });
    expect(page.find('compare-about').textContent).toMatch(
      /^Against range\.ts:1 \(before\) in the model other: 44 tokens in both\. /,
    );
    const rows = page.find('figure-divergence').querySelectorAll('tbody tr[data-row]');
    expect(rows).toHaveLength(44);
    page.find('report-comparison').click();
    expect(called(page, 'openReport')).toEqual([['comparison']]);
    expect([...rows[10]!.querySelectorAll('td')].map(({ textContent }) => textContent)).toEqual([
      ...['10', 'array', '10', '0', String(level)],
    ]);
    page.find('compare-end').click();
    await page.emit('compared', null);
    expect(called(page, 'compare').at(-1)).toEqual([false]);
    expect(page.find('tree-map').dataset['traffic']).toBe('trace');
    expect(page.find('figure-divergence').hidden).toBe(true);
  });
});

describe('several tokens at once', () => {
  it('are selected by Shift and click or x, and their paths are stroked', async () => {
    const { page } = await opened([]);
    const chip = (index: number): HTMLElement =>
      document.querySelector<HTMLElement>(`[data-testid="token"][data-index="${index}"]`)!;
    chip(4).dispatchEvent(new MouseEvent('click', { bubbles: true, shiftKey: true }));
    await page.press('x');
    await page.press('ArrowRight');
    await page.press('x');
    expect(page.find('tree-map').dataset['selected']).toBe('4,10');
    expect(document.querySelectorAll('[data-testid="other-path"]')).toHaveLength(2);
    expect([...document.querySelectorAll('.chip[data-selected]')]).toEqual([chip(4), chip(10), chip(11)]);
    await page.press('x');
    await page.press('Escape');
    expect(page.find('tree-map').dataset['selected']).toBe('');
  });

  it('are found by their text', async () => {
    const { page, state } = await opened([]);
    expect(page.find('search').hidden).toBe(true);
    await page.press('/');
    const input = page.find('search-input') as HTMLInputElement;
    expect(document.activeElement).toBe(input);
    input.value = 'ARRAY';
    input.dispatchEvent(new Event('input'));
    const found = [...state.trace!.tokens.keys()].filter((token) => state.trace!.tokens[token]!.text === 'array');
    expect(page.find('search').dataset['found']).toBe(found.join(','));
    await page.press('Enter');
    expect(called(page, 'setFocus').at(-1)).toMatchObject([{ token: found.find((token) => token > 10) }]);
    expect(page.find('search-count').textContent).toBe(`2 of ${found.length} tokens`);
    page.find('search-select').click();
    await page.settle();
    expect(page.find('tree-map').dataset['selected']!.split(',')).toHaveLength(found.length - 1);
    await page.press('Escape');
    expect(page.find('search').hidden).toBe(true);
  });
});

describe('saving', () => {
  const saved = async (page: ViewPage, figure: string, kind: string): Promise<Record<string, unknown>> => {
    page.find(`save-${figure}`).click();
    page.find(`save-${figure}-${kind}`).click();
    await settleAll(page);
    return called(page, 'exportFile').at(-1)![0] as Record<string, unknown>;
  };

  it('writes tables with exact values and what they are about', async () => {
    const { page, state } = await opened([], pinned(0));
    const csv = await saved(page, 'spine', 'csv');
    expect(csv['suggestedName']).toBe('range.ts-1-spine.csv');
    const lines = String(csv['data']).split('\r\n');
    expect(lines[0]).toBe('Level,Node,Decision,Logit,Margin,Activation,Contribution,Visits,Sibling,Its visits');
    const logit = state.trace!.layers[0]!.logits[120]!;
    expect(lines[1]!.split(',')[3]).toBe(String(logit));
    await page.press('f');
    await settleAll(page);
    const json = JSON.parse(String((await saved(page, 'navigator', 'json'))['data'])) as Record<string, unknown>;
    expect(json['interventions']).toMatchObject([{ node: 0, kind: 'flip' }]);
    expect(json['weightsHash']).toBe('3fa9c2d1b0e4');
    expect(json['rows']).toHaveLength(44);
    expect((json['rows'] as Record<string, unknown>[])[10]).toMatchObject({
      Token: 'array',
      'Layer 2': state.trace!.layers[2]!.leaves[10],
    });
  });

  it('writes the tree as shapes, with a fill a visited node', async () => {
    // jsdom lays nothing out and does not even know where words would be.
    Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
    const { page, state } = await opened([]);
    const file = await saved(page, 'tree', 'svg');
    const image = new DOMParser().parseFromString(String(file['data']), 'image/svg+xml');
    expect(image.querySelector('parsererror')).toBeNull();
    expect(image.querySelector('title')!.textContent).toBe('Tree');
    const visited = new Set(state.trace!.tokens.flatMap((_, token) => pathOf(state, 0, token).slice(0, 6)));
    expect(image.querySelectorAll('rect').length).toBeGreaterThan(visited.size);
    expect(image.querySelectorAll('polyline')).toHaveLength(2);
    expect(String(file['data'])).not.toContain('class=');
  });

  it('offers no picture of a figure that is shown as a table, and gives the trace itself to the host', async () => {
    const { page } = await opened([], {}, { tables: ['spine'] });
    page.find('save-spine').click();
    const offered = [...page.find('save-menu-spine').children].map(({ textContent }) => textContent);
    expect(offered).toEqual(['Table as CSV', 'Table as JSON']);
    page.find('export-trace').click();
    await page.settle();
    expect(called(page, 'exportTrace')).toEqual([[]]);
  });
});
