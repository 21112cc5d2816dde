/**
 * The editor's own dialogs as a person answers them: where to save, which folder, what to do next. A server's editor
 * asks for files in the palette's place, where paths are typed.
 */
import fs from 'node:fs';
import type { Frame } from 'playwright-core';
import { until } from './explorer';
import type { Workbench } from './workbench';

/** Answers the dialog that asks where to save, and waits until the file is there; returns its bytes. */
export async function saveAs(workbench: Workbench, name: string): Promise<Buffer> {
  const file = workbench.file(name);
  const ending = name.slice(name.lastIndexOf('.'));
  await answer(workbench, file, (suggested) => suggested.endsWith(ending));
  await until(`${name} to be saved`, () => fs.existsSync(file) && fs.statSync(file).size > 0);
  return fs.readFileSync(file);
}

/** Answers the dialog that asks for a folder. */
export async function pickFolder(workbench: Workbench, folder: string): Promise<void> {
  // What is typed reaches the dialog with a delay; Enter before that takes the folder it showed first.
  await answer(
    workbench,
    folder,
    (suggested) => suggested.startsWith('/'),
    () => workbench.page.waitForTimeout(1500),
  );
}

async function answer(
  workbench: Workbench,
  path: string,
  isReady: (suggested: string) => boolean,
  settled: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { page } = workbench;
  const input = page.locator('.quick-input-widget input[type="text"]').first();
  await input.waitFor();
  // The dialog suggests something once it has listed the folder; what was typed before is gone then.
  await until('a suggestion', async () => isReady(await input.inputValue()));
  await until('the dialog to take the answer', async () => {
    if (await input.isVisible()) {
      await input.fill(path, { timeout: 1000 }).catch(() => undefined);
      await settled();
      await page.keyboard.press('Enter');
      await page.waitForTimeout(500);
    }
    return !(await page.locator('.quick-input-widget').isVisible());
  });
}

/** Chooses an entry of the list that stands in the palette's place, by its label. */
export async function choose(workbench: Workbench, title: string, label: string): Promise<void> {
  const input = workbench.page.locator(`.quick-input-widget input[aria-label^="${title}"]`);
  await input.fill(label);
  await workbench.page.locator('.quick-input-widget .monaco-list-row.focused', { hasText: label }).waitFor();
  await workbench.page.keyboard.press('Enter');
}

/** Answers the question that stands in the palette's place, once its own suggestion is there. */
export async function enter(workbench: Workbench, suggestion: string, text: string): Promise<void> {
  const input = workbench.page.locator('.quick-input-widget input[type="text"]').first();
  await until(
    'the question',
    async () => (await input.isVisible()) && (await input.inputValue()).startsWith(suggestion),
  );
  await input.fill(text);
  await workbench.page.keyboard.press('Enter');
}

/** Presses a button of the notification that contains a text, and waits until it is gone. */
export async function pressInNotification(workbench: Workbench, text: string | RegExp, button: string): Promise<void> {
  const item = workbench.page.locator('.notifications-toasts .notification-list-item', { hasText: text }).first();
  await item.waitFor();
  await item.locator('.monaco-button', { hasText: button }).click();
}

/** Takes away all notifications, so that the next one is the next one. */
export async function clearNotifications(workbench: Workbench): Promise<void> {
  await workbench.runCommand('Notifications: Clear All Notifications');
  await workbench.page.locator('.notifications-toasts .notification-list-item').first().waitFor({ state: 'detached' });
}

/** An entry of a file's or folder's context menu. */
export async function fromMenu(workbench: Workbench, file: string, entry: string): Promise<void> {
  const { page } = workbench;
  const row = page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).first();
  await row.click({ button: 'right' });
  const item = page.locator('.monaco-menu .action-item', { hasText: entry });
  await item.waitFor();
  // A menu takes no click in the moment it opens.
  await until('the menu to take the click', async () => {
    await item.click({ timeout: 1000 }).catch(() => undefined);
    return !(await item.isVisible());
  });
}

/** The rendered Markdown document that contains a heading, as text: a line a block, tabs between cells. */
export async function renderedReport(
  workbench: Workbench,
  heading: string,
): Promise<{ frame: Frame; rows: string[][] }> {
  const frame = await workbench.webview(`h1:has-text(${JSON.stringify(heading)})`);
  const rows = await frame
    .locator('tr')
    .evaluateAll((all) => all.map((row) => [...row.querySelectorAll('th, td')].map((cell) => cell.textContent.trim())));
  return { frame, rows };
}

/** Rows of a figure's table twin, as shown; the picture comes back afterwards. */
export async function tableOf(frame: Frame, figure: string): Promise<string[][]> {
  const toggle = frame.locator(`[data-testid="table-${figure}"]`);
  await toggle.click();
  const rows = frame.locator(`[data-testid="figure-${figure}"] .figure-table tr`);
  await rows.nth(1).waitFor();
  const cells = await rows.evaluateAll((all) =>
    all.map((row) => [...row.querySelectorAll('th, td')].map((cell) => cell.textContent.trim())),
  );
  await toggle.click();
  await rows.first().waitFor({ state: 'hidden' });
  return cells;
}
