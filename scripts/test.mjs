/**
 * `npm test`: everything, from a bare clone. `npm test -- unit webview` runs some lanes only (see lanes.mjs).
 *
 * One line a lane while running, all output of a lane that fails, lines of any lane that begin with `measured:`, and as
 * the last line the sum: `N passed, N failed`. What could not be run is counted on the line above.
 */
import fs from 'node:fs';
import { inCache, inRoot } from './lib/paths.mjs';
import { checkNode, installPackages, missingTools } from './setup.mjs';

/** @typedef {import('./lanes.mjs').Lane} Lane */
/** @typedef {import('./lanes.mjs').Outcome} Outcome */

const log = console.log;

/** @param {string[]} names lanes to run; all when empty */
async function main(names) {
  checkNode();
  await installPackages(log);
  const { lanes, sum } = await import('./lanes.mjs');
  const unknown = names.filter((name) => !lanes.some((lane) => lane.name === name));
  if (unknown.length > 0) {
    log(`There is no lane ${unknown.join(', ')}. Lanes:`);
    lanes.forEach((lane) => log(`  ${lane.name.padEnd(10)} ${lane.proves}`));
    return 2;
  }
  const chosen = lanes.filter((lane) => names.length === 0 || names.includes(lane.name));
  const missing = missingTools([...new Set(chosen.flatMap((lane) => lane.tools))]);
  if (missing !== undefined) {
    log(`${missing}\nLanes that need it will fail.`);
  }
  fs.mkdirSync(inCache('screenshots'), { recursive: true });
  const steps = prepare();
  /** @type {Outcome[]} */
  const outcomes = [];
  // Two lanes at once where nothing is timed and nothing built; the others one at a time.
  const quick = chosen.filter(({ steps, tools, name }) => steps.length + tools.length === 0 && name !== 'training');
  const waiting = [...quick];
  const worker = async () => {
    for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) {
      outcomes.push(await runLane(lane, steps));
    }
  };
  await Promise.all([worker(), worker()]);
  for (const lane of chosen.filter((lane) => !quick.includes(lane))) {
    outcomes.push(await runLane(lane, steps));
  }
  const { passed, failed, skipped } = sum(outcomes);
  if (skipped > 0) {
    log(`\n${skipped} skipped: see the lanes marked with -.`);
  }
  log(`\n${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

/**
 * What several lanes need, done once and only when a lane asks. A step that failed fails every lane that needs it.
 * @returns {Record<import('./lanes.mjs').Step, () => Promise<string>>}
 */
function prepare() {
  /** @type {Map<string, Promise<string>>} */
  const started = new Map();
  /** @param {string} name @param {() => Promise<string>} action */
  const once = (name, action) => () => {
    const promise = started.get(name) ?? action();
    started.set(name, promise);
    return promise;
  };
  const steps = {
    build: once('build', async () => {
      const { build } = await import('./build.mjs');
      await build({ log: () => {} });
      return inRoot('dist');
    }),
    package: once('package', async () => {
      await steps.build();
      const { packageExtension } = await import('./package.mjs');
      return packageExtension({ log: () => {}, built: true });
    }),
    vscode: once('vscode', async () => {
      const { installVscode } = await import('./vscode/install.mjs');
      await installVscode('current', log);
      await installVscode('minimum', log);
      return inCache('vscode');
    }),
  };
  return steps;
}

/**
 * Runs one lane and reports it.
 * @param {Lane} lane
 * @param {ReturnType<typeof prepare>} steps
 * @returns {Promise<Outcome>}
 */
async function runLane(lane, steps) {
  const begun = performance.now();
  /** @type {Outcome} */
  let outcome;
  try {
    const missing = missingTools(lane.tools);
    if (missing !== undefined) {
      throw new Error(missing);
    }
    for (const step of lane.steps) {
      await steps[step]();
    }
    outcome = await lane.run({ vsix: lane.steps.includes('package') ? await steps.package() : '' });
  } catch (error) {
    outcome = { passed: 0, failed: 1, skipped: 0, output: error instanceof Error ? error.message : String(error) };
  }
  const { passed, failed, skipped, output, note } = outcome;
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const counts = [`${passed} passed`, failed > 0 ? `${failed} failed` : '', skipped > 0 ? `${skipped} skipped` : ''];
  const mark = failed > 0 ? '✗' : skipped > 0 && passed === 0 ? '-' : '✓';
  log(`${mark} ${lane.name.padEnd(10)} ${counts.filter(Boolean).join(', ')} (${seconds} s)${note ? `: ${note}` : ''}`);
  output.match(/^\s*measured: .*$/gm)?.forEach((line) => log(`    ${line.trim()}`));
  if (failed > 0) {
    log(`${output.trim()}\n`);
  }
  return outcome;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  log('\n0 passed, 1 failed');
  process.exitCode = 1;
}
