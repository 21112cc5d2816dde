/**
 * What the extension does in the editor itself: tokens marked by sub-tree, the path in a hover, the native tree, the
 * status bar, the sidebar that follows, and a trace saved and opened again.
 */
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { saveAs } from './dialogs';
import { focusFile, inspectText, shown, shownTokens, terminalTrace, type TerminalTrace } from './explorer';
import { Workbench, themeNames } from './workbench';

const CODE = 'const total = items.map((item) => item.price);';
const FIRST = 'The bank of the river is steep.';
const SECOND = 'Her bank lends money to farmers.';
const THIRD = 'We walked along the bank at night.';
const LAST = 'A paragraph of its own follows here.';
const FILE = 'code.ts';
const NOTES = 'notes.md';
const DEPTH = 11;

describe('FFF Explorer in the editor', () => {
  let workbench: Workbench;
  let terminal: TerminalTrace;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: {
        [FILE]: `${CODE}\n`,
        [NOTES]: `${FIRST}\n${SECOND}\n${THIRD}\n\n${LAST}\n`,
        'damaged.ffftrace': '{"format":"ffftrace","version":1,"trace":{"tok',
        'future.ffftrace': '{"format":"ffftrace","version":9}',
      },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 100, 'editor.minimap.enabled': false },
    });
    terminal = await terminalTrace(CODE);
    await workbench.openFile(FILE);
  });

  afterEach(async ({ task }) => {
    await workbench.screenshotOfFailure(task);
    await workbench.runCommand('View: Show Explorer');
  });

  afterAll(() => workbench.close());

  /** Sub-tree at the third level of the token each character belongs to; null between tokens. */
  function subTrees(layer: number): (number | null)[] {
    return Array.from(CODE, (_, at) => {
      const token = terminal.tokens.findIndex(({ start, end }) => start <= at && at < end);
      const leaf = terminal.layers[layer]!.nodes[token]?.[0]?.at(-1);
      return leaf === undefined ? null : (leaf - (2 ** DEPTH - 1)) >> (DEPTH - 3);
    });
  }

  /** Line style, edge and colour drawn under or over each character of the file's first line; '' for none. */
  function drawnMarks(): Promise<{ line: string; color: string }[]> {
    return workbench.page
      .locator('.editor-group-container .view-line', { hasText: 'const' })
      .first()
      .evaluate((line) => {
        // The editor draws borders as boxes of their own, behind the text.
        const boxes = [...(line.closest('.monaco-editor')?.querySelectorAll('.view-overlays .cdr') ?? [])].flatMap(
          (box) => {
            const style = getComputedStyle(box);
            const is = (width: string, kind: string): boolean => parseFloat(width) > 0 && kind !== 'none';
            const { left, right, top, bottom } = box.getBoundingClientRect();
            const place = { left, right, top, bottom };
            return is(style.borderBottomWidth, style.borderBottomStyle)
              ? [{ ...place, line: `${style.borderBottomStyle} below`, color: style.borderBottomColor }]
              : is(style.borderTopWidth, style.borderTopStyle)
                ? [{ ...place, line: `${style.borderTopStyle} above`, color: style.borderTopColor }]
                : [];
          },
        );
        const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
        const marks: { line: string; color: string }[] = [];
        for (let text = walker.nextNode(); text !== null; text = walker.nextNode()) {
          for (let at = 0; at < (text.textContent ?? '').length; at++) {
            const range = document.createRange();
            range.setStart(text, at);
            range.setEnd(text, at + 1);
            const { left, width, top, height } = range.getBoundingClientRect();
            const [x, y] = [left + width / 2, top + height / 2];
            const box = boxes.find((one) => one.left < x && x < one.right && one.top <= y && y <= one.bottom);
            marks.push({ line: box?.line ?? '', color: box?.color ?? '' });
          }
        }
        return marks;
      });
  }

  const LINES = ['solid', 'dashed', 'dotted', 'double'];
  const expectedLines = (layer: number): string[] =>
    subTrees(layer).map((tree) => (tree === null ? '' : `${LINES[tree % 4]!} ${tree < 4 ? 'below' : 'above'}`));

  it('marks every token with its sub-tree in the layer looked at, by line and colour', async () => {
    const frame = await inspectText(workbench, FILE, CODE);
    for (const layer of [3, 0]) {
      await frame.locator(`[data-testid="layers"] [data-at="${layer}"]`).click();
      await expect.poll(async () => (await drawnMarks()).map(({ line }) => line)).toEqual(expectedLines(layer));
    }
    const trees = subTrees(0);
    const colors = new Map<number, Set<string>>();
    for (const [at, { color }] of (await drawnMarks()).entries()) {
      const tree = trees[at];
      if (tree !== null && tree !== undefined) {
        colors.set(tree, (colors.get(tree) ?? new Set()).add(color));
      }
    }
    expect([...colors.values()].every((seen) => seen.size === 1)).toBe(true);
    expect(new Set([...colors.values()].flatMap((seen) => [...seen])).size).toBe(colors.size);
  });

  it.each(themeNames)('keeps the marks in the %s theme', async (theme) => {
    await workbench.setTheme(theme);
    await expect.poll(async () => (await drawnMarks()).map(({ line }) => line)).toEqual(expectedLines(0));
    await workbench.screenshot(`marks-${theme}`);
  });

  it('tells the path of the token under the mouse', async () => {
    await workbench.setTheme('light');
    await workbench.page.locator('.view-line', { hasText: 'const' }).first().getByText('total').first().hover();
    const table = workbench.page.locator('.monaco-hover table', { hasText: 'logit' });
    await table.waitFor();
    const token = terminal.tokens.findIndex(({ text }) => text === 'total');
    const nodes = await table
      .locator('tbody tr')
      .evaluateAll((rows) => rows.map((row) => Number(row.querySelectorAll('td')[1]?.textContent)));
    expect(nodes).toEqual(terminal.layers[0]!.nodes[token]![0]);
    await workbench.screenshot('hover-path');
    await workbench.page.keyboard.press('Escape');
  });

  it('says in the status bar what the layers gain and what that is worth to the model', async () => {
    const item = workbench.page.locator('.statusbar-item[id$="fffExplorer.status"]').first();
    await expect.poll(() => item.innerText()).toMatch(/\d+ ms to picture, FFF layers ≈[\d.]+×, model ≈[\d.]+×/);
    const told = (await item.locator('[aria-label]').first().getAttribute('aria-label')) ?? '';
    expect(told).toMatch(
      /tokenizing [\d.]+ ms, embedding [\d.]+ ms, attention and norms [\d.]+ ms, FFF [\d.]+ ms, head/,
    );
    expect(told).toMatch(/the forward pass [\d.]+× \[[\d.]+, [\d.]+\], of at most [\d.]+× \[/);
  });

  it('lists the trace in a native tree, token, layer, steps, and looks where it is told', async () => {
    await workbench.runCommand('FFF Explorer: Focus on Trace View');
    const rows = workbench.page.locator('.pane', { hasText: 'Trace' }).locator('.monaco-list-row');
    const row = (text: string) => rows.filter({ hasText: text }).first();
    await row('token 1').waitFor();
    await row('token 1').click();
    await row('Layer 2').waitFor();
    await row('Layer 2').click();
    await row('Node 0').waitFor();
    const path = terminal.layers[2]!.nodes[1]![0]!;
    // The list is short; the keyboard reaches what does not fit.
    for (const [level, node] of path.slice(0, 4).entries()) {
      await workbench.page.keyboard.press('ArrowDown');
      await rows.and(workbench.page.locator(`.focused[aria-label^="Level ${level}, node ${node},"]`)).waitFor();
    }
    await workbench.page.keyboard.press('Enter');
    const panel = await workbench.webview('body[data-view="trace"] .content[data-token="1"][data-layer="2"]');
    expect(await shown(panel, 'spine', 'path')).toBe(path.join(','));
    await workbench.screenshot('trace-tree');
  });

  it('takes the marks away when the text changes, and when they are switched off', async () => {
    await focusFile(workbench, FILE);
    await workbench.runCommand('FFF Explorer: Toggle Routing Marks in the Editor');
    await expect.poll(async () => (await drawnMarks()).every(({ line }) => line === '')).toBe(true);
    await workbench.runCommand('FFF Explorer: Toggle Routing Marks in the Editor');
    await expect.poll(async () => (await drawnMarks()).some(({ line }) => line !== '')).toBe(true);
    await focusFile(workbench, FILE);
    await workbench.page.keyboard.press('Control+End');
    await workbench.page.keyboard.type('//');
    await expect.poll(async () => (await drawnMarks()).every(({ line }) => line === '')).toBe(true);
    await workbench.page.keyboard.press('Control+z');
  });

  it('opens a saved trace in its own editor, read-only and the same', async () => {
    await workbench.openFile(NOTES);
    await inspectText(workbench, NOTES, SECOND);
    await workbench.runCommand('FFF Explorer: Export Trace…', { staysOpen: true });
    await saveAs(workbench, 'saved.ffftrace');
    await inspectText(workbench, NOTES, FIRST);
    await openTraceFile('saved.ffftrace');
    const saved = (await terminalTrace(SECOND)).tokens.map(({ text }) => text);
    const views = async (): Promise<string[][]> => {
      const frames: Frame[] = [];
      for (const frame of workbench.page.frames()) {
        if (
          (await frame
            .locator('body[data-view="trace"] [data-testid="token"]')
            .count()
            .catch(() => 0)) > 0
        ) {
          frames.push(frame);
        }
      }
      return Promise.all(frames.map((frame) => shownTokens(frame)));
    };
    await expect.poll(views).toContainEqual(saved);
    await workbench.screenshot('trace-file');
  });

  it.each([
    ['damaged.ffftrace', 'it is damaged or was not written to its end'],
    ['future.ffftrace', 'it has version 9 of the format and this extension reads version 1 only'],
  ])('says in one sentence why %s is not shown', async (file, cause) => {
    await workbench.runCommand('View: Show Explorer');
    await workbench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).dblclick();
    const page = await workbench.webview(`[data-view="trace"] .problem`);
    expect(await page.locator('[data-testid="error-message"]').textContent()).toBe(
      `${file} cannot be opened: ${cause}.`,
    );
    expect(await page.locator('.advice').textContent()).toBe('Open another .ffftrace file.');
    await workbench.screenshot(`trace-file-${file}`);
    await workbench.runCommand('View: Close Editor');
  });

  it('follows the cursor in the sidebar, sentence by sentence, until the trace is pinned', async () => {
    await workbench.openFile(NOTES);
    await workbench.runCommand('View: Show FFF Explorer');
    const sidebar = await workbench.webview('body[data-view="sidebar"]');
    await focusFile(workbench, NOTES);
    await goToLine(5);
    const last = (await terminalTrace(LAST)).tokens.map(({ text }) => text);
    await expect.poll(() => shownTokens(sidebar)).toEqual(last);
    await workbench.runCommand('FFF Explorer: Pin Trace');
    await focusFile(workbench, NOTES);
    await goToLine(1);
    await workbench.page.waitForTimeout(1000);
    expect(await shownTokens(sidebar)).toEqual(last);
    await workbench.runCommand('FFF Explorer: Unpin Trace');
    const first = (await terminalTrace(FIRST)).tokens.map(({ text }) => text);
    await expect.poll(() => shownTokens(sidebar)).toEqual(first);
    await workbench.screenshot('sidebar-follows');
  });

  async function goToLine(line: number): Promise<void> {
    await workbench.page.locator('.editor-group-container.active .editor-instance').first().click();
    await workbench.page.keyboard.press('Control+g');
    await workbench.page.locator('.quick-input-widget input').fill(`:${line}:3`);
    await workbench.page.keyboard.press('Enter');
    await workbench.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  async function openTraceFile(file: string): Promise<void> {
    await workbench.runCommand('View: Show Explorer');
    await workbench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).dblclick();
    await workbench.page.locator(`.tab.active[data-resource-name="${file}"]`).waitFor();
  }
});
