/** Commands of a running editor, as a person runs them: from the palette, or by a key they gave them. */
import type { Locator, Page } from 'playwright-core';

/** Commands that are run again and again, by their titles in the palette. */
const keyed: Record<string, { command: string; key: string }> = {
  'FFF Explorer: Inspect Selection': { command: 'fffExplorer.inspectSelection', key: 'Control+Alt+Shift+F1' },
  'FFF Explorer: Open Benchmark': { command: 'fffExplorer.openBenchmark', key: 'Control+Alt+Shift+F2' },
  'FFF Explorer: Clear What-If Changes': {
    command: 'fffExplorer.clearInterventions',
    key: 'Control+Alt+Shift+F11',
  },
  'View: Show FFF Explorer': { command: 'workbench.view.extension.fffExplorer', key: 'Control+Alt+Shift+F3' },
  'View: Show Explorer': { command: 'workbench.view.explorer', key: 'Control+Alt+Shift+F4' },
  'View: Close Editor': { command: 'workbench.action.closeActiveEditor', key: 'Control+Alt+Shift+F5' },
  'Preferences: Color Theme': { command: 'workbench.action.selectTheme', key: 'Control+Alt+Shift+F6' },
  'Notifications: Clear All Notifications': { command: 'notifications.clearAll', key: 'Control+Alt+Shift+F9' },
};

/** Keys the editor must know. */
export const keyedCommands = Object.values(keyed);

export class Palette {
  /** Titles it has offered. */
  private readonly offered = new Set<string>();

  constructor(private readonly page: Page) {}

  /**
   * Runs a command by its title, for instance `FFF Explorer: Inspect Selection`. One that has a key is taken from the
   * palette once, and run by its key afterwards.
   *
   * @param staysOpen the command asks something in the palette's own place.
   */
  async run(title: string, staysOpen: boolean): Promise<void> {
    const key = keyed[title]?.key;
    if (key !== undefined && this.offered.has(title)) {
      await this.leaveViews();
      await this.page.keyboard.press(key);
      return;
    }
    const row = await this.openWith(title, 90_000);
    await row.click();
    this.offered.add(title);
    if (!staysOpen) {
      await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    }
  }

  /** True when it offers a command of this title within the time given. */
  async has(title: string, timeoutMs = 20_000): Promise<boolean> {
    try {
      await this.openWith(title, timeoutMs);
      return true;
    } catch {
      return false;
    } finally {
      await this.page.keyboard.press('Escape');
    }
  }

  /** Takes the keyboard from a view: one that goes away just now would swallow what is typed. */
  private async leaveViews(): Promise<void> {
    await this.page.evaluate(() => {
      if (document.activeElement instanceof HTMLIFrameElement) {
        document.activeElement.blur();
      }
    });
  }

  /** The palette's list is fixed when it opens, so it is closed and opened again until the command is in it. */
  private async openWith(title: string, timeoutMs: number): Promise<Locator> {
    const input = this.page.locator('.quick-input-widget input');
    const row = this.page
      .locator('.quick-input-widget .monaco-list-row')
      .filter({ has: this.page.getByText(title, { exact: true }) })
      .first();
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      await this.page.keyboard.press('F1');
      try {
        // Short waits: a view that takes the focus just now closes the palette again.
        await input.waitFor({ timeout: 2000 });
        await input.fill(`>${title}`, { timeout: 2000 });
        await row.waitFor({ timeout: 1500 });
        return row;
      } catch (error) {
        if (Date.now() > deadline) {
          throw new Error(`The command palette does not offer "${title}".`, { cause: error });
        }
        await this.page.keyboard.press('Escape');
      }
    }
  }
}
