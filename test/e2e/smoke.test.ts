/** The packed extension is at home in a clean editor, in every theme, and asks nobody outside this machine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { themeNames, Workbench } from './workbench';

const text = 'export const first = 1;\n// Grüße, 😀\nexport const last = 2;\n';

describe('a clean editor with the packed extension', () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start({ files: { 'sample.ts': text } });
  });

  afterAll(() => workbench.close());

  test('opens a file and selects text over several lines', async () => {
    await workbench.openFile('sample.ts');
    await workbench.selectText('sample.ts', 'first = 1;\n// Grüße, 😀\nexport');
  });

  test('offers our commands in the palette, and no command nobody has', async () => {
    expect(await workbench.hasCommand('FFF Explorer: Inspect Selection')).toBe(true);
    expect(await workbench.hasCommand('FFF Explorer: Boil the Ocean', 3000)).toBe(false);
  });

  test('takes every theme', async () => {
    for (const theme of themeNames) {
      await workbench.setTheme(theme);
    }
  });

  test('takes settings while it runs', async () => {
    await workbench.changeSettings({ 'workbench.statusBar.visible': false });
    await workbench.page.locator('.part.statusbar').waitFor({ state: 'hidden' });
  });

  test('asks for nothing outside this machine', () => {
    expect(workbench.foreignRequests).toEqual([]);
  });
});
