/** How each picture of media/pictures is taken: a clean editor with the sample, what a person does there, the window. */
import fs from 'node:fs';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { expect } from 'vitest';
import { inRoot } from '../../scripts/lib/paths.mjs';
import { inspectText } from '../e2e/explorer';
import { Workbench, type WorkbenchOptions } from '../e2e/workbench';

/** The file every picture has in its folder, under the name it ships with. */
export const SAMPLE = 'sample.ts';
const sample = fs.readFileSync(inRoot('media/sample', SAMPLE), 'utf8');

/**
 * Inspects lines `first` to `last` of the open sample, counted from 1, waits until everything is measured, gives the
 * keyboard to the trace panel and returns it.
 */
export async function inspectLines(workbench: Workbench, first: number, last: number): Promise<Frame> {
  const lines = sample.split('\n').slice(first - 1, last);
  const text = lines.join('\n');
  // An editor's first trace starts the runner and loads the model; the time shown is that of any later one.
  await untilMeasured(workbench, await inspectText(workbench, SAMPLE, text));
  const panel = await inspectText(workbench, SAMPLE, text);
  await untilMeasured(workbench, panel);
  await workbench.page.locator('.tab', { hasText: 'FFF Trace' }).click();
  return panel;
}

/** Waits until the whole pass and every layer are timed; no number on screen moves afterwards. */
async function untilMeasured(workbench: Workbench, panel: Frame): Promise<void> {
  // Said last, after all that refines the layers; what is out of sight is painted a moment later.
  await workbench.page.locator('.statusbar-item[id$="fffExplorer.status"]', { hasText: /model ≈/ }).waitFor();
  const timings = panel.locator('[data-testid="timing"]');
  await expect
    .poll(() => timings.evaluateAll((rows) => rows.map((row) => row.getAttribute('data-state'))))
    .toSatisfy((states: string[]) => states.length > 0 && states.every((state) => state === 'measured'));
}

/** Does something in a clean editor and replaces media/pictures/`name`.png by what the window shows then. */
export async function take(
  name: string,
  options: Omit<WorkbenchOptions, 'files'>,
  act: (workbench: Workbench) => Promise<void>,
): Promise<void> {
  const workbench = await Workbench.start({ ...options, files: { [SAMPLE]: sample } });
  const { page } = workbench;
  try {
    await act(workbench);
    // Nothing under the pointer, and nothing left of what it made appear.
    await page.mouse.move(0, 0);
    await expect.poll(() => page.locator('.monaco-hover:visible, .scrollbar.visible').count()).toBe(0);
    expect(await workbench.notifications()).toEqual([]);
    await page.screenshot({ path: path.join(inRoot('media/pictures'), `${name}.png`), animations: 'disabled' });
  } catch (error) {
    await workbench.screenshot(`failed-${name}`).catch(() => undefined);
    throw error;
  } finally {
    await workbench.close();
  }
}
