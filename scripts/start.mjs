/**
 * `npm start`: from a bare clone to the main job. Installs the locked packages, builds, and opens VS Code with the
 * extension and a sample file: the desktop one as an extension-development window where a `code` command exists, else
 * the real workbench in the browser, which stays up until Ctrl-C.
 *
 * With arguments (`npm start -- --text "..."`) it prints a trace in the terminal instead; every argument is one of
 * `fff-explorer trace`.
 */
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inRoot, isMain } from './lib/paths.mjs';
import { must, run } from './lib/process.mjs';
import { buildTools, makeReady, onPath } from './setup.mjs';

/** The sample of `npm start`, and the file of it that is opened. */
const sample = inRoot('media/sample');
const sampleFile = 'sample.ts';

/** @param {string} line */
const log = (line) => process.stderr.write(`${line}\n`);

/** @param {string[]} args */
async function main(args) {
  await makeReady(buildTools, log);
  const { build } = await import('./build.mjs');
  if (args.length > 0) {
    await build({ log: () => {} });
    const { code } = await run(process.execPath, [inRoot('dist/cli.js'), 'trace', ...args], { show: true });
    return code;
  }
  await build({ log });
  const code = onPath('code');
  return code === undefined ? openBrowserWorkbench() : openDesktop(code);
}

/** @param {string} code the desktop VS Code's command line */
async function openDesktop(code) {
  await must(
    code,
    ['--new-window', `--extensionDevelopmentPath=${inRoot()}`, sample, '--goto', path.join(sample, sampleFile)],
    { shell: process.platform === 'win32' },
  );
  log('VS Code opens with FFF Explorer and a sample file.');
  hint();
  return 0;
}

async function openBrowserWorkbench() {
  const { packageExtension } = await import('./package.mjs');
  const { VscodeServer } = await import('./vscode/server.mjs');
  const vsix = await packageExtension({ log, built: true });
  // A copy: what is typed into the sample does not change the repository.
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'fff-explorer-'));
  const folder = path.join(temporary, 'sample');
  fs.cpSync(sample, folder, { recursive: true });
  // Without a secret, any page in the user's browser could reach this editor and its terminal.
  const token = crypto.randomBytes(16).toString('hex');
  const server = await VscodeServer.start({ line: 'current', vsix, token, log });
  const interrupted = new Promise((resolve) => {
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
      process.on(signal, () => resolve('interrupted'));
    }
  });
  const file = `vscode-remote://127.0.0.1:${server.port}${path.join(folder, sampleFile)}`;
  log('\nVS Code with FFF Explorer is up. Open this address in a browser (Ctrl-C here ends it):\n');
  log(`  ${server.address({ folder, payload: [['openFile', file]] })}\n`);
  hint();
  const end = await Promise.race([interrupted, server.exited()]);
  await server.stop();
  fs.rmSync(temporary, { recursive: true, force: true });
  if (end !== 'interrupted') {
    throw new Error('VS Code ended by itself.');
  }
  return 0;
}

function hint() {
  log('Select a line, press F1 and run "FFF Explorer: Inspect Selection".');
}

if (isMain(import.meta)) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    log(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
