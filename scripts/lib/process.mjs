/**
 * Child processes of the scripts. Each long-lived child leads its own process group, and every group still alive when
 * this process ends is killed with it, so that no script leaves anything running.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { inCache, root } from './paths.mjs';

/** @type {Set<import('node:child_process').ChildProcess>} */
const alive = new Set();

process.on('exit', () => {
  for (const child of alive) {
    killTree(child, 'SIGKILL');
  }
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    // A script that cleans up by itself (start.mjs) registers its own listener and is left alone.
    if (process.listenerCount(signal) === 1) {
      process.exit(128 + (signal === 'SIGINT' ? 2 : signal === 'SIGTERM' ? 15 : 1));
    }
  });
}

/**
 * Environment for children: without what `npm run` adds about the outer package, which would mislead a nested npm.
 * @param {Record<string, string>} [extra]
 * @returns {NodeJS.ProcessEnv}
 */
export function cleanEnvironment(extra = {}) {
  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (
      !/^npm_(package|lifecycle)_|^npm_config_(local_prefix|prefix|ignore_scripts)$|^INIT_CWD$|^NODE_ENV$/.test(name)
    ) {
      env[name] = value;
    }
  }
  return { ...env, ...extra };
}

/**
 * Starts a child that leads its own process group and is killed with this process.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { cwd: root, detached: process.platform !== 'win32', ...options });
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  child.once('error', () => alive.delete(child));
  return child;
}

/**
 * Runs a command to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, show?: boolean, shell?: boolean, timeoutMs?: number,
 *   input?: string }} [options]
 *   `show` lets the child write to our own terminal instead of collecting its output
 * @returns {Promise<{ code: number, output: string, stdout: string, stderr: string }>} exit code (1 when killed) and
 *   what it wrote: `output` is both streams as they came
 */
export function run(command, args, options = {}) {
  const { cwd = root, env = {}, show = false, shell = false, timeoutMs, input } = options;
  return new Promise((resolve) => {
    const child = start(command, args, {
      cwd,
      env: cleanEnvironment(env),
      shell,
      stdio: show ? 'inherit' : ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output += text;
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output += text;
      stderr += text;
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            output += `\n${command} was stopped after ${timeoutMs / 1000} s.\n`;
            killTree(child, 'SIGKILL');
          }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 127, output: `${output}${error.message}\n`, stdout, stderr: `${stderr}${error.message}\n` });
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output, stdout, stderr });
    });
  });
}

/**
 * The last line that says something; empty where none does.
 * @param {string} text
 */
export function lastLine(text) {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  return lines.findLast((line) => line !== '') ?? '';
}

/**
 * Runs a command to its end and throws, with all it wrote, when it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 * @returns {Promise<string>} what it wrote
 */
export async function must(command, args, options) {
  const { code, output } = await run(command, args, options);
  if (code !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed (exit code ${code}).\n${output}`);
  }
  return output;
}

/**
 * Ends a child and everything it started.
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} [signal]
 */
export function killTree(child, signal = 'SIGTERM') {
  if (child.pid === undefined) {
    return;
  }
  try {
    if (process.platform === 'win32') {
      spawnSync('taskkill', ['/pid', String(child.pid), '/t', '/f']);
    } else {
      process.kill(-child.pid, signal);
    }
  } catch {
    // The group is gone already.
  }
}

/**
 * Ends a child and waits until it is gone: politely first, by force after `graceMs`.
 * @param {import('node:child_process').ChildProcess} child
 * @param {number} [graceMs]
 */
export async function stop(child, graceMs = 5000) {
  const gone = child.exitCode !== null || child.signalCode !== null;
  if (!gone) {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    killTree(child, 'SIGTERM');
    const force = setTimeout(() => killTree(child, 'SIGKILL'), graceMs);
    await exited;
    clearTimeout(force);
  }
  killTree(child, 'SIGKILL');
}

/**
 * npm with the given arguments; `npm` is a script of its own on every platform.
 * @param {string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function npm(args, options = {}) {
  return run('npm', args, { shell: process.platform === 'win32', ...options });
}

/** What npm repeats, explains or counts around the line that says what went wrong. */
const NPM_AROUND = /^(A complete log|Log files|network |code |errno |syscall |address |port |type |path |dest |at )/;
/** How npm's lines that name a cause read. */
const NPM_CAUSE = /reason:|failed|cannot|can only|not found|no such|denied|missing|invalid|unsupported|E[A-Z]{4,}/i;

/**
 * Runs npm to its end. When it fails, all it wrote goes to a log file and the error says in one sentence what failed,
 * with the one line of npm's that names the cause.
 * @param {string} what began, for instance `The locked packages could not be installed`
 * @param {string[]} args
 * @param {Parameters<typeof run>[2] & { logFile?: string }} [options]
 */
export async function mustNpm(what, args, { logFile = inCache(`npm-${args[0]}.log`), ...options } = {}) {
  const { code, output } = await npm(args, options);
  if (code === 0) {
    return;
  }
  fs.mkdirSync(path.dirname(logFile), { recursive: true });
  fs.writeFileSync(logFile, output);
  const cause = npmCause(output);
  throw new Error(
    `${what} (npm ${args[0]}, exit code ${code})${cause === undefined ? '' : `: ${cause}`}\n` +
      `Check the network and the free disk space, then try again. All that npm wrote is in ${logFile}`,
  );
}

/**
 * The line of npm's output that names the cause of a failure, without npm's prefix.
 * @param {string} output
 * @returns {string | undefined}
 */
export function npmCause(output) {
  const lines = output
    .split(/\r?\n/)
    .map((line) => line.replace(/^npm (error|ERR!)/i, '').trim())
    .filter((line) => line !== '');
  const told = lines.filter((line) => !NPM_AROUND.test(line));
  // A failed request is told as `network request to … failed, reason: …`.
  return (
    lines.findLast((line) => /reason:/.test(line)) ??
    told.findLast((line) => NPM_CAUSE.test(line)) ??
    told.at(-1) ??
    lines.at(-1)
  );
}
