// Runs one benchmark plan several times and shows whether its figures repeat.
//
//   node scripts/repeatBenchmark.mjs [--times 10] [--plan FILE] [--out FILE]
//
// Each run is `fff-explorer bench --json` in a process of its own, as a person would repeat it; without --plan it is the
// default plan. After every run the file (docs/benchmarks/results/repetitions.json) is written anew, so that ending this
// early loses one run at most. Needs dist/ (`node scripts/build.mjs`) and a machine on which nothing else runs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { inRoot } from './lib/paths.mjs';
import { lastLine, run } from './lib/process.mjs';
import { reportOf, summaryOf } from './lib/repetitions.mjs';

/** @typedef {import('../extension/runner/benchmark/result').BenchmarkResult} Result */

/**
 * One run, in this process's environment.
 * @param {string[]} options
 * @returns {Promise<Result>}
 */
async function measured(options) {
  const cli = [inRoot('dist/cli.js'), 'bench', ...options, '--json'];
  const { code, stdout, stderr } = await run(process.execPath, cli);
  if (code !== 0) {
    const cause = lastLine(stderr);
    throw new Error(`The run ended with exit code ${code}${cause === '' ? '.' : `: ${cause}`}`);
  }
  return JSON.parse(stdout);
}

const { values } = parseArgs({
  options: { times: { type: 'string', default: '10' }, plan: { type: 'string' }, out: { type: 'string' } },
});
const times = Number(values.times);
if (!Number.isInteger(times) || times < 2) {
  throw new Error('--times takes a whole number from 2 on.');
}
const file = values.out === undefined ? inRoot('docs/benchmarks/results/repetitions.json') : resolve(values.out);
const options = values.plan === undefined ? [] : ['--plan', resolve(values.plan)];
mkdirSync(dirname(file), { recursive: true });
if (values.plan !== undefined) {
  readFileSync(values.plan);
}

/** @type {Result[]} */
const results = [];
for (let round = 1; round <= times; round++) {
  const started = Date.now();
  results.push(await measured(options));
  const { plan, environment } = /** @type {Result} */ (results[0]);
  const runs = results.map((result) => ({
    recordedAt: result.environment.recordedAt,
    loadAverage: result.environment.loadAverage,
    unfinished: result.unfinished,
  }));
  const { tables, ...summary } = summaryOf(results);
  const content = {
    format: 'fffbench-repetitions',
    version: 1,
    plan,
    environment,
    runs,
    summary,
    ...tables,
  };
  writeFileSync(file, `${JSON.stringify(content)}\n`);
  process.stderr.write(`run ${round} of ${times}: ${Math.round((Date.now() - started) / 1000)} s\n`);
}
process.stdout.write(`${reportOf(summaryOf(results))}Written to ${file}.\n`);
