/**
 * Comparing in a real VS Code: two selections, one line before and after an edit, and two models on one text. What the
 * views and the report say is compared with paths that the terminal computes for each side alone.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { inRoot } from '../../scripts/lib/paths.mjs';
import { clearNotifications, pickFolder, pressInNotification, renderedReport, tableOf } from './dialogs';
import {
  focusFile,
  inspectText,
  runnerPid,
  shown,
  shownTokens,
  terminalTrace,
  unfold,
  viewFrame,
  type TerminalTrace,
} from './explorer';
import { Workbench } from './workbench';

const FILE = 'notes.txt';
const FIRST = 'The bank of the river is steep.';
const SECOND = 'The bank of the village is steep.';
const EDITED = 'items.map((item) => item.price);';
const DEPTH = 11;
/** Level at which paths that never part are said to part. */
const NEVER = DEPTH + 1;

/** The model that ships, with the feedforward weights of its last two layers exchanged. */
function exchangeLayers(folder: string): void {
  // Files of its own, also where the model is a link: what is written here must not reach it.
  fs.cpSync(inRoot('models/default'), folder, { recursive: true, dereference: true });
  const file = path.join(folder, 'model.safetensors');
  const bytes = fs.readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = bytes.subarray(8, 8 + length).toString('utf8');
  const exchanged = header
    .replaceAll('layers.2.ffn', 'layers.held.ffn')
    .replaceAll('layers.3.ffn', 'layers.2.ffn')
    .replaceAll('layers.held.ffn', 'layers.3.ffn');
  expect(exchanged).toHaveLength(header.length);
  bytes.write(exchanged, 8, 'utf8');
  fs.writeFileSync(file, bytes);
}

/** Tokens that belong together where the two texts differ in one place only: those before it and those after it. */
function pairsOf(first: TerminalTrace, second: TerminalTrace): [number, number][] {
  const texts = [first, second].map(({ tokens }) => tokens.map(({ text }) => text)) as [string[], string[]];
  const shorter = Math.min(texts[0].length, texts[1].length);
  let head = 0;
  while (head < shorter && texts[0][head] === texts[1][head]) {
    head++;
  }
  let tail = 0;
  while (tail < shorter - head && texts[0].at(-1 - tail) === texts[1].at(-1 - tail)) {
    tail++;
  }
  return [
    ...Array.from({ length: head }, (_, at): [number, number] => [at, at]),
    ...Array.from({ length: tail }, (_, at): [number, number] => [
      texts[0].length - tail + at,
      texts[1].length - tail + at,
    ]),
  ];
}

/** First level in which two paths differ, in a layer. */
function partsAt(first: TerminalTrace, second: TerminalTrace, layer: number, [one, other]: [number, number]): number {
  const [a, b] = [first.layers[layer]!.nodes[one]![0]!, second.layers[layer]!.nodes[other]![0]!];
  const level = a.findIndex((node, at) => node !== b[at]);
  return level < 0 ? NEVER : level;
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

describe('comparing in a real VS Code', () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: { [FILE]: `${FIRST}\n${SECOND}\n${EDITED}\n` },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 0, 'files.autoSave': 'off' },
    });
    exchangeLayers(workbench.file('exchanged'));
    await workbench.openFile(FILE);
  });

  afterEach(({ task }) => workbench.screenshotOfFailure(task));

  afterAll(() => workbench.close());

  /** Everything the panel says about two traces, against the two computed alone. */
  async function expectComparison(panel: Frame, first: TerminalTrace, second: TerminalTrace): Promise<void> {
    const pairs = pairsOf(first, second);
    const about = panel.locator('[data-testid="compare-about"]');
    const [there, here] = [first.tokens.length - pairs.length, second.tokens.length - pairs.length];
    const others = there + here === 0 ? '' : `, ${there} token${there === 1 ? '' : 's'} only there, ${here} only here`;
    await expect.poll(() => about.textContent()).toContain(`${pairs.length} tokens in both${others}.`);
    const drawn = await panel
      .locator('[data-testid="compare-bars"] g.row')
      .evaluateAll((rows) => rows.map((row) => (row.getAttribute('data-values') ?? '').split(',').map(Number)));
    for (const layer of second.layers.keys()) {
      const levels = pairs.map((pair) => partsAt(first, second, layer, pair));
      expect(drawn[layer]![0]).toBeCloseTo(mean(levels.map((level) => (level - 1) / DEPTH)), 6);
      expect(drawn[layer]![1]).toBeCloseTo(mean(levels.map((level) => (level === NEVER ? 1 : 0))), 6);
    }

    // Where each token's path parts first, one row a pair.
    await unfold(panel, 'divergence');
    const rows = panel.locator('[data-testid="figure-divergence"] tbody tr[data-row]');
    await expect.poll(() => rows.count()).toBe(pairs.length);
    const cells = await rows.evaluateAll((all) =>
      all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent)),
    );
    expect(cells.map(([token, , other, layer, level]) => [token, other, layer, level])).toEqual(
      pairs.map((pair) => {
        const layer = [...second.layers.keys()].find((at) => partsAt(first, second, at, pair) !== NEVER);
        return layer === undefined
          ? [String(pair[1]), String(pair[0]), 'never', '–']
          : [String(pair[1]), String(pair[0]), String(layer), String(partsAt(first, second, layer, pair))];
      }),
    );

    // The tree shows the difference without another click: visits here less visits there.
    await panel.locator('[data-testid="layers"] [data-at="3"]').click();
    await panel.locator('[data-testid="tree-map"][data-layer="3"][data-traffic="difference"]').waitFor();
    const visits = (trace: TerminalTrace): Map<number, number> => {
      const counts = new Map<number, number>();
      for (const node of trace.layers[3]!.nodes.flat(2)) {
        counts.set(node, (counts.get(node) ?? 0) + 1);
      }
      return counts;
    };
    const [before, now] = [visits(first), visits(second)];
    const expected = [...new Set([...before.keys(), ...now.keys()])]
      .map((node): [string, number] => [String(node), (now.get(node) ?? 0) - (before.get(node) ?? 0)])
      .filter(([, difference]) => difference !== 0)
      .sort(([one], [other]) => Number(one) - Number(other))
      .map(([node, difference]) => [node, `${difference > 0 ? '+' : '−'}${Math.abs(difference)}`]);
    if (expected.length > 0) {
      const table = await tableOf(panel, 'tree');
      expect(table.slice(1).map(([node, , , difference]) => [node, difference])).toEqual(expected);
    }
  }

  it('compares two selections, in the views and in a report', async () => {
    const [first, second] = await Promise.all([FIRST, SECOND].map((text) => terminalTrace(text)));
    await inspectText(workbench, FILE, FIRST);
    const panel = await inspectText(workbench, FILE, SECOND);
    await workbench.runCommand('FFF Explorer: Compare with Previous Trace');
    const said = await workbench.notification('Compared two traces');
    const pairs = pairsOf(first!, second!);
    const parted = [...second!.layers.keys()].filter((layer) =>
      pairs.some((pair) => partsAt(first!, second!, layer, pair) !== NEVER),
    );
    expect(said).toBe(
      parted.length === 0
        ? `Compared two traces: ${pairs.length} tokens in both, paths part in no layer.`
        : `Compared two traces: ${pairs.length} tokens in both, paths part in ${parted.length} of 4 layers.`,
    );
    await pressInNotification(workbench, 'Compared two traces', 'Open Report');
    const { frame, rows } = await renderedReport(workbench, 'Two traces compared');
    const text = await frame.locator('body').innerText();
    expect(text).toContain(`First: “${FIRST}” (default, ${first!.tokens.length} tokens)`);
    expect(text).toContain('Only in the first: river');
    expect(text).toContain(`${pairs.length} tokens belong together`);
    for (const layer of second!.layers.keys()) {
      const levels = pairs.map((pair) => partsAt(first!, second!, layer, pair));
      const shared = mean(levels.map((level) => (level - 1) / DEPTH));
      const same = levels.filter((level) => level === NEVER).length / levels.length;
      expect(rows).toContainEqual([String(layer), percent(shared), percent(same), expect.any(String)]);
    }
    await workbench.screenshot('compare-report');
    await workbench.runCommand('View: Close Editor');
    await expectComparison(panel, first!, second!);
    await workbench.screenshot('compare-selections');
  });

  it('ends the comparison, and shows the trace on the tree again', async () => {
    const panel = await viewFrame(workbench, 'trace');
    await panel.locator('[data-testid="compare-end"]').click();
    await expect.poll(() => shown(panel, 'tree-map', 'traffic')).toBe('trace');
    expect(await panel.locator('[data-testid="figure-divergence"]').isVisible()).toBe(false);
  });

  it('compares a line before and after an edit', async () => {
    await clearNotifications(workbench);
    await inspectText(workbench, FILE, EDITED);
    await focusFile(workbench, FILE);
    await workbench.selectText(FILE, 'price');
    await workbench.page.keyboard.type('height');
    await workbench.page.keyboard.press('Control+s');
    await workbench.page.locator('.tab.dirty').waitFor({ state: 'detached' });
    const edited = EDITED.replace('price', 'height');
    const panel = await inspectText(workbench, FILE, edited);
    await panel.locator('[data-testid="compare-start"]').click();
    await expectComparison(panel, await terminalTrace(EDITED), await terminalTrace(edited));
    await workbench.screenshot('compare-edit');
  });

  it('compares two models on one text, and shows the current one', async () => {
    await clearNotifications(workbench);
    const other = workbench.file('exchanged');
    const [theirs, ours] = [await terminalTrace(FIRST, other), await terminalTrace(FIRST)];
    await inspectText(workbench, FILE, FIRST);
    await workbench.runCommand('FFF Explorer: Compare Models…', { staysOpen: true });
    await pickFolder(workbench, other);
    expect(await workbench.notification('Compared two traces')).toBe(
      `Compared two traces of exchanged and default: ${ours.tokens.length} tokens in both, paths part in 2 of 4 layers.`,
    );
    const panel = await viewFrame(workbench, 'trace');
    await expectComparison(panel, theirs, ours);
    expect(await panel.locator('[data-testid="compare-about"]').textContent()).toMatch(
      new RegExp(`^Against ${FILE}:1 in the model exchanged: `),
    );
    expect(await panel.locator('[data-testid="model"]').textContent()).toContain('default');
    await workbench.screenshot('compare-models');
  });

  it('gives up tracing with another model, and can still be asked about what is shown', async () => {
    await clearNotifications(workbench);
    const panel = await inspectText(workbench, FILE, FIRST);
    // The runner holds its breath, so that there is something to give up however fast the machine is.
    const pid = await runnerPid(workbench);
    process.kill(pid, 'SIGSTOP');
    const title = 'Tracing with the model exchanged';
    const progress = workbench.page.locator('.notification-list-item', { hasText: title });
    try {
      await workbench.runCommand('FFF Explorer: Compare Models…', { staysOpen: true });
      await pickFolder(workbench, workbench.file('exchanged'));
      await pressInNotification(workbench, title, 'Cancel');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await progress.waitFor({ state: 'detached' });
    await panel.locator('[data-testid="status"]').waitFor({ state: 'hidden' });
    const { tokens } = await terminalTrace(FIRST);
    expect(await shownTokens(panel)).toEqual(tokens.map(({ text }) => text));
    expect(await workbench.notifications()).toEqual([]);
    expect(await panel.locator('[data-testid="compare-about"]').isVisible()).toBe(false);
    // The lens is computed by the runner, which must have the shown text again.
    await unfold(panel, 'lens');
    await expect.poll(() => panel.locator('[data-testid="lens-layer"]').count()).toBe(4);
  });

  it('says why a folder is no model, and leaves what is shown as it was', async () => {
    await clearNotifications(workbench);
    fs.mkdirSync(workbench.file('empty'));
    const panel = await inspectText(workbench, FILE, FIRST);
    await workbench.runCommand('FFF Explorer: Compare Models…', { staysOpen: true });
    await pickFolder(workbench, workbench.file('empty'));
    expect(await workbench.notification(/config\.json/)).toMatch(/ is no checkpoint: it has no config\.json\.$/);
    const { tokens } = await terminalTrace(FIRST);
    await expect.poll(() => shownTokens(panel)).toEqual(tokens.map(({ text }) => text));
    await unfold(panel, 'lens');
    await panel.locator('[data-testid="token"][data-index="2"]').click();
    await panel.locator('[data-testid="lens"][data-token="2"]').waitFor();
    await expect.poll(() => panel.locator('[data-testid="lens-layer"]').count()).toBe(4);
  });

  it('stays on this machine and within its own policy', () => {
    expect(workbench.foreignRequests).toEqual([]);
    expect(workbench.viewErrors).toEqual([]);
  });
});
