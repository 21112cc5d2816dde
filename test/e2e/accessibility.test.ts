/**
 * axe-core over the text, names and roles of every view, in four themes. Marks are not text: their contrast is computed
 * in test/webview from the colours drawn.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import type axe from 'axe-core';
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BenchmarkResult, Percentiles } from '../../extension/protocol';
import { inRoot } from '../../scripts/lib/paths.mjs';
import { pickFile } from './dialogs';
import { focusFile, inspectText, shown, unfold, viewFrame } from './explorer';
import { Workbench, themeNames } from './workbench';

const FILE = 'sample.ts';
const TEXT = 'for (let i = 0; i < array.<mask>; i++) { total += array[i]; }';
const OTHER = 'for (const item of array) { total += item; }';
const NOTES = 'notes.txt';
const SENTENCES = [
  'The bank of the river is steep.',
  'Her bank lends money to farmers.',
  'We walked along the bank at night.',
].join('\n');
/** A recorded result that sweeps sizes: the shorter ones allow no law of growth to be fitted, and so have no list of them. */
const RECORDED = 'gpu-h200.fffbench';
/** A recorded result with the whole encoder, and the same as if another run had measured some engines otherwise. */
const ENCODER = { file: 'encoder.fffbench', other: 'encoder-again.fffbench' };
const FOLDED = ['node', 'whatif', 'lens', 'usage', 'compare', 'divergence', 'contexts', 'occurrences'];
const source = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * What a person with a screen reader, or one who sees little, would stumble over; one line a rule and element.
 *
 * @param looked rules that must have found something to look at.
 * @param within the part of the page that is audited: what was audited already costs seconds.
 */
async function violations(
  frame: Frame,
  looked = ['color-contrast', 'button-name'],
  within = 'html',
): Promise<string[]> {
  if (!(await frame.evaluate(() => 'axe' in window))) {
    // By the debugger, which no content policy concerns.
    await frame.evaluate(source);
  }
  const { violations: found, passed } = await frame.evaluate(async (part) => {
    const { axe: auditor } = window as unknown as { axe: typeof axe };
    const { violations: bad, passes: good } = await auditor.run(part, { resultTypes: ['violations', 'passes'] });
    return {
      violations: bad.map(({ id, impact, help, nodes }) => ({
        id,
        impact: impact ?? 'minor',
        help,
        nodes: nodes.map(({ html, failureSummary }) => ({ html: html.slice(0, 160), why: failureSummary ?? '' })),
      })),
      passed: Object.fromEntries(good.map(({ id, nodes }) => [id, nodes.length])),
    };
  }, within);
  // An audit that looked at nothing would find nothing.
  for (const rule of looked) {
    expect(passed[rule] ?? 0, rule).toBeGreaterThan(0);
  }
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, impact, help, nodes }) =>
      nodes.map(({ html, why }) => `${id} (${impact}): ${help}\n    ${html}\n    ${why.replace(/\s+/g, ' ')}`),
    );
}

/** The same of every figure that has a table twin, as table; the pictures are back afterwards. */
async function violationsInTables(frame: Frame): Promise<string[]> {
  const toggles = frame.locator('.table-toggle:visible');
  const toggleAll = async (): Promise<void> => {
    for (let at = 0; at < (await toggles.count()); at++) {
      await toggles.nth(at).click();
    }
  };
  await toggleAll();
  await frame.locator('.figure.as-table tbody tr').first().waitFor();
  const found = await violations(frame, undefined, '.figure.as-table');
  await toggleAll();
  return found;
}

/** The recorded encoder's result, times of its first rows multiplied; a quiet run, so that differences count. */
function encoderResult(name: string, factors: readonly number[]): string {
  const recorded = fs.readFileSync(inRoot('docs/benchmarks/results/ladder.json'), 'utf8');
  const result = JSON.parse(recorded) as BenchmarkResult;
  const times = ({ median, p5, p95 }: Percentiles, row: number): Percentiles => {
    const factor = factors[row] ?? 1;
    return { median: median * factor, p5: p5 * factor, p95: p95 * factor };
  };
  return JSON.stringify({
    ...result,
    plan: { ...result.plan, name },
    selfTests: [],
    rows: result.rows.map((row, at) => ({ ...row, microsecondsPerToken: times(row.microsecondsPerToken, at) })),
    samples: result.samples.map((entry) => ({
      ...entry,
      microsecondsPerToken: entry.microsecondsPerToken.map((time) => time * (factors[entry.row] ?? 1)),
    })),
  });
}

/** A line a violation, with where it is. */
const linesOf = (found: Record<string, string[]>): string =>
  Object.entries(found)
    .flatMap(([where, list]) => list.map((one) => `${where}: ${one}`))
    .join('\n');

describe('the text of all views under axe-core', () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: {
        [FILE]: `${TEXT}\n${OTHER}\n`,
        [NOTES]: `${SENTENCES}\n`,
        [RECORDED]: fs.readFileSync(inRoot('docs/benchmarks/results', RECORDED), 'utf8'),
        [ENCODER.file]: encoderResult('Encoder', []),
        [ENCODER.other]: encoderResult('Encoder again', [10, 0.1]),
      },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 50, 'fffExplorer.follow': false },
      viewport: { width: 1600, height: 1000 },
    });
    await workbench.openFile(NOTES);
    await workbench.openFile(FILE);
  });

  afterEach(({ task }) => workbench.screenshotOfFailure(task));

  afterAll(() => workbench.close());

  it('finds nothing in the empty panel', async () => {
    await workbench.runCommand('FFF Explorer: Open Trace Panel');
    const panel = await workbench.webview('body[data-view="trace"] [data-testid="welcome"]');
    // It has text, and no button before anything was inspected.
    await panel.locator('[data-testid="welcome"]').waitFor();
    expect(await violations(panel, ['color-contrast'])).toEqual([]);
    // The audit itself: it sees what nobody could read, and says where.
    await panel.evaluate(() => {
      const pale = document.createElement('p');
      pale.textContent = 'hardly to be seen';
      [pale.style.color, pale.style.background, pale.id] = ['#eeeeee', '#ffffff', 'pale'];
      document.querySelector('main, [role="main"]')!.append(pale);
    });
    const [found] = await violations(panel, ['color-contrast']);
    expect(found).toMatch(/^color-contrast \(serious\): .*\n *<p id="pale"/);
    await panel.evaluate(() => document.getElementById('pale')!.remove());
  });

  it('has something to look at: every section open, an intervention, a map, a comparison, a word', async () => {
    await inspectText(workbench, FILE, OTHER);
    await focusFile(workbench, NOTES);
    await workbench.selectText(NOTES, SENTENCES);
    await workbench.runCommand('FFF Explorer: Same Word in Several Sentences…', { staysOpen: true });
    await expect.poll(() => workbench.page.locator('.quick-input-widget input').inputValue()).toBe('bank');
    await workbench.page.keyboard.press('Enter');
    await (await viewFrame(workbench, 'trace')).locator('[data-testid="contexts-bars"]').waitFor();
    // The last sentence is shown now; the test of the word stays while others are.
    await inspectText(workbench, FILE, OTHER);
    const panel = await inspectText(workbench, FILE, TEXT);
    await workbench.runCommand('FFF Explorer: Map Usage of File');
    await panel.locator('[data-testid="tree-map"][data-traffic="corpus"]').waitFor();
    await panel.locator('[data-testid="compare-start"]').waitFor({ state: 'attached' });
    await unfold(panel, 'compare');
    await panel.locator('[data-testid="compare-start"]').click();
    await panel.locator('[data-testid="compare-bars"]').waitFor();
    for (const id of FOLDED) {
      await unfold(panel, id);
    }
    await expect.poll(() => panel.locator('.figure.folded').count()).toBe(0);
    const path = (await shown(panel, 'spine', 'path')).split(',');
    await panel.locator(`[data-testid="spine"] [data-node="${path[0]}"]`).first().click();
    await workbench.page.keyboard.press('f');
    await panel.locator('[data-testid="what-if-undo"]').waitFor();
    // Tokens that do not reach the leaf step back; they must stay readable.
    await panel
      .locator(`[data-testid="spine"] [data-node="${path.at(-1)}"]`)
      .first()
      .click();
    await panel.locator('.chip.aside').first().waitFor();
    for (const picture of ['node-card', 'contexts-bars', 'occurrences']) {
      await panel.locator(`[data-testid="${picture}"]`).waitFor();
    }
    await expect.poll(() => panel.locator('[data-testid="lens-layer"]').count()).toBe(4);
    await workbench.runCommand('View: Show FFF Explorer');
    await viewFrame(workbench, 'sidebar');
    await workbench.runCommand('Notifications: Clear All Notifications');
  });

  it.each(themeNames)(
    'finds nothing in the %s theme: trace panel, its tables and keyboard map, sidebar',
    async (theme) => {
      await workbench.setTheme(theme);
      const panel = await viewFrame(workbench, 'trace');
      const found: Record<string, string[]> = { panel: await violations(panel) };
      await panel.locator('[data-testid="help"]').click();
      found['keyboard map'] = await violations(panel, ['color-contrast'], '[data-testid="key-map"]');
      await workbench.page.keyboard.press('Escape');
      await workbench.screenshot(`axe-${theme}`);
      found['tables'] = await violationsInTables(panel);
      found['sidebar'] = await violations(await viewFrame(workbench, 'sidebar'));
      expect(linesOf(found)).toBe('');
    },
  );

  it('has results to look at in the benchmark panel: a whole encoder, and two compared', async () => {
    await workbench.runCommand('FFF Explorer: Open Benchmark');
    const panel = await workbench.webview('[data-mode="panel"]');
    for (const [file, name] of [
      [ENCODER.other, 'Encoder again'],
      [ENCODER.file, 'Encoder'],
    ] as const) {
      await panel.locator('[data-testid="open-result"]').click();
      await pickFile(workbench, workbench.file(file));
      await expect.poll(() => panel.locator('[data-testid="title"]').textContent()).toBe(name);
    }
    await panel.locator('[data-testid="entry"][data-name="Encoder again"] [data-testid="compare"]').click();
    await panel.locator('[data-testid="comparison"]').waitFor();
    const verdicts = await panel
      .locator('[data-testid="compared"]')
      .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-verdict')));
    expect(verdicts.slice(0, 3)).toEqual(['faster', 'slower', 'withheld']);
  });

  it.each(themeNames)('finds nothing in the benchmark panel and a recorded result in the %s theme', async (theme) => {
    await workbench.setTheme(theme);
    await workbench.runCommand('FFF Explorer: Open Benchmark');
    const panel = await workbench.webview('[data-mode="panel"]');
    await panel.locator('[data-testid="preset"] option').first().waitFor({ state: 'attached' });
    for (const picture of ['encoder-ladder', 'comparison']) {
      await panel.locator(`[data-testid="${picture}"]`).waitFor();
    }
    const found: Record<string, string[]> = { panel: await violations(panel) };
    await workbench.screenshot(`axe-benchmark-panel-${theme}`);
    found['tables of the panel'] = await violationsInTables(panel);
    await workbench.runCommand('View: Show Explorer');
    await workbench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: RECORDED }).dblclick();
    const result = await workbench.webview('.content[data-mode="file"]');
    for (const picture of ['ratio-point', 'law']) {
      await result.locator(`[data-testid="${picture}"]`).first().waitFor();
    }
    found['result'] = await violations(result);
    await workbench.screenshot(`axe-benchmark-${theme}`);
    found['tables of the result'] = await violationsInTables(result);
    await workbench.runCommand('View: Close Editor');
    expect(linesOf(found)).toBe('');
  });
});
