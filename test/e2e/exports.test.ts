/**
 * Saving in a real VS Code: pictures and tables of the trace panel through the editor's own dialog, and a whole trace
 * that opens again in its own editor. Files are read from the disk and compared with what the terminal computes.
 */
import fs from 'node:fs';
import { JSDOM } from 'jsdom';
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readTraceFile } from '../../extension/traceFile';
import { pathToLeaf } from '../../extension/tree';
import { saveAs } from './dialogs';
import { inspectText, shownPath, shownTokens, terminalTrace, type TerminalTrace } from './explorer';
import { Workbench } from './workbench';

const FILE = 'sample.ts';
const TEXT = 'for (let i = 0; i < array.<mask>; i++) { total += array[i]; }';
const OTHER = 'Every token takes its own path from the root to a leaf.';
const LAYER = 2;

describe('saving in a real VS Code', () => {
  let workbench: Workbench;
  let panel: Frame;
  let terminal: TerminalTrace;
  let token: number;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: { [FILE]: `${TEXT}\n// ${OTHER}\n` },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 100 },
    });
    terminal = await terminalTrace(TEXT);
    token = terminal.predictions[0]!.index;
    await workbench.openFile(FILE);
    panel = await inspectText(workbench, FILE, TEXT);
    await panel.locator(`[data-testid="layers"] [data-at="${LAYER}"]`).click();
    await panel.locator(`[data-testid="token"][data-index="${token}"]`).click();
    await panel.locator(`[data-testid="spine"][data-layer="${LAYER}"][data-token="${token}"]`).waitFor();
  });

  afterEach(({ task }) => workbench.screenshotOfFailure(task));

  afterAll(() => workbench.close());

  /** Chooses a kind in a figure's save menu, by mouse or by keyboard, and saves under a name. */
  async function save(figure: string, kind: 'svg' | 'png' | 'csv' | 'json', name: string): Promise<Buffer> {
    const toggle = panel.locator(`[data-testid="save-${figure}"]`);
    const entry = panel.locator(`[data-testid="save-${figure}-${kind}"]`);
    if (kind === 'csv') {
      await toggle.focus();
      await workbench.page.keyboard.press('Enter');
      while (!(await entry.evaluate((element) => element === document.activeElement))) {
        await workbench.page.keyboard.press('ArrowDown');
      }
      await workbench.page.keyboard.press('Enter');
    } else {
      await toggle.click();
      await entry.click();
    }
    return saveAs(workbench, name);
  }

  it('saves the tree as SVG: shapes with their colours, and the path of the token', async () => {
    const text = (await save('tree', 'svg', 'tree.svg')).toString('utf8');
    const image = new JSDOM(text, { contentType: 'image/svg+xml' }).window.document.documentElement;
    expect(image.tagName).toBe('svg');
    expect(image.querySelector('title')?.textContent).toBe('Tree');
    expect(image.querySelectorAll('style, script, [class], foreignObject, image')).toHaveLength(0);
    expect(new Set([...image.querySelectorAll('rect')].map((rect) => rect.getAttribute('fill'))).size).toBeGreaterThan(
      4,
    );
    const stops = [...image.querySelectorAll('polyline')].map((line) =>
      line.getAttribute('points')!.trim().split(/\s+/),
    );
    expect(stops.some((points) => points.length === 12)).toBe(true);
    const words = [...image.querySelectorAll('text')].map((one) => one.textContent);
    const path = terminal.layers[LAYER]!.nodes[token]![0]!;
    // Stations of the path are numbered as far as their cells are wide: the root at least.
    expect(words.some((word) => word.startsWith('0 · '))).toBe(true);
    expect(words.some((word) => word.startsWith(`${path[1]}`))).toBe(true);
  });

  it('saves the same picture as PNG, twice as sharp', async () => {
    const text = fs.readFileSync(workbench.file('tree.svg'), 'utf8');
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(text)!.map(Number);
    const png = await save('tree', 'png', 'tree.png');
    expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2 * width!, 2 * height!]);
    // It shows more than a plain ground: many colours where the tree is.
    const address = `data:image/png;base64,${png.toString('base64')}`;
    const colours = await workbench.page.evaluate(async (source) => {
      const drawn = new Image();
      drawn.src = source;
      await drawn.decode();
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [drawn.width, drawn.height];
      const context = canvas.getContext('2d')!;
      context.drawImage(drawn, 0, 0);
      const { data } = context.getImageData(0, 0, drawn.width, drawn.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }, address);
    expect(colours).toBeGreaterThan(20);
  });

  it('saves the path as CSV, by keyboard alone, with exact numbers', async () => {
    const csv = (await save('spine', 'csv', 'path.csv')).toString('utf8');
    const [head, ...rows] = csv
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(','));
    expect(head!.slice(0, 2)).toEqual(['Level', 'Node']);
    const logit = head!.indexOf('Logit');
    expect(rows.map((row) => Number(row[1]))).toEqual(terminal.layers[LAYER]!.nodes[token]![0]);
    const logits = terminal.layers[LAYER]!.logits[token]![0]!;
    rows.forEach((row, level) => expect(Number(row[logit])).toBeCloseTo(logits[level]!, 5));
  });

  it('saves the tree’s numbers as JSON that says what they are about', async () => {
    const json = JSON.parse((await save('tree', 'json', 'tree.json')).toString('utf8')) as {
      source: string;
      model: string;
      tokens: number;
      focus: { token: number; layer: number };
      rows: { Node: number; Tokens: number }[];
    };
    expect(json).toMatchObject({
      source: `${FILE}:1`,
      model: 'default',
      tokens: terminal.tokens.length,
      focus: { token, layer: LAYER },
    });
    const visits = new Map<number, number>();
    for (const node of terminal.layers[LAYER]!.nodes.flat(2)) {
      visits.set(node, (visits.get(node) ?? 0) + 1);
    }
    expect(new Map(json.rows.map(({ Node, Tokens }) => [Node, Tokens]))).toEqual(
      new Map([...visits].sort(([one], [other]) => one - other)),
    );
  });

  it('saves every figure that has numbers or a picture, none of them empty', async () => {
    for (const figure of ['navigator', 'neurons', 'predictions', 'timings', 'boundary']) {
      const csv = (await save(figure, 'csv', `${figure}.csv`)).toString('utf8');
      expect(csv.trimEnd().split('\r\n').length, figure).toBeGreaterThan(1);
      const svg = (await save(figure, 'svg', `${figure}.svg`)).toString('utf8');
      const image = new JSDOM(svg, { contentType: 'image/svg+xml' }).window.document.documentElement;
      expect(image.querySelectorAll('rect, path, line, circle, text').length, figure).toBeGreaterThan(10);
    }
  });

  it('leaves everything as it was when the user thinks better of it', async () => {
    await panel.locator('[data-testid="save-tree"]').click();
    await panel.locator('[data-testid="save-tree-csv"]').click();
    const input = workbench.page.locator('.quick-input-widget input[type="text"]').first();
    await input.waitFor();
    await workbench.page.keyboard.press('Escape');
    await workbench.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    expect(await panel.locator('[data-testid="status"]').isVisible()).toBe(false);
    expect(await workbench.notifications()).toEqual([]);
  });

  it('saves a whole trace that opens again in its own editor, equal in every token, path and prediction', async () => {
    await panel.locator('[data-testid="export-trace"]').click();
    const saved = readTraceFile((await saveAs(workbench, 'one.ffftrace')).toString('utf8'), 'one.ffftrace');
    expect(saved.trace.text).toBe(TEXT);
    expect(saved.trace.tokens.map(({ text }) => text)).toEqual(terminal.tokens.map(({ text }) => text));
    for (const [layer, routing] of saved.trace.layers.entries()) {
      const paths = [...routing!.leaves].map((leaf) => [pathToLeaf(leaf, 11)]);
      expect(paths).toEqual(terminal.layers[layer]!.nodes);
    }
    expect(saved.focus).toMatchObject({ token, layer: LAYER });

    // Something else is shown meanwhile, so that what is read can only come from the file.
    await inspectText(workbench, FILE, OTHER);
    await workbench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'one.ffftrace' }).dblclick();
    await workbench.page.locator('.tab.active[data-resource-name="one.ffftrace"]').waitFor();
    let file: Frame | undefined;
    await expect
      .poll(async () => {
        for (const frame of workbench.page.frames()) {
          const texts = await shownTokens(frame).catch(() => []);
          if (texts.join('|') === terminal.tokens.map(({ text }) => text).join('|')) {
            file = frame;
          }
        }
        return file !== undefined;
      })
      .toBe(true);
    expect(await shownPath(file!, 'spine')).toEqual(terminal.layers[LAYER]!.nodes[token]![0]);
    for (const layer of [0, 3]) {
      await file!.locator(`[data-testid="layers"] [data-at="${layer}"]`).click();
      await file!.locator(`[data-testid="spine"][data-layer="${layer}"]`).waitFor();
      expect(await shownPath(file!, 'spine')).toEqual(terminal.layers[layer]!.nodes[token]![0]);
      await expect.poll(() => shownPath(file!, 'tree-map')).toEqual(terminal.layers[layer]!.nodes[token]![0]);
    }
    const words = file!.locator(`[data-testid="predictions"] [data-index="${token}"] li`);
    // Figures out of sight are painted a moment after those in sight.
    await expect
      .poll(() => words.evaluateAll((all) => all.map((word) => word.getAttribute('data-text'))))
      .toEqual(terminal.predictions[0]!.top.slice(0, 5).map(({ text }) => text));
    await workbench.screenshot('export-reopened');

    // And saved once more from there, it is the same trace.
    await file!.locator('[data-testid="export-trace"]').click();
    const again = readTraceFile((await saveAs(workbench, 'two.ffftrace')).toString('utf8'), 'two.ffftrace');
    expect(again.trace).toEqual(saved.trace);
  });

  it('stays on this machine and within its own policy', () => {
    expect(workbench.foreignRequests).toEqual([]);
    expect(workbench.viewErrors).toEqual([]);
  });
});
