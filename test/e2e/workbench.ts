/**
 * A person at a real VS Code: the current line's workbench in Chromium, with the packed extension installed.
 *
 * Every helper waits for what a person would see and throws a sentence when it does not come. Nothing here knows what
 * the extension shows; the tests do.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Browser, type BrowserContext, type Frame, type Locator, type Page, chromium } from 'playwright-core';
import { expect, inject } from 'vitest';
import { browserOptions } from '../../scripts/vscode/browser.mjs';
import { VscodeServer } from '../../scripts/vscode/server.mjs';
import { keyedCommands, Palette } from './palette';
import { themes, viewsTaken, type Theme } from './themes';

export { themeNames, type Theme } from './themes';

/** Chords that make a selection of any length: drop an anchor, go elsewhere, select back to it; or to the line's end. */
const anchorKey = 'Control+Alt+Shift+F7';
const selectKey = 'Control+Alt+Shift+F8';
const toLineEndKey = 'Control+Alt+Shift+F10';

const keybindings = [
  { key: anchorKey, command: 'editor.action.setSelectionAnchor' },
  { key: selectKey, command: 'editor.action.selectFromAnchorToCursor' },
  { key: toLineEndKey, command: 'cursorLineEndSelect' },
  ...keyedCommands,
].map(({ key, command }) => ({ key: key.toLowerCase().replace('control', 'ctrl'), command }));

/**
 * How long to wait for what a person would see: a machine that does other work at the same time is slow, not wrong; what
 * does not answer in this time is.
 */
const PATIENCE_MS = 60_000;

export interface WorkbenchOptions {
  /** Files of the opened folder, by relative path. */
  files: Record<string, string>;
  /** User settings beside the quiet ones the server always has. */
  settings?: Record<string, unknown>;
  theme?: Theme;
  /** Leave workspace trust on: the editor asks before it trusts the folder. */
  trustPrompt?: boolean;
  viewport?: { width: number; height: number };
}

export class Workbench {
  /**
   * Everything that went wrong inside webviews: console errors, uncaught exceptions, violations of the content security
   * policy. What the workbench itself complains about (parts that npm's package lacks) is not ours and left out.
   */
  readonly viewErrors: string[] = [];
  /** Addresses the page asked for that are not on this machine; `*.vscode-cdn.net` is answered by a service worker. */
  readonly foreignRequests: string[] = [];
  private readonly palette: Palette;

  private constructor(
    private readonly server: VscodeServer,
    private readonly browser: Browser,
    context: BrowserContext,
    readonly page: Page,
    private readonly folder: string,
  ) {
    this.palette = new Palette(page);
    context.on('request', (request) => {
      const { hostname, protocol } = new URL(request.url());
      const local = hostname === '127.0.0.1' || hostname.endsWith('.vscode-cdn.net');
      if (!local && !['data:', 'blob:'].includes(protocol)) {
        this.foreignRequests.push(request.url());
      }
    });
    context.on('console', (message) => {
      if (message.type() === 'error') {
        this.recordError(message.text(), message.location().url);
      }
    });
    context.on('weberror', (webError) => {
      const error = webError.error();
      this.recordError(error.message, error.stack ?? '');
    });
  }

  private recordError(text: string, where: string): void {
    // The workbench runs from this machine's address, as a webview's own document does, and marks its log lines with a
    // colour; a webview's scripts come from elsewhere.
    const local = where.includes('//127.0.0.1:') && !where.includes('/webview/browser/pre/');
    const ofWorkbench = local || text.startsWith('%c') || text.startsWith('A bad HTTP response code');
    if (!ofWorkbench || text.includes('Content Security Policy')) {
      this.viewErrors.push(text);
    }
  }

  /** Starts a clean editor with the packed extension, and opens a folder made of the given files. */
  static async start(options: WorkbenchOptions): Promise<Workbench> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fff-explorer-folder-'));
    for (const [name, text] of Object.entries(options.files)) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), text);
    }
    const theme = options.theme ?? 'light';
    const server = await VscodeServer.start({
      line: 'current',
      extensions: inject('extensions'),
      settings: {
        'workbench.colorTheme': themes[theme].id,
        'workbench.quickOpen.closeOnFocusLost': false,
        ...options.settings,
      },
      keybindings,
      trustPrompt: options.trustPrompt ?? false,
    });
    const browser = await chromium.launch(browserOptions());
    const context = await browser.newContext({ viewport: options.viewport ?? { width: 1400, height: 900 } });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const workbench = new Workbench(server, browser, context, page, folder);
    try {
      await page.goto(server.address({ folder }));
      await page.locator('.monaco-workbench').waitFor();
      await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
      await workbench.waitForTheme(theme);
    } catch (error) {
      await workbench.screenshot('failed-start').catch(() => undefined);
      await workbench.close();
      throw error;
    }
    return workbench;
  }

  /** Ends browser and editor and removes every trace of them. */
  async close(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** Opens a file of the folder for good (not as a preview) and waits until its text is there. */
  async openFile(name: string): Promise<void> {
    const row = this.page.locator('.explorer-folders-view .monaco-list-row', { hasText: path.basename(name) });
    await row.dblclick();
    await this.page.locator(`.tab.active[data-resource-name="${path.basename(name)}"]`).waitFor();
    await this.page.locator('.editor-instance .view-lines').first().waitFor();
  }

  /**
   * Selects the first occurrence of `text` in a file that is open in the active editor, and waits until the status bar
   * counts as many selected characters.
   */
  async selectText(name: string, text: string): Promise<void> {
    const content = fs.readFileSync(path.join(this.folder, name), 'utf8');
    const start = content.indexOf(text);
    if (start < 0) {
      throw new Error(`${name} does not contain ${JSON.stringify(text)}.`);
    }
    await this.selectRange(name, start, start + text.length);
  }

  /** Selects UTF-16 offsets `start` to `end` (exclusive) of a file that is open in the active editor. */
  async selectRange(name: string, start: number, end: number): Promise<void> {
    const content = fs.readFileSync(path.join(this.folder, name), 'utf8');
    await this.focusEditor();
    await this.goTo(content, start);
    if (/^.+$/.test(content.slice(start, end)) && /^(\n|$)/.test(content.slice(end))) {
      await this.page.keyboard.press(toLineEndKey);
    } else {
      await this.page.keyboard.press(anchorKey);
      await this.goTo(content, end);
      await this.page.keyboard.press(selectKey);
    }
    // The status bar counts characters, not UTF-16 units.
    const count = Array.from(content.slice(start, end)).length;
    try {
      await this.page.locator('.statusbar-item', { hasText: `(${count} selected)` }).waitFor();
    } catch (error) {
      await this.screenshot('failed-selection');
      throw new Error(`${name} shows no selection of ${count} characters.`, { cause: error });
    }
  }

  /** Gives the active editor the keyboard. */
  private async focusEditor(): Promise<void> {
    await this.page
      .locator('.editor-group-container.active .editor-instance')
      .first()
      .click({ position: { x: 300, y: 200 } });
  }

  /** Puts the cursor of the editor that has the keyboard at a UTF-16 offset. */
  private async goTo(content: string, offset: number): Promise<void> {
    const before = content.slice(0, offset).split('\n');
    const target = `${before.length}:${before[before.length - 1]!.length + 1}`;
    const input = this.page.locator('.quick-input-widget input');
    await this.page.keyboard.press('Control+g');
    await input.waitFor();
    await input.fill(`:${target}`);
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** Runs a command by its palette title; `staysOpen` is for commands that ask something in the palette's own place. */
  async runCommand(title: string, { staysOpen = false } = {}): Promise<void> {
    try {
      await this.palette.run(title, staysOpen);
    } catch (error) {
      await this.screenshot('failed-palette');
      throw error;
    }
  }

  /** True when the palette offers a command of this title within the time given. */
  hasCommand(title: string, timeoutMs?: number): Promise<boolean> {
    return this.palette.has(title, timeoutMs);
  }

  /** The webview document in which the selector matches something; several webviews may be open at once. */
  async webview(selector: string, timeoutMs = PATIENCE_MS): Promise<Frame> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      for (const frame of this.page.frames()) {
        // A frame may be replaced while it is asked.
        const found = await frame
          .locator(selector)
          .count()
          .catch(() => 0);
        if (found > 0 && frame !== this.page.mainFrame()) {
          return frame;
        }
      }
      if (Date.now() > deadline) {
        await this.screenshot('failed-webview');
        throw new Error(`No webview shows "${selector}".`);
      }
      await this.page.waitForTimeout(50);
    }
  }

  /** Switches the colour theme of the running editor, as a person does. */
  async setTheme(theme: Theme): Promise<void> {
    const { label } = themes[theme];
    await this.runCommand('Preferences: Color Theme', { staysOpen: true });
    const input = this.page.locator('.quick-input-widget input');
    await input.fill(label);
    await this.page.locator('.quick-input-widget .monaco-list-row.focused', { hasText: label }).waitFor();
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    await this.waitForTheme(theme);
  }

  private async waitForTheme(theme: Theme): Promise<void> {
    const { className } = themes[theme];
    await this.page.locator(`.monaco-workbench.vscode-theme-defaults-themes-${className}-json`).waitFor();
    await viewsTaken(this.page, theme, PATIENCE_MS);
  }

  /**
   * Changes user settings of the running editor, as a person does: by editing settings.json, which covers the active
   * editor group meanwhile.
   */
  async changeSettings(changes: Record<string, unknown>): Promise<void> {
    const text = this.server.changedSettings(changes);
    await this.runCommand('Preferences: Open User Settings (JSON)');
    const tab = this.page.locator('.tab.active[data-resource-name="settings.json"]');
    await tab.waitFor();
    await this.page.locator('.editor-group-container.active .editor-instance .view-lines').first().waitFor();
    await this.page.keyboard.press('Control+a');
    await this.page.keyboard.insertText(text);
    await this.page.keyboard.press('Control+s');
    // The tab may never say that there is something to save, as the editor may save by itself; and it closes brackets.
    await expect.poll(() => fs.readFileSync(this.server.settingsFile, 'utf8').startsWith(text)).toBe(true);
    await this.page.locator('.tab.active.dirty').waitFor({ state: 'detached' });
    await this.runCommand('View: Close Editor');
    await tab.waitFor({ state: 'detached' });
  }

  /** Texts of the notifications on screen. */
  async notifications(): Promise<string[]> {
    return this.page.locator('.notifications-toasts .notification-list-item-message').allInnerTexts();
  }

  /** Waits for a notification that contains the text, and returns all of it. */
  async notification(text: string | RegExp): Promise<string> {
    return (await this.notificationItem(text)).locator('.notification-list-item-message').innerText();
  }

  /** Waits for a notification that contains the text. @throws Error with what is said instead. */
  async notificationItem(text: string | RegExp): Promise<Locator> {
    const item = this.page.locator('.notifications-toasts .notification-list-item', { hasText: text }).first();
    try {
      await item.waitFor();
    } catch (error) {
      const instead = (await this.notifications()).map((one) => `"${one}"`).join(', ');
      throw new Error(`No notification says ${String(text)}. On screen: ${instead || 'none'}.`, { cause: error });
    }
    return item;
  }

  /** Saves a picture of the whole window and returns its path. */
  async screenshot(name: string): Promise<string> {
    const file = path.join(inject('screenshots'), `${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }

  /** Keeps a picture of the window of a test that failed; for `afterEach`. */
  async screenshotOfFailure({ name, result }: { name: string; result?: { state: string } }): Promise<void> {
    if (result?.state === 'fail') {
      await this.screenshot(`failed-${name.slice(0, 30).replace(/\W+/g, '-')}`);
    }
  }

  /** Where the packed extension is installed; its processes run from here. */
  get extensionsFolder(): string {
    return this.server.extensionsFolder;
  }

  /** Absolute path of a file of the opened folder. */
  file(name: string): string {
    return path.join(this.folder, name);
  }
}
