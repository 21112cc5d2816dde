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
import { focusFile, inspectText, lastPicture, percentile, shown, terminalTrace, until, viewFrame } from './explorer';
import { Workbench } from './workbench';

const FILE = 'long.txt';
const SHORT_FILE = 'short.txt';
const TOKENS = 512;
const FRAMES = 120;
const TRACES = 50;
const RESTORES = 8;

const SENTENCE = 'for (let i = 0; i < array.length; i++) { total += array[i]; } // Every token takes its own path.\n';

const spread = (values: readonly number[], digits = 1): string =>
  `median ${percentile(values, 0.5).toFixed(digits)} ms, P95 ${percentile(values, 0.95).toFixed(digits)} ms`;

/** What one movement took: time between frames, and the part of it that our own code ran. */
interface Movement {
  frames: number[];
  scripts: number[];
}

/** Moves the tree once a frame, as fast as the browser draws, and takes the times. Runs in the page. */
function move({ kind, testId, frames }: { kind: 'zoom' | 'pan'; testId: string; frames: number }): Promise<Movement> {
  const overlay = document.querySelector(`[data-testid="${testId}"] .overlay`)!;
  const box = overlay.getBoundingClientRect();
  const [x, y] = [box.left + box.width * 0.37, box.top + box.height / 2];
  const mouse = (type: string, target: EventTarget, dx: number): boolean =>
    target.dispatchEvent(
      new MouseEvent(type, { bubbles: true, cancelable: true, view: window, button: 0, clientX: x + dx, clientY: y }),
    );
  const wheel = (deltaY: number): boolean =>
    overlay.dispatchEvent(
      new WheelEvent('wheel', { bubbles: true, cancelable: true, ctrlKey: true, clientX: x, clientY: y, deltaY }),
    );
  const times: Movement = { frames: [], scripts: [] };
  return new Promise((resolve) => {
    let at = 0;
    let last = 0;
    const step = (now: number): void => {
      if (at > 0) {
        times.frames.push(now - last);
      }
      last = now;
      if (at === frames) {
        mouse('mouseup', window, 0);
        resolve(times);
        return;
      }
      const before = performance.now();
      if (kind === 'zoom') {
        // In, and out again: the whole tree and single nodes are both on the way.
        wheel(at < frames / 2 ? -40 : 40);
      } else if (at === 0) {
        mouse('mousedown', overlay, 0);
      } else {
        mouse('mousemove', window, 120 * Math.sin((at / frames) * 4 * Math.PI));
      }
      times.scripts.push(performance.now() - before);
      at++;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}

describe('the speed of the views', () => {
  let workbench: Workbench;
  let panel: Frame;

  beforeAll(async () => {
    workbench = await Workbench.start({
      files: { [FILE]: SENTENCE.repeat(30), [SHORT_FILE]: SENTENCE.repeat(TRACES + 1) },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 0, 'fffExplorer.follow': false },
      viewport: { width: 1800, height: 1000 },
    });
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
    for (const kind of ['zoom', 'pan'] as const) {
      if (kind === 'pan') {
        await panel.locator('[data-testid="zoom-in"]').click();
        await panel.locator('[data-testid="zoom-in"]').click();
        await until('the tree to be zoomed', async () => Number(await shown(panel, testId, 'zoom')) > 2);
        await workbench.page.waitForTimeout(500);
      }
      const { frames, scripts } = await panel.evaluate(move, { kind, testId, frames: FRAMES });
      expect(frames).toHaveLength(FRAMES);
      console.log(
        `measured: ${testId}, ${kind}, ${TOKENS} tokens, ${FRAMES} frames: between frames ${spread(frames)} ` +
          `(bar: P95 16.8 ms); of it our code ${spread(scripts)}`,
      );
    }
    await panel.locator('[data-testid="zoom-reset"]').click();
  });

  it('follows the pointer and the keys', async () => {
    await panel.locator('[data-testid="tree-form"] button', { hasText: 'Map' }).click();
    await panel.locator('[data-testid="tree-map"]').waitFor();
    const { hover, step, said } = await panel.evaluate(async () => {
      const overlay = document.querySelector('[data-testid="tree-map"] .overlay')!;
      const readout = document.querySelector('[data-testid="tree-readout"]')!;
      const content = document.querySelector<HTMLElement>('.content')!;
      // Painted: the frame after the change has begun, and what it drew is handed over.
      const painted = (): Promise<void> =>
        new Promise((resolve) =>
          requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => resolve();
            port2.postMessage(null);
          }),
        );
      const took = async (act: () => void, seen: () => string): Promise<number> => {
        const before = seen();
        const begin = performance.now();
        act();
        while (seen() === before && performance.now() - begin < 2000) {
          await painted();
        }
        // The same node again changes nothing, and takes no time.
        return seen() === before ? NaN : performance.now() - begin;
      };
      const box = overlay.getBoundingClientRect();
      const times = { hover: [] as number[], step: [] as number[], said: new Set<string>() };
      for (let at = 0; at < 40; at++) {
        // Levels 2 to 5, from one end to the other: cells that are wide enough to be another one each time.
        const place = {
          clientX: box.left + (box.width * (((at * 17) % 40) + 0.5)) / 40,
          clientY: box.top + (box.height / 13.4) * (2.5 + (at % 4)),
        };
        times.hover.push(
          await took(
            () => overlay.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, ...place })),
            () => readout.textContent,
          ),
        );
        times.said.add(readout.textContent);
      }
      for (let at = 0; at < 40; at++) {
        times.step.push(
          await took(
            () => document.body.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, key: 'ArrowRight' })),
            () => content.dataset['token'] ?? '',
          ),
        );
      }
      return { ...times, said: times.said.size };
    });
    const hovers = hover.filter((time) => !Number.isNaN(time));
    expect(said).toBeGreaterThan(20);
    expect(hovers.length).toBeGreaterThan(20);
    expect(step.some((time) => Number.isNaN(time))).toBe(false);
    console.log(`measured: hover of a node, ${TOKENS} tokens: ${spread(hovers)} (bar: 50 ms)`);
    console.log(`measured: step to the next token, ${TOKENS} tokens: ${spread(step)} (bar: 50 ms)`);
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
    const before = (await lastPicture(workbench))!.run;
    await workbench.runCommand('FFF Explorer: Inspect Selection');
    await until('another picture', async () => ((await lastPicture(workbench))?.run ?? 0) > before);
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
    // Runs in every page that is made from now on: the view is a new one each time it is shown.
    await workbench.page.context().addInitScript(() => {
      const timer = setInterval(() => {
        const content = document.querySelector('.content:not([hidden]) [data-testid="tree-map"]');
        if (content !== null) {
          clearInterval(timer);
          requestAnimationFrame(() =>
            requestAnimationFrame(() => Object.assign(window, { shownAt: performance.timeOrigin + performance.now() })),
          );
        }
      }, 2);
    });
    const tab = workbench.page.locator('.tab', { hasText: 'FFF Trace' });
    const times: number[] = [];
    await tab.click();
    for (let at = 0; at < RESTORES; at++) {
      // Another editor in the panel's own group hides it.
      await workbench.runCommand('File: New Untitled Text File');
      await until('the view to be gone', async () => (await hiddenFrames()) === 0);
      const begin = Date.now();
      await tab.click();
      const frame = await workbench.webview('body[data-view="trace"] .content:not([hidden]) [data-testid="token"]');
      await until('the view to be painted', () => frame.evaluate(() => 'shownAt' in window));
      times.push((await frame.evaluate(() => (window as unknown as { shownAt: number }).shownAt)) - begin);
      expect(await frame.locator('[data-testid="token"]').count()).toBe(TOKENS);
    }
    console.log(
      `measured: hidden view of ${TOKENS} tokens back on screen, ${RESTORES} times: ${spread(times, 0)} (bar: 300 ms)`,
    );
    panel = await viewFrame(workbench, 'trace');
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

  it(`keeps its memory over ${TRACES} traces`, async () => {
    await workbench.runCommand('View: Show Explorer');
    await workbench.openFile(SHORT_FILE);
    const memory = await Memory.of(workbench);
    const pictureMs: number[] = [];
    const inspect = async (line: number): Promise<void> => {
      const before = (await lastPicture(workbench))?.run ?? 0;
      await focusFile(workbench, SHORT_FILE);
      await workbench.selectRange(SHORT_FILE, line, line + SENTENCE.length * 2 + (line % SENTENCE.length));
      await workbench.runCommand('FFF Explorer: Inspect Selection');
      await until('another picture', async () => ((await lastPicture(workbench))?.run ?? 0) > before);
      pictureMs.push((await lastPicture(workbench))!.pictureMs);
    };
    await inspect(0);
    panel = await viewFrame(workbench, 'trace');
    const before = await memory.now(panel);
    for (let at = 1; at <= TRACES; at++) {
      await inspect(at);
    }
    const after = await memory.now(panel);
    expect(pictureMs).toHaveLength(TRACES + 1);
    const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
    console.log(
      `measured: heap of the view after ${TRACES} traces ${megabytes(after.view)} MB, ` +
        `${megabytes(after.view - before.view)} MB more than after the first`,
    );
    console.log(
      `measured: memory of the extension host after ${TRACES} traces ${megabytes(after.host)} MB, ` +
        `${megabytes(after.host - before.host)} MB more than after the first (bar: growth under 50 MB)`,
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

/** Memory of the two processes a trace passes through after the runner. */
class Memory {
  private constructor(
    private readonly workbench: Workbench,
    private readonly hostPid: number,
  ) {}

  static async of(workbench: Workbench): Promise<Memory> {
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=,args='], { maxBuffer: 1 << 26 });
    const rows = stdout.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)?.slice(1) ?? []);
    // The runner's parent is the extension host.
    const runner = rows.find(([, , args]) => args?.includes(workbench.extensionsFolder) && args.includes('runner.js'));
    return new Memory(workbench, Number(runner?.[1]));
  }

  /** Bytes: live objects of the view's own heap, and what the extension host's process holds. */
  async now(frame: Frame): Promise<{ view: number; host: number }> {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(this.hostPid)]);
    return { view: await this.heapOf(frame), host: 1024 * Number(stdout) };
  }

  private async heapOf(frame: Frame): Promise<number> {
    let session: CDPSession;
    try {
      session = await this.workbench.page.context().newCDPSession(frame);
    } catch {
      // The view shares a process with the page around it.
      session = await this.workbench.page.context().newCDPSession(this.workbench.page);
    }
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return usedSize;
  }
}
