/** Scripts leave nothing running: not after a time-out, not after `stop`, not even after a kill nobody can catch. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inRoot } from '../../../scripts/lib/paths.mjs';
import { lastLine, mustNpm, npmCause, run, start, stop } from '../../../scripts/lib/process.mjs';

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

test('what a command says of itself is kept apart from what it gives', async () => {
  const command = 'console.log("{}"); console.error("10 %\\r20 %"); console.error("No memory.\\n"); process.exit(3)';
  const { code, stdout, stderr } = await run(process.execPath, ['-e', command]);
  expect([code, stdout, lastLine(stderr)]).toEqual([3, '{}\n', 'No memory.']);
  expect(lastLine('10 %\r20 %')).toBe('20 %');
  expect(lastLine(' \n')).toBe('');
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

test.each([
  [
    'an unreachable network',
    [
      'npm error code ECONNREFUSED',
      'npm error syscall connect',
      'npm error errno ECONNREFUSED',
      'npm error FetchError: request to https://packages.example/vitest failed, reason: connect ECONNREFUSED 127.0.0.1:9',
      'npm error     at ClientRequest.<anonymous> (/usr/lib/node_modules/npm/node_modules/minipass-fetch/lib/index.js:130:14)',
      'npm error network This is a problem related to network connectivity.',
      "npm error network 'proxy' config is set properly.  See: 'npm help config'",
      'npm error A complete log of this run can be found in: /home/me/.npm/_logs/debug-0.log',
    ],
    'FetchError: request to https://packages.example/vitest failed, reason: connect ECONNREFUSED 127.0.0.1:9',
  ],
  [
    'a name that does not resolve, in the older style',
    [
      'npm ERR! code ENOTFOUND',
      'npm ERR! network request to https://packages.example/d3 failed, reason: getaddrinfo ENOTFOUND packages.example',
      'npm ERR! network This is a problem related to network connectivity.',
    ],
    'network request to https://packages.example/d3 failed, reason: getaddrinfo ENOTFOUND packages.example',
  ],
  [
    'a lock that is out of step',
    [
      'npm error code EUSAGE',
      'npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.',
      'npm error Missing: left-pad@1.3.0 from lock file',
      'npm error A complete log of this run can be found in: /home/me/.npm/_logs/debug-0.log',
    ],
    'Missing: left-pad@1.3.0 from lock file',
  ],
  ['a full disk', ['npm error code ENOSPC', 'npm error nospc ENOSPC: no space left on device, write'], /no space left/],
  ['nothing at all', [''], undefined],
])('the cause is found in what npm says of %s', (_, lines, cause) => {
  const found = npmCause(lines.join('\n'));
  if (cause instanceof RegExp) {
    expect(found).toMatch(cause);
  } else {
    expect(found).toBe(cause);
  }
});

test('an npm that fails is told in two lines, with all it wrote in a file', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fff-explorer-npm-'));
  try {
    // No lock file: npm ends before it asks the network for anything.
    fs.writeFileSync(path.join(folder, 'package.json'), '{"name":"empty","version":"1.0.0"}');
    const logFile = path.join(folder, 'logs', 'npm.log');
    const failure: unknown = await mustNpm('Nothing could be installed', ['ci', '--no-audit'], {
      cwd: folder,
      logFile,
    }).catch((thrown: unknown) => thrown);
    const { message } = failure as Error;
    expect(message).toMatch(
      /^Nothing could be installed \(npm ci, exit code \d+\): .+\n.*All that npm wrote is in .*npm\.log$/,
    );
    expect(message.split('\n')).toHaveLength(2);
    expect(message).toContain(logFile);
    expect(fs.readFileSync(logFile, 'utf8')).toMatch(/package-lock\.json/);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
