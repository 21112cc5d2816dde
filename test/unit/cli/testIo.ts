/** A terminal for tests: collects what is written and counts. */
import { join } from 'node:path';
import { runCli } from '../../../extension/cli/run';

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
