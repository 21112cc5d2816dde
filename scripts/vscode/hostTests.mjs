/**
 * Mocha inside the extension host of the minimum VS Code line, without packaging: the workbench's own smoke-test driver
 * loads the extension from the repository and then our test/host/index.ts.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as esbuild from 'esbuild';
import { chromium } from 'playwright-core';
import { inCache, inRoot } from '../lib/paths.mjs';
import { browserOptions } from './browser.mjs';
import { VscodeServer } from './server.mjs';

/** Where the bundled tests go; inside the repository, so that mocha resolves from node_modules/. */
const bundled = inCache('host-tests', String(process.pid));

/**
 * @param {{ line?: 'current' | 'minimum', timeoutMs?: number }} [options]
 * @returns {Promise<{ passed: number, failures: { title: string, error: string }[], log: string }>}
 */
export async function runHostTests({ line = 'minimum', timeoutMs = 300_000 } = {}) {
  await bundleTests();
  const results = path.join(bundled, 'results.json');
  const folder = path.join(bundled, 'folder');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'sample.ts'), 'const last = list[list.length - 1];\n');
  const server = await VscodeServer.start({ line, smokeTestDriver: true, env: { FFF_HOST_RESULTS: results } });
  const browser = await chromium.launch(browserOptions());
  /** @type {string[]} */
  const log = [];
  try {
    const page = await browser.newPage();
    const exited = new Promise((resolve) => {
      void page.exposeFunction('codeAutomationExit', resolve);
    });
    await page.exposeFunction('codeAutomationLog', (/** @type {string} */ type, /** @type {unknown[]} */ args) => {
      log.push(`${type}: ${args.join(' ')}`);
    });
    const remote = (/** @type {string} */ file) => `vscode-remote://127.0.0.1:${server.port}${file}`;
    await page.goto(
      server.address({
        folder,
        payload: [
          ['extensionDevelopmentPath', remote(inRoot())],
          ['extensionTestsPath', remote(path.join(bundled, 'index.js'))],
        ],
      }),
    );
    const outcome = await Promise.race([exited, sleep(timeoutMs, 'late', { ref: false })]);
    if (!fs.existsSync(results)) {
      const picture = inCache('screenshots', 'failed-host-tests.png');
      await page.screenshot({ path: picture });
      const what = outcome === 'late' ? `did not end within ${timeoutMs / 1000} s` : 'ended without results';
      throw new Error(`The tests in the extension host ${what}; see ${picture}.\n${log.slice(-50).join('\n')}`);
    }
    return { ...JSON.parse(fs.readFileSync(results, 'utf8')), log: log.join('\n') };
  } finally {
    await browser.close();
    await server.stop();
    fs.rmSync(bundled, { recursive: true, force: true });
  }
}

/** Bundles every test file and the runner, one output each; found by folder. */
async function bundleTests() {
  const tests = fs.readdirSync(inRoot('test/host'), { recursive: true, encoding: 'utf8' });
  await esbuild.build({
    absWorkingDir: inRoot(),
    entryPoints: tests
      .filter((file) => file === 'index.ts' || file.endsWith('.test.ts'))
      .map((file) => `test/host/${file}`),
    outbase: 'test/host',
    outdir: bundled,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
}
