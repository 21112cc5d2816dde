/**
 * Several at once, in a real VS Code: tokens found and selected, their paths together, and one word in several sentences.
 * Compared with the same computed without an editor.
 */
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { contextsOf } from '../../extension/contexts';
import type { ContextTest, Trace } from '../../extension/protocol';
import { firstOfLevel } from '../../extension/tree';
import { focusFile, inspectText, lookAt, shown, shownTokens, twin, viewFrame } from './explorer';
import { DEPTH, pathOf, Reference } from './reference';
import { Workbench } from './workbench';

const TEXT = 'for (let i = 0; i < array.<mask>; i++) { total += array[i]; }';
const FILE = 'loop.txt';
const NOTES = 'notes.txt';
const SENTENCES = [
  'The bank of the river is steep.',
  'Her bank lends money to farmers.',
  'We walked along the bank at night.',
];

describe('Several at once in a real VS Code', () => {
  let workbench: Workbench;
  let reference: Reference;
  let trace: Trace;
  let frame: Frame;

  beforeAll(async () => {
    reference = await Reference.open();
    trace = await reference.trace(TEXT);
    workbench = await Workbench.start({
      files: { [FILE]: `${TEXT}\n`, [NOTES]: `${SENTENCES.join('\n')}\n` },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 0, 'editor.minimap.enabled': false },
    });
    await workbench.openFile(NOTES);
    await workbench.openFile(FILE);
    frame = await inspectText(workbench, FILE, TEXT);
  });

  afterEach(({ task }) => workbench.screenshotOfFailure(task));

  afterAll(async () => {
    await workbench.close();
    await reference.dispose();
  });

  it('finds tokens by their text, by key and by mouse, and selects them all', async () => {
    await lookAt(frame, 0, 0);
    const found = [...trace.tokens.keys()].filter((token) => trace.tokens[token]!.text === 'array');
    expect(found.length).toBeGreaterThan(1);
    await workbench.page.keyboard.press('/');
    await frame.locator('[data-testid="search-input"]:focus').waitFor();
    await workbench.page.keyboard.type('ARRAY');
    await frame.locator(`.content[data-token="${found[0]}"]`).waitFor();
    expect(await shown(frame, 'search', 'found')).toBe(found.join(','));
    await workbench.page.keyboard.press('Enter');
    await frame.locator(`.content[data-token="${found[1]}"]`).waitFor();
    await expect
      .poll(() => frame.locator('[data-testid="search-count"]').textContent())
      .toBe(`2 of ${found.length} tokens`);
    await frame.locator('[data-testid="search-select"]').click();
    const beside = found.filter((token) => token !== found[1]);
    await expect.poll(() => shown(frame, 'tree-map', 'selected')).toBe(beside.join(','));
    await frame.locator('[data-testid="search-input"]').focus();
    await workbench.page.keyboard.press('Escape');
    await expect.poll(() => frame.locator('[data-testid="search"]').isVisible()).toBe(false);
    await frame.locator('[data-testid="find"]').click();
    await frame.locator('[data-testid="search-input"]:focus').waitFor();
    await frame.locator('[data-testid="find"]').click();
    await expect.poll(() => frame.locator('[data-testid="search"]').isVisible()).toBe(false);

    await workbench.runCommand('View: Show FFF Explorer');
    const sidebar = await viewFrame(workbench, 'sidebar');
    await sidebar.locator('[data-testid="token"][data-index="0"]').click();
    await workbench.page.keyboard.press('/');
    await sidebar.locator('[data-testid="search-input"]:focus').waitFor();
    await workbench.page.keyboard.type('array');
    await frame.locator(`.content[data-token="${found[0]}"]`).waitFor();
    expect(await sidebar.locator('[data-testid="search-count"]').textContent()).toBe(`1 of ${found.length} tokens`);
    await workbench.runCommand('View: Show Explorer');
  });

  it('draws the paths of several tokens at once', async () => {
    await lookAt(frame, 0, 1);
    await workbench.page.keyboard.press('Escape');
    await expect.poll(() => shown(frame, 'tree-map', 'selected')).toBe('');
    await frame.locator('[data-testid="token"][data-index="4"]').click({ modifiers: ['Shift'] });
    await workbench.page.keyboard.press('ArrowRight');
    await workbench.page.keyboard.press('ArrowRight');
    await workbench.page.keyboard.press('x');
    await workbench.page.keyboard.press('ArrowRight');
    // The focused token's path is stroked anyway.
    await expect.poll(() => shown(frame, 'tree-map', 'path')).toBe(pathOf(trace, 0, 4).join(','));
    expect(await shown(frame, 'tree-map', 'selected')).toBe('3');
  });

  /** The leaf a stroked path ends at, from where its line ends. */
  function ends(): Promise<number[]> {
    return frame.locator('[data-testid="tree-map"]').evaluate((root, leaves) => {
      const width = root.querySelector('.overlay')!.getBoundingClientRect().width;
      return [...root.querySelectorAll('[data-testid="other-path"]')].map((line) => {
        const last = (line.getAttribute('points') ?? '').split(' ').at(-1)!;
        return Math.floor((Number(last.split(',')[0]) / width) * leaves);
      });
    }, 2 ** DEPTH);
  }

  it('strokes each of them to its own leaf, and lets them go', async () => {
    const leafOf = (token: number): number => pathOf(trace, 0, token).at(-1)! - firstOfLevel(DEPTH);
    // Looking at a third token, both others are strangers.
    await workbench.page.keyboard.press('End');
    await frame.locator(`.content[data-token="${trace.tokens.length - 1}"]`).waitFor();
    await expect.poll(() => shown(frame, 'tree-map', 'selected')).toBe('3,4');
    expect(await ends()).toEqual([leafOf(3), leafOf(4)]);
    await workbench.page.keyboard.press('Escape');
    await expect.poll(() => shown(frame, 'tree-map', 'selected')).toBe('');
    expect(await ends()).toEqual([]);
  });

  /** What the view says of every occurrence against the reference. */
  async function occurrences(): Promise<{ shares: number[]; parts: string | null }[]> {
    const rows = frame.locator('[data-testid="occurrences"] g.row');
    return rows.evaluateAll((all) =>
      all.map((row) => ({
        shares: (row.getAttribute('data-shares') ?? '').split(',').map(Number),
        parts: row.getAttribute('data-parts'),
      })),
    );
  }

  function expectOccurrences(
    drawn: Awaited<ReturnType<typeof occurrences>>,
    { layers }: ContextTest,
    chosen: number,
    count: number,
  ): void {
    expect(drawn).toHaveLength(count);
    drawn.forEach(({ shares, parts }, index) => {
      layers.forEach((layer, at) => expect(shares[at]).toBeCloseTo(layer!.overlaps[chosen * count + index]!, 5));
      const first = layers.findIndex((layer) => layer!.divergenceLevels[chosen * count + index]! <= DEPTH);
      const level = layers[first]?.divergenceLevels[chosen * count + index];
      expect(parts).toBe(first < 0 ? '' : `${first},${level}`);
    });
  }

  it('tests a word in several sentences: overlap per layer, and where its paths part first', async () => {
    await focusFile(workbench, NOTES);
    await workbench.selectText(NOTES, SENTENCES.join('\n'));
    await workbench.runCommand('FFF Explorer: Same Word in Several Sentences…', { staysOpen: true });
    const input = workbench.page.locator('.quick-input-widget input');
    await expect.poll(() => input.inputValue()).toBe('bank');
    await workbench.page.keyboard.press('Enter');
    const bars = frame.locator('[data-testid="contexts-bars"]');
    await bars.waitFor();
    const traces: Trace[] = [];
    for (const sentence of SENTENCES) {
      traces.push(await reference.trace(sentence));
    }
    const expected = contextsOf(
      'bank',
      traces.map((one) => ({ trace: one, source: null })),
      0,
    );
    expect(expected.occurrences).toHaveLength(3);
    expect(await shownTokens(frame)).toEqual(traces[2]!.tokens.map(({ text }) => text));
    expect(await frame.locator('[data-testid="contexts-about"]').textContent()).toBe(
      '“bank”: 3 occurrences in 3 sentences, model default.',
    );
    const drawn = await bars
      .locator('g.row')
      .evaluateAll((rows) => rows.map((row) => (row.getAttribute('data-values') ?? '').split(',').map(Number)));
    expected.layers.forEach((layer, index) => {
      [layer!.overlap, layer!.background, layer!.samePaths].forEach((value, at) =>
        expect(drawn[index]![at]).toBeCloseTo(value, 5),
      );
    });
    // Brought into sight, below the toolbar, though it lies far down.
    const top = (): Promise<number> => frame.locator('#contexts').evaluate((one) => one.getBoundingClientRect().top);
    await expect.poll(top).toBeGreaterThan(0);
    expect(await top()).toBeLessThan(400);
    expectOccurrences(await occurrences(), expected, 0, 3);
    await workbench.screenshot('insight-contexts');

    await frame.locator('[data-testid="occurrences"] g.row[data-row="2"]').click();
    await expect.poll(() => shown(frame, 'occurrences', 'reference')).toBe('2');
    expectOccurrences(await occurrences(), expected, 2, 3);
    // The third sentence is the shown one, so the focus goes to its word.
    await frame.locator(`.content[data-token="${expected.occurrences[2]!.tokens[0]}"]`).waitFor();
    await frame.locator('[data-testid="contexts-reference"] select').focus();
    await workbench.page.keyboard.press('ArrowUp');
    await expect.poll(() => shown(frame, 'occurrences', 'reference')).toBe('1');
    const read = await twin(frame, 'occurrences');
    expect(read.map(([, where, , word]) => [where, word])).toEqual(
      [1, 2, 3].map((line) => [`${NOTES}:${line}`, 'bank']),
    );
    expect(read.map((cells) => cells.slice(-2))).toEqual(
      (await occurrences()).map(({ parts }, row) =>
        parts === '' ? [row === 1 ? '–' : 'never', '–'] : parts!.split(','),
      ),
    );
    expect(await twin(frame, 'contexts')).toHaveLength(4);
  });

  it('keeps the test while other texts are inspected, and ends it on request', async () => {
    frame = await inspectText(workbench, FILE, TEXT);
    expect(await shown(frame, 'occurrences', 'word')).toBe('bank');
    await frame.locator('[data-testid="contexts-end"]').click();
    await expect.poll(() => frame.locator('[data-testid="figure-occurrences"]').isVisible()).toBe(false);
    expect(await frame.locator('[data-testid="figure-contexts"] .note').textContent()).toContain(
      'No word is tested yet.',
    );
  });

  it('stays within its own policy', () => {
    expect(workbench.foreignRequests).toEqual([]);
    expect(workbench.viewErrors).toEqual([]);
  });
});
