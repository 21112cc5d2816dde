/**
 * The texts of *Map Usage*: found, read one after another, and bounded, so that a folder of any size neither fills the
 * memory nor holds up the editor.
 */
import { createHash } from 'node:crypto';
import * as vscode from 'vscode';
import { FffError } from '../errors';
import type { UsageDocument } from '../protocol';
import type { TextOf } from './usageContexts';

/** All texts together; what the runner counts in a minute or two. */
const MOST_CHARACTERS = 16_000_000;
const MOST_FILES = 5000;
const MOST_BYTES_PER_FILE = 4_000_000;
/** Beside what the user's `files.exclude` hides. */
const EXCLUDED = '**/{node_modules,.git,.hg,.svn,.venv,venv,dist,build,out,target,__pycache__,.cache}/**';

export interface Collected {
  documents: UsageDocument[];
  /** Reads them again. */
  textOf: TextOf;
  /** Left out, with the reason in a few words. */
  skipped: { name: string; reason: string }[];
}

export function documentOf(name: string, text: string): UsageDocument {
  return { name, text, hash: createHash('sha256').update(text).digest('hex') };
}

/** Files of a folder, all the way down. */
export function filesOf(folder: vscode.Uri): PromiseLike<vscode.Uri[]> {
  return vscode.workspace.findFiles(new vscode.RelativePattern(folder, '**/*'), EXCLUDED, MOST_FILES);
}

/** Files of the workspace that match a glob. */
export function filesMatching(glob: string): PromiseLike<vscode.Uri[]> {
  return vscode.workspace.findFiles(glob, EXCLUDED, MOST_FILES);
}

/**
 * Reads files in the order of their names.
 * @throws FffError CANCELLED; BAD_INPUT where no file holds text.
 */
export async function readDocuments(
  files: readonly vscode.Uri[],
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<Collected> {
  const documents: UsageDocument[] = [];
  const skipped: Collected['skipped'] = [];
  const read: vscode.Uri[] = [];
  let characters = 0;
  const sorted = [...files].sort((one, other) => (one.toString() < other.toString() ? -1 : 1));
  for (const [index, uri] of sorted.entries()) {
    if (signal.aborted) {
      throw new FffError('CANCELLED', 'The mapping was cancelled.');
    }
    onProgress(index, sorted.length);
    const name = vscode.workspace.asRelativePath(uri);
    const text = await readText(uri);
    if (typeof text !== 'string') {
      skipped.push({ name, reason: text.reason });
    } else if (characters + text.length > MOST_CHARACTERS) {
      skipped.push({ name, reason: `beyond ${MOST_CHARACTERS / 1e6} million characters in all` });
    } else if (text.trim() !== '') {
      characters += text.length;
      documents.push(documentOf(name, text));
      read.push(uri);
    }
  }
  if (documents.length === 0) {
    throw new FffError('BAD_INPUT', 'There is no text to map here.', 'Choose a file or folder that holds text.');
  }
  // Only hashes are kept of the texts, however many there are.
  const hashes = documents.map(({ hash }) => hash);
  const textOf: TextOf = async (index) => {
    const uri = read[index];
    const text = uri === undefined ? null : await readText(uri);
    return typeof text === 'string' && documentOf('', text).hash === hashes[index] ? { text, firstLine: 1 } : null;
  };
  return { documents, skipped, textOf };
}

async function readText(uri: vscode.Uri): Promise<string | { reason: string }> {
  // What is being edited counts as it is in the editor.
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open !== undefined) {
    return open.getText();
  }
  try {
    const { size } = await vscode.workspace.fs.stat(uri);
    if (size > MOST_BYTES_PER_FILE) {
      return { reason: `larger than ${MOST_BYTES_PER_FILE / 1e6} MB` };
    }
    const bytes = await vscode.workspace.fs.readFile(uri);
    return bytes.subarray(0, 8000).includes(0) ? { reason: 'no text' } : new TextDecoder().decode(bytes);
  } catch (thrown) {
    return { reason: `cannot be read (${thrown instanceof Error ? thrown.message : String(thrown)})` };
  }
}
