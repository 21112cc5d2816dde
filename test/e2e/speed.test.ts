/**
 * How fast the views are, in Chromium, on a trace of 512 tokens: printed as `measured: …`, never asserted, because a
 * busy machine is no bug. What is asserted is that the thing measured really happened.
 */
import fs from 'node:fs';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CDPSession, Frame } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inRoot } from '../../scripts/lib/paths.mjs';
import { focusFile, inspectSelection, inspectText, shown, terminalTrace, until, viewFrame } from './explorer';
import { gesture, MainThread, median, move, notesOf, sessionOf, split, spread, takeNotes } from './measuring';
import { Workbench } from './workbench';

const FILE = 'long.txt';
const SHORT_FILE = 'short.txt';
const TOKENS = 512;
const FRAMES = 120;
const GESTURES = 40;
const TRACES = 50;
const RESTORES = 8;
const PICTURES = 15;

const SENTENCE = 'for (let i = 0; i < array.length; i++) { total += array[i]; } // Every token takes its own path.\n';
/** 32 tokens long each, the separator included. */
const SHORT_TEXTS = [
  'export function area(width: number, height: number): number { return width * height; } const size = area(2, 3); // ok',
  'const names = users.filter((user) => user.age > 18).map((user) => user.name); console.log(names);',
];

describe('the speed of the views', () => {
  let workbench: Workbench;
  let panel: Frame;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: { [FILE]: SENTENCE.repeat(30), [SHORT_FILE]: `${SENTENCE.repeat(TRACES + 1)}${SHORT_TEXTS.join('\n')}\n` },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 0, 'fffExplorer.follow': false },
      viewport: { width: 1800, height: 1000 },
    });
    await workbench.page.context().addInitScript(takeNotes);
    await workbench.page.evaluate(takeNotes);
    await workbench.openFile(FILE);
    const text = await textOf(TOKENS);
    panel = await inspectText(workbench, FILE, text);
    expect(await panel.locator('[data-testid="token"]').count()).toBe(TOKENS);
  });

  afterAll(() => workbench.close());

  /** A beginning of the long file that is exactly so many tokens long, the windows' separators included. */
  async function textOf(tokens: number): Promise<string> {
    const whole = fs.readFileSync(workbench.file(FILE), 'utf8');
    const traced = (await terminalTrace(whole)).tokens.slice(0, tokens);
    return whole.slice(0, Math.max(...traced.map(({ end }) => end)));
  }

  it.each(['tree-map', 'node-link'])('moves the %s of 4095 nodes with 512 paths over it', async (testId) => {
    const form = testId === 'tree-map' ? 'Map' : 'Nodes and links';
    await panel.locator('[data-testid="tree-form"] button', { hasText: form }).click();
    await panel.locator(`[data-testid="${testId}"]`).waitFor();
    await panel.locator(`[data-testid="${testId}"]`).scrollIntoViewIfNeeded();
    const thread = await MainThread.of(workbench, panel);
    for (const kind of ['nothing', 'zoom', 'pan'] as const) {
      if (kind === 'pan') {
        await panel.locator('[data-testid="zoom-in"]').click();
        await panel.locator('[data-testid="zoom-in"]').click();
        await until('the tree to be zoomed', async () => Number(await shown(panel, testId, 'zoom')) > 2);
        await workbench.page.waitForTimeout(500);
      }
      const { result, each } = await thread.during(FRAMES, () =>
        panel.evaluate(move, { kind, testId, frames: FRAMES }),
      );
      expect(result.frames).toHaveLength(FRAMES);
      const what = kind === 'nothing' ? `a canvas as large as the ${testId} in one colour` : `${testId}, ${kind}`;
      console.log(
        `measured: ${what}, ${TOKENS} tokens, ${FRAMES} frames: between frames ${spread(result.frames)}` +
          `${kind === 'nothing' ? '' : ` (bar: P95 16.8 ms), of it our code ${spread(result.scripts)}`}; ` +
          `CPU of the main thread a frame: ${split(each)} ms`,
      );
    }
    await panel.locator('[data-testid="zoom-reset"]').click();
  });

  it('follows the pointer and the keys', async () => {
    await panel.locator('[data-testid="tree-form"] button', { hasText: 'Map' }).click();
    await panel.locator('[data-testid="tree-map"]').waitFor();
    const thread = await MainThread.of(workbench, panel);
    const first = Number(await shown(panel, 'spine', 'token'));
    const names = { nothing: 'one word changes', hover: 'hover of a node', step: 'step to the next token' };
    for (const kind of ['nothing', 'hover', 'step'] as const) {
      const { result, each } = await thread.during(GESTURES, () => panel.evaluate(gesture, { kind, times: GESTURES }));
      expect(result.seen.length).toBeGreaterThan(20);
      expect(result.times.length).toBeGreaterThan(20);
      console.log(
        `measured: ${names[kind]}, ${TOKENS} tokens: ${spread(result.times)}${kind === 'nothing' ? '' : ' (bar: 50 ms)'}; ` +
          `CPU of the main thread each: ${split(each)} ms`,
      );
    }
    expect(Number(await shown(panel, 'spine', 'token'))).toBe(first + GESTURES);
  });

  it('sends a trace to the view in few bytes', async () => {
    await panel.evaluate(() => {
      const size = (value: unknown): { binary: number; text: number } => {
        let binary = 0;
        const text = JSON.stringify(value, (_, part: unknown) => {
          if (ArrayBuffer.isView(part)) {
            binary += part.byteLength;
            return '';
          }
          return part;
        });
        return { binary, text: text.length };
      };
      const sizes: { binary: number; text: number }[] = [];
      Object.assign(window, { messageSizes: sizes });
      window.addEventListener('message', ({ data }) => sizes.push(size(data)));
    });
    await focusFile(workbench, FILE);
    await workbench.selectText(FILE, await textOf(TOKENS));
    await inspectSelection(workbench);
    const sizes = await panel.evaluate(
      () => (window as unknown as { messageSizes: { binary: number; text: number }[] }).messageSizes,
    );
    const largest = sizes.reduce((one, other) => (other.binary > one.binary ? other : one));
    // Leaf and logits of every token, layer and level.
    expect(largest.binary).toBeGreaterThanOrEqual(TOKENS * 4 * (2 + 12 * 4));
    const perLayer = largest.binary / 4;
    console.log(
      `measured: trace of ${TOKENS} tokens x 4 layers to the view: ${(largest.binary / 1e6).toFixed(3)} MB binary and ` +
        `${(largest.text / 1e6).toFixed(3)} MB text; with 16 layers ${((16 * perLayer + largest.text) / 1e6).toFixed(3)} MB ` +
        '(bar: 0.5 MB)',
    );
  });

  it('brings a hidden view back with everything it had', async () => {
    const tab = workbench.page.locator('.tab', { hasText: 'FFF Trace' });
    await tab.click();
    const parts: Record<'all' | 'editor' | 'load' | 'start' | 'wait' | 'draw', number[]> = {
      all: [],
      editor: [],
      load: [],
      start: [],
      wait: [],
      draw: [],
    };
    for (let at = 0; at < RESTORES; at++) {
      // Another editor in the panel's own group hides it.
      await workbench.runCommand('File: New Untitled Text File');
      await until('the view to be gone', async () => (await hiddenFrames()) === 0);
      await tab.click();
      const frame = await workbench.webview('body[data-view="trace"] .content:not([hidden]) [data-testid="token"]');
      await until('the view to be painted', async () => (await notesOf(frame)).shown !== undefined);
      const { pressed = NaN } = await notesOf(workbench.page.mainFrame());
      const { asked = NaN, loaded = NaN, ready = NaN, told = NaN, shown: painted = NaN } = await notesOf(frame);
      parts.all.push(painted - pressed);
      parts.editor.push(asked - pressed);
      parts.load.push(loaded - asked);
      parts.start.push(ready - loaded);
      parts.wait.push(told - ready);
      parts.draw.push(painted - told);
      expect(await frame.locator('[data-testid="token"]').count()).toBe(TOKENS);
    }
    // Each step was noted, in this order.
    expect(Math.min(...Object.values(parts).flat())).toBeGreaterThanOrEqual(0);
    console.log(
      `measured: hidden view of ${TOKENS} tokens back on screen, ${RESTORES} times: ${spread(parts.all, 0)} ` +
        `(bar: 300 ms); medians of its parts: ${median(parts.editor, 0)} ms until VS Code asks for the view's script, ` +
        `then ours: ${median(parts.load, 0)} ms loading it, ${median(parts.start, 0)} ms starting, ` +
        `${median(parts.wait, 0)} ms until the state is there, ${median(parts.draw, 0)} ms to the painted picture`,
    );
    panel = await viewFrame(workbench, 'trace');
  });

  it('brings a hidden view back where it was scrolled to', async () => {
    const top = await panel.evaluate(async () => {
      const rested = new Promise((resolve) => addEventListener('scrollend', resolve, { once: true }));
      scrollTo(0, 700);
      await rested;
      return scrollY;
    });
    expect(top).toBeGreaterThan(100);
    // Another editor in the panel's own group hides it.
    const tab = workbench.page.locator('.tab', { hasText: 'FFF Trace' });
    await tab.click();
    await workbench.runCommand('File: New Untitled Text File');
    await until('the view to be gone', async () => (await hiddenFrames()) === 0);
    await tab.click();
    panel = await viewFrame(workbench, 'trace');
    await until('the view to be painted', async () => (await notesOf(panel)).shown !== undefined);
    expect(await panel.evaluate(() => window.scrollY)).toBeCloseTo(top, -1);
    await panel.evaluate(() => window.scrollTo(0, 0));
  });

  async function hiddenFrames(): Promise<number> {
    const counts = await Promise.all(
      workbench.page.frames().map((frame) =>
        frame
          .locator('body[data-view="trace"]')
          .count()
          .catch(() => 0),
      ),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  it('shows a selection, and says where the time goes', async () => {
    // Beside the panel, which stays visible.
    await focusFile(workbench, FILE);
    await workbench.runCommand('View: Show Explorer');
    await workbench.openFile(SHORT_FILE);
    const parts: Record<'all' | 'trace' | 'messages' | 'wait' | 'draw' | 'frame', number[]> = {
      all: [],
      trace: [],
      messages: [],
      wait: [],
      draw: [],
      frame: [],
    };
    for (let at = 0; at < PICTURES; at++) {
      await focusFile(workbench, SHORT_FILE);
      await workbench.selectText(SHORT_FILE, SHORT_TEXTS[at % SHORT_TEXTS.length]!);
      const { tokens, pictureMs, traceMs } = await inspectSelection(workbench);
      expect(tokens).toBe(32);
      const { traced = NaN, begun = NaN, drawn = NaN, painted = NaN } = await notesOf(panel);
      parts.all.push(pictureMs);
      parts.trace.push(traceMs);
      parts.messages.push(pictureMs - traceMs - (painted - traced));
      parts.wait.push(begun - traced);
      parts.draw.push(drawn - begun);
      parts.frame.push(painted - drawn);
    }
    expect(parts.draw.every((time) => time > 0)).toBe(true);
    expect(parts.all.every((time, at) => time > parts.trace[at]!)).toBe(true);
    console.log(
      `measured: selection to picture, 32 tokens, warm runner, ${PICTURES} times: ${spread(parts.all, 0)} ` +
        `(bar: 150 ms); medians of its parts: ${median(parts.trace, 0)} ms to the trace, ${median(parts.messages, 0)} ms ` +
        `for the messages to the view and back, ${median(parts.wait, 0)} ms until the browser begins a frame, ` +
        `${median(parts.draw, 0)} ms drawing it, ${median(parts.frame, 0)} ms until the next one begins`,
    );
  });

  it(`keeps its memory over ${TRACES} traces`, async () => {
    await focusFile(workbench, SHORT_FILE);
    const memory = await Memory.of(workbench, panel);
    const runs = new Set<number>();
    const tokens = new Set<number>();
    const inspect = async (): Promise<void> => {
      const picture = await inspectSelection(workbench);
      runs.add(picture.run);
      tokens.add(picture.tokens);
    };
    await workbench.selectRange(SHORT_FILE, 0, SENTENCE.length);
    await inspect();
    const before = await memory.now();
    for (let at = 1; at <= TRACES; at++) {
      await focusFile(workbench, SHORT_FILE);
      // Another text each time: two characters longer than the last.
      await workbench.page.keyboard.press('Shift+ArrowRight');
      await workbench.page.keyboard.press('Shift+ArrowRight');
      await inspect();
    }
    const after = await memory.now();
    expect(runs.size).toBe(TRACES + 1);
    expect(tokens.size).toBeGreaterThan(10);
    // A picture that was not let go of would leave its elements each time.
    const elements = await panel.evaluate(() => document.querySelectorAll('*').length);
    expect(after.nodes - before.nodes).toBeLessThan(3 * elements);
    expect(after.listeners - before.listeners).toBeLessThan(TRACES);
    const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
    const growth = (what: 'view' | 'host'): string =>
      `${megabytes(after[what])} MB, ${megabytes(after[what] - before[what])} MB more than after the first`;
    console.log(
      `measured: ${memory.isShared ? 'heap of view and workbench together' : 'heap of the view'} after ${TRACES} traces ` +
        `${growth('view')}; ${after.nodes - before.nodes} nodes and ${after.listeners - before.listeners} listeners more`,
    );
    console.log(
      `measured: memory of the extension host after ${TRACES} traces ${growth('host')} (bar: growth under 50 MB)`,
    );
  });

  it('is small', () => {
    for (const file of ['main.js', 'webview/trace.js', 'webview/sidebar.js', 'webview/benchmark.js']) {
      const { size } = fs.statSync(inRoot('dist', file));
      expect(size).toBeGreaterThan(10_000);
      console.log(`measured: dist/${file} ${(size / 1000).toFixed(1)} KB (bar: ${file === 'main.js' ? 150 : 300} KB)`);
    }
  });
});

/** What is held in the two processes a trace passes through after the runner. */
interface Held {
  /** Bytes of live objects in the page's heap. */
  view: number;
  /** Bytes the extension host's process holds. */
  host: number;
  /** Live nodes and listeners of the page. */
  nodes: number;
  listeners: number;
}

class Memory {
  private constructor(
    private readonly session: CDPSession,
    private readonly hostPid: number,
    /** The view and the workbench around it share one heap. */
    readonly isShared: boolean,
  ) {}

  static async of(workbench: Workbench, view: Frame): Promise<Memory> {
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=,args='], { maxBuffer: 1 << 26 });
    const rows = stdout.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)?.slice(1) ?? []);
    // The runner's parent is the extension host.
    const runner = rows.find(([, , args]) => args?.includes(workbench.extensionsFolder) && args.includes('runner.js'));
    const { session, isShared } = await sessionOf(workbench, view);
    return new Memory(session, Number(runner?.[1]), isShared);
  }

  async now(): Promise<Held> {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(this.hostPid)]);
    await this.session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await this.session.send('Runtime.getHeapUsage');
    const { nodes, jsEventListeners } = await this.session.send('Memory.getDOMCounters');
    return { view: usedSize, host: 1024 * Number(stdout), nodes, listeners: jsEventListeners };
  }
}
