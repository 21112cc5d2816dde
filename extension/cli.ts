/**
 * The terminal command `fff-explorer`: the runner's own code in this process, without an editor.
 *
 * Wiring only; the commands are in `cli/`.
 */
import { join } from 'node:path';
import { runCli } from './cli/run';

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

void runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  errColumns: process.stderr.isTTY ? process.stderr.columns : null,
  stdin: readStandardInput,
  color: process.stdout.isTTY && !process.env['NO_COLOR'],
  // The bundle lies in dist/, beside models/.
  defaultModel: join(__dirname, '..', 'models', 'default'),
}).then((code) => {
  process.exitCode = code;
});

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
