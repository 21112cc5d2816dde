/**
 * The benchmark panel in a real VS Code: a plan from the palette's panel that advances, one that is cancelled, one whose
 * runner is killed, an inspection in between, a saved result that reopens, and two that are compared.
 */
import fs from 'node:fs';
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BenchmarkResult } from '../../extension/protocol';
import { pressInNotification, saveAs } from './dialogs';
import { runnerPid, sleepFor, until } from './explorer';
import { Workbench, themeNames } from './workbench';

const SMALL = {
  version: 1,
  name: 'Small trial',
  engines: ['fff', 'dense-twin', 'dense-3072', 'dense-16'],
  widths: [128],
  depths: [7],
  batches: [1, 16, 64],
  ladder: { tokens: [16], layers: 1, heads: 2 },
  limits: { minimumPairs: 12, minimumSeconds: 0.5, warmupSeconds: 0.3, burstMs: 3, leadMs: 1 },
};
const LONG = {
  ...SMALL,
  name: 'Long trial',
  batches: [1, 2, 4, 8, 16],
  limits: { ...SMALL.limits, minimumSeconds: 3 },
};
/** Five depths, so that a law can be fitted. */
const SWEEP = {
  ...SMALL,
  name: 'Depth trial',
  engines: ['fff', 'dense-twin'],
  widths: [64],
  depths: [3, 4, 5, 6, 7],
  batches: [1],
  ladder: { tokens: [] },
  limits: { ...SMALL.limits, minimumSeconds: 0.2 },
};
/** Its second cell would keep some 170 GB of activations. */
const HUGE = {
  ...SMALL,
  name: 'Huge trial',
  engines: ['fff', 'dense-twin', 'dense-twin/all', 'dense-per-token', 'dense-3072', 'dense-16'],
  widths: [16],
  depths: [15],
  batches: [1, 65536],
  ladder: { tokens: [] },
};
const PYTORCH = 'pytorch-cpu.fffbench';
const SOURCE = 'words.txt';
const TEXT = 'Every token takes its own path from the root to a leaf.';

describe('the benchmark panel in a real VS Code', () => {
  let workbench: Workbench;
  let panel: Frame;

  beforeAll(async () => {
    workbench = await Workbench.start({ files: { [SOURCE]: `${TEXT}\n` } });
    await workbench.runCommand('FFF Explorer: Open Benchmark');
    panel = await workbench.webview('[data-mode="panel"]');
  });

  afterEach(({ task }) => workbench.screenshotOfFailure(task));

  afterAll(() => workbench.close());

  const button = (testId: string) => panel.locator(`[data-testid="${testId}"]`).first();
  const state = (): Promise<string | null> => panel.locator('.content[data-mode]').getAttribute('data-state');
  const rows = async (): Promise<number> =>
    Number(await panel.locator('.content[data-mode]').getAttribute('data-rows'));
  const entries = () =>
    panel.locator('[data-testid="entry"]').evaluateAll((all) => all.map((entry) => entry.getAttribute('data-ending')));

  async function start(plan: object): Promise<void> {
    await panel.locator('[data-testid="preset"] select').selectOption({ label: 'Custom plan' });
    await panel.locator('[data-testid="plan-json"]').fill(JSON.stringify(plan, null, 1));
    await panel.locator('[data-testid="plan-complaint"][data-valid="true"]').waitFor();
    await button('run').click();
    await panel.locator('.content[data-state="running"]').waitFor();
  }

  it('offers the engine’s plans', async () => {
    await panel
      .locator('[data-testid="preset"] option', { hasText: 'Scaling in depth' })
      .waitFor({ state: 'attached' });
    const offered = await panel.locator('[data-testid="preset"] option').allTextContents();
    expect(offered).toEqual(
      expect.arrayContaining(['Paper shape, distinct inputs', 'Paper shape, one repeated input', 'Ladder']),
    );
  });

  it('says in the engine’s words what is wrong with a plan', async () => {
    await panel.locator('[data-testid="preset"] select').selectOption({ label: 'Custom plan' });
    await panel.locator('[data-testid="plan-json"]').fill(JSON.stringify({ ...SMALL, batches: ['1'] }));
    await panel.locator('[data-testid="plan-complaint"][data-valid="false"]').waitFor();
    expect(await panel.locator('[data-testid="plan-complaint"]').textContent()).toBe(
      'The plan: "batches[0]" must be a whole number.',
    );
  });

  it('runs a small plan, and is seen to advance', async () => {
    await start(SMALL);
    const shares = new Set<string>();
    const counts = new Set<number>();
    await until('the plan to end', async () => {
      shares.add((await button('run-status').getAttribute('data-share')) ?? '');
      counts.add(await rows());
      return (await state()) === 'finished';
    });
    expect(shares.size).toBeGreaterThan(3);
    expect(counts.size).toBeGreaterThan(2);
    expect(await rows()).toBe(12);
    expect(await panel.locator('[data-testid="headline"]').textContent()).toMatch(/the whole encoder/);
    expect(await panel.locator('[data-testid="ratio-point"]').count()).toBe(9);
    expect(Number(await panel.locator('[data-testid="strip"]').first().getAttribute('data-samples'))).toBeGreaterThan(
      6,
    );
    expect(await panel.locator('[data-testid="badge-self-test"]').textContent()).toMatch(/of 3 hold 1/);
  });

  it('saves a result that reopens in its own editor, marked as recorded', async () => {
    await save('export-result', 'mine.fffbench');
    const saved = JSON.parse(fs.readFileSync(workbench.file('mine.fffbench'), 'utf8')) as BenchmarkResult;
    expect(saved.rows).toHaveLength(12);
    // As if another machine had measured it.
    const other = { ...saved, environment: { ...saved.environment, cpu: 'Another CPU' } };
    fs.writeFileSync(workbench.file('other.fffbench'), JSON.stringify(other));
    const row = workbench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'other.fffbench' });
    await row.dblclick();
    const file = await workbench.webview('.content[data-mode="file"][data-rows="12"]');
    expect(await file.locator('[data-testid="recorded"]').textContent()).toBe('Recorded on another machine');
    expect(await file.locator('[data-testid="subtitle"]').textContent()).toContain('Another CPU');
    expect(await file.locator('[data-testid="run"]').isVisible()).toBe(false);
    await file.locator('[data-testid="compare"]').first().click();
    await file.locator('[data-testid="comparison"][data-rows="12"]').waitFor();
    // The same samples differ in nothing.
    expect(await file.locator('[data-testid="comparison"]').getAttribute('data-significant')).toBe('0');
    await workbench.screenshot('benchmark-recorded');
    await workbench.runCommand('View: Close Editor');
  });

  it('opens what PyTorch measured elsewhere, as recorded and with its machine', async () => {
    fs.copyFileSync(`test/fixtures/benchmark/${PYTORCH}`, workbench.file(PYTORCH));
    await workbench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: PYTORCH }).dblclick();
    const file = await workbench.webview('.content[data-mode="file"][data-rows="20"]');
    expect(await file.locator('[data-testid="recorded"]').textContent()).toMatch(/^Recorded/);
    expect(await file.locator('[data-testid="subtitle"]').textContent()).toContain(`recorded, from ${PYTORCH}`);
    expect(await file.locator('[data-testid="machine"]').textContent()).toContain('Intel(R) Xeon(R) Processor');
    expect(await file.locator('[data-testid="badge-remark"]').first().textContent()).toContain('PyTorch 2.11.0');
    expect(await file.locator('[data-testid="ratio-point"]').count()).toBeGreaterThan(10);
    await workbench.screenshot('benchmark-pytorch');
    await workbench.runCommand('View: Close Editor');
  });

  it('says in a sentence that a file is damaged, and nothing of how it is read', async () => {
    const whole = fs.readFileSync(`test/fixtures/benchmark/${PYTORCH}`, 'utf8');
    fs.writeFileSync(workbench.file('damaged.fffbench'), whole.slice(0, whole.length / 2));
    await workbench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'damaged.fffbench' }).dblclick();
    const file = await workbench.webview('.content[data-mode="file"][data-state="failed"]');
    const lines = await file.locator('[data-testid="run-status"]').innerText();
    expect(lines.split(/\n+/)).toEqual([
      'damaged.fffbench is damaged or was not written to its end.',
      'Open another .fffbench file.',
    ]);
    expect(await file.locator('.content[data-mode]').isVisible()).toBe(false);
    expect(await workbench.page.locator('.monaco-dialog-box').count()).toBe(0);
    await workbench.screenshot('benchmark-damaged');
    await workbench.runCommand('View: Close Editor');
  });

  it('says how the time grows where a plan sweeps a size, and minds no setting of inspections meanwhile', async () => {
    await backToPanel();
    await start(SWEEP);
    await workbench.screenshot('benchmark-running');
    // Threads are the plan's own; the setting ends the runner of inspections, not this one.
    await workbench.changeSettings({ 'fffExplorer.threads': 1 });
    await backToPanel();
    await panel.locator('.content[data-state="finished"]').waitFor({ timeout: 120_000 });
    expect(await rows()).toBe(10);
    const laws = panel.locator('#growth [data-testid="law"]');
    expect(await laws.count()).toBe(2);
    expect(await laws.first().textContent()).toMatch(/^fff \(\w+\): .+ \(R² −?\d\.\d+\)\.$/);
    await laws.last().scrollIntoViewIfNeeded();
    await workbench.screenshot('benchmark-growth');
  });

  it('says what does not fit into memory, measures the rest, and offers to go on', async () => {
    await start(HUGE);
    await panel.locator('.content[data-state="finished"]').waitFor({ timeout: 120_000 });
    expect(await rows()).toBe(6);
    const left = panel.locator('[data-testid="left-out"]');
    expect(await left.textContent()).toMatch(/a batch of 65536 needs about \d{2,} GB, and \d+ [MG]B are free/);
    expect((await entries())[0]).toBe('finished');
    // There is as little memory as before: it ends again, with what it had, maybe before anybody could look.
    const entry = panel.locator('[data-testid="entry"][data-name="Huge trial"]');
    const first = await entry.getAttribute('data-recorded-at');
    await entry.locator('[data-testid="resume-entry"]').click();
    // Whoever measures again records anew.
    await entry.and(panel.locator(`[data-ending="finished"]:not([data-recorded-at="${first}"])`)).waitFor();
    await panel.locator('.content[data-state="finished"]').waitFor();
    expect(await rows()).toBe(6);
    await panel.locator('[data-testid="entry"][data-name="Huge trial"] [data-testid="remove"]').click();
  });

  it('saves tables and pictures', async () => {
    await backToPanel();
    await panel.locator('[data-testid="entry"][data-name="Small trial"] [data-testid="show"]').click();
    await panel.locator('.content[data-rows="12"]').waitFor();
    await save('export-result', 'mine.csv');
    expect(fs.readFileSync(workbench.file('mine.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(13);
    await save('export-result', 'mine.md');
    expect(fs.readFileSync(workbench.file('mine.md'), 'utf8')).toContain('# Small trial');
    await save('save-ratio', 'ratio.svg');
    const picture = fs.readFileSync(workbench.file('ratio.svg'), 'utf8');
    const legend = await panel.locator('#ratio .legend li[data-engine]').allTextContents();
    expect(legend).toHaveLength(3);
    for (const words of legend) {
      expect(picture).toContain(`>${words}<`);
    }
    await save('save-ratio', 'ratio.png');
    expect([...fs.readFileSync(workbench.file('ratio.png')).subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  });

  it('says that the machine slept, measures that round again, and goes on', async () => {
    await start({ ...LONG, batches: [1, 2] });
    await until('rows of the running cell', async () => (await rows()) > 0);
    await sleepFor(workbench, 38_000);
    const notices = panel.locator('[data-testid="notices"]');
    await notices.filter({ hasText: /^The machine slept for about a minute; the round being measured/ }).waitFor();
    await panel.locator('.content[data-state="finished"]').waitFor({ timeout: 120_000 });
    expect(await rows()).toBe(8);
    await save('export-result', 'slept.fffbench');
    const { samples } = JSON.parse(fs.readFileSync(workbench.file('slept.fffbench'), 'utf8')) as BenchmarkResult;
    // No sample holds the sleep: a call that took it would be a thousand times slower than the rest.
    const worst = samples.map(({ microsecondsPerToken: all }) => Math.max(...all) / Math.min(...all));
    expect(Math.max(...worst)).toBeLessThan(1000);
  });

  it('keeps what a killed runner had measured, says so, and goes on from there', async () => {
    await start(LONG);
    await until('a whole cell', async () => (await rows()) > 4);
    process.kill(await runnerPid(workbench), 'SIGKILL');
    await panel.locator('.content[data-state="failed"]').waitFor();
    expect(await panel.locator('[data-testid="error-message"]').textContent()).toBe(
      'The runner process ended unexpectedly (signal SIGKILL).',
    );
    expect(await rows()).toBeGreaterThanOrEqual(4);
    expect((await entries())[0]).toBe('interrupted');
    await workbench.screenshot('benchmark-runner-killed');
    await button('resume').click();
    await panel.locator('.content[data-state="running"]').waitFor();
    expect(await rows()).toBeGreaterThanOrEqual(4);
    // The panel has said it.
    expect((await workbench.notifications()).filter((text) => text.includes('runner'))).toEqual([]);
  });

  it('says it where the panel is out of sight, and leads to the panel, which goes on from there', async () => {
    const measured = await rows();
    await workbench.openFile(SOURCE);
    process.kill(await runnerPid(workbench), 'SIGKILL');
    const sentence = 'Benchmark: The runner process ended unexpectedly (signal SIGKILL).';
    expect(await workbench.notification('Benchmark: ')).toBe(sentence);
    await workbench.screenshot('benchmark-runner-killed-unseen');
    await pressInNotification(workbench, sentence, 'Open Benchmark');
    panel = await workbench.webview('.content[data-mode="panel"][data-state="failed"]');
    await button('resume').click();
    await panel.locator('.content[data-state="running"]').waitFor();
    expect(await rows()).toBeGreaterThanOrEqual(measured - SMALL.engines.length);
  });

  it('gives way to an inspection, and goes on by itself', async () => {
    await workbench.openFile(SOURCE);
    await workbench.selectText(SOURCE, TEXT);
    await workbench.runCommand('FFF Explorer: Inspect Selection');
    await workbench.webview('[data-view="trace"] [data-testid="token"]');
    await workbench.runCommand('View: Close All Editors');
    await backToPanel();
    await until('the run to go on', async () => (await state()) !== 'paused');
    expect(['running', 'finished']).toContain(await state());
  });

  it('cancels, and keeps what was measured', async () => {
    if ((await state()) === 'running') {
      await button('cancel').click();
      await panel.locator('.content[data-state="cancelled"]').waitFor();
    }
    await start(LONG);
    await until('rows of the running cell', async () => (await rows()) > 0);
    await button('pause').click();
    await panel.locator('.content[data-state="paused"]').waitFor();
    await button('pause').click();
    await panel.locator('.content[data-state="running"]').waitFor();
    await button('cancel').click();
    await panel.locator('.content[data-state="cancelled"]').waitFor();
    expect(await rows()).toBeGreaterThan(0);
    expect((await entries())[0]).toBe('cancelled');
  });

  it('compares two runs', async () => {
    await start(SMALL);
    await panel.locator('.content[data-state="finished"]').waitFor({ timeout: 120_000 });
    const first = panel.locator('[data-testid="entry"][data-name="Small trial"][data-ending="finished"]').last();
    await first.locator('[data-testid="compare"]').click();
    await panel.locator('[data-testid="comparison"][data-rows="12"]').waitFor();
    const ratios = await panel
      .locator('[data-testid="compared"]')
      .evaluateAll((all) => all.map((row) => Number(row.getAttribute('data-ratio'))));
    expect(ratios.every((ratio) => ratio > 0 && Number.isFinite(ratio))).toBe(true);
    await workbench.screenshot('benchmark-compared');
  });

  it.each(themeNames)('is readable in the %s theme', async (theme) => {
    await workbench.setTheme(theme);
    await backToPanel();
    await panel.locator('[data-testid="preset"] select').selectOption({ label: 'Default' });
    const { inner, needed } = await panel.evaluate(() => {
      window.scrollTo(0, 0);
      return { inner: window.innerWidth, needed: document.documentElement.scrollWidth };
    });
    expect(needed).toBeLessThanOrEqual(inner);
    await workbench.screenshot(`benchmark-${theme}`);
  });

  it('stays on this machine and within its own policy', () => {
    expect(workbench.foreignRequests).toEqual([]);
    // The controls' toolkit makes one empty style element, which the policy refuses: this is the hash of nothing.
    const nothing = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';
    expect(workbench.viewErrors.filter((error) => !error.includes(nothing))).toEqual([]);
  });

  /** A hidden page is thrown away; shown again it is a new one with everything it had. */
  async function backToPanel(): Promise<void> {
    await workbench.runCommand('FFF Explorer: Open Benchmark');
    panel = await workbench.webview('[data-mode="panel"]');
    await panel.locator('.content[data-state]').waitFor();
  }

  /** Saves under a name in the opened folder, through the editor's own dialog. */
  async function save(testId: string, name: string): Promise<void> {
    await button(testId).click();
    await saveAs(workbench, name);
  }
});
