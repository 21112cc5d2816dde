/** One word in several sentences, on the whole page of the trace panel with the test as the host. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ViewState } from '../../extension/protocol';
import { contextsLayout } from '../../webview/charts/contexts';
import { sampleContexts } from './support/sampleInsight';
import { sampleState, sampleTrace } from './support/sampleTrace';
import { openView, type ViewPage } from './support/viewPage';

afterEach(() => vi.unstubAllGlobals());

const called = (page: ViewPage, method: string): unknown[][] =>
  page.calls.filter((call) => call.method === method).map(({ parameters }) => parameters);

async function settleAll(page: ViewPage): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await page.settle();
  }
}

async function opened(open: string[], change: Partial<ViewState> = {}): Promise<{ page: ViewPage }> {
  const page = await openView('trace', { ...sampleState(), ...change }, { open });
  await settleAll(page);
  return { page };
}

/** What the picture's name says of each occurrence, at its end. */
const endings = (page: ViewPage): string[] =>
  page
    .find('occurrences')
    .querySelector('svg')!
    .getAttribute('aria-label')!
    .match(/: the reference(?=[;.])|, parts first at layer \d+, level \d+(?=[;.])|, never parts(?=[;.])/g) ?? [];

describe('one word in several sentences', () => {
  const test = sampleContexts('array', [sampleTrace({ seed: 8 }), sampleTrace()]);
  const count = test.occurrences.length;

  it('arrives open, with its agreement per layer and every occurrence against the first', async () => {
    const { page } = await opened([]);
    expect(page.find('figure-occurrences').hidden).toBe(true);
    page.find('contexts-start').click();
    await page.emit('contexts', test);
    await settleAll(page);
    expect(called(page, 'compareContexts')).toEqual([[true]]);
    expect(page.find('contexts-about').textContent).toBe(
      `“array”: ${count} occurrences in 2 sentences, model ${test.model}.`,
    );
    const { overlap, background, samePaths } = test.layers[2]!;
    expect(page.find('contexts-bars').querySelector('[data-layer="2"]')!.getAttribute('data-values')).toBe(
      [overlap, background, samePaths].join(','),
    );
    const rows = [...page.find('occurrences').querySelectorAll<SVGElement>('g.row')];
    expect(rows.map(({ dataset }) => dataset['shares'])).toEqual(
      test.occurrences.map((_, index) => test.layers.map((layer) => layer!.overlaps[index]).join(',')),
    );
    expect(rows[1]!.querySelector('.word')!.textContent).toBe('array');
    expect(endings(page)).toEqual(
      rows.map(({ dataset }, index) => {
        const [layer, level] = dataset['parts']!.split(',');
        return index === 0 ? ': the reference' : `, parts first at layer ${layer}, level ${level}`;
      }),
    );
    expect(page.saved).toMatchObject({ open: ['contexts', 'occurrences'] });
  });

  it('says of paths that are the same in every layer that they never part', async () => {
    const same = sampleContexts('array', [sampleTrace(), sampleTrace()]);
    const { page } = await opened(['occurrences'], { contexts: same });
    const twin = same.occurrences.length / 2;
    const row = page.find('occurrences').querySelector<SVGElement>(`g.row[data-row="${twin}"]`)!;
    expect([row.dataset['parts'], row.lastElementChild!.textContent]).toEqual(['', 'never']);
    expect(endings(page)[twin]).toBe(', never parts');
  });

  it('takes another occurrence for reference by click and by list, and ends on request', async () => {
    const { page } = await opened(['occurrences'], { contexts: test });
    page
      .find('occurrences')
      .querySelectorAll('g.row')[2]!
      .dispatchEvent(new MouseEvent('click', { bubbles: true }));
    await settleAll(page);
    expect(page.find('occurrences').dataset['reference']).toBe('2');
    const select = page.find('contexts-reference').querySelector('select')!;
    expect([...select.options].map(({ label }) => label)).toEqual(test.occurrences.map((_, index) => `${index + 1}`));
    select.selectedIndex = count - 1;
    select.dispatchEvent(new Event('change'));
    await settleAll(page);
    // The last sentence is the shown one: the focus goes along.
    expect(called(page, 'setFocus').at(-1)).toMatchObject([{ token: test.occurrences.at(-1)!.tokens[0] }]);
    page.find('table-occurrences').click();
    await settleAll(page);
    const cells = [...page.find('figure-occurrences').querySelectorAll('tbody tr')].map((row) =>
      [...row.querySelectorAll('td')].map(({ textContent }) => textContent),
    );
    expect(cells).toHaveLength(count);
    expect(cells[count - 1]!.slice(-2)).toEqual(['–', '–']);
    const layer = test.layers.findIndex((one) => one!.divergenceLevels[(count - 1) * count]! <= test.depth);
    const level = test.layers[layer]!.divergenceLevels[(count - 1) * count];
    expect(cells[0]!.slice(-2)).toEqual([String(layer), String(level)]);
    page.find('contexts-end').click();
    await page.emit('contexts', null);
    await settleAll(page);
    expect(called(page, 'compareContexts')).toEqual([[false]]);
    expect(page.find('figure-occurrences').hidden).toBe(true);
    expect(page.find('figure-contexts').textContent).toContain('No word is tested yet.');
  });
});

describe('the rows of occurrences', () => {
  it.each([300, 900, 1600])('fit into %i px, whatever the number of layers', (width) => {
    for (const layers of [1, 4, 16]) {
      const { words, cells, cell, stacked } = contextsLayout(width, layers);
      expect(stacked).toBe(width < 620);
      expect(words).toBeGreaterThan(100);
      // What is left is for where the paths part.
      expect(cells + cell * layers).toBeLessThanOrEqual(width - 90);
    }
  });
});
