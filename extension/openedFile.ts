/** Files of ours that somebody opens: their name, their text, and what is said where they cannot be shown. */
import * as vscode from 'vscode';
import { FffError, toWireError } from './errors';
import { describeThrown, type Log } from './log';
import type { WireError } from './protocol';

/** A file as people are told of it; its place is for the log. */
export function nameOf(uri: vscode.Uri): string {
  return uri.path.split('/').at(-1) ?? uri.path;
}

/** @param action what to do about a file that cannot be read. @throws FffError BAD_INPUT naming the file. */
export async function readText(uri: vscode.Uri, action: string): Promise<string> {
  try {
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  } catch (thrown) {
    throw new FffError('BAD_INPUT', `${nameOf(uri)} cannot be read.`, action, { cause: thrown });
  }
}

/**
 * What a custom editor shows: what was read, or the error, whose details go to the log. Never rejects: VS Code would ask
 * in a dialog, at every click, what to do about an unexpected error.
 */
export async function opened<Content extends object>(
  uri: vscode.Uri,
  read: () => Promise<Content>,
  log: Log,
): Promise<Content | { error: WireError }> {
  try {
    return await read();
  } catch (thrown) {
    log.warn(`Opening ${uri.toString(true)}: ${describeThrown(thrown)}`);
    return { error: toWireError(thrown) };
  }
}
