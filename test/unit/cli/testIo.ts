/** A terminal for tests: collects what is written and counts; and what the commands are tried on. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { runCli } from '../../../extension/cli/run';
import { Scratch, tinyTextModel } from '../checkpoint/testFolder';

const ROOT = join(__dirname, '../../..');
export const FIXTURES = join(ROOT, 'test/fixtures');
export const DEFAULT_MODEL = join(ROOT, 'models/default');

export interface CliResult {
  code: number;
  out: string;
  err: string;
}

/** Runs a command line in this process. */
export async function cli(
  args: string[],
  { stdin = '', color = false }: { stdin?: string | Uint8Array; color?: boolean } = {},
): Promise<CliResult> {
  const result = { code: -1, out: '', err: '' };
  result.code = await runCli(args, {
    out: (text) => (result.out += text),
    err: (text) => (result.err += text),
    errColumns: null,
    stdin: () => Promise.resolve(Buffer.from(stdin)),
    color,
    defaultModel: DEFAULT_MODEL,
  });
  return result;
}

/** Arguments that select a fixture. */
export function ofFixture(name: string): string[] {
  return ['--model', join(FIXTURES, name), '--cases', join(FIXTURES, name, 'cases.json')];
}

/** Arguments that verify a fixture's model, against its own cases and expectations unless others are named. */
export function verifying(
  name: string,
  {
    cases = join(FIXTURES, name, 'cases.json'),
    expected = join(FIXTURES, name, 'expected.safetensors'),
  }: { cases?: string; expected?: string } = {},
): string[] {
  return ['verify', '--model', join(FIXTURES, name), '--cases', cases, '--expected', expected];
}

/** A folder for the tests of one file, gone after them. */
export function useScratch(): {
  readonly path: string;
  /** Arguments for a model that loads in no time and reads text in windows of 16 tokens. */
  readonly tiny: string[];
  /** Writes a file and returns its path. */
  file(name: string, content: string | Uint8Array): Promise<string>;
} {
  let scratch: Scratch;
  let tiny: string[];
  beforeAll(async () => {
    scratch = await Scratch.create();
    const { arch, tensors } = tinyTextModel();
    const folder = await scratch.checkpoint(arch, tensors);
    await copyFile(join(FIXTURES, 'tokenizer/tokenizer.json'), join(folder, 'tokenizer.json'));
    tiny = ['--model', folder];
  });
  afterAll(() => scratch.remove());
  return {
    get path() {
      return scratch.path;
    },
    get tiny() {
      return tiny;
    },
    async file(name, content) {
      const path = join(scratch.path, name);
      await writeFile(path, content);
      return path;
    },
  };
}
