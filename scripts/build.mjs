/**
 * `npm run build`: the native kernel, then every JavaScript bundle, into dist/. Needs `npm ci` and nothing else.
 *
 * Bundles are always minified, so that what is tested is what ships; source maps lie beside them for the debugger and
 * are not packaged. onnxruntime-node and tokenizers are native and stay outside the bundles: while developing they
 * resolve from node_modules/, in a package from dist/node_modules/ (nativeParts.mjs).
 */
import fs from 'node:fs';
import path from 'node:path';
import * as esbuild from 'esbuild';
import { writeNotices } from './notices.mjs';
import { cache, dist, inRoot, isMain } from './lib/paths.mjs';

/** @type {esbuild.BuildOptions} */
const node = { platform: 'node', format: 'cjs', target: 'node20' };
/**
 * The runner and the terminal know no editor: `vscode` is not external here, so importing it, however indirectly, fails
 * the build.
 * @type {esbuild.BuildOptions}
 */
const runner = { ...node, external: ['onnxruntime-node', 'tokenizers'] };
/** @type {esbuild.BuildOptions} */
const browser = { platform: 'browser', format: 'iife', target: 'chrome128', legalComments: 'none' };

/**
 * Every bundle: what it is, where it starts and how it is built.
 * @returns {{ name: string, entry: string, purpose: string, options: esbuild.BuildOptions }[]}
 */
function bundles() {
  return [
    {
      name: 'main',
      entry: 'extension/main.ts',
      purpose: 'the extension itself, loaded by the editor',
      options: { ...node, external: ['vscode'] },
    },
    {
      name: 'runner',
      entry: 'extension/runner/main.ts',
      purpose: 'the child process that holds the model',
      options: runner,
    },
    {
      name: 'cli',
      entry: 'extension/cli.ts',
      purpose: 'the terminal command fff-explorer',
      options: { ...runner, banner: { js: '#!/usr/bin/env node' } },
    },
    ...views().flatMap((view) => [
      { name: `webview/${view}`, entry: `webview/${view}/main.ts`, purpose: `the ${view} view`, options: browser },
      {
        name: `webview/${view}`,
        entry: `webview/${view}/main.css`,
        purpose: `the ${view} view's look`,
        options: browser,
      },
    ]),
  ];
}

/** Views are found by folder, never listed: every `webview/<view>/main.ts`, with its style sheet beside it. */
function views() {
  return fs
    .readdirSync(inRoot('webview'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && fs.existsSync(inRoot('webview', entry.name, 'main.ts')))
    .map((entry) => entry.name);
}

/**
 * Builds all bundles and reports their sizes.
 * @param {(line: string) => void} log
 */
export async function buildBundles(log) {
  /** @type {Record<string, esbuild.Metafile['outputs'][string]>} */
  const outputs = {};
  /** @type {string[]} */
  const report = [];
  await Promise.all(
    bundles().map(async ({ name, entry, purpose, options }) => {
      /** @type {esbuild.BuildResult<{ metafile: true }>} */
      const { metafile } = await esbuild.build({
        absWorkingDir: inRoot(),
        entryPoints: [{ in: entry, out: name }],
        outdir: 'dist',
        bundle: true,
        minify: true,
        sourcemap: true,
        logLevel: 'warning',
        ...options,
        metafile: true,
      });
      Object.assign(outputs, metafile.outputs);
      const file = Object.keys(metafile.outputs).find((output) => !output.endsWith('.map')) ?? name;
      const size = ((metafile.outputs[file]?.bytes ?? 0) / 1000).toFixed(1).padStart(6);
      report.push(`  ${file.padEnd(24)} ${size} KB  ${purpose}`);
    }),
  );
  fs.chmodSync(path.join(dist, 'cli.js'), 0o755);
  fs.mkdirSync(cache, { recursive: true });
  fs.writeFileSync(path.join(cache, 'bundles.json'), JSON.stringify(outputs));
  writeNotices(Object.values(outputs).flatMap((output) => Object.keys(output.inputs)));
  report.sort().forEach((line) => log(line));
}

/**
 * Kernel and bundles.
 * @param {{ log?: (line: string) => void }} [options]
 */
export async function build({ log = console.log } = {}) {
  fs.mkdirSync(dist, { recursive: true });
  log('Building the kernel');
  const { buildKernel } = await import('./buildKernel.mjs');
  await buildKernel();
  log('Building the bundles');
  await buildBundles(log);
}

if (isMain(import.meta)) {
  try {
    await build();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
