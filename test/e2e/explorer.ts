/**
 * The extension as a person at the editor sees it: what its views show, read from the page, and what its log says.
 * Knows the views' test ids; `workbench.ts` knows the editor around them.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Frame } from 'playwright-core';
import { inRoot } from '../../scripts/lib/paths.mjs';
import type { Workbench } from './workbench';

export type View = 'trace' | 'sidebar';

/** What `fff-explorer trace --json` prints, as far as the tests compare it. */
export interface TerminalTrace {
  tokens: { id: number; text: string; start: number; end: number }[];
  /** `nodes[token][tree][level]`. */
  layers: { nodes: number[][][]; logits: number[][][]; activations: number[][][] }[];
  predictions: { index: number; top: { id: number; text: string; probability: number }[] }[];
}

/** Traces a text in the terminal, with the bundle that is in the package. */
export async function terminalTrace(text: string): Promise<TerminalTrace> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [inRoot('dist/cli.js'), 'trace', '--json', '--text', text],
    { maxBuffer: 1 << 28 },
  );
  return JSON.parse(stdout) as TerminalTrace;
}

/** The document of a view, once it shows a trace. */
export function viewFrame(workbench: Workbench, view: View): Promise<Frame> {
  return workbench.webview(`body[data-view="${view}"] .content:not([hidden]) [data-testid="token"]`);
}

/** Inspects what is selected, from the palette, and waits until a view has painted it. */
export async function inspectSelection(workbench: Workbench): Promise<Picture> {
  const before = (await lastPicture(workbench))?.run ?? 0;
  await workbench.runCommand('FFF Explorer: Inspect Selection');
  let picture: Picture | null = null;
  await until('the picture', async () => ((picture = await lastPicture(workbench))?.run ?? 0) > before);
  return picture!;
}

/** Gives the keyboard back to an open file, whichever view had it. */
export async function focusFile(workbench: Workbench, file: string): Promise<void> {
  await workbench.page.locator(`.tab[data-resource-name="${file}"]`).first().click();
  await workbench.page.locator(`.editor-group-container.active .tab.active[data-resource-name="${file}"]`).waitFor();
}

/** Selects a text of the active editor's file, inspects it and returns the view once it shows exactly that run. */
export async function inspectText(
  workbench: Workbench,
  file: string,
  text: string,
  view: View = 'trace',
): Promise<Frame> {
  await focusFile(workbench, file);
  await workbench.selectText(file, text);
  const { run } = await inspectSelection(workbench);
  return workbench.webview(`body[data-view="${view}"] .content[data-run="${run}"]`);
}

/** Texts of the token chips, in order. */
export function shownTokens(frame: Frame): Promise<string[]> {
  return frame
    .locator('[data-testid="token"]')
    .evaluateAll((chips) => chips.map((chip) => chip.getAttribute('data-text') ?? ''));
}

/** A data attribute of the one element with this test id. */
export async function shown(frame: Frame, testId: string, attribute: string): Promise<string> {
  return (await frame.locator(`[data-testid="${testId}"]`).first().getAttribute(`data-${attribute}`)) ?? '';
}

/** Nodes of the focused token's path as a chart shows them, root first. */
export async function shownPath(frame: Frame, testId: 'spine' | 'tree-map'): Promise<number[]> {
  return (await shown(frame, testId, 'path')).split(',').map(Number);
}

export interface Picture {
  run: number;
  tokens: number;
  /** From the command to the view having painted. */
  pictureMs: number;
  /** From the command to having the trace. */
  traceMs: number;
}

/** What the status bar says about the last picture; null while there is none. */
export async function lastPicture(workbench: Workbench): Promise<Picture | null> {
  const item = workbench.page.locator('.statusbar-item[id$="fffExplorer.status"] [aria-label]').first();
  const label = (await item.count()) === 0 ? null : await item.getAttribute('aria-label');
  const found = /(\d+) tokens.*, ([\d.]+) ms from selection to picture, ([\d.]+) ms.*\(run (\d+)\)/.exec(label ?? '');
  if (found === null) {
    return null;
  }
  const [tokens = NaN, pictureMs = NaN, traceMs = NaN, run = NaN] = found.slice(1).map(Number);
  return { run, tokens, pictureMs, traceMs };
}

/** Process id of the one runner this editor's extension has. */
export async function runnerPid(workbench: Workbench): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args='], { maxBuffer: 1 << 26 });
  const pids = stdout
    .split('\n')
    .filter((line) => line.includes(workbench.extensionsFolder) && line.includes('runner.js'))
    .map((line) => parseInt(line, 10));
  const [pid] = pids;
  if (pid === undefined || pids.length > 1) {
    throw new Error(`There must be one runner; there are ${pids.length}.`);
  }
  return pid;
}

/** Waits until a condition holds, asking again and again. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Nearest-rank percentile of some numbers. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
