/** Scripts leave nothing running: not after a time-out, not after `stop`, not even after a kill nobody can catch. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inRoot } from '../../../scripts/lib/paths.mjs';
import { run, start, stop } from '../../../scripts/lib/process.mjs';

/** A child that starts a grandchild, prints its pid, and lives until it is killed. */
const parent = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  console.log(child.pid);
  setInterval(() => {}, 1000);
`;

async function ends(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await sleep(50);
  }
  return false;
}

test('a command that takes too long is stopped with its children', async () => {
  const { code, stdout, output } = await run(process.execPath, ['-e', parent], { timeoutMs: 2000 });
  expect(code).toBe(1);
  expect(output).toContain('was stopped after 2 s');
  expect(await ends(Number(stdout))).toBe(true);
});

test('a stopped child takes its children along', async () => {
  const child = start(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [pid] = (await once(child.stdout!, 'data')) as [Buffer];
  await stop(child);
  expect(await ends(Number(pid))).toBe(true);
});

test('a kept command ends with the process that wanted it', async () => {
  const keeper = `
    const { spawn } = require('node:child_process');
    const kept = spawn(process.execPath, [${JSON.stringify(inRoot('scripts/lib/keeper.mjs'))}, process.execPath, '-e',
      'console.log(process.pid); setInterval(() => {}, 1000)'], { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
    kept.stdout.pipe(process.stdout);
  `;
  const owner = spawn(process.execPath, ['-e', keeper], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [pid] = (await once(owner.stdout, 'data')) as [Buffer];
  owner.kill('SIGKILL');
  expect(await ends(Number(pid))).toBe(true);
});

test('a missing program is a result, not a crash', async () => {
  const { code, output } = await run('fff-explorer-no-such-program', []);
  expect(code).toBe(127);
  expect(output).toContain('fff-explorer-no-such-program');
});
