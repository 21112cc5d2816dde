/**
 * *Map Usage* in a real VS Code: a file, a folder, a selection and a glob; what the views then say about every layer and
 * node, compared with what the terminal counts in the same files; reading again only what changed; and giving up.
 */
import fs from 'node:fs';
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  choose,
  clearNotifications,
  enter,
  fromMenu,
  pickFolder,
  pressInNotification,
  renderedReport,
  saveAs,
  tableOf,
} from './dialogs';
import { focusFile, inspectText, shown, shownTokens, terminalTrace, terminalUsage, viewFrame } from './explorer';
import { Workbench } from './workbench';

const SINGLE = 'single.txt';
const SENTENCES = [
  'The bank of the river is steep.',
  'Her bank lends money to farmers.',
  'for (let i = 0; i < items.length; i++) { total += items[i].price; }',
  'Trees decide; leaves do not.',
];
const LONG_FILES = 60;

/** Prose that no two files share, so that nothing is known already. */
function prose(seed: number, words: number): string {
  const known = SENTENCES.join(' ').split(' ');
  let state = seed + 1;
  const next = (): number => (state = (state * 48271) % 2147483647);
  return Array.from({ length: words }, () => `${known[next() % known.length]!}${next() % 9 === 0 ? '.\n' : ''}`).join(
    ' ',
  );
}

const number = (text: string): number => Number(text.replaceAll(',', ''));

describe('Map Usage in a real VS Code', () => {
  let workbench: Workbench;
  let panel: Frame;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: {
        [SINGLE]: SENTENCES.join('\n'),
        'docs/one.md': prose(1, 400),
        'docs/two.md': prose(2, 300),
        'docs/deep/three.txt': SENTENCES[1]!,
        'docs/picture.bin': 'a\u0000b',
        ...Object.fromEntries(
          Array.from({ length: LONG_FILES }, (_, at) => [
            `long/${String(at).padStart(2, '0')}.txt`,
            prose(100 + at, 2500),
          ]),
        ),
      },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 0, 'explorer.compactFolders': false },
    });
  });

  afterEach(({ task }) => workbench.screenshotOfFailure(task));

  afterAll(() => workbench.close());

  const about = (): Promise<string | null> => panel.locator('[data-testid="usage-about"]').textContent();

  /** What the panel says about the last map, against the terminal's. */
  async function expectMap(label: string, files: string[], documents = files.length): Promise<void> {
    const terminal = await terminalUsage(...files.map((file) => workbench.file(file)));
    const noun = `document${documents === 1 ? '' : 's'}`;
    await expect.poll(about).toBe(`${label}: ${terminal.tokens.toLocaleString('en')} tokens of ${documents} ${noun}.`);
    // The map is on the tree without another click.
    await expect.poll(() => shown(panel, 'tree-map', 'traffic')).toBe('corpus');
    const rows = await tableOf(panel, 'usage');
    expect(rows.slice(1).map((row) => [row[0], row[5], row[7]])).toEqual(
      terminal.layers.map(([tree], layer) => [
        String(layer),
        String(tree!.leavesReached),
        String(tree!.unreached.length),
      ]),
    );
    const drawn = await panel
      .locator('[data-testid="usage-bars"] g.row')
      .evaluateAll((all) => all.map((row) => (row.getAttribute('data-values') ?? '').split(',').map(Number)));
    for (const [layer, [tree]] of terminal.layers.entries()) {
      expect(drawn[layer]![0]).toBeCloseTo(tree!.entropyBits / 11, 9);
      expect(drawn[layer]![1]).toBeCloseTo(tree!.gini, 9);
      expect(drawn[layer]![2]).toBeCloseTo(tree!.leavesReached / 2048, 9);
    }
  }

  it('maps a file from its menu with nothing inspected before, and shows the map over the file’s beginning', async () => {
    await workbench.openFile(SINGLE);
    await fromMenu(workbench, SINGLE, 'Map Usage of File');
    expect(await workbench.notification(`Mapped ${SINGLE}`)).toMatch(/^Mapped single\.txt: \d+ tokens of 1 text\.$/);
    panel = await viewFrame(workbench, 'trace');
    await expectMap(SINGLE, [SINGLE]);
    const expected = await terminalTrace(SENTENCES.join('\n'));
    await expect.poll(() => shownTokens(panel)).toEqual(expected.tokens.map(({ text }) => text));
    expect(await panel.locator('[data-testid="source"]').textContent()).toBe(SINGLE);
    // Nothing stands in front of the map, and nothing waits to be saved.
    const tabs = await workbench.page
      .locator('.tab')
      .evaluateAll((all) => all.map((tab) => tab.getAttribute('aria-label')));
    expect(tabs.map((label) => label?.split(',')[0])).toEqual([SINGLE, 'FFF Trace']);
    expect(await workbench.page.locator('.tab.dirty').count()).toBe(0);
    await workbench.screenshot('usage-file');
  });

  it('shows every node’s visits on the tree: as numbers, as colour, in the readout and on the node’s card', async () => {
    const terminal = await terminalUsage(workbench.file(SINGLE));
    for (const layer of [0, 2]) {
      await panel.locator(`[data-testid="layers"] [data-at="${layer}"]`).click();
      await panel.locator(`[data-testid="tree-map"][data-layer="${layer}"][data-traffic="corpus"]`).waitFor();
      const tree = terminal.layers[layer]![0]!;
      await panel.locator('[data-testid="save-tree"]').click();
      await panel.locator('[data-testid="save-menu-tree"] button', { hasText: 'CSV' }).click();
      const csv = (await saveAs(workbench, `tree-${layer}.csv`)).toString('utf8').trim().split(/\r?\n/);
      const counts = new Map(csv.slice(1).map((line) => [Number(line.split(',')[0]), Number(line.split(',')[3])]));
      expect(counts).toEqual(new Map([...tree.visits.entries()].filter(([, visits]) => visits > 0)));

      // Level 5 has 32 cells of some 20 px; the paths are drawn on another layer than the heat.
      const filled = await panel.locator('[data-testid="tree-map"] canvas').evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const ratio = canvas.width / canvas.clientWidth;
        const height = (canvas.clientHeight - 36) / 12;
        const context = canvas.getContext('2d')!;
        const colour = (x: number): string =>
          context.getImageData(Math.round(x * ratio), Math.round(5.9 * height * ratio), 1, 1).data.join();
        return Array.from({ length: 32 }, (_, cell) => colour(((cell + 0.25) * canvas.clientWidth) / 32));
      });
      // Below a sparsely visited node only a part is filled, so the cells that nobody visits are compared.
      const empty = [...filled.entries()].filter(([cell]) => tree.visits[31 + cell] === 0).map(([, colour]) => colour);
      const visited = [...filled.entries()].filter(([cell]) => tree.visits[31 + cell]! > 0).map(([, colour]) => colour);
      expect(visited.length).toBeGreaterThan(4);
      expect(new Set(empty).size).toBeLessThanOrEqual(1);
      expect(visited.filter((colour) => empty.includes(colour))).toEqual([]);
    }
    const tree = terminal.layers[2]![0]!;
    const map = panel.locator('[data-testid="tree-map"] .overlay');
    const box = (await map.boundingBox())!;
    await map.click({ position: { x: box.width / 4, y: 40 } });
    await panel.locator('[data-testid="node-corpus"]').waitFor();
    expect(await panel.locator('[data-testid="tree-readout"]').textContent()).toContain(
      `Node 1, level 1 · ${tree.visits[1]} of ${terminal.tokens} tokens of the corpus`,
    );
    const card = panel.locator('[data-testid="node-corpus"]');
    expect(await card.getAttribute('data-visits')).toBe(String(tree.visits[1]));
    const words = await card
      .locator('li')
      .evaluateAll((all) =>
        all.map((word) => [word.getAttribute('data-text'), Number(word.getAttribute('data-count'))]),
      );
    const [from, to] = [tree.tokenOffsets[1]!, tree.tokenOffsets[2]!];
    expect(words).toEqual(
      Array.from({ length: to - from }, (_, at) => [
        terminal.words[tree.tokenWords[from + at]!]!.text,
        tree.tokenCounts[from + at],
      ]),
    );
    await workbench.screenshot('usage-node');
  });

  it('maps a folder from the palette, and the report says the same', async () => {
    await clearNotifications(workbench);
    await workbench.runCommand('FFF Explorer: Map Usage…', { staysOpen: true });
    await choose(workbench, 'Map usage of', 'Folder');
    await pickFolder(workbench, workbench.file('docs'));
    const files = ['docs/deep/three.txt', 'docs/one.md', 'docs/two.md'];
    expect(await workbench.notification('Mapped docs')).toMatch(
      /^Mapped docs: \d+ tokens of 3 texts\. 1 text left out\.$/,
    );
    await pressInNotification(workbench, 'Mapped docs', 'Open Report');
    const { frame, rows } = await renderedReport(workbench, 'Usage of default by docs');
    const terminal = await terminalUsage(...files.map((file) => workbench.file(file)));
    const text = await frame.locator('body').innerText();
    expect(text).toContain(`3 texts, ${terminal.tokens} tokens; all of it was read.`);
    expect(text).toMatch(/docs\/picture\.bin: no text/);
    expect(text).not.toContain('\\');
    const pictures = frame.locator('img[alt^="Visits of all nodes of layer"]');
    expect(await pictures.evaluateAll((all) => all.map((one) => (one as HTMLImageElement).naturalWidth))).toEqual(
      terminal.layers.map(() => 640),
    );
    const layers = rows.filter((row) => row.length === 6 && /^\d+$/.test(row[0]!));
    expect(layers.map((row) => [row[2], row[3], row[4]])).toEqual(
      terminal.layers.map(([tree]) => [
        `${tree!.entropyBits.toFixed(2)} of 11`,
        tree!.gini.toFixed(3),
        `${tree!.leavesReached} of 2048`,
      ]),
    );
    for (const { name, tokens } of terminal.documents) {
      expect(rows).toContainEqual([expect.stringMatching(name.split('/').slice(-2).join('/')), String(tokens), 'read']);
    }
    for (const [tree] of terminal.layers) {
      const largest = tree!.unreached.slice(0, 8).join(', ');
      expect(text).toContain(`${tree!.unreached.length} sub-trees`);
      expect(text).toContain(`the largest begin at ${largest}.`);
    }
    await workbench.screenshot('usage-report');
    await workbench.runCommand('View: Close Editor');
    await expectMap('docs', files);
  });

  it('reads only what changed when it is run again after an edit', async () => {
    fs.writeFileSync(workbench.file('docs/two.md'), `${SENTENCES[3]!}\n${prose(3, 200)}`);
    await clearNotifications(workbench);
    await fromMenu(workbench, 'docs', 'Map Usage of Folder');
    await workbench.notification('Mapped docs');
    await expectMap('docs', ['docs/deep/three.txt', 'docs/one.md', 'docs/two.md']);
    await panel.locator('[data-testid="report-usage"]').click();
    const { frame, rows } = await renderedReport(workbench, 'Usage of default by docs');
    expect(await frame.locator('body').innerText()).toContain('2 texts were known and not read again.');
    const how = rows.filter(([name]) => /docs\/(one|two)\.md|three\.txt$/.test(name ?? ''));
    expect(Object.fromEntries(how.map(([name, , what]) => [name!.slice(name!.lastIndexOf('/') + 1), what]))).toEqual({
      'one.md': 'known already',
      'two.md': 'read',
      'three.txt': 'known already',
    });
    await workbench.runCommand('View: Close Editor');
  });

  it('shows the progress of a long mapping, gives it up, and keeps both the map before and what was read', async () => {
    const before = await about();
    await clearNotifications(workbench);
    await fromMenu(workbench, 'long', 'Map Usage of Folder');
    const progress = workbench.page.locator('.notification-list-item', { hasText: 'Mapping usage of long' });
    // The files are named as they are read; some must be through before it is given up.
    const reached = progress.getByText(/long\/0[3-9]\.txt/);
    await reached.waitFor({ timeout: 120_000 });
    await workbench.screenshot('usage-progress');
    await progress.locator('.monaco-button', { hasText: 'Cancel' }).click();
    await progress.waitFor({ state: 'detached' });
    await workbench.page.waitForTimeout(500);
    expect(await workbench.notifications()).toEqual([]);
    expect(await about()).toBe(before);

    // The next request is answered as if nothing had been.
    const frame = await inspectText(workbench, SINGLE, SENTENCES[0]!);
    expect(await shownTokens(frame)).toEqual((await terminalTrace(SENTENCES[0]!)).tokens.map(({ text }) => text));
    await workbench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: /^long$/ }).click();
    await fromMenu(workbench, '00.txt', 'Map Usage of File');
    await expectMap('long/00.txt', ['long/00.txt']);
    await panel.locator('[data-testid="report-usage"]').click();
    const report = await renderedReport(workbench, 'Usage of default by long/00.txt');
    expect(await report.frame.locator('body').innerText()).toContain('all of it was known and not read again.');
    await workbench.runCommand('View: Close Editor');
  });

  it('maps a selection and a glob, and exports the map as JSON', async () => {
    await focusFile(workbench, SINGLE);
    await workbench.selectText(SINGLE, SENTENCES[2]!);
    await workbench.runCommand('FFF Explorer: Map Usage of Selection');
    const own = (await terminalTrace(SENTENCES[2]!)).tokens.filter(({ start, end }) => end > start).length;
    await expect.poll(about).toBe(`${SINGLE}:3: ${own} tokens of 1 document.`);

    await workbench.runCommand('FFF Explorer: Map Usage of Workspace Files…', { staysOpen: true });
    await enter(workbench, '**/', 'docs/*.md');
    await expectMap('docs/*.md', ['docs/one.md', 'docs/two.md']);
    await workbench.runCommand('FFF Explorer: Export Usage Map as JSON…', { staysOpen: true });
    const saved = JSON.parse((await saveAs(workbench, 'usage.json')).toString('utf8')) as {
      format: string;
      label: string;
      tokens: number;
      layers: { visits: number[] }[][];
    };
    const terminal = await terminalUsage(workbench.file('docs/one.md'), workbench.file('docs/two.md'));
    expect([saved.format, saved.label, saved.tokens]).toEqual(['fffusage', 'docs/*.md', terminal.tokens]);
    expect(saved.layers.map(([tree]) => tree!.visits)).toEqual(terminal.layers.map(([tree]) => tree!.visits));
  });

  it('lets the user look at the trace again, and leaves that choice alone until the next map', async () => {
    await panel.locator('[data-testid="tree-traffic"] button', { hasText: 'Trace' }).click();
    await panel.locator('[data-testid="tree-map"][data-traffic="trace"]').waitFor();
    await inspectText(workbench, SINGLE, SENTENCES[1]!);
    const tokens = (await terminalTrace(SENTENCES[1]!)).tokens.map(({ text }) => text);
    await expect.poll(() => shownTokens(panel)).toEqual(tokens);
    expect(await shown(panel, 'tree-map', 'traffic')).toBe('trace');
    expect(number((await about())!.split(' ')[1]!)).toBeGreaterThan(0);
  });

  it('stays on this machine and within its own policy', () => {
    expect(workbench.foreignRequests).toEqual([]);
    expect(workbench.viewErrors).toEqual([]);
  });
});
