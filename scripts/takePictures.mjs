// Takes the pictures of README.md and of the walkthrough (media/pictures) anew, with the model and the code as they are.
//
//   node scripts/takePictures.mjs [NAME ...]        `--help` lists the names; without any, all
//
// Each is a file of test/pictures, which drives the packed extension in a real VS Code by the means of the end-to-end
// tests. They show timings, so take them on a machine on which nothing else runs, and look at them before they are kept.
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { inRoot } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { buildTools, makeReady } from './setup.mjs';

const ending = '.picture.ts';
const all = readdirSync(inRoot('test/pictures'))
  .filter((file) => file.endsWith(ending))
  .map((file) => file.slice(0, -ending.length));

/** @param {string[]} args */
async function main(args) {
  const { values, positionals } = parseArgs({
    args,
    options: { help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !all.includes(name));
  if (values.help === true || unknown.length > 0) {
    const complaint = unknown.length > 0 ? `There is no picture ${unknown.join(', ')}.\n` : '';
    console.log(
      `${complaint}Usage: node scripts/takePictures.mjs [NAME ...]\nPictures, all by default: ${all.join(', ')}`,
    );
    return unknown.length > 0 ? 2 : 0;
  }
  await makeReady([...buildTools, 'browser'], console.log);
  const chosen = positionals.length > 0 ? positionals : all;
  const { code } = await run(
    process.execPath,
    [
      inRoot('node_modules/vitest/vitest.mjs'),
      ...['run', '--config', inRoot('test/pictures/vitest.config.ts')],
      ...chosen.map((name) => `test/pictures/${name}${ending}`),
    ],
    { show: true },
  );
  return code;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
