/** What the tests inside the extension host share: the running extension, editors with a selection, and waiting. */
import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { FffExplorer } from '../../extension/main';
import type { Trace } from '../../extension/protocol';

export const EXTENSION_ID = 'fff-explorer.fff-explorer';

/** The extension's own session and runner, as `activate` returns them. */
export async function explorer(): Promise<FffExplorer> {
  const extension = vscode.extensions.getExtension<FffExplorer>(EXTENSION_ID);
  assert.ok(extension, `${EXTENSION_ID} is not installed.`);
  return extension.activate();
}

/** Opens an untitled document and selects all of it, or the given UTF-16 offsets. */
export async function openAndSelect(content: string, from = 0, to = content.length): Promise<vscode.TextEditor> {
  const document = await untitled(content);
  await vscode.window.showTextDocument(document, vscode.ViewColumn.One);
  await until('the editor of the new document', () => vscode.window.activeTextEditor?.document === document);
  const editor = vscode.window.activeTextEditor;
  assert.ok(editor);
  editor.selection = new vscode.Selection(document.positionAt(from), document.positionAt(to));
  return editor;
}

/**
 * A new document with this content. The name of one that was closed a moment ago is given to the next, on a busy machine
 * together with the text that was in it; then another one is opened.
 */
async function untitled(content: string): Promise<vscode.TextDocument> {
  // Lone surrogates do not survive the way to the editor.
  const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');
  for (let attempt = 0; attempt < 50; attempt++) {
    const document = await vscode.workspace.openTextDocument({ content });
    if (wellFormed(document.getText()) === wellFormed(content)) {
      return document;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return assert.fail(`No document came with the content ${JSON.stringify(content.slice(0, 60))}.`);
}

/** Runs *Inspect Selection*; returns once the run is over, whichever way. */
export async function inspect(): Promise<void> {
  await vscode.commands.executeCommand('fffExplorer.inspectSelection');
}

/** The last trace, which must be of this text. */
export async function traceOf(text: string): Promise<Trace> {
  const { session } = await explorer();
  const { trace, status, runner } = session.state;
  const what = (shown: string | undefined): string =>
    shown === undefined ? 'nothing' : JSON.stringify(shown.slice(0, 60));
  if (trace?.text !== text) {
    // Whether the text was asked for at all tells a command that read something else from a run that was given up.
    assert.fail(
      `The trace is of ${what(trace?.text)}, not of ${what(text)}; asked for last: ${what(session.lastInspection?.text)}; ` +
        `status: ${JSON.stringify(status)}; runner: ${JSON.stringify(runner)}.`,
    );
  }
  return trace;
}

/** Waits until a condition holds. */
export async function until(what: string, holds: () => boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!holds()) {
    assert.ok(Date.now() < deadline, `Waited ${timeoutMs} ms in vain for: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Changes a user setting for as long as the action takes. */
export async function withSetting(key: string, value: unknown, action: () => Promise<void>): Promise<void> {
  const change = (to: unknown): Thenable<void> =>
    vscode.workspace.getConfiguration('fffExplorer').update(key, to, vscode.ConfigurationTarget.Global);
  await change(value);
  try {
    await action();
  } finally {
    await change(undefined);
  }
}

/** How many trace panels are open. */
export function tracePanels(): number {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  return tabs.filter(
    ({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith('fffExplorer.trace'),
  ).length;
}
