/**
 * What the speed tests take the time of, inside a page and around it. Times in milliseconds. Functions that run in a page
 * are handed over as text: they use nothing of this module.
 */
import type { CDPSession, Frame } from 'playwright-core';
import { percentile } from './explorer';
import type { Workbench } from './workbench';

export const spread = (values: readonly number[], digits = 1): string =>
  `median ${percentile(values, 0.5).toFixed(digits)} ms, P95 ${percentile(values, 0.95).toFixed(digits)} ms`;

export const median = (values: readonly number[], digits = 1): string => percentile(values, 0.5).toFixed(digits);

/** CPU time of a page's main thread. */
export interface MainThreadTime {
  /** Our own code, and whatever else runs JavaScript there. */
  script: number;
  styleAndLayout: number;
  /** Chromium's own work besides: painting, layers, handing over to the compositor. */
  rest: number;
}

/**
 * The main thread a view draws on; in VS Code for the web that may be the workbench's own. CPU time, not wall time: what
 * other processes take from the machine does not count, nor do the threads that turn paintings into pixels.
 */
export class MainThread {
  private constructor(private readonly session: CDPSession) {}

  static async of(workbench: Workbench, frame: Frame): Promise<MainThread> {
    const { session } = await sessionOf(workbench, frame);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    return new MainThread(session);
  }

  /** What it spends on each of `times` things that `act` does. */
  async during<Result>(times: number, act: () => Promise<Result>): Promise<{ result: Result; each: MainThreadTime }> {
    const before = await this.read();
    const result = await act();
    const after = await this.read();
    const spent = (name: string): number => (1000 * ((after.get(name) ?? NaN) - (before.get(name) ?? NaN))) / times;
    const [script, styleAndLayout] = [spent('ScriptDuration'), spent('RecalcStyleDuration') + spent('LayoutDuration')];
    return { result, each: { script, styleAndLayout, rest: spent('TaskDuration') - script - styleAndLayout } };
  }

  private async read(): Promise<Map<string, number>> {
    const { metrics } = await this.session.send('Performance.getMetrics');
    return new Map(metrics.map(({ name, value }) => [name, value]));
  }
}

/** How a main thread's time is printed. */
export const split = ({ script, styleAndLayout, rest }: MainThreadTime): string =>
  `script ${script.toFixed(1)}, style and layout ${styleAndLayout.toFixed(1)}, painting and the rest ${rest.toFixed(1)}`;

/** The developer tools' connection to the process a frame is in, which may be that of the page around it. */
export async function sessionOf(
  workbench: Workbench,
  frame: Frame,
): Promise<{ session: CDPSession; isShared: boolean }> {
  const context = workbench.page.context();
  try {
    return { session: await context.newCDPSession(frame), isShared: false };
  } catch {
    return { session: await context.newCDPSession(workbench.page), isShared: true };
  }
}

/** What one movement took: time between frames, and the part of it that handling the gesture ran. */
export interface Movement {
  frames: number[];
  scripts: number[];
}

/**
 * Moves the tree once a frame, as fast as the browser draws, and takes the times. Runs in the page. `nothing` paints a
 * canvas of the tree's size in one colour instead: what the browser needs without any code of ours.
 */
export function move({
  kind,
  testId,
  frames,
}: {
  kind: 'zoom' | 'pan' | 'nothing';
  testId: string;
  frames: number;
}): Promise<Movement> {
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
  const blank = document.createElement('canvas');
  Object.assign(blank, { width: box.width, height: box.height });
  const context = blank.getContext('2d')!;
  if (kind === 'nothing') {
    blank.style.position = 'absolute';
    blank.style.inset = '0';
    overlay.after(blank);
  }
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
        blank.remove();
        resolve(times);
        return;
      }
      const before = performance.now();
      if (kind === 'zoom') {
        // In, and out again: the whole tree and single nodes are both on the way.
        wheel(at < frames / 2 ? -40 : 40);
      } else if (kind === 'nothing') {
        context.fillStyle = at % 2 === 0 ? '#777777' : '#888888';
        context.fillRect(0, 0, blank.width, blank.height);
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

/** Until a gesture was seen on the page, one by one; and what was seen, without repetitions. */
export interface Gestures {
  times: number[];
  seen: string[];
}

/**
 * Points at nodes all over the tree, or steps from token to token, each time until the page shows it and has handed the
 * frame over. Runs in the page. `nothing` changes one word instead: what the browser needs without any code of ours.
 */
export async function gesture({
  kind,
  times,
}: {
  kind: 'hover' | 'step' | 'nothing';
  times: number;
}): Promise<Gestures> {
  const overlay = document.querySelector('[data-testid="tree-map"] .overlay')!;
  const readout = document.querySelector('[data-testid="tree-readout"]')!;
  const content = document.querySelector<HTMLElement>('.content')!;
  const word = document.createElement('p');
  word.textContent = '–';
  if (kind === 'nothing') {
    readout.after(word);
  }
  const painted = (): Promise<void> =>
    new Promise((resolve) =>
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve();
        port2.postMessage(null);
      }),
    );
  const box = overlay.getBoundingClientRect();
  const act = (at: number): void => {
    if (kind === 'nothing') {
      word.textContent = String(at);
    } else if (kind === 'step') {
      document.body.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, key: 'ArrowRight' }));
    } else {
      // Levels 2 to 5, from one end to the other: cells that are wide enough to be another one each time.
      const clientX = box.left + (box.width * (((at * 17) % 40) + 0.5)) / 40;
      const clientY = box.top + (box.height / 13.4) * (2.5 + (at % 4));
      overlay.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX, clientY }));
    }
  };
  const shown = (): string =>
    ({ nothing: word.textContent, step: content.dataset['token'] ?? '', hover: readout.textContent })[kind];
  const taken: Gestures = { times: [], seen: [] };
  for (let at = 0; at < times; at++) {
    const before = shown();
    const begin = performance.now();
    act(at);
    while (shown() === before && performance.now() - begin < 2000) {
      await painted();
    }
    if (kind === 'nothing') {
      await painted();
    }
    // The same node again changes nothing, and takes no time.
    if (shown() !== before) {
      taken.times.push(performance.now() - begin);
      taken.seen.push(shown());
    }
  }
  word.remove();
  return { ...taken, seen: [...new Set(taken.seen)] };
}

/** What a page notes about itself, ms since 1970; what did not happen is missing. */
export interface Notes {
  /** The mouse was pressed, in the workbench. */
  pressed?: number;
  /** The editor began to load the view's script, and had it. */
  asked?: number;
  loaded?: number;
  /** The view's script ran and said `ready`; its state arrived; its tree was on screen. */
  ready?: number;
  told?: number;
  shown?: number;
  /** A trace arrived; its picture was begun, handed over, and reported as painted. */
  traced?: number;
  begun?: number;
  drawn?: number;
  painted?: number;
}

/** Makes a page take notes, in `window.notes`. Runs in every page that is made, before anything else. */
export function takeNotes(): void {
  const notes: Notes = {};
  Object.assign(window, { notes });
  const now = (): number => performance.timeOrigin + performance.now();
  if (window === window.top) {
    window.addEventListener('mousedown', () => (notes.pressed = now()), true);
    return;
  }
  interface Api {
    postMessage(message: { method?: string }): void;
  }
  let acquire: (() => Api) | undefined;
  const noting = (): Api => {
    window.addEventListener('message', ({ data }: MessageEvent<{ kind?: string; name?: string } | null>) => {
      if (data?.kind === 'reply' || data?.name === 'state') {
        notes.told ??= now();
      } else if (data?.name === 'traced') {
        notes.traced = now();
        requestAnimationFrame(() => {
          notes.begun = now();
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => (notes.drawn = now());
          port2.postMessage(null);
        });
      }
    });
    const api = acquire!();
    return {
      ...api,
      postMessage(message) {
        if (message.method === 'ready') {
          notes.ready ??= now();
          const isOurs = ({ name }: PerformanceEntry): boolean => name.endsWith('/trace.js');
          const [script] = performance.getEntriesByType('resource').filter(isOurs) as PerformanceResourceTiming[];
          notes.asked = performance.timeOrigin + (script?.fetchStart ?? NaN);
          notes.loaded = performance.timeOrigin + (script?.responseEnd ?? NaN);
        } else if (message.method === 'painted') {
          notes.painted = now();
        }
        api.postMessage(message);
      },
    };
  };
  // The editor puts it there once the document is written; the listeners of the empty one before are gone then.
  Object.defineProperty(window, 'acquireVsCodeApi', {
    configurable: true,
    get: () => acquire && noting,
    set: (given: () => Api) => (acquire = given),
  });
  const timer = setInterval(() => {
    if (document.querySelector('.content:not([hidden]) [data-testid="tree-map"]') !== null) {
      clearInterval(timer);
      requestAnimationFrame(() => requestAnimationFrame(() => (notes.shown = now())));
    }
  }, 2);
}

export const notesOf = (frame: Frame): Promise<Notes> =>
  frame.evaluate(() => (window as unknown as { notes?: Notes }).notes ?? {});
