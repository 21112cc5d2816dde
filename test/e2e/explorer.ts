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
  leftOutCharacters: number;
  predictions: { index: number; top: { id: number; text: string; probability: number }[] }[];
}

/** What `fff-explorer usage --json` prints, as far as the tests compare it. */
export interface TerminalUsage {
  documents: { name: string; tokens: number }[];
  tokens: number;
  words: { id: number; text: string }[];
  /** `[layer][tree]`. */
  layers: {
    visits: number[];
    entropyBits: number;
    gini: number;
    leavesReached: number;
    unreached: number[];
    tokenOffsets: number[];
    tokenWords: number[];
    tokenCounts: number[];
  }[][];
}

/** What was traced in the terminal: a text in a model always gives the same. */
const traced = new Map<string, Promise<TerminalTrace>>();

/** Traces a text in the terminal, with the bundle that is in the package. */
export function terminalTrace(text: string, model?: string): Promise<TerminalTrace> {
  const key = JSON.stringify([text, model]);
  const known =
    traced.get(key) ??
    terminal<TerminalTrace>('trace', '--json', '--text', text, ...(model === undefined ? [] : ['--model', model]));
  traced.set(key, known);
  return known;
}

/** Maps files in the terminal. */
export function terminalUsage(...files: string[]): Promise<TerminalUsage> {
  return terminal('usage', '--json', ...files);
}

async function terminal<Printed>(...args: string[]): Promise<Printed> {
  const program = [inRoot('dist/cli.js'), ...args];
  const { stdout } = await promisify(execFile)(process.execPath, program, { maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as Printed;
}

/** Shows a layer and a token of the panel, with nothing pinned, and waits for the path. */
export async function lookAt(frame: Frame, layer: number, token: number): Promise<void> {
  await frame.locator(`[data-testid="layers"] [data-at="${layer}"]`).click();
  await frame.locator(`[data-testid="token"][data-index="${token}"]`).click();
  await frame.page().keyboard.press('Escape');
  await frame.locator(`[data-testid="spine"][data-layer="${layer}"][data-token="${token}"]`).waitFor();
}

/** Opens a figure that folds, if it is not open already. */
export async function unfold(frame: Frame, figure: string): Promise<void> {
  const fold = frame.locator(`[data-testid="fold-${figure}"]`);
  await fold.waitFor();
  if ((await fold.getAttribute('aria-expanded')) === 'false') {
    await fold.click();
  }
}

/** Cells of a figure's table, row by row, as they are read. */
export function tableRows(frame: Frame, figure: string): Promise<string[][]> {
  return frame
    .locator(`[data-testid="figure-${figure}"] tbody tr[data-row]`)
    .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent)));
}

/** The same of a figure's table twin; the picture is back afterwards. */
export async function twin(frame: Frame, figure: string): Promise<string[][]> {
  const toggle = frame.locator(`[data-testid="table-${figure}"]`);
  await toggle.click();
  await frame.locator(`[data-testid="figure-${figure}"].as-table tbody tr[data-row]`).first().waitFor();
  const rows = await tableRows(frame, figure);
  await toggle.click();
  await frame.locator(`[data-testid="figure-${figure}"]:not(.as-table)`).waitFor();
  return rows;
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
  const found =
    /run (\d+): (\d+) tokens?\b[^]*Selection to picture: ([\d.]+) ms, of which selection to trace ([\d.]+) ms/.exec(
      label ?? '',
    );
  if (found === null) {
    return null;
  }
  const [run = NaN, tokens = NaN, pictureMs = NaN, traceMs = NaN] = found.slice(1).map(Number);
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

/**
 * Stops the extension host and its runner as a machine that sleeps does, and lets them go on. Their clocks run on
 * meanwhile, as those of a suspended virtual machine may.
 */
export async function sleepFor(workbench: Workbench, milliseconds: number): Promise<void> {
  const runner = await runnerPid(workbench);
  const { stdout } = await promisify(execFile)('ps', ['-o', 'ppid=', '-p', String(runner)]);
  const host = parseInt(stdout, 10);
  [host, runner].forEach((pid) => process.kill(pid, 'SIGSTOP'));
  try {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  } finally {
    [runner, host].forEach((pid) => process.kill(pid, 'SIGCONT'));
  }
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
