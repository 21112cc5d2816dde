/**
 * The product's first promise, end to end: the packed extension in a real VS Code, a real file, a selection, the command
 * from the palette, and then what the person sees, compared with what the terminal computes for the same text.
 */
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  focusFile,
  inspectSelection,
  inspectText,
  percentile,
  runnerPid,
  shown,
  shownPath,
  shownTokens,
  terminalTrace,
  until,
  viewFrame,
  type Picture,
} from './explorer';
import { Workbench, themeNames, type Theme } from './workbench';

/** Both are 32 tokens long, the separator included. */
const AREA =
  'export function area(width: number, height: number): number { return width * height; } const size = area(2, 3); // ok';
const NAMES = 'const names = users.filter((user) => user.age > 18).map((user) => user.name); console.log(names);';
const MASKED = 'for (let i = 0; i < array.<mask>; i++) { total += array[i]; }';
const PROSE = 'Every token takes its own path from the root to a leaf.';
/** Two emoji, of one and of three code points, for which the model that ships has no token. */
const EMOJI = 'const party = users.length \u{1f389}; // \u{1f469}\u200d\u{1f4bb}';
const THEME_TEXT: Record<Theme, string> = {
  light: MASKED,
  dark: AREA,
  highContrastDark: PROSE,
  highContrastLight: NAMES,
};

const FILE = 'sample.ts';
const LONG_FILE = 'long.md';
/** No language service looks at it, so that the time measured is ours. */
const QUIET_FILE = 'snippets.txt';
const REPETITIONS = 15;

describe('Inspect Selection in a real VS Code', () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: {
        [FILE]: [AREA, NAMES, MASKED, `// ${PROSE}`, EMOJI, ''].join('\n'),
        [QUIET_FILE]: [AREA, NAMES, ''].join('\n'),
        [LONG_FILE]: 'This document is far too long to be traced in a moment. '.repeat(900),
      },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 700 },
    });
    await workbench.openFile(FILE);
  });

  afterEach(({ task }) => workbench.screenshotOfFailure(task));

  afterAll(() => workbench.close());

  it('shows what the terminal computes: tokens, layers, every path, predictions', async () => {
    const frame = await inspectText(workbench, FILE, MASKED);
    const terminal = await terminalTrace(MASKED);
    expect(await shownTokens(frame)).toEqual(terminal.tokens.map(({ text }) => text));
    expect(await frame.locator('[data-testid="layers"] [role="radio"]').count()).toBe(terminal.layers.length);
    expect(await frame.locator('[data-testid="source"]').textContent()).toBe(`${FILE}:3`);

    const mask = terminal.predictions[0]!;
    const row = frame.locator(`[data-testid="predictions"] [data-index="${mask.index}"] li`);
    // Figures out of sight are painted a moment after those in sight.
    await expect
      .poll(() => row.evaluateAll((words) => words.map((word) => word.getAttribute('data-text'))))
      .toEqual(mask.top.slice(0, 5).map(({ text }) => text));
    expect(mask.top[0]?.text).toBe('length');

    for (const layer of terminal.layers.keys()) {
      await frame.locator(`[data-testid="layers"] [data-at="${layer}"]`).click();
      for (const token of [0, mask.index, terminal.tokens.length - 1]) {
        await frame.locator(`[data-testid="token"][data-index="${token}"]`).click();
        await frame.locator(`[data-testid="spine"][data-layer="${layer}"][data-token="${token}"]`).waitFor();
        const path = terminal.layers[layer]!.nodes[token]![0]!;
        expect(await shownPath(frame, 'spine')).toEqual(path);
        await expect.poll(() => shownPath(frame, 'tree-map')).toEqual(path);
        const column = frame.locator(`[data-testid="neurons"] g.layer[data-layer="${layer}"]`);
        await expect.poll(() => column.getAttribute('data-nodes')).toBe(path.join(','));
      }
    }
    expect(await shown(frame, 'tree-map', 'nodes')).toBe('4095');
    expect(await frame.locator('[data-testid="left-out"]').isVisible()).toBe(false);

    // What has no token is said, in the view as in the terminal.
    const party = await inspectText(workbench, FILE, EMOJI);
    const { leftOutCharacters, tokens } = await terminalTrace(EMOJI);
    expect(leftOutCharacters).toBe(2);
    expect(await shownTokens(party)).toEqual(tokens.map(({ text }) => text));
    expect(await party.locator('[data-testid="left-out"]').textContent()).toBe(
      "2 characters are not in this model's vocabulary and were left out.",
    );
    await workbench.screenshot('inspect-left-out');
  });

  it('times every layer against its dense twin once the picture is up, and refines', async () => {
    const frame = await inspectText(workbench, FILE, NAMES);
    const bars = frame.locator('[data-testid="timing"]');
    const seen = new Map<string, Set<string>>();
    let rows: { layer: string; measured: boolean; fff: string; dense: string }[] = [];
    await until('all layers to be measured, and one to be refined', async () => {
      rows = await bars.evaluateAll((elements) =>
        elements.map((row) => ({
          layer: row.getAttribute('data-layer') ?? '',
          measured: row.getAttribute('data-state') === 'measured',
          fff: row.getAttribute('data-fff-us') ?? '',
          dense: row.getAttribute('data-dense-us') ?? '',
        })),
      );
      if (rows.some(({ layer, measured }) => !measured && seen.has(layer))) {
        // What was seen so far belonged to the trace before; figures out of sight follow a moment later.
        seen.clear();
      }
      for (const { layer, fff } of rows.filter(({ measured }) => measured)) {
        seen.set(layer, (seen.get(layer) ?? new Set()).add(fff));
      }
      return rows.every(({ measured }) => measured) && [...seen.values()].some((values) => values.size > 1);
    });
    expect(rows).toHaveLength(4);
    for (const { fff, dense } of rows) {
      expect(Number(fff)).toBeGreaterThan(0);
      expect(Number(dense)).toBeGreaterThan(0);
    }
  });

  it.each(themeNames)('shows the right paths and readable text in the %s theme', async (theme) => {
    await workbench.setTheme(theme);
    const text = THEME_TEXT[theme];
    const frame = await inspectText(workbench, FILE, text);
    const terminal = await terminalTrace(text);
    expect(await shownTokens(frame)).toEqual(terminal.tokens.map((token) => token.text));
    const [token, layer] = [Number(await shown(frame, 'spine', 'token')), Number(await shown(frame, 'spine', 'layer'))];
    expect(await shownPath(frame, 'spine')).toEqual(terminal.layers[layer]!.nodes[token]![0]);
    const { background, editor, contrast } = await frame.evaluate(() => {
      const parse = (colour: string): number[] => (/[\d.]+/g.exec(colour) ? colour.match(/[\d.]+/g)!.map(Number) : []);
      const luminance = (colour: number[]): number => {
        const [r = 0, g = 0, b = 0] = colour.map((value) => {
          const part = value / 255;
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const probe = document.createElement('i');
      probe.style.color = 'var(--vscode-editor-background)';
      document.body.append(probe);
      const wanted = getComputedStyle(probe).color;
      probe.remove();
      const ground = getComputedStyle(document.body).backgroundColor;
      const ink = getComputedStyle(document.querySelector('[data-testid="source"]')!).color;
      const [light, dark] = [luminance(parse(ink)), luminance(parse(wanted))].sort((one, other) => other - one);
      return { background: ground, editor: wanted, contrast: (light! + 0.05) / (dark! + 0.05) };
    });
    expect([editor, 'rgba(0, 0, 0, 0)']).toContain(background);
    expect(contrast).toBeGreaterThanOrEqual(4.5);
    await until(
      'every layer to be measured',
      async () => (await frame.locator('[data-state="measured"]').count()) >= 4,
    );
    await workbench.screenshot(`inspect-${theme}`);
  });

  it('says in the view, and there only, that the runner was killed, and works again at the next request', async () => {
    await focusFile(workbench, FILE);
    await workbench.openFile(LONG_FILE);
    const pid = await runnerPid(workbench);
    await workbench.runCommand('Select All');
    await workbench.runCommand('FFF Explorer: Inspect Selection');
    const frame = await viewFrame(workbench, 'trace');
    await frame.locator('[data-testid="status"][data-kind="running"]').waitFor();
    process.kill(pid, 'SIGKILL');
    const message = frame.locator('[data-testid="error-message"]');
    await message.waitFor();
    expect(await message.textContent()).toBe('The runner process ended unexpectedly (signal SIGKILL).');
    expect((await workbench.notifications()).filter((text) => text.includes('runner'))).toEqual([]);
    await workbench.screenshot('inspect-runner-killed');

    const again = await inspectText(workbench, FILE, AREA);
    expect(await shownTokens(again)).toEqual((await terminalTrace(AREA)).tokens.map(({ text }) => text));
    expect(await runnerPid(workbench)).not.toBe(pid);
    expect(await again.locator('[data-testid="status"]').isVisible()).toBe(false);
  });

  it('works in the sidebar at 300 px, and shares the focus with the panel', async () => {
    await workbench.runCommand('View: Show FFF Explorer');
    const sidebar = await viewFrame(workbench, 'sidebar');
    await resizeSidebar(workbench, 300);
    const terminal = await terminalTrace(AREA);
    expect(await shownTokens(sidebar)).toEqual(terminal.tokens.map(({ text }) => text));
    const { inner, needed } = await sidebar.evaluate(() => ({
      inner: window.innerWidth,
      needed: document.documentElement.scrollWidth,
    }));
    expect(inner).toBeGreaterThan(270);
    expect(inner).toBeLessThanOrEqual(300);
    expect(needed).toBeLessThanOrEqual(inner);

    await sidebar.locator('[data-testid="token"][data-index="5"]').click();
    await sidebar.locator('[data-testid="layers"] select').selectOption({ index: 2 });
    await sidebar.locator('.content[data-token="5"][data-layer="2"]').waitFor();
    expect(await shownPath(sidebar, 'spine')).toEqual(terminal.layers[2]!.nodes[5]![0]);
    const panel = await viewFrame(workbench, 'trace');
    await panel.locator('.content[data-token="5"][data-layer="2"]').waitFor();
    expect(await shownPath(panel, 'spine')).toEqual(terminal.layers[2]!.nodes[5]![0]);
    await workbench.screenshot('inspect-sidebar-300');
    await workbench.runCommand('View: Show Explorer');
  });

  it('measures the way from the selection to the picture', async () => {
    // The timings that follow each picture are waited for, and need not be good ones here.
    await workbench.changeSettings({ 'fffExplorer.measure.budgetMsPerLayer': 100 });
    await focusFile(workbench, FILE);
    await workbench.openFile(QUIET_FILE);
    const pictures: Picture[] = [];
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      await focusFile(workbench, QUIET_FILE);
      await workbench.selectText(QUIET_FILE, repetition % 2 === 0 ? NAMES : AREA);
      pictures.push(await inspectSelection(workbench));
      await allLayersMeasured(await viewFrame(workbench, 'trace'));
    }
    expect(pictures.map(({ tokens }) => tokens)).toEqual(Array.from({ length: REPETITIONS }, () => 32));
    const report = (name: string, values: number[]): void =>
      console.log(
        `measured: ${name}, 32 tokens, warm runner, ${values.length} runs: ` +
          `median ${percentile(values, 0.5).toFixed(1)} ms, P95 ${percentile(values, 0.95).toFixed(1)} ms`,
      );
    report(
      'Selection to picture',
      pictures.map(({ pictureMs }) => pictureMs),
    );
    report(
      'Selection to trace',
      pictures.map(({ traceMs }) => traceMs),
    );
  });

  it('stays on this machine and within its own policy', () => {
    expect(workbench.foreignRequests).toEqual([]);
    expect(workbench.viewErrors).toEqual([]);
  });
});

/** Waits until the timings of the default model's four layers are there; the runner is idle again then, or soon. */
async function allLayersMeasured(frame: Frame): Promise<void> {
  await until('every layer to be measured', async () => {
    return (await frame.locator('[data-testid="timing"][data-state="measured"]').count()) === 4;
  });
}

/** Drags the edge of the primary side bar until its view is as wide as wanted. */
async function resizeSidebar(workbench: Workbench, width: number): Promise<void> {
  const part = workbench.page.locator('.part.sidebar');
  const box = (await part.boundingBox())!;
  const y = box.y + box.height / 2;
  await workbench.page.mouse.move(box.x + box.width, y);
  await workbench.page.mouse.down();
  await workbench.page.mouse.move(box.x + width, y, { steps: 5 });
  await workbench.page.mouse.up();
  await until(
    'the side bar to be resized',
    async () => Math.abs(((await part.boundingBox())?.width ?? 0) - width) <= 2,
  );
}
