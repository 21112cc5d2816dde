/**
 * Runs every `*.test.js` beside this file inside the extension host. The workbench calls `run`; results go to the file
 * named in FFF_HOST_RESULTS, because what a test prints reaches the page only as unexpanded format strings.
 */
import fs from 'node:fs';
import path from 'node:path';
import Mocha from 'mocha';

/** What the launcher reads back. */
export interface HostResults {
  passed: number;
  /** Title and stack of every failed test or hook. */
  failures: { title: string; error: string }[];
}

export async function run(): Promise<void> {
  // Stacks then point into the TypeScript sources.
  process.setSourceMapsEnabled(true);
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, color: false, forbidOnly: true, forbidPending: true });
  const files = fs
    .readdirSync(__dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'));
  for (const file of files.sort()) {
    mocha.addFile(path.join(__dirname, file));
  }
  const results: HostResults = { passed: 0, failures: [] };
  await new Promise<void>((resolve) => {
    mocha
      .run(() => {
        resolve();
      })
      .on('pass', () => results.passed++)
      .on('fail', (test, error: Error) => {
        results.failures.push({ title: test.fullTitle(), error: error.stack ?? String(error) });
      });
  });
  const file = process.env['FFF_HOST_RESULTS'];
  if (file === undefined) {
    throw new Error('FFF_HOST_RESULTS does not say where the results go.');
  }
  fs.writeFileSync(file, JSON.stringify(results));
  if (results.failures.length > 0) {
    throw new Error(`${results.failures.length} tests failed.`);
  }
}
