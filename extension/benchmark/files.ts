/** Files of the benchmark, through VS Code: the history's storage, opening a result, and saving under a chosen name. */
import * as vscode from 'vscode';
import { FffError } from '../errors';
import { nameOf, readText } from '../openedFile';
import type { BenchmarkEntry, BenchmarkResult, ShownBenchmark } from '../protocol';
import { csvText, markdownText } from './exports';
import type { HistoryStorage } from './history';
import { OTHER_FILE, readResult } from './resultFile';

const INDEX_KEY = 'fffExplorer.benchmarks';

/** The workspace's own storage; without a folder open, the extension's. */
export function historyStorage(context: vscode.ExtensionContext): HistoryStorage {
  const folder = vscode.Uri.joinPath(context.storageUri ?? context.globalStorageUri, 'benchmarks');
  const file = (id: string): vscode.Uri => vscode.Uri.joinPath(folder, `${id}.fffbench`);
  return {
    readIndex: () => context.workspaceState.get<BenchmarkEntry[]>(INDEX_KEY, []),
    writeIndex: (entries) => context.workspaceState.update(INDEX_KEY, entries),
    read: async (id) => new TextDecoder().decode(await vscode.workspace.fs.readFile(file(id))),
    write: async (id, text) => {
      await vscode.workspace.fs.createDirectory(folder);
      await vscode.workspace.fs.writeFile(file(id), new TextEncoder().encode(text));
    },
    remove: (id) => vscode.workspace.fs.delete(file(id)),
  };
}

/** @throws FffError BAD_INPUT for a file that cannot be read or is no result. */
export async function readFile(uri: vscode.Uri): Promise<BenchmarkResult> {
  return readResult(await readText(uri, OTHER_FILE), nameOf(uri));
}

/** Lets the user pick a result; null when they changed their mind. */
export async function pickResult(): Promise<{ file: string; result: BenchmarkResult } | null> {
  const picked = await vscode.window.showOpenDialog({
    title: 'Open a benchmark result',
    openLabel: 'Open',
    filters: { 'Benchmark result': ['fffbench', 'json'] },
  });
  const uri = picked?.[0];
  return uri === undefined ? null : { file: nameOf(uri), result: await readFile(uri) };
}

/** Saves a result in the format the chosen name ends with. */
export async function exportResult({ entry, result, text }: ShownBenchmark & { text: string }): Promise<void> {
  await save(`${fileName(entry.name)}.fffbench`, {
    'Benchmark result': { extension: 'fffbench', content: () => text },
    'CSV table': { extension: 'csv', content: () => csvText(result) },
    Markdown: { extension: 'md', content: () => markdownText(result) },
  });
}

/** Saves a picture in the format the chosen name ends with. */
export async function exportPicture(picture: { name: string; svg: string; png: Uint8Array }): Promise<void> {
  await save(`${fileName(picture.name)}.svg`, {
    'SVG picture': { extension: 'svg', content: () => picture.svg },
    'PNG picture': { extension: 'png', content: () => picture.png },
  });
}

type Formats = Record<string, { extension: string; content(): string | Uint8Array }>;

async function save(suggested: string, formats: Formats): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const uri = await vscode.window.showSaveDialog({
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, suggested) }),
    filters: Object.fromEntries(Object.entries(formats).map(([name, { extension }]) => [name, [extension]])),
  });
  if (uri === undefined) {
    return;
  }
  const known = Object.values(formats);
  const format = known.find(({ extension }) => uri.path.toLowerCase().endsWith(`.${extension}`));
  if (format === undefined) {
    const endings = known.map(({ extension }) => `.${extension}`).join(', ');
    throw new FffError('BAD_INPUT', `${nameOf(uri)} ends with none of ${endings}.`, 'Choose one of these endings.');
  }
  const content = format.content();
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  await vscode.workspace.fs.writeFile(uri, bytes);
}

/** Letters, digits and dashes only: a plan may be called anything. */
function fileName(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return plain === '' ? 'benchmark' : plain;
}
