/**
 * The lanes of `npm test`: what each one proves, what it needs, and how it is run and counted.
 *
 * A lane never throws for a failing test; it throws when it could not run at all, and that counts as one failure.
 */
import fs from 'node:fs';
import path from 'node:path';
import { inCache, inRoot } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { buildTools, findPython } from './setup.mjs';

/**
 * @typedef {{ passed: number, failed: number, skipped: number, output: string, note?: string }} Outcome
 * @typedef {'build' | 'package' | 'vscode'} Step prepared once for all lanes that need it
 * @typedef {{ name: string, proves: string, tools: Parameters<typeof import('./setup.mjs').missingTools>[0], steps: Step[],
 *   run: (prepared: { vsix: string }) => Promise<Outcome> }} Lane
 */

/** A lane may take this long before it counts as hung. */
const laneTimeoutMs = 25 * 60_000;

/** @type {Lane[]} */
export const lanes = [
  {
    name: 'format',
    proves: 'every file is formatted by Prettier',
    tools: [],
    steps: [],
    run: () => check('prettier', ['--check', '.']),
  },
  {
    name: 'lint',
    proves: 'type-aware ESLint, and the walls between the folders',
    tools: [],
    steps: [],
    run: () => check('eslint', ['.']),
  },
  {
    name: 'types',
    proves: 'strict TypeScript in extension/, webview/ and test/',
    tools: [],
    steps: [],
    run: async () => {
      const projects = ['tsconfig.json', 'webview/tsconfig.json', 'test/tsconfig.json'];
      const outcomes = [];
      for (const project of projects) {
        outcomes.push(await check('tsc', ['--noEmit', '--project', project]));
      }
      return sum(outcomes);
    },
  },
  vitestLane('unit', 'everything that runs without an editor, fixtures included', ['build']),
  vitestLane('webview', 'the views, drawn in jsdom', []),
  vitestLane('kernels', 'the native kernel against a float64 reference, also under sanitizers', ['build']),
  vitestLane('package', 'what is in the VSIX, and that its native parts load', ['build', 'package']),
  {
    name: 'host',
    proves: 'the extension inside the extension host of the oldest VS Code we support',
    tools: [...buildTools, 'browser'],
    steps: ['build', 'vscode'],
    run: runHostLane,
  },
  {
    ...vitestLane('e2e', 'the packed VSIX in a real VS Code, driven through Chromium', ['build', 'package', 'vscode']),
    tools: [...buildTools, 'browser'],
  },
  {
    name: 'training',
    proves: 'the Python side: model, training and export',
    tools: [],
    steps: [],
    run: runTrainingLane,
  },
];

/**
 * A project of vitest.config.ts as a lane.
 * @param {string} name
 * @param {string} proves
 * @param {Step[]} steps
 * @returns {Lane}
 */
function vitestLane(name, proves, steps) {
  return {
    name,
    proves,
    tools: steps.includes('build') ? buildTools : [],
    steps,
    run: async ({ vsix }) => {
      const report = reportFile(`${name}.json`);
      const { code, output } = await run(
        process.execPath,
        [
          inRoot('node_modules/vitest/vitest.mjs'),
          ...['run', '--project', name, '--reporter', 'default'],
          ...['--reporter', 'json', '--outputFile.json', report],
        ],
        // With CI set, a missing snapshot fails instead of being written.
        { env: { CI: 'true', NO_COLOR: '1', FFF_EXPLORER_VSIX: vsix }, timeoutMs: laneTimeoutMs },
      );
      const result = JSON.parse(fs.readFileSync(report, 'utf8'));
      /** @type {{ status: string, assertionResults: unknown[] }[]} */
      const files = result.testResults;
      // A file that fails to load has no tests to count.
      const broken = files.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
      return settled(code, {
        passed: result.numPassedTests,
        failed: result.numFailedTests + broken,
        skipped: result.numPendingTests + result.numTodoTests,
        output,
      });
    },
  };
}

/** @returns {Promise<Outcome>} */
async function runHostLane() {
  const { runHostTests } = await import('./vscode/hostTests.mjs');
  const { passed, failures } = await runHostTests();
  const output = failures.map(({ title, error }) => `✗ ${title}\n${error}`).join('\n\n');
  return settled(0, { passed, failed: failures.length, skipped: 0, output });
}

/** @returns {Promise<Outcome>} */
async function runTrainingLane() {
  const python = await findPython();
  if (python === undefined) {
    const note = 'no Python with torch and pytest; put training/requirements.txt into .venv';
    return { passed: 0, failed: 0, skipped: 1, output: '', note };
  }
  const report = reportFile('training.xml');
  const args = ['-m', 'pytest', '-q', '--doctest-modules', 'training', `--junitxml=${report}`];
  const { code, output } = await run(python, args, { timeoutMs: laneTimeoutMs });
  const suite = /<testsuite [^>]*>/.exec(fs.readFileSync(report, 'utf8'))?.[0] ?? '';
  const count = (/** @type {string} */ name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = count('failures') + count('errors');
  const skipped = count('skipped');
  return settled(code, { passed: count('tests') - failed - skipped, failed, skipped, output });
}

/**
 * A tool from node_modules/ that passes or fails as a whole.
 * @param {'prettier' | 'eslint' | 'tsc'} tool
 * @param {string[]} args
 * @returns {Promise<Outcome>}
 */
async function check(tool, args) {
  const script = { prettier: 'prettier/bin/prettier.cjs', eslint: 'eslint/bin/eslint.js', tsc: 'typescript/bin/tsc' };
  const { code, output } = await run(process.execPath, [inRoot('node_modules', script[tool]), ...args], {
    timeoutMs: laneTimeoutMs,
  });
  return settled(code, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, output });
}

/**
 * The counts of a lane, corrected where they would hide a failure: a run that exits with an error, or that ran nothing,
 * has failed whatever it counted.
 * @param {number} code exit code
 * @param {Outcome} outcome
 * @returns {Outcome}
 */
export function settled(code, outcome) {
  const { passed, failed, skipped } = outcome;
  const hidden = failed === 0 && (code !== 0 || passed + skipped === 0);
  return hidden
    ? { ...outcome, failed: 1, output: `${outcome.output}\nThe lane ended with exit code ${code}.` }
    : outcome;
}

/**
 * @param {Outcome[]} outcomes
 * @returns {Outcome}
 */
export function sum(outcomes) {
  const total = { passed: 0, failed: 0, skipped: 0, output: '' };
  for (const { passed, failed, skipped, output } of outcomes) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
    total.output += output;
  }
  return total;
}

/**
 * A fresh file for a lane's report; an old one must not be counted twice.
 * @param {string} name
 */
function reportFile(name) {
  const file = inCache('reports', name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.rmSync(file, { force: true });
  return file;
}
