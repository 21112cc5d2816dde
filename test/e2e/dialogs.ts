/**
 * The editor's own dialogs as a person answers them: where to save, which folder, what to do next. A server's editor
 * asks for files in the palette's place, where paths are typed.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import { until } from './explorer';
import type { Workbench } from './workbench';

/** Answers the dialog that asks where to save, and waits until the file is there; returns its bytes. */
export async function saveAs(workbench: Workbench, name: string): Promise<Buffer> {
  const file = workbench.file(name);
  const { input } = partsOf(workbench);
  await input.waitFor();
  // The dialog shows the folder above first, and suggests a name once it has listed the right one.
  const folder = `${path.dirname(file)}/`;
  await until('a suggested name', async () => {
    const suggested = await input.inputValue();
    return suggested.startsWith(folder) && path.extname(suggested) !== '';
  });
  await answer(workbench, file);
  await until(`${name} to be saved`, () => fs.existsSync(file) && fs.statSync(file).size > 0);
  return fs.readFileSync(file);
}

/** Answers the dialog that asks for a folder. */
export async function pickFolder(workbench: Workbench, folder: string): Promise<void> {
  const { input, rows } = partsOf(workbench);
  // Once it has listed the folder it begins with, the dialog replaces whatever was typed until then.
  await rows.filter({ hasText: /^\.\.$/ }).waitFor();
  // With the slash it goes into the folder. It has done so when it lists what is in there; before that, Enter means the
  // folder it showed first.
  await input.fill(`${folder}/`);
  const inside = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const expected = ['..', ...inside.map(({ name }) => name).sort((one, other) => one.localeCompare(other))];
  await until(`the dialog to list ${folder}`, async () => {
    await refuseComplaint(workbench);
    return (await rows.allInnerTexts()).join('\n') === expected.join('\n');
  });
  await answer(workbench, `${folder}/`);
}

/** Answers the dialog that asks for a file. */
export async function pickFile(workbench: Workbench, file: string): Promise<void> {
  const { rows } = partsOf(workbench);
  // Once it has listed the folder it begins with, the dialog replaces whatever was typed until then.
  await rows.filter({ hasText: /^\.\.$/ }).waitFor();
  await answer(workbench, file);
}

function partsOf({ page }: Workbench): { widget: Locator; input: Locator; rows: Locator } {
  const widget = page.locator('.quick-input-widget');
  return {
    widget,
    input: widget.locator('input[type="text"]').first(),
    rows: widget.locator('.monaco-list-row:visible .label-name'),
  };
}

/** Types a path into a dialog that is ready, and waits until it is gone. */
async function answer(workbench: Workbench, typed: string): Promise<void> {
  const { widget, input } = partsOf(workbench);
  await input.fill(typed);
  await input.press('Enter');
  await until(`the dialog to take ${typed}`, async () => {
    await refuseComplaint(workbench);
    return !(await widget.isVisible());
  });
}

/** @throws Error with the dialog's own words when it does not want what was typed. */
async function refuseComplaint(workbench: Workbench): Promise<void> {
  const { widget, input } = partsOf(workbench);
  if ((await widget.locator('.monaco-inputbox.error').count()) > 0) {
    const said = await widget.locator('.quick-input-message').innerText();
    throw new Error(`The dialog refuses "${await input.inputValue()}": ${said}`);
  }
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

/** Presses a button of the notification that contains a text. */
export async function pressInNotification(workbench: Workbench, text: string | RegExp, button: string): Promise<void> {
  const item = await workbench.notificationItem(text);
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
