/**
 * axe-core over the text, names and roles of every view, in four themes. Marks are not text: their contrast is computed
 * in test/webview from the colours drawn.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import type axe from 'axe-core';
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { inspectText, shown, viewFrame } from './explorer';
import { Workbench, themeNames } from './workbench';

const FILE = 'sample.ts';
const TEXT = 'for (let i = 0; i < array.<mask>; i++) { total += array[i]; }';
const OTHER = 'for (const item of array) { total += item; }';
const FOLDED = ['whatif', 'lens', 'usage', 'compare', 'divergence'];
const source = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What a person with a screen reader, or one who sees little, would stumble over; one line a rule and element. */
async function violations(frame: Frame): Promise<string[]> {
  if (!(await frame.evaluate(() => 'axe' in window))) {
    // By the debugger, which no content policy concerns.
    await frame.evaluate(source);
  }
  const { violations: found, passed } = await frame.evaluate(async () => {
    const { axe: auditor } = window as unknown as { axe: typeof axe };
    const { violations: bad, passes: good } = await auditor.run(document, { resultTypes: ['violations', 'passes'] });
    return {
      violations: bad.map(({ id, impact, help, nodes }) => ({
        id,
        impact: impact ?? 'minor',
        help,
        nodes: nodes.map(({ html, failureSummary }) => ({ html: html.slice(0, 160), why: failureSummary ?? '' })),
      })),
      passed: Object.fromEntries(good.map(({ id, nodes }) => [id, nodes.length])),
    };
  });
  // An audit that looked at nothing would find nothing.
  expect(passed['color-contrast']).toBeGreaterThan(0);
  expect(passed['button-name']).toBeGreaterThan(0);
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, impact, help, nodes }) =>
      nodes.map(({ html, why }) => `${id} (${impact}): ${help}\n    ${html}\n    ${why.replace(/\s+/g, ' ')}`),
    );
}

describe('the text of all views under axe-core', () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: { [FILE]: `${TEXT}\n${OTHER}\n` },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 50, 'fffExplorer.follow': false },
      viewport: { width: 1600, height: 1000 },
    });
    await workbench.openFile(FILE);
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      await workbench.screenshot(`failed-${task.name.slice(0, 30).replace(/\W+/g, '-')}`);
    }
  });

  afterAll(() => workbench.close());

  it('finds nothing in the empty panel', async () => {
    await workbench.runCommand('FFF Explorer: Open Trace Panel');
    const panel = await workbench.webview('body[data-view="trace"] [data-testid="welcome"]');
    expect(await violations(panel)).toEqual([]);
    // The audit itself: it sees what nobody could read, and says where.
    await panel.evaluate(() => {
      const pale = document.createElement('p');
      pale.textContent = 'hardly to be seen';
      [pale.style.color, pale.style.background, pale.id] = ['#eeeeee', '#ffffff', 'pale'];
      document.querySelector('main, [role="main"]')!.append(pale);
    });
    const [found] = await violations(panel);
    expect(found).toMatch(/^color-contrast \(serious\): .*\n *<p id="pale"/);
    await panel.evaluate(() => document.getElementById('pale')!.remove());
  });

  it('has something to look at: every section open, an intervention, a map, a comparison', async () => {
    await inspectText(workbench, FILE, OTHER);
    const panel = await inspectText(workbench, FILE, TEXT);
    await workbench.runCommand('FFF Explorer: Map Usage of File');
    await panel.locator('[data-testid="tree-map"][data-traffic="corpus"]').waitFor();
    await panel.locator('[data-testid="compare-start"]').waitFor({ state: 'attached' });
    for (const id of FOLDED) {
      const fold = panel.locator(`[data-testid="fold-${id}"]`);
      if ((await fold.isVisible()) && (await fold.getAttribute('aria-expanded')) === 'false') {
        await fold.click();
      }
    }
    await panel.locator('[data-testid="compare-start"]').click();
    await panel.locator('[data-testid="compare-bars"]').waitFor();
    const path = (await shown(panel, 'spine', 'path')).split(',');
    await panel.locator(`[data-testid="spine"] [data-node="${path[0]}"]`).first().click();
    await workbench.page.keyboard.press('f');
    await panel.locator('[data-testid="what-if-undo"]').waitFor();
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
      found['keyboard map'] = await violations(panel);
      await workbench.page.keyboard.press('Escape');
      await workbench.screenshot(`axe-${theme}`);
      const toggles = panel.locator('.table-toggle:visible');
      for (let at = 0; at < (await toggles.count()); at++) {
        await toggles.nth(at).click();
      }
      found['tables'] = await violations(panel);
      for (let at = 0; at < (await toggles.count()); at++) {
        await toggles.nth(at).click();
      }
      found['sidebar'] = await violations(await viewFrame(workbench, 'sidebar'));
      expect(
        Object.entries(found)
          .flatMap(([where, list]) => list.map((one) => `${where}: ${one}`))
          .join('\n'),
      ).toBe('');
    },
  );

  it.each(themeNames)('finds nothing in the benchmark panel in the %s theme', async (theme) => {
    await workbench.setTheme(theme);
    await workbench.runCommand('FFF Explorer: Open Benchmark');
    const panel = await workbench.webview('[data-mode="panel"]');
    await panel.locator('[data-testid="preset"] option').first().waitFor({ state: 'attached' });
    expect((await violations(panel)).join('\n')).toBe('');
  });
});
