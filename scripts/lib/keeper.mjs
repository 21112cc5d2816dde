/**
 * Runs a command for as long as the process that asked for it lives. `process.mjs` cannot clean up after a kill that
 * cannot be caught; the end of our standard input tells us even then.
 */
import { spawn } from 'node:child_process';

const [command = '', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
child.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(127);
});
child.once('exit', (code) => process.exit(code ?? 1));

// We lead the process group: a polite signal reaches the child as well, and we wait for it.
process.on('SIGTERM', () => {});

process.stdin.resume().once('close', () => {
  if (process.platform === 'win32') {
    child.kill();
  } else {
    process.kill(-process.pid, 'SIGKILL');
  }
});
